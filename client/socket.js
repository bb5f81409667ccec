import { Emitter } from "./emitter.js";
import { Timer, systemClock } from "./clock.js";

/** @typedef {"connected" | "connecting" | "offline"} Status */
/** @typedef {Pick<EventTarget, "addEventListener" | "removeEventListener">} Page */

export const LONGEST_DELAY = 15_000;
const OPEN = 1; // WebSocket.OPEN
const FIRST_DELAY = 1_000;
const OPENING = 10_000;
const HEARTBEAT = 30_000;
const SLEPT = 90_000; // background pages get their timers once a minute: that is no sleep yet
// `visibilitychange` is the document's and bubbles to the window.
const WAKING = ["online", "visibilitychange", "pageshow"];

/**
 * A WebSocket that comes back: with exponential backoff and full jitter, 15 s at most between two
 * tries, and at once when the network returns, the page is looked at, or the machine wakes up.
 *
 * Events: `open` (a new socket: say again who you are), `frame` (the text of one frame),
 * `status`, and `wake` (the socket may have died unnoticed: worth a ping).
 *
 * `status` is "connecting" during the first try after a loss and "offline" when that has failed,
 * until one succeeds: it does not flicker with every try.
 *
 * @extends {Emitter<{open: void, frame: string, status: Status, wake: void}>}
 */
export class ReconnectingSocket extends Emitter {
  /** @type {Status} */
  status = "offline";
  #url;
  #clock;
  #WebSocket;
  #page;
  #wanted = false;
  #failures = 0;
  #lastBeat = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  #retry;
  #opening;
  #heart;

  /**
   * @param {string} url
   * @param {{WebSocket?: typeof WebSocket, page?: Page, clock?: import("./clock.js").Clock}} [parts]
   */
  constructor(url, parts = {}) {
    super();
    this.#url = url;
    this.#clock = parts.clock ?? systemClock;
    this.#WebSocket = parts.WebSocket ?? globalThis.WebSocket;
    this.#page = parts.page ?? globalThis.window ?? new EventTarget();
    this.#retry = new Timer(this.#clock);
    this.#opening = new Timer(this.#clock);
    this.#heart = new Timer(this.#clock);
  }

  /** Opens the socket, and opens it again whenever it is lost, until `close`. */
  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    for (const type of WAKING) this.#page.addEventListener(type, this.#woken);
    this.#beat();
    this.#connect();
  }

  close() {
    this.#wanted = false;
    this.#failures = 0;
    for (const type of WAKING) this.#page.removeEventListener(type, this.#woken);
    for (const timer of [this.#retry, this.#heart]) timer.stop();
    this.#abandon();
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

  #connect() {
    this.#retry.stop();
    if (this.#failures === 0) this.#become("connecting");
    const socket = new this.#WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = () => this.replace();
    this.#opening.set(OPENING, () => this.replace());
  }

  #opened() {
    this.#opening.stop();
    this.#become("connected");
    this.emit("open", undefined);
  }

  /** @param {unknown} data */
  #received(data) {
    // Only an answer proves the way to be good: a socket that opens and closes keeps backing off.
    this.#failures = 0;
    if (typeof data === "string") this.emit("frame", data);
  }

  #abandon() {
    this.#opening.stop();
    const socket = this.#socket;
    if (!socket) return;
    // Deaf from here on: what an abandoned socket still says (left: replaced) is not meant for us.
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    socket.close();
  }

  #lost() {
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures);
    this.#become(this.#failures === 0 && this.status === "connected" ? "connecting" : "offline");
    this.#failures += 1;
    this.#retry.set(this.#clock.random() * ceiling, () => this.#connect());
  }

  #woken = () => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#retry.running) this.#connect();
    else if (this.status === "connected") this.emit("wake", undefined);
  };

  // A machine that sleeps stops its timers: a beat that comes far too late tells of it.
  #beat() {
    this.#lastBeat = this.#clock.now();
    this.#heart.set(HEARTBEAT, () => {
      if (this.#clock.now() - this.#lastBeat > SLEPT) this.#woken();
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
