import { Emitter } from "./emitter.js";
import { Timer, systemClock } from "./clock.js";

/**
 * @typedef {"connected" | "connecting" | "offline"} Status
 * @typedef {Pick<EventTarget, "addEventListener" | "removeEventListener">} Page
 * @typedef {Page & {type?: string}} Network `navigator.connection`, where there is one
 */

export const LONGEST_DELAY = 15_000;
const OPEN = 1; // WebSocket.OPEN
const FIRST_DELAY = 1_000;
const OPENING = 10_000;
const HEARTBEAT = 30_000;
const SLEPT = 90_000; // background pages get their timers once a minute: that is no sleep yet
const LINGER = 10_000;
// `visibilitychange` is the document's and bubbles to the window.
const WAKING = ["online", "visibilitychange", "pageshow"];

/**
 * A WebSocket that comes back: with exponential backoff and full jitter, 15 s at most between two
 * tries, and at once when the network returns, the page is looked at, or the machine wakes up.
 *
 * It can be moved to a new socket before the old one goes: `prepare` opens a spare one, `spare`
 * tells when it is open (true) or could not be had (false), `exchange` speaks through it from then
 * on. The retired one is heard as long as it lives, and `dismiss` ends it after a while.
 *
 * Events: `open` (a new socket: say again who you are), `frame` (one frame's text, and whether it
 * came from the retired socket), `status`, `spare`, and `wake` (the socket may have died unnoticed:
 * worth a ping; with the reason), and `rerouted` (this machine may have another address now).
 *
 * `status` is "connecting" during the first try after a loss and "offline" when that has failed,
 * until one succeeds: it does not flicker with every try.
 *
 * @extends {Emitter<{open: void, frame: {text: string, retired: boolean}, status: Status,
 *   spare: boolean, wake: string, rerouted: void}>}
 */
export class ReconnectingSocket extends Emitter {
  /** @type {Status} */
  status = "offline";
  #url;
  #clock;
  #WebSocket;
  #page;
  #network;
  #networkType;
  #wanted = false;
  #failures = 0;
  #lastBeat = 0;
  /** @type {WebSocket | null} the one that is spoken through */
  #socket = null;
  /** @type {WebSocket | null} */
  #spare = null;
  /** @type {WebSocket | null} */
  #retired = null;
  #retry;
  #opening;
  #heart;
  #farewell;

  /**
   * @param {string} url
   * @param {{WebSocket?: typeof WebSocket, page?: Page, network?: Network,
   *   clock?: import("./clock.js").Clock}} [parts]
   */
  constructor(url, parts = {}) {
    super();
    this.#url = url;
    this.#clock = parts.clock ?? systemClock;
    this.#WebSocket = parts.WebSocket ?? globalThis.WebSocket;
    this.#page = parts.page ?? globalThis.window ?? new EventTarget();
    this.#network = parts.network ?? /** @type {any} */ (globalThis.navigator)?.connection;
    this.#networkType = this.#network?.type;
    this.#retry = new Timer(this.#clock);
    this.#opening = new Timer(this.#clock);
    this.#heart = new Timer(this.#clock);
    this.#farewell = new Timer(this.#clock);
  }

  /** Opens the socket, and again whenever it is lost, until `close`; or tries again at once. */
  open() {
    if (this.#wanted) return this.#hurry();
    this.#wanted = true;
    for (const type of WAKING) this.#page.addEventListener(type, this.#noticed);
    this.#network?.addEventListener("change", this.#rerouted);
    this.#beat();
    this.#connect();
  }

  close() {
    this.#wanted = false;
    this.#failures = 0;
    for (const type of WAKING) this.#page.removeEventListener(type, this.#noticed);
    this.#network?.removeEventListener("change", this.#rerouted);
    for (const timer of [this.#retry, this.#heart]) timer.stop();
    this.#abandon();
    this.#dropRetired();
    this.#become("offline");
  }

  /** This socket is no good any more: gives it up and opens another. */
  replace() {
    if (!this.#wanted) return;
    this.#abandon();
    this.#lost();
  }

  /**
   * @param {string} text
   * @returns {boolean} false when there is no open socket: nothing was sent, nothing is kept
   */
  send(text) {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  // ---- make before break

  prepare() {
    if (this.status !== "connected" || this.#spare) return;
    this.#spare = this.#make();
    this.#opening.deadline(OPENING, () => this.#dropSpare());
  }

  exchange() {
    this.#dropRetired();
    [this.#retired, this.#socket, this.#spare] = [this.#socket, this.#spare, null];
    this.emit("open", undefined);
  }

  /** Nothing is expected of the retired socket any more but what is on its way already. */
  dismiss() {
    if (this.#retired) this.#farewell.set(LINGER, () => this.#dropRetired());
  }

  #dropSpare() {
    this.#opening.stop();
    drop(this.#spare);
    this.#spare = null;
    this.emit("spare", false);
  }

  #dropRetired() {
    this.#farewell.stop();
    drop(this.#retired);
    this.#retired = null;
  }

  // ---- one socket after the other

  #connect() {
    this.#retry.stop();
    if (this.#failures === 0) this.#become("connecting");
    this.#socket = this.#make();
    this.#opening.deadline(OPENING, () => this.replace());
  }

  #make() {
    const socket = new this.#WebSocket(this.#url);
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => this.#received(socket, event.data);
    socket.onclose = () => this.#closed(socket);
    return socket;
  }

  /** @param {WebSocket} socket */
  #opened(socket) {
    this.#opening.stop();
    if (socket === this.#spare) return this.emit("spare", true);
    this.#become("connected");
    this.emit("open", undefined);
  }

  /**
   * @param {WebSocket} socket
   * @param {unknown} data
   */
  #received(socket, data) {
    const retired = socket !== this.#socket;
    // Only an answer proves the way to be good: a socket that opens and closes keeps backing off.
    if (!retired) this.#failures = 0;
    if (typeof data === "string") this.emit("frame", { text: data, retired });
  }

  /** @param {WebSocket} socket */
  #closed(socket) {
    if (socket === this.#socket) this.replace();
    else if (socket === this.#spare) this.#dropSpare();
    else this.#dropRetired();
  }

  #abandon() {
    this.#opening.stop();
    for (const socket of [this.#socket, this.#spare]) drop(socket);
    this.#socket = this.#spare = null;
  }

  #lost() {
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures);
    this.#become(this.#failures === 0 && this.status === "connected" ? "connecting" : "offline");
    this.#failures += 1;
    this.#retry.set(this.#clock.random() * ceiling, () => this.#connect());
  }

  // ---- what may have killed it in silence

  #noticed = (/** @type {Event} */ { type }) => {
    const hidden = globalThis.document?.visibilityState === "hidden";
    if (!(hidden && type === "visibilitychange")) this.#wake(type);
    if (type === "online") this.emit("rerouted", undefined);
  };

  // It changes with every measurement of the network; only another network is another address.
  #rerouted = () => {
    const type = this.#network?.type;
    if (type === this.#networkType) return;
    this.#networkType = type;
    this.#wake("rerouted");
    this.emit("rerouted", undefined);
  };

  #hurry() {
    if (this.#retry.running) this.#connect();
  }

  /** @param {string} reason */
  #wake(reason) {
    if (this.#retry.running) this.#connect();
    else if (this.status === "connected") this.emit("wake", reason);
  }

  // A machine that sleeps stops its timers: a beat that comes far too late tells of it.
  #beat() {
    this.#lastBeat = this.#clock.now();
    this.#heart.set(HEARTBEAT, () => {
      if (this.#clock.now() - this.#lastBeat > SLEPT) this.#wake("slept");
      this.#beat();
    });
  }

  /** @param {Status} status */
  #become(status) {
    if (status === this.status) return;
    this.status = status;
    this.emit("status", status);
  }
}

/**
 * Closes a socket and is deaf to it from here on: what an abandoned one still says (`left`:
 * `replaced`) is not meant for us.
 *
 * @param {WebSocket | null} socket
 */
function drop(socket) {
  if (!socket) return;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
}
