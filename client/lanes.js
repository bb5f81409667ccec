// A few at a time: many at once are no faster, and each takes memory.

export class Lanes {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} count */
  constructor(count) {
    this.#free = count;
  }

  /** Waits until a lane is free; who has one gives it back with `leave`. */
  async enter() {
    this.#free -= 1;
    if (this.#free < 0) await new Promise((/** @type {(value: void) => void} */ go) => this.#waiting.push(go));
  }

  leave() {
    this.#free += 1;
    this.#waiting.shift()?.();
  }
}
