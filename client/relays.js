const REMEMBERED = 200;

/** Signals and broadcasts: they go out, and are answered only when they fail. */
export class Relays {
  #send;
  #clock;
  #passedAt = 0;
  /** @type {Map<string, string | undefined>} to whom the latest went, by the id of each */
  #recipients = new Map();

  /**
   * @param {(frame: import("./frames.js").Frame) => void} send throws when nothing can be sent
   * @param {import("./clock.js").Clock} clock
   */
  constructor(send, clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Milliseconds since the latest one went. */
  get quietFor() {
    return this.#clock.now() - this.#passedAt;
  }

  /** @param {import("./frames.js").Frame} frame */
  pass(frame) {
    this.#send(frame);
    this.#passedAt = this.#clock.now();
    this.#recipients.set(frame.id, frame.to);
    const [oldest] = this.#recipients.keys();
    if (this.#recipients.size > REMEMBERED) this.#recipients.delete(oldest);
  }

  /**
   * @param {string} id
   * @returns {{to?: string} | null} the one that failed, null for any other and for an echo
   */
  fail(id) {
    const to = this.#recipients.get(id);
    return this.#recipients.delete(id) ? { to } : null;
  }
}
