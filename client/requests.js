export const ANSWER_WITHIN = 10_000;

/** @typedef {Record<string, any>} Frame */

/**
 * `code` is one of the server's (`room-full`, `not-in-room`, …) or of the client's own: `timeout`,
 * `offline`, `too-large`, `already-joined`, `left` (before having been let in).
 */
export class SignalingError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{roomId?: string, to?: string}} [about]
   */
  constructor(code, message, about = {}) {
    super(message);
    this.name = "SignalingError";
    this.code = code;
    this.roomId = about.roomId;
    this.to = about.to;
  }
}

/** Answers find their requests through `id`; every request is settled exactly once. */
export class Requests {
  #clock;
  #last = 0;
  /** @type {Map<string, {settle: (outcome: Frame | SignalingError) => void, timer: any}>} */
  #pending = new Map();

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  nextId() {
    this.#last += 1;
    return String(this.#last);
  }

  /** @param {(outcome: Frame | SignalingError) => void} settle */
  expect(settle) {
    const id = this.nextId();
    const error = new SignalingError("timeout", "The server did not answer in time.");
    const timer = this.#clock.setTimeout(() => this.settle(id, error), ANSWER_WITHIN);
    this.#pending.set(id, { settle, timer });
    return id;
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
    this.#clock.clearTimeout(pending.timer);
    pending.settle(outcome);
    return true;
  }

  /** Answers do not follow to another socket. */
  abandon() {
    for (const id of [...this.#pending.keys()]) this.settle(id, offline());
  }
}

export const offline = () => new SignalingError("offline", "There is no connection to the server.");
