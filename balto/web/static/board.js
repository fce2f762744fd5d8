/** What a session at the counter shows: phrases as they are heard, and recommendations to answer. */

import { byId, el } from "./dom.js";
import { number, place, subject } from "./words.js";

const SAMPLE_RATE = 16_000;

export class Board {
  #lines = byId("lines");
  #cards = byId("cards");
  #phrases = new Map();
  #answer;
  #seen;

  /** @param {(id: string, result: string) => boolean} answer sends what became of a recommendation */
  constructor(answer) {
    this.#answer = answer;
    this.#seen = new IntersectionObserver((entries) => this.#onSeen(entries), { threshold: 0.5 });
  }

  /** Begin with nothing on the board. */
  clear() {
    this.#phrases.clear();
    this.#seen.disconnect();
    this.#lines.replaceChildren();
    this.#cards.replaceChildren();
    this.#showEmpty();
  }

  /** The session is over: what is unanswered can't be answered any more. */
  freeze() {
    for (const phrase of this.#phrases.values()) this.#settle(phrase);
    for (const card of this.#cards.querySelectorAll(".card:not([data-answer])")) {
      card.querySelectorAll("button").forEach((button) => (button.disabled = true));
      card.querySelector(".verdict").textContent = "A sessão terminou.";
    }
  }

  speech({ frase, amostra }) {
    this.#phrase(frase).row.querySelector("time").textContent = place(amostra / SAMPLE_RATE);
  }

  silence({ frase, descartada }) {
    const phrase = this.#phrase(frase);
    if (descartada) {
      phrase.row.remove();
      this.#phrases.delete(frase);
      this.#showEmpty();
    } else if (phrase.row.dataset.stage === "speaking") {
      phrase.row.dataset.stage = "waiting";
      phrase.said.textContent = "transcrevendo…";
    }
  }

  transcript({ frase, texto }) {
    const phrase = this.#phrase(frase);
    phrase.row.dataset.stage = "said";
    phrase.said.textContent = texto;
    for (const [earlier, other] of this.#phrases) if (earlier < frase) this.#settle(other);
  }

  /** What came of a phrase that nothing is suggested for. */
  outcome({ frase, resultado, motivo, mensagem, com }) {
    const phrase = this.#phrase(frase);
    if (resultado === "rejeitada") {
      phrase.row.dataset.stage = "nothing";
      phrase.said.textContent = mensagem;
      return;
    }
    phrase.into = com;
    const note = phrase.row.querySelector(".outcome");
    note.textContent = mensagem;
    note.dataset.tone = motivo === "refer_to_pharmacist" ? "bad" : "";
  }

  metrics({ frase, tom_hz, snr_db }) {
    const parts = [
      tom_hz === null ? null : `tom ${number(Math.round(tom_hz))} Hz`,
      snr_db === null ? null : `sinal/ruído ${number(snr_db)} dB`,
    ];
    this.#phrase(frase).row.querySelector(".voice").textContent = parts.filter(Boolean).join(" · ");
  }

  recommendation({ id, frase, cesta, itens }) {
    const asked = [...this.#phrases].filter(([number, { into }]) => number === frase || into === frase);
    const words = asked.filter(([, { row }]) => row.dataset.stage === "said").map(([, { said }]) => said.textContent);
    const quote = words.length ? `“${words.join(" ")}”` : "";
    const card = el("article.card", { "data-id": id, "aria-label": `Recomendação: ${subject(cesta)}` },
      el("header", {}, el("h3", {}, subject(cesta)), el("p.quote", {}, quote)),
      el("ul", {}, ...itens.map(item)),
      el("footer", {},
        el("button.primary", { type: "button", onclick: () => this.#reply(card, "aceita") }, "Aceita"),
        el("button", { type: "button", onclick: () => this.#reply(card, "dispensada") }, "Dispensada"),
        el("span.verdict", { role: "status" })));
    this.#cards.prepend(card);
    this.#seen.observe(card);
    this.#showEmpty();
  }

  #onSeen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && this.#answer(target.dataset.id, "exibida")) this.#seen.unobserve(target);
    }
  }

  #reply(card, result) {
    if (!this.#answer(card.dataset.id, result)) return;
    card.dataset.answer = result;
    card.querySelectorAll("button").forEach((button) => button.remove());
    card.querySelector(".verdict").textContent = result === "aceita" ? "✓ Aceita pelo cliente" : "Dispensada";
  }

  #phrase(number) {
    const known = this.#phrases.get(number);
    if (known) return known;
    const said = el("p", {}, "falando…");
    const row = el("li", { "data-stage": "speaking" }, el("time", {}), el("div", {}, said, el("small.voice", {}), el("small.outcome", {})));
    const phrase = { row, said };
    this.#phrases.set(number, phrase);
    this.#lines.append(row);
    this.#lines.scrollTo({ top: this.#lines.scrollHeight });
    this.#showEmpty();
    return phrase;
  }

  #settle({ row, said }) {
    if (row.dataset.stage === "said") return;
    row.dataset.stage = "nothing";
    said.textContent = "sem palavras reconhecidas";
  }

  #showEmpty() {
    byId("no-lines").hidden = this.#lines.childElementCount > 0;
    byId("no-cards").hidden = this.#cards.childElementCount > 0;
  }
}

function item({ sugestao, explicacao, tag }) {
  return el("li", {}, el("strong", {}, sugestao), tag ? el("span.tag", {}, tag) : null, el("p", {}, explicacao));
}
