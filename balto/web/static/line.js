/** The WebSocket to the server: handshake, audio and answers out, messages in. */

const WANT = ["transcript", "vad", "recommendation", "metrics"];

export class Line {
  #socket;

  /**
   * @param {string} key of the counter
   * @param {object} on `ready(session)`, `message(message)`, `closed(code, reason)`
   */
  constructor(key, on) {
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.#say({ api_key: key, protocol: 2, want: WANT });
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.comando === "ready") on.ready(message.session);
      else on.message(message);
    };
    this.#socket.onclose = ({ code, reason }) => on.closed(code, reason);
  }

  /** Bytes that the network has not taken yet. */
  get waiting() {
    return this.#socket.bufferedAmount;
  }

  get open() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Send audio: a Blob or an ArrayBuffer. */
  send(audio) {
    if (this.open) this.#socket.send(audio);
  }

  /** Say that no more audio comes; what is left arrives, then the server closes. */
  finish() {
    this.#say({ tipo: "fim" });
  }

  /** Say what became of a recommendation: `exibida`, `aceita` or `dispensada`. Returns whether it could be sent. */
  answer(id, resultado) {
    return this.#say({ tipo: "resposta", id, resultado });
  }

  close() {
    this.#socket.close(1000);
  }

  #say(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
    return this.open;
  }
}
