/** Where the audio comes from: a microphone or a file. Both can be opened, streamed into a line, and stopped. */

const SLICE_MS = 250;
const FORMATS = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const FAST_PIECE = 32 * 1024;
const MOST_WAITING = 512 * 1024;

/** Why no audio can be had, in words for the person at the counter. */
export class SourceError extends Error {}

const REFUSALS = {
  NotAllowedError: "O navegador não tem permissão para usar o microfone. Libere-o nas configurações da página.",
  NotFoundError: "Nenhum microfone foi encontrado.",
  NotReadableError: "O microfone está sendo usado por outro programa.",
};

export class Microphone {
  live = true;
  #stream;
  #recorder;
  #context;

  /** Called when the microphone goes away by itself. */
  onlost = () => {};

  /** Ask for the microphone. Resolves to an AnalyserNode of what it hears. */
  async open() {
    if (!navigator.mediaDevices || !window.MediaRecorder) {
      throw new SourceError("O navegador só libera o microfone por https:// ou neste mesmo computador (localhost).");
    }
    try {
      // The server cleans for itself and measures what was really there.
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new SourceError(REFUSALS[error.name] ?? "Não foi possível abrir o microfone.");
    }
    this.#stream.getAudioTracks()[0].addEventListener("ended", () => this.onlost());
    this.#context = new AudioContext();
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#context.createMediaStreamSource(this.#stream).connect(analyser);
    return analyser;
  }

  /** Record into a line until stopped; never ends by itself. */
  stream(line) {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(this.#stream, { mimeType, audioBitsPerSecond: 32_000 });
    recorder.ondataavailable = ({ data }) => data.size && line.send(data);
    recorder.start(SLICE_MS);
    this.#recorder = recorder;
    return new Promise(() => {});
  }

  /** Stop recording, after the last piece has been sent. The microphone stays open. */
  pause() {
    const recorder = this.#recorder;
    if (!recorder || recorder.state === "inactive") return Promise.resolve();
    return new Promise((resolve) => {
      recorder.addEventListener("stop", resolve, { once: true });
      recorder.stop();
    });
  }

  /** Let go of the microphone. */
  async close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    if (this.#context && this.#context.state !== "closed") await this.#context.close();
  }
}

export class AudioFile {
  live = false;
  #file;
  #paced;
  #onprogress;
  #seconds = null;
  #stopped = false;

  /**
   * @param {File} file
   * @param {boolean} paced at the pace of its speech, else as fast as the server hears
   * @param {(share: number) => void} onprogress share sent, 0 to 1
   */
  constructor(file, paced, onprogress) {
    this.#file = file;
    this.#paced = paced;
    this.#onprogress = onprogress;
  }

  async open() {
    if (!this.#file.size) throw new SourceError("O arquivo está vazio.");
    if (!this.#paced) return null;
    this.#seconds = await secondsOf(this.#file);
    if (this.#seconds === null) {
      throw new SourceError("O navegador não sabe a duração deste arquivo. Envie-o o mais rápido possível.");
    }
    return null;
  }

  /** Send the file into a line; resolves when all was sent or it was stopped. */
  async stream(line) {
    const size = this.#file.size;
    const rate = this.#seconds === null ? Infinity : size / this.#seconds / 1000;
    const piece = this.#seconds === null ? FAST_PIECE : Math.max(1, Math.round(rate * SLICE_MS));
    const began = performance.now();
    for (let at = 0; at < size && !this.#stopped && line.open; at += piece) {
      line.send(await this.#file.slice(at, at + piece).arrayBuffer());
      this.#onprogress(Math.min(1, (at + piece) / size));
      const due = this.#seconds === null ? 0 : began + (at + piece) / rate - performance.now();
      if (due > 0) await sleep(due);
      while (line.waiting > MOST_WAITING && line.open) await sleep(20);
    }
  }

  async pause() {
    this.#stopped = true;
  }

  async close() {
    this.#stopped = true;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function secondsOf(file) {
  const url = URL.createObjectURL(file);
  const audio = new Audio();
  return new Promise((resolve) => {
    audio.onloadedmetadata = () => resolve(Number.isFinite(audio.duration) ? audio.duration : null);
    audio.onerror = () => resolve(null);
    audio.preload = "metadata";
    audio.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}
