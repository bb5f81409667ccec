/**
 * Time and chance, passed in so that tests need not wait nor hope.
 *
 * @typedef {object} Clock
 * @property {() => number} now milliseconds
 * @property {() => number} random from 0 up to, not including, 1
 * @property {(callback: () => void, milliseconds: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer),
};

const LATE = 2_000;
const GRACE = 2_000;

/** One timer that can be set, set anew and stopped; what has been set anew is forgotten. */
export class Timer {
  #clock;
  /** @type {any} */
  #timer = null;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  get running() {
    return this.#timer !== null;
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} callback
   */
  set(milliseconds, callback) {
    this.stop();
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      callback();
    }, milliseconds);
  }

  /**
   * Like `set`, for a verdict on silence. When the machine slept or the page was frozen, what it
   * waits for may stand in line right behind this timer: then there is a moment of grace.
   *
   * @param {number} milliseconds
   * @param {() => void} callback
   */
  deadline(milliseconds, callback) {
    const due = this.#clock.now() + milliseconds;
    this.set(milliseconds, () => {
      if (this.#clock.now() - due > LATE) this.set(GRACE, callback);
      else callback();
    });
  }

  stop() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
