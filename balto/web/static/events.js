/** The events of a session as a list, each with its data at a click. */

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

/** Return the list with its filter. */
export function eventList(events) {
  const list = el("ol.events");
  const more = el("button", { type: "button", hidden: true, onclick: () => grow() }, "Mostrar mais");
  const all = el("input", { type: "checkbox", id: "all-events", onchange: () => restart() });
  const summary = el("span");
  let waiting = [];

  function grow() {
    list.append(...waiting.splice(0, AT_ONCE).map(entry));
    more.hidden = waiting.length === 0;
  }

  function restart() {
    waiting = all.checked ? [...events] : events.filter(({ type }) => type !== FREQUENT);
    summary.textContent = count(waiting.length, "evento", "eventos");
    list.replaceChildren();
    grow();
  }

  restart();
  return el("div.panel", {},
    el("div.filter", {}, summary, el("label", { for: "all-events" }, all, " mostrar também o recebimento de áudio")),
    list, more);
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
