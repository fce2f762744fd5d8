/** The latest sessions. */

import { get } from "./api.js";
import { el } from "./dom.js";
import { shown } from "./loading.js";
import { duration, ending, instant, number } from "./words.js";

const COLUMNS = ["Início", "Duração", "Frases", "Recomendações", "Formato", "Cliente", "Balcão", "Situação"];

/** Show the list in a place. */
export function showSessions(place) {
  return shown(place, "Sessões", async () => {
    const { sessions } = await get("api/v1/sessions?limit=100");
    const again = el("button", { type: "button", onclick: () => showSessions(place) }, "Atualizar");
    return [
      el("div.headline", {}, el("h1", { tabindex: -1 }, "Sessões"), again),
      sessions.length ? table(sessions) : el("p.empty", {}, "Nenhuma sessão ainda. Comece uma no Balcão ao vivo."),
    ];
  });
}

function table(sessions) {
  return el("div.panel.scroll", {},
    el("table.sessions", {},
      el("caption.hidden", {}, "Últimas sessões, a mais recente primeiro"),
      el("thead", {}, el("tr", {}, ...COLUMNS.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...sessions.map(row))));
}

function row(session) {
  const [words, tone] = ending(session.end_reason);
  const link = el("a", { href: `#/sessoes/${encodeURIComponent(session.session_id)}` }, instant(session.started_at));
  const cells = [
    link,
    duration(session.samples / 16_000),
    number(session.phrases),
    number(session.recommendations),
    session.encoding ?? "–",
    session.tenant,
    el("span", { title: session.counter_id }, session.counter_name ?? session.counter_id ?? "–"),
    el("span.pill", { "data-tone": tone }, words),
  ];
  return el("tr", {}, ...cells.map((cell, index) =>
    index === 0 ? el("th", { scope: "row" }, cell) : el("td", { "data-label": COLUMNS[index] }, cell)));
}
