/** One session: its phrases as a waterfall, their voice, and its events. */

import { get } from "./api.js";
import { el } from "./dom.js";
import { eventList } from "./events.js";
import { shown } from "./loading.js";
import { waterfall } from "./waterfall.js";
import { count, dollars, duration, ending, instant, number, tenths, thousandths } from "./words.js";

const PAGE = 1000;
const MOST_PAGES = 20;

/**
 * Show a session in a place.
 * @param {HTMLElement} place
 * @param {string} id
 * @param {URLSearchParams} asked as the address has it: `frase` is the phrase whose events are shown
 */
export function showSession(place, id, asked = new URLSearchParams()) {
  const path = `api/v1/sessions/${encodeURIComponent(id)}`;
  return shown(place, "Sessão", async () => {
    const [{ phrases }, { biometrics }, { sessions: [known] }, events] = await Promise.all([
      get(`${path}/timeline`), get(`${path}/biometrics`),
      get(`api/v1/sessions?session=${encodeURIComponent(id)}`), allEvents(path)]);
    const again = el("button", { type: "button", onclick: () => showSession(place, id, asked) }, "Atualizar");
    const told = eventList(events);
    const happened = part("Eventos", told.list);
    told.choose(asked.get("frase") ?? "");
    const choose = (phrase) => {
      told.choose(phrase);
      history.replaceState(null, "", addressOf(id, phrase));
      happened.scrollIntoView({ behavior: "smooth" });
    };
    return [
      el("p.back", {}, el("a", { href: "#/sessoes" }, "← Todas as sessões")),
      el("div.headline", {}, el("h1", { tabindex: -1 }, "Sessão"), again),
      facts(id, events, phrases, known),
      part("Linha do tempo das frases",
        phrases.length ? waterfall(phrases, transcripts(events), { address: (phrase) => addressOf(id, phrase), choose }) : none("Nenhuma frase.")),
      part("Biométricas da voz", biometrics.length ? voices(biometrics) : none("Nenhuma frase foi medida.")),
      happened,
    ];
  });
}

const addressOf = (id, phrase) => `#/sessoes/${encodeURIComponent(id)}?frase=${phrase}`;

async function allEvents(path) {
  const events = [];
  let after = 0;
  for (let page = 0; page < MOST_PAGES && after !== null; page++) {
    const answer = await get(`${path}/events?limit=${PAGE}&after=${after}`);
    events.push(...answer.events);
    after = answer.next;
  }
  return events;
}

function facts(id, events, phrases, known) {
  const started = events.find(({ type }) => type === "SessionStarted");
  const ended = events.find(({ type }) => type === "SessionEnded");
  const [words, tone] = ending(ended?.data.reason);
  const sent = phrases.filter(({ outcome }) => outcome === "recommended").length;
  const cost = phrases.reduce((sum, phrase) => sum + (phrase.cost_usd ?? 0), 0);
  const pairs = [
    ["Início", instant(started?.occurred_at)],
    ["Áudio ouvido", duration(ended ? ended.data.samples / 16_000 : null)],
    ["Frases", number(phrases.length)],
    ["Recomendações", number(sent)],
    ["Situação", el("span.pill", { "data-tone": tone }, words)],
    ["Custo", dollars(cost)],
    ["Cliente", known?.tenant ?? "–"],
    ["Balcão", el("span", { title: started?.data.counter_id }, known?.counter_name ?? el("code", {}, started?.data.counter_id ?? "–"))],
    ["Identificação", el("code", {}, id)],
  ];
  return el("dl.panel.facts", {}, ...pairs.map(([term, value]) =>
    el("div", {}, el("dt", {}, term), el("dd", {}, value))));
}

/** What was said, by phrase. */
function transcripts(events) {
  const heard = events.filter(({ type }) => type === "TranscriptionReceived");
  return new Map(heard.map(({ data }) => [data.phrase, data.text]));
}

const MEASURES = [
  ["Tom médio", "Hz", "pitch_mean_hz", tenths],
  ["Variação do tom", "Hz", "pitch_std_hz", tenths],
  ["Sinal/ruído (SNR)", "dB", "snr_db", tenths],
  ["Centroide espectral", "Hz", "spectral_centroid_hz", tenths],
  ["Cruzamentos por zero (ZCR)", "por amostra", "zero_crossing_rate", thousandths],
  ["Pico", "dBFS", "peak_dbfs", tenths],
];

function voices(rows) {
  const heads = MEASURES.map(([name, unit]) => el("th", { scope: "col" }, name, el("small", {}, unit)));
  const body = rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.phrase),
    ...MEASURES.map(([, , field, write]) => el("td", {}, write(row[field])))));
  return el("div.panel.scroll", {}, el("table.numbers", {},
    el("caption.hidden", {}, `Medidas acústicas de ${count(rows.length, "frase", "frases")}`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Frase"), ...heads)),
    el("tbody", {}, ...body)));
}

const part = (title, content) => el("section.part", { "aria-label": title }, el("h2", {}, title), content);
const none = (text) => el("p.empty", {}, text);
