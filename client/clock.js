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

/**
 * One timer that can be set, set anew and stopped; a deadline that has been set anew is forgotten.
 */
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

  stop() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
