// How fast something moves, and how long it will take: over the last seconds, so that a pause shows.

const WINDOW = 5_000;
const EVERY = 200;

export class Pace {
  #clock;
  /** @type {{at: number, moved: number}[]} */
  #samples = [];

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {number} moved bytes, in all */
  note(moved) {
    const at = this.#clock.now();
    const last = this.#samples.at(-1);
    if (last && last.at + EVERY > at && this.#samples.length > 1) last.moved = moved;
    else this.#samples.push({ at, moved });
    while (this.#samples.length > 2 && this.#samples[0].at < at - WINDOW) this.#samples.shift();
  }

  /** After a pause: what was before says nothing about what comes. */
  reset() {
    this.#samples = [];
  }

  /** Bytes per second; 0 until it is known. */
  get speed() {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.moved === first.moved) return 0;
    return ((last.moved - first.moved) * 1_000) / Math.max(this.#clock.now() - first.at, EVERY);
  }
}
