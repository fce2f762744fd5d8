/** The counter, live: from the buttons to the line, and from the line to the board. */

import { BaltoStream } from "./balto.js";
import { Board } from "./board.js";
import { byId, el } from "./dom.js";
import { Meter } from "./meter.js";
import { AudioFile, Microphone, SourceError } from "./sources.js";
import { closed, count } from "./words.js";

const KEPT = "balto.chave";
const WANT = ["transcript", "vad", "metrics"];

const STATES = {
  idle: ["Pronto para ouvir", "Clique em Ouvir para começar."],
  opening: ["Abrindo o microfone…", "Se o navegador perguntar, permita o uso do microfone."],
  connecting: ["Conectando…", "Aguardando o servidor."],
  listening: ["Ouvindo", "Em silêncio."],
  sending: ["Enviando o arquivo", "Em silêncio."],
  finishing: ["Encerrando…", "As últimas respostas ainda estão chegando."],
  waiting: ["Sem conexão", "O que for dito será enviado quando ela voltar."],
};

class Counter {
  #phase = "idle";
  #line = null;
  #source = null;
  #session = null;
  #meter = new Meter(byId("meter"));
  #board = new Board((id, result) => this.#line?.answer(id, result) ?? false);

  constructor() {
    byId("key").value = sessionStorage.getItem(KEPT) ?? "";
    byId("desk").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#phase === "idle") this.#start(new Microphone());
    });
    byId("stop").addEventListener("click", () => this.#stop());
    byId("choose").addEventListener("click", () => this.#key() && byId("file").click());
    byId("file").addEventListener("change", ({ target }) => this.#chosen(target));
    byId("reveal").addEventListener("click", ({ target }) => reveal(target));
    this.#enter("idle");
  }

  #chosen(input) {
    const [file] = input.files;
    const progress = (share) => (byId("progress").value = share);
    if (file) this.#start(new AudioFile(file, byId("pace").value === "real", progress));
    input.value = "";
  }

  async #start(source) {
    if (!this.#key()) return;
    this.#notice(null);
    this.#board.clear();
    this.#source = source;
    this.#enter("opening");
    try {
      const analyser = await source.open();
      if (analyser) this.#meter.start(analyser);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#end();
      this.#notice(error.message, "bad");
      return;
    }
    source.onlost = () => this.#stop();
    if (this.#phase === "opening") this.#connect();
    else await source.close();
  }

  #connect() {
    this.#enter("connecting");
    const mine = (heard) => (...words) => line === this.#line && heard.apply(this, words);
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    const line = new BaltoStream(url, this.#key(), {
      want: WANT,
      onready: mine(this.#ready),
      onmessage: mine(this.#heard),
      onlost: mine(this.#lost),
      onresumed: mine(this.#resumed),
      onclosed: mine(this.#closed),
    });
    this.#line = line;
  }

  async #ready(session) {
    this.#session = session;
    this.#notice(null);
    this.#enter(this.#flowing());
    const line = this.#line;
    await this.#source.stream(line);
    if (line === this.#line && ["sending", "waiting"].includes(this.#phase)) this.#stop();
  }

  #flowing() {
    return this.#source.live ? "listening" : "sending";
  }

  #heard(message) {
    switch (message.comando) {
      case "vad":
        this.#speaking(message.estado === "fala");
        if (message.estado === "fala") this.#board.speech(message);
        else this.#board.silence(message);
        break;
      case "transcript":
        this.#board.transcript(message);
        break;
      case "desfecho":
        this.#board.outcome(message);
        break;
      case "metrics":
        this.#board.metrics(message);
        break;
      case "recomendar":
        this.#board.recommendation(message);
        break;
      case "erro":
        this.#notice(message.message, "bad");
        break;
      case "fim":
        this.#notice(`Sessão encerrada: ${count(message.frases, "frase", "frases")}, ` +
          `${count(message.recomendacoes, "recomendação", "recomendações")}.`, "good");
        break;
    }
  }

  async #stop() {
    if (["listening", "sending", "waiting"].includes(this.#phase)) {
      this.#enter("finishing");
      await this.#source.pause();
      this.#line?.finish();
    } else if (this.#phase !== "idle" && this.#phase !== "finishing") {
      this.#line?.close();
      this.#end();
    }
  }

  #lost(code, reason, seconds) {
    if (this.#phase !== "finishing") this.#enter("waiting");
    this.#notice(`${closed(code, reason)} Nova tentativa em ${seconds} s.`, "bad");
  }

  #resumed() {
    this.#notice(null);
    if (this.#phase === "waiting") this.#enter(this.#flowing());
  }

  #closed(code, reason) {
    if (code !== 1000) this.#notice(closed(code, reason), "bad");
    this.#end();
    if (code === 4001) byId("key").focus();
  }

  #end() {
    this.#line = null;
    this.#session = null;
    this.#source?.close();
    this.#source = null;
    this.#meter.stop();
    this.#board.freeze();
    this.#enter("idle");
  }

  #enter(phase) {
    this.#phase = phase;
    byId("counter").dataset.phase = phase;
    this.#speaking(false);
    [byId("state").textContent, byId("hint").textContent] = STATES[phase];
    const busy = phase !== "idle";
    const focused = document.activeElement;
    for (const id of ["listen", "choose", "pace", "key"]) byId(id).disabled = busy;
    byId("stop").disabled = !busy || phase === "finishing";
    byId("progress").hidden = !(phase === "sending");
    if (!busy) byId("progress").value = 0;
    // Whoever works by keyboard goes on from the button that takes the other's place.
    if (focused === byId("listen") && busy) byId("stop").focus();
    if (focused === byId("stop") && !busy) byId("listen").focus();
  }

  #speaking(yes) {
    byId("lamp").classList.toggle("speaking", yes);
    if (this.#phase === "listening" || this.#phase === "sending") {
      byId("hint").textContent = yes ? "Alguém está falando." : "Em silêncio.";
    }
  }

  /** Return the key, or say that it is missing. */
  #key() {
    const key = byId("key").value.trim();
    if (key) sessionStorage.setItem(KEPT, key);
    else {
      this.#notice("Informe a chave do balcão.", "bad");
      byId("key").focus();
    }
    return key;
  }

  #notice(text, tone) {
    const place = byId("notice");
    place.hidden = text === null;
    place.dataset.tone = tone ?? "";
    place.replaceChildren(...(text === null ? [] : [el("p", {}, text), this.#link()].filter(Boolean)));
  }

  #link() {
    if (this.#phase !== "finishing" || this.#session === null) return null;
    return el("a", { href: `#/sessoes/${encodeURIComponent(this.#session)}` }, "Ver como foi");
  }
}

function reveal(button) {
  const shown = byId("key").type === "text";
  byId("key").type = shown ? "password" : "text";
  button.textContent = shown ? "Mostrar" : "Ocultar";
  button.setAttribute("aria-pressed", String(!shown));
}

export const openCounter = () => new Counter();
