/** The events of a session as a list, by phrase and type, each with its data at a click. */

import { el } from "./dom.js";
import { count } from "./words.js";

const AT_ONCE = 300;
const FREQUENT = "AudioReceived";
const seconds = new Intl.NumberFormat("pt-BR", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const KINDS = [
  [/^(Session|Consent|Subject)/, "session"],
  [/^(Audio|Speech|Phrase|Resources)/, "audio"],
  [/^Transcription/, "stt"],
  [/^(Normalisation|Utterance|Conversation|Circumstances)/, "ai1"],
  [/^Classification/, "ai2"],
  [/^(Basket|Recommendation)/, "ws"],
];

/**
 * Return the list with its filter, and what shows the events of one phrase.
 * @param {object[]} events
 * @returns {{list: Node, choose: (phrase: string) => void}} an empty phrase is all of them
 */
export function eventList(events) {
  const list = el("ol.events");
  const more = el("button", { type: "button", hidden: true, onclick: () => grow() }, "Mostrar mais");
  const all = el("input", { type: "checkbox", id: "all-events", onchange: () => restart() });
  const numbers = [...new Set(events.map(({ data }) => data.phrase).filter(Boolean))].sort((a, b) => a - b);
  const phrase = el("select", { id: "events-phrase", onchange: () => restart() },
    el("option", { value: "" }, "Todas as frases"), ...numbers.map((number) => el("option", { value: number }, `Só a frase ${number}`)));
  const types = [...new Set(events.map(({ type }) => type))].sort();
  const type = el("input", { id: "events-type", type: "search", list: "events-types", placeholder: "tipo de evento",
    autocomplete: "off", spellcheck: "false", oninput: () => restart() });
  const summary = el("span", { role: "status" });
  let waiting = [];

  function grow() {
    list.append(...waiting.splice(0, AT_ONCE).map(entry));
    more.hidden = waiting.length === 0;
  }

  function restart() {
    const words = type.value.trim().toLowerCase();
    waiting = events.filter((event) => (all.checked || words || event.type !== FREQUENT)
      && (!phrase.value || String(event.data.phrase) === phrase.value)
      && event.type.toLowerCase().includes(words));
    summary.textContent = count(waiting.length, "evento", "eventos");
    list.replaceChildren();
    grow();
  }

  function choose(number) {
    phrase.value = numbers.includes(Number(number)) ? String(number) : "";
    restart();
  }

  restart();
  return {
    choose,
    list: el("div.panel", {},
      el("div.filter", {},
        el("label.hidden", { for: "events-phrase" }, "Eventos da frase"), phrase,
        el("label.hidden", { for: "events-type" }, "Tipo de evento"), type,
        el("datalist", { id: "events-types" }, ...types.map((name) => el("option", { value: name }))),
        el("label.check", { for: "all-events" }, all, " mostrar também o recebimento de áudio"),
        summary),
      list, more),
  };
}

function entry({ type, elapsed_us, data, stream_position }) {
  const [, kind] = KINDS.find(([pattern]) => pattern.test(type)) ?? [null, "session"];
  const inside = el("pre");
  const ontoggle = () => (inside.textContent ||= JSON.stringify(data, null, 2));
  return el("li", {}, el("details", { ontoggle },
    el("summary", {},
      el("span.position", {}, stream_position),
      el("time", {}, `${seconds.format(elapsed_us / 1e6)} s`),
      el(`i.hop-${kind}`, { "aria-hidden": "true" }),
      el("code", {}, type),
      data.phrase ? el("small", {}, `frase ${data.phrase}`) : null),
    inside));
}
