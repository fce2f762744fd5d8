/** The level of the microphone as a row of moving bars. */

const BAR = 3;
const GAP = 3;
const EVERY_MS = 50;

export class Meter {
  #canvas;
  #levels = [];
  #timer = null;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Follow an AnalyserNode until stopped. */
  start(analyser) {
    this.stop();
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      // From −60 dBFS, a quiet room, to −10 dBFS, a voice close by.
      this.#levels.push(Math.min(1, Math.max(0, (20 * Math.log10(rms + 1e-9) + 60) / 50)));
      this.#draw();
    }, EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#levels = [];
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width) return;
    const scale = devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const paint = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    paint.scale(scale, scale);
    const bars = Math.floor(width / (BAR + GAP));
    this.#levels = this.#levels.slice(-bars);
    for (let bar = 0; bar < bars; bar++) {
      const level = this.#levels[this.#levels.length - bars + bar] ?? 0;
      const tall = Math.max(BAR, level * height);
      paint.fillStyle = style.getPropertyValue(level ? "--accent" : "--line");
      paint.beginPath();
      paint.roundRect(bar * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
      paint.fill();
    }
  }
}
