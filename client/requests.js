import { Timer } from "./clock.js";

export const ANSWER_WITHIN = 10_000;

/** @typedef {import("./frames.js").Frame} Frame */

/**
 * `code` is one of the server's (`room-full`, `not-in-room`, …) or of the client's own: `timeout`,
 * `offline`, `too-large`, `already-joined`, `left` (before having been let in).
 */
export class SignalingError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{roomId?: string, to?: string, retryAfter?: number}} [about]
   */
  constructor(code, message, about = {}) {
    super(message);
    this.name = "SignalingError";
    this.code = code;
    this.roomId = about.roomId;
    this.to = about.to;
    /** Seconds until it may be tried again, with `rate-limited`. */
    this.retryAfter = about.retryAfter;
  }
}

/**
 * Answers find their requests through `id`; every request is settled exactly once. One that stays
 * unanswered is sent a second time when half of its time is over: a join, a leave and a ping do
 * nothing twice.
 */
export class Requests {
  #send;
  #clock;
  #last = 0;
  /** @type {Map<string, {settle: (outcome: Frame | SignalingError) => void, timer: Timer}>} */
  #pending = new Map();

  /**
   * @param {(message: Frame) => void} send throws when nothing can be sent
   * @param {import("./clock.js").Clock} clock
   */
  constructor(send, clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Nothing is waited for. */
  get idle() {
    return this.#pending.size === 0;
  }

  nextId() {
    this.#last += 1;
    return String(this.#last);
  }

  /**
   * @param {Frame} message
   * @param {(outcome: Frame | SignalingError) => void} settle called once: with the answer, the
   *   server's refusal, `timeout`, or `offline` when the socket is not there or goes away
   * @param {number} [within]
   * @returns {string} the request's id
   */
  ask(message, settle, within = ANSWER_WITHIN) {
    const id = this.nextId();
    const timer = new Timer(this.#clock);
    this.#pending.set(id, { settle, timer });
    const error = new SignalingError("timeout", "The server did not answer in time.");
    timer.deadline(within / 2, () => {
      timer.deadline(within / 2, () => this.settle(id, error));
      this.#post({ ...message, id });
    });
    this.#post({ ...message, id });
    return id;
  }

  /** @param {Frame} message */
  #post(message) {
    try {
      this.#send(message);
    } catch (error) {
      queueMicrotask(() => this.settle(message.id, /** @type {SignalingError} */ (error)));
    }
  }

  /**
   * @param {string} id
   * @param {Frame | SignalingError} outcome
   * @returns {boolean} false when nobody waits for it: an echo, or too late
   */
  settle(id, outcome) {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    this.#pending.delete(id);
    pending.timer.stop();
    pending.settle(outcome);
    return true;
  }

  /** Answers do not follow to another socket. */
  abandon() {
    for (const id of [...this.#pending.keys()]) this.settle(id, offline());
  }
}

export const offline = () => new SignalingError("offline", "There is no connection to the server.");
