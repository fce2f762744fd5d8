/** Phrases as a waterfall: where the time went between the end of a phrase and its answer on the attendant's screen. */

import { el, svg } from "./dom.js";
import { duration, ms, outcome, place } from "./words.js";

const HOPS = [
  ["audio", "Áudio", "audio_ms"],
  ["stt", "STT", "stt_ms"],
  ["ai1", "IA 1", "ai1_ms"],
  ["ai2", "IA 2", "ai2_ms"],
  ["ws", "WS", "ws_ms"],
];
const MEANINGS = {
  audio: "limpeza e medição do áudio",
  stt: "transcrição",
  ai1: "normalização do que foi dito",
  ai2: "classificação do assunto",
  ws: "entrega ao balcão",
  other: "gravação, filas e novas tentativas",
};
const LEAST_PERCENT = 0.35;
const STEPS = [1, 2, 5];

/**
 * Return the drawing.
 * @param {object[]} phrases rows of a session's timeline
 * @param {Map<number, string>} said what was said, by phrase
 * @param {{address: (phrase: number) => string, choose: (phrase: number) => void}} events of a phrase: where they are, and
 *   what shows them on this page
 */
export function waterfall(phrases, said, events) {
  const scale = scaleFor(Math.max(1, ...phrases.map(lengthOf)));
  return el("div.panel.waterfall", {},
    legend(),
    el("div.axis", { "aria-hidden": "true" }, el("span"), axis(scale), el("span")),
    el("ol", {}, ...phrases.map((phrase) => row(phrase, said.get(phrase.phrase), scale, events))));
}

function legend() {
  const entries = [...HOPS.map(([hop, name]) => [hop, name]), ["other", "Espera"]];
  return el("ul.legend", {}, ...entries.map(([hop, name]) =>
    el("li", {}, el(`i.hop-${hop}`, { "aria-hidden": "true" }), el("b", {}, name), ` ${MEANINGS[hop]}`)));
}

/** Milliseconds that a phrase took, as far as is known. */
function lengthOf(phrase) {
  return phrase.total_ms ?? HOPS.reduce((sum, [, , field]) => sum + (phrase[field] ?? 0), 0);
}

/** Return the end of the axis and its ticks, both round numbers of milliseconds. */
function scaleFor(longest) {
  const power = 10 ** Math.floor(Math.log10(longest / 4));
  const step = [...STEPS, 10].map((times) => times * power).find((each) => longest / each <= 5);
  const end = Math.ceil(longest / step) * step;
  return { end, ticks: Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step) };
}

function axis({ end, ticks }) {
  return svg("svg.ticks", { height: 18 }, ...ticks.map((tick) => {
    const share = tick / end;
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    const unit = share === 1 ? " ms" : "";
    return svg("text", { x: `${share * 100}%`, y: 12, "text-anchor": anchor }, `${ms(tick)}${unit}`);
  }));
}

function row(phrase, text, scale, { address, choose }) {
  const [words, tone] = outcome(phrase.outcome);
  const start = phrase.sample_start === null ? null : phrase.sample_start / 16_000;
  const speech = phrase.speech_ms === null ? null : phrase.speech_ms / 1000;
  const onclick = (event) => {
    event.preventDefault();
    choose(phrase.phrase);
  };
  return el("li", {},
    el("div.which", {},
      el("b", {}, `Frase ${phrase.phrase}`),
      el("small", {}, `aos ${place(start)} · ${duration(speech)} de fala`),
      el("a", { href: address(phrase.phrase), onclick, "aria-label": `Eventos da frase ${phrase.phrase}` }, "eventos")),
    el("div.time", {},
      text ? el("p.quote", {}, `“${text}”`) : null,
      bars(phrase, scale),
      el("p.figures", {}, ...figures(phrase)),
      phrase.categories?.length ? el("p.about", {}, phrase.categories.join(" · ")) : null),
    el("div.end", {},
      el("span.pill", { "data-tone": tone }, words),
      phrase.total_ms === null ? null : el("small", {}, `${ms(phrase.total_ms)} ms ao todo`)));
}

/** The hops of a phrase with where each starts: one after the other, delivery at the end. */
function stretches(phrase) {
  const found = [];
  let at = 0;
  for (const [hop, name, field] of HOPS.slice(0, -1)) {
    if (phrase[field] === null) continue;
    found.push({ hop, name, at, length: phrase[field] });
    at += phrase[field];
  }
  if (phrase.ws_ms === null) return found;
  const delivery = Math.max(at, lengthOf(phrase) - phrase.ws_ms);
  if (delivery > at) found.push({ hop: "other", name: "Espera", at, length: delivery - at });
  found.push({ hop: "ws", name: "WS", at: delivery, length: phrase.ws_ms });
  return found;
}

function bars(phrase, { end, ticks }) {
  const drawn = stretches(phrase);
  const percent = (value) => `${((value / end) * 100).toFixed(3)}%`;
  const told = drawn.map(({ name, length }) => `${name} ${ms(length)} ms`).join(", ");
  return svg("svg.bar", { height: 20, role: "img", "aria-label": told || "sem tempos medidos" },
    ...ticks.map((tick) => svg("line.grid", { x1: percent(tick), x2: percent(tick), y1: 0, y2: 20 })),
    ...drawn.map(({ hop, name, at, length }) => svg(`rect.hop-${hop}`, {
      x: percent(at), y: hop === "other" ? 8 : 2, height: hop === "other" ? 4 : 16, rx: 2,
      width: `${Math.max(LEAST_PERCENT, (length / end) * 100).toFixed(3)}%`,
    }, svg("title", {}, `${name}: ${ms(length)} ms`))));
}

function figures(phrase) {
  const engines = { stt_ms: phrase.stt_provider, ai1_ms: phrase.ai1_engine, ai2_ms: phrase.ai2_engine };
  return HOPS.filter(([, , field]) => phrase[field] !== null).map(([hop, name, field]) =>
    el("span", { title: engines[field] ?? null },
      el(`i.hop-${hop}`, { "aria-hidden": "true" }), `${name} `, el("b", {}, ms(phrase[field]))));
}
