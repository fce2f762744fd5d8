/** The sessions, the latest first, by what is asked for; the address says what that is, and can be passed on. */

import { get } from "./api.js";
import { el } from "./dom.js";
import { shown } from "./loading.js";
import { duration, ending, endings, instant, number } from "./words.js";

const COLUMNS = ["Início", "Duração", "Frases", "Recomendações", "Formato", "Cliente", "Balcão", "Situação"];
const PAGE = 50;
const FIELDS = ["counter", "codigo", "ended", "from", "to", "advised"];

/**
 * Show the list in a place.
 * @param {HTMLElement} place
 * @param {URLSearchParams} asked as the address has it
 */
export function showSessions(place, asked) {
  return shown(place, "Sessões", async () => {
    const first = await page(asked);
    const again = el("button", { type: "button", onclick: () => showSessions(place, asked) }, "Atualizar");
    return [
      el("div.headline", {}, el("h1", { tabindex: -1 }, "Sessões"), again),
      conditions(asked),
      first.sessions.length ? list(first, asked) : el("p.empty", {}, [...asked].length
        ? "Nenhuma sessão com essas condições."
        : "Nenhuma sessão ainda. Comece uma no Balcão ao vivo."),
    ];
  });
}

function page(asked, before) {
  const query = new URLSearchParams({ limit: PAGE });
  for (const name of ["counter", "codigo", "ended", "advised"]) {
    if (asked.get(name)) query.set(name, asked.get(name));
  }
  const [from, to] = ["from", "to"].map((name) => dayOf(asked.get(name)));
  if (from) query.set("since", from.toISOString());
  if (to) query.set("until", new Date(to.getFullYear(), to.getMonth(), to.getDate() + 1).toISOString());
  if (before) query.set("before", before);
  return get(`api/v1/sessions?${query}`);
}

/** Midnight here of a day that is written `2026-11-27`; null where it is none. */
function dayOf(text) {
  const day = new Date(`${text}T00:00`);
  return text && !Number.isNaN(day.getTime()) ? day : null;
}

function conditions(asked) {
  const field = (name, label, input) =>
    el("div", {}, el("label", { for: `by-${name}` }, label), input);
  const text = (name, options = {}) =>
    el("input", { id: `by-${name}`, name, value: asked.get(name) ?? "", ...options });
  const reasons = [["", "Todas"], ...endings()].map(([value, words]) =>
    el("option", { value, selected: value === (asked.get("ended") ?? "") }, words));
  const onsubmit = (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value.trim()));
    const query = wanted.toString();
    location.hash = query ? `#/sessoes?${query}` : "#/sessoes";
  };
  return el("form.panel.conditions", { onsubmit, role: "search", "aria-label": "Filtrar sessões" },
    field("counter", "Balcão", text("counter", { placeholder: "nome", autocomplete: "off" })),
    field("codigo", "Cliente", text("codigo", { placeholder: "código", autocomplete: "off" })),
    field("ended", "Situação", el("select", { id: "by-ended", name: "ended" }, ...reasons)),
    field("from", "De", text("from", { type: "date" })),
    field("to", "Até", text("to", { type: "date" })),
    el("label.check", { for: "by-advised" },
      el("input", { type: "checkbox", id: "by-advised", name: "advised", value: "true", checked: asked.has("advised") }),
      " com recomendação"),
    el("div.doing", {},
      el("button.primary", { type: "submit" }, "Filtrar"),
      FIELDS.some((name) => asked.get(name)) ? el("a", { href: "#/sessoes" }, "Limpar") : null));
}

function list(first, asked) {
  const rows = el("tbody", {}, ...first.sessions.map(row));
  const told = el("p.error", { role: "alert" });
  let next = first.next;
  const more = el("button", { type: "button", hidden: next === null, onclick: grow }, "Mostrar mais antigas");

  async function grow() {
    more.disabled = true;
    told.textContent = "";
    try {
      const older = await page(asked, next);
      rows.append(...older.sessions.map(row));
      next = older.next;
    } catch (error) {
      told.textContent = error.message;
    }
    more.disabled = false;
    more.hidden = next === null;
  }

  return el("div.panel", {},
    el("div.scroll", {}, el("table.sessions", {},
      el("caption.hidden", {}, "Sessões, a mais recente primeiro"),
      el("thead", {}, el("tr", {}, ...COLUMNS.map((name) => el("th", { scope: "col" }, name)))),
      rows)),
    told, more);
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
