/** Questions to the server over HTTP. */

/** The server refused; the message is for people. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Return what a path of the API answers. */
export async function get(path) {
  return (await ask(path, {})).json();
}

/** Begin an administrator's session. */
export async function logIn(password) {
  await ask("admin/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ password }),
  });
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch {
    throw new Refused(0, "Sem conexão com o servidor.");
  }
  if (response.ok) return response;
  const refusal = await response.json().catch(() => ({}));
  const words = refusal.erro ? sentence(refusal.erro) : `O servidor respondeu ${response.status}.`;
  throw new Refused(response.status, words);
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
