/** The page put together: which area is shown, by the part of the address after `#`. */

import { openCounter } from "./counter.js";
import { byId } from "./dom.js";
import { showSession } from "./session.js";
import { showSessions } from "./sessions.js";

const TITLES = { counter: "Balcão ao vivo", sessions: "Sessões" };

function route({ first = false } = {}) {
  const [path, query] = location.hash.split("?", 2);
  const [, area, id] = path.split("/");
  const asked = new URLSearchParams(query);
  const shown = area === "sessoes" ? "sessions" : "counter";
  for (const name of Object.keys(TITLES)) byId(name).hidden = name !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.area === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[shown]} · Balto`;
  if (shown === "sessions") {
    const place = byId("sessions");
    if (id) showSession(place, decodeURIComponent(id), asked);
    else showSessions(place, asked);
  }
  if (!first) document.querySelector("main > :not([hidden]) h1")?.focus({ preventScroll: true });
  if (!first) scrollTo(0, 0);
}

byId("pular").addEventListener("click", (event) => {
  event.preventDefault();
  byId("conteudo").focus();
});
openCounter();
addEventListener("hashchange", route);
route({ first: true });
