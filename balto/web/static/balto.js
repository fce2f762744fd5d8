/**
 * Balto's client for browsers, in one file and without dependencies: streams audio to a server, takes lost connections up
 * where the server's recording ends, and hands over what comes back. docs/clients.md shows how; docs/protocol.md is the
 * protocol.
 *
 *     import { BaltoStream } from "./balto.js";
 *     const stream = new BaltoStream("wss://balto.example/ws", "bk_…", {
 *       onmessage: (message) => message.comando === "recomendar" && show(message.itens),
 *     });
 *     recorder.ondataavailable = ({ data }) => stream.send(data);
 */

/** @typedef {{sugestao: string, explicacao: string, tag?: string}} Item */
/** @typedef {{comando: "recomendar", id: string, frase: number, cesta: string, itens: Item[]}} Recommendation */
/** @typedef {{comando: "transcript", frase: number, texto: string}} Transcript */
/** @typedef {{comando: "vad", estado: "fala"|"silencio", frase: number, amostra: number, descartada?: boolean}} Vad */
/** @typedef {{comando: "desfecho", frase: number, resultado: string, motivo: string, mensagem: string}} Outcome */
/** @typedef {{comando: "metrics", frase: number, tom_hz?: number, snr_db?: number, centroide_hz?: number}} Metrics */
/** @typedef {{comando: "erro", code: string, message: string}} Problem */
/** @typedef {{comando: "fim", frases: number, recomendacoes: number}} Finished */
/** @typedef {Recommendation|Transcript|Vad|Outcome|Metrics|Problem|Finished} Message */

/**
 * @typedef {object} Options
 * @property {("transcript"|"outcome"|"vad"|"metrics")[]} [want] kinds of messages beside recommendations; `transcript` brings outcomes too
 * @property {{encoding: string, sample_rate?: number, channels?: number}} [audio] what the bytes are, if they don't tell
 * @property {{threshold_multiplier?: number, min_energy?: number}} [vadSettings] other than the counter's preset
 * @property {number} [patience] seconds in which a lost connection may be taken up again; 60
 * @property {number} [mostKept] bytes kept until the server has them for good; more than that ends the stream
 * @property {(session: string) => void} [onready] the session has begun
 * @property {(message: Message) => void} [onmessage] what the server says; a recommendation comes once
 * @property {(code: number, reason: string, seconds: number) => void} [onlost] tries again after so many seconds
 * @property {() => void} [onresumed] goes on where it broke; nothing was lost
 * @property {(code: number, reason: string) => void} [onclosed] it is over: 1000 when everything has been answered
 */

const OFFSET_BYTES = 8;
const PIECE = 64 * 1024;
/** Close codes after which a session may be taken up again: docs/protocol.md. Not 4003: somebody else has it now. */
const COME_BACK = new Set([1001, 1005, 1006, 1011, 1013, 4002]);
const NEVER = new Set();
const LONGEST_WAIT_S = 15;
/** Of those, the ones after which a session that has not begun is begun again. Who is full or failed at once says so. */
const BEGIN_AGAIN = new Set([1001, 1005, 1006, 1013]);
/** A server that says nothing for so long is asked whether it is there. */
const SILENCE_MS = 20_000;
/** In which it has to answer, or to say anything else. */
const ANSWER_MS = 10_000;
/** The same while it may have as much as it takes: it reads on when its database has that, for which it waits 30 s. */
const HELD_BACK_MS = 60_000;
/** Bytes that are not durable yet, from which on a server reads no further. */
const WINDOW = 1024 * 1024;

export class BaltoStream {
  #url;
  #hello;
  #on;
  #patience;
  #most;
  #socket = null;
  #session = null;
  /** Audio that is not durable yet: `[offset, bytes]`, in order. */
  #kept = [];
  #end = 0;
  #durable = 0;
  #sent = 0;
  #reading = Promise.resolve();
  #ready = false;
  #ended = false;
  #finished = false;
  #told = false;
  #over = false;
  /** Answers that the server may not have: `[message, bytes sent before it]`, in order; `#answered` were told to this connection. */
  #answers = [];
  #answered = 0;
  #seen = new Set();
  #lostAt = null;
  #failures = 0;
  #retry = null;
  #watch = null;
  /** Questions that the server has not answered yet, by `eco` or by not knowing them. */
  #questions = 0;
  /** Whether a server has ever been reached. */
  #reached = false;

  /**
   * @param {string|URL} url of the server's `/ws`
   * @param {string} key of the counter
   * @param {Options} [options]
   */
  constructor(url, key, options = {}) {
    const { want = [], audio, vadSettings, patience = 60, mostKept = 16 * 1024 * 1024, ...on } = options;
    this.#url = url;
    this.#hello = { api_key: key, protocol: 2, offsets: true, want: ["recommendation", ...want] };
    if (audio) this.#hello.audio = audio;
    if (vadSettings) this.#hello.vad_settings = vadSettings;
    this.#patience = patience * 1000;
    this.#most = mostKept;
    this.#on = on;
    this.#connect();
  }

  /** Id of the session, once the server has said it. */
  get session() {
    return this.#session;
  }

  /** Bytes that the server has not recorded for good yet. */
  get waiting() {
    return this.#end - this.#durable;
  }

  /** Whether more audio is taken. */
  get open() {
    return !this.#over && !this.#ended;
  }

  /** Send audio: a Blob, an ArrayBuffer or a view of one. Kept while the connection is lost. */
  send(audio) {
    if (!this.open) return;
    // Blobs are read one after the other, so that their bytes stay in order; other buffers may be used again by the caller.
    const given = audio instanceof Blob ? audio : copyOf(audio);
    this.#then(async () => this.#keep(given instanceof Blob ? new Uint8Array(await given.arrayBuffer()) : given));
  }

  /** Say that no more audio comes; what is left arrives and is answered, then the stream is over. */
  finish() {
    this.#ended = true;
    this.#then(() => {
      this.#finished = true;
      this.#flush();
    });
  }

  /**
   * Say what became of a recommendation: `exibida`, `aceita` or `dispensada`. While the connection is lost it waits, and what
   * was written to a line that had died by then is told again.
   * Returns whether the session still takes answers.
   */
  answer(id, resultado) {
    if (this.#over) return false;
    this.#answers.push([{ tipo: "resposta", id, resultado }, null]);
    this.#flush();
    return true;
  }

  /** Leave at once; the server hears what it has got to its end. */
  close() {
    this.#over = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#socket?.close(1000);
  }

  /** Do something once what came before is read; what cannot be read ends the stream. */
  #then(step) {
    this.#reading = this.#reading.then(step).catch((error) => this.#giveUp(1006, String(error)));
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#ready = false;
    this.#questions = 0;
    socket.onopen = () => {
      this.#reached = true;
      socket.send(JSON.stringify(this.#hello));
    };
    socket.onmessage = ({ data }) => {
      if (this.#over) return;
      this.#listen();
      this.#heard(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#listen();
  }

  /** Begin to count the server's silence anew. Pages cannot ping: without this, a line that died unseen lives for ever. */
  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#ask(), SILENCE_MS);
  }

  #ask() {
    if (this.#ready) {
      this.#socket.send('{"tipo": "eco"}');
      this.#questions++;
    }
    this.#doubt(0);
  }

  /** Wait for a sign of life. The question waits behind the audio: who is held back is not abandoned for that. */
  #doubt(waited) {
    this.#watch = setTimeout(() => {
      const heldBack = this.#sent - this.#durable >= WINDOW;
      if (waited + ANSWER_MS < (heldBack ? HELD_BACK_MS : ANSWER_MS)) this.#doubt(waited + ANSWER_MS);
      else this.#abandon();
    }, ANSWER_MS);
  }

  /** Take the line for dead. Its farewell would wait for an answer that does not come. */
  #abandon() {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#closed(1006, "");
  }

  #heard(message) {
    switch (message.comando) {
      case "ready":
        return this.#greeted(message);
      case "ack":
        return this.#recorded(message.offset);
      case "eco":
        this.#questions--;
        return;
      case "erro":
        // A server that is too old for the question; that it answers is what was asked.
        if (this.#questions > 0 && message.code === "mensagem_desconhecida") {
          this.#questions--;
          return;
        }
        break;
      case "recomendar":
        if (this.#seen.has(message.id)) return;
        this.#seen.add(message.id);
    }
    this.#on.onmessage?.(message);
  }

  #greeted({ session, token, offset }) {
    const first = this.#session === null;
    this.#session = session;
    this.#hello.resume = { session, token };
    this.#lostAt = null;
    this.#failures = 0;
    this.#recorded(offset);
    this.#answered = 0;
    this.#sent = offset;
    this.#told = false;
    this.#ready = true;
    this.#flush();
    if (first) this.#on.onready?.(session);
    else this.#on.onresumed?.();
  }

  #recorded(offset) {
    this.#durable = offset;
    while (this.#kept.length && this.#kept[0][0] + this.#kept[0][1].length <= offset) this.#kept.shift();
    // A session takes what comes over a connection in its order: what was told before durable bytes has arrived.
    while (this.#answers.length && this.#answers[0][1] !== null && this.#answers[0][1] < offset) {
      this.#answers.shift();
      this.#answered = Math.max(0, this.#answered - 1);
    }
  }

  #keep(bytes) {
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      this.#kept.push([this.#end, piece]);
      this.#end += piece.length;
    }
    if (this.#end - this.#durable > this.#most) this.#giveUp(1006, "");
    else this.#flush();
  }

  /** Send what the connection has not had: answers, audio, the end. */
  #flush() {
    const socket = this.#socket;
    if (!this.#ready || socket?.readyState !== WebSocket.OPEN) return;
    while (this.#answered < this.#answers.length) {
      const told = this.#answers[this.#answered++];
      told[1] = this.#sent;
      socket.send(JSON.stringify(told[0]));
    }
    for (const [start, bytes] of this.#kept) {
      if (start + bytes.length <= this.#sent) continue;
      const from = Math.max(start, this.#sent);
      socket.send(framed(from, bytes.subarray(from - start)));
      this.#sent = start + bytes.length;
    }
    if (this.#finished && !this.#told && this.#sent === this.#end) {
      socket.send('{"tipo": "fim"}');
      this.#told = true;
    }
  }

  #closed(code, reason) {
    this.#socket = null;
    this.#ready = false;
    clearTimeout(this.#watch);
    if (this.#over) return;
    this.#lostAt ??= Date.now();
    const patient = Date.now() - this.#lostAt < this.#patience;
    const again = this.#session !== null ? COME_BACK : this.#reached ? BEGIN_AGAIN : NEVER;
    if (!again.has(code) || !patient) return this.#giveUp(code, reason);
    const seconds = Math.min(LONGEST_WAIT_S, 2 ** this.#failures++);
    this.#on.onlost?.(code, reason, seconds);
    this.#retry = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #giveUp(code, reason) {
    if (this.#over) return;
    this.close();
    this.#on.onclosed?.(code, reason);
  }
}

/** A copy of what a buffer or a view holds now. */
const copyOf = (audio) =>
  ArrayBuffer.isView(audio)
    ? new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength).slice()
    : new Uint8Array(audio).slice();

/** A binary frame: where its first byte of audio is, big-endian, then the audio. */
function framed(offset, bytes) {
  const frame = new Uint8Array(OFFSET_BYTES + bytes.length);
  new DataView(frame.buffer).setBigUint64(0, BigInt(offset));
  frame.set(bytes, OFFSET_BYTES);
  return frame;
}
