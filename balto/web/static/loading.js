/** Showing what has to be asked for first: waiting, refusals, and the administrator's login. */

import { Refused, logIn } from "./api.js";
import { el } from "./dom.js";

const latest = new WeakMap();

/**
 * Fill a place with what a question's answer becomes, or say why there is none.
 * @param {HTMLElement} place
 * @param {string} title shown while waiting and above a refusal
 * @param {() => Promise<Node[]>} make
 */
export async function shown(place, title, make) {
  const turn = Symbol(title);
  latest.set(place, turn);
  if (place.dataset.title !== title) place.replaceChildren(heading(title), el("p.empty", {}, "Carregando…"));
  place.dataset.title = title;
  place.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await make();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    content = [heading(title), refusal(error, () => shown(place, title, make))];
  }
  // Whoever has gone elsewhere in the meantime is not pulled back.
  if (latest.get(place) !== turn) return;
  place.removeAttribute("aria-busy");
  place.replaceChildren(...content);
}

const heading = (title) => el("h1", { tabindex: -1 }, title);

function refusal(error, again) {
  if (error.status === 401) return login(again);
  return el("div.notice", { role: "alert", "data-tone": "bad" },
    el("p", {}, error.message), el("button", { type: "button", onclick: again }, "Tentar de novo"));
}

function login(again) {
  const password = el("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const told = el("p.error", { role: "alert" });
  const onsubmit = async (event) => {
    event.preventDefault();
    told.textContent = "";
    try {
      await logIn(password.value);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.textContent = error.message;
      password.select();
      return;
    }
    await again();
  };
  return el("form.panel.login", { onsubmit },
    el("h2", {}, "Entrar como administrador"),
    el("p.hint", {}, "As sessões guardam o que foi dito no balcão; só o administrador pode vê-las."),
    el("label", { for: "password" }, "Senha"),
    password, told,
    el("button.primary", { type: "submit" }, "Entrar"));
}
