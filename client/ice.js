// The ICE servers of a stay in a room, asked for anew before the credentials in them run out.

import { Timer } from "./clock.js";

const RENEWED_AT = 0.9; // of their time
const ASKED_AGAIN_AT = 0.02; // of their time after a failure, or a minute
const MINUTE = 60_000;

/**
 * @typedef {object} Grant
 * @property {RTCIceServer[]} iceServers
 * @property {number} [iceServersTtl] seconds for which the credentials work; without it, for ever
 */

export class IceServers {
  /** @type {RTCIceServer[]} */
  list = [];
  #renew;
  #changed;
  #timer;
  #time = Infinity;

  /**
   * @param {() => Promise<Grant>} renew
   * @param {() => void} changed
   * @param {import("./clock.js").Clock} clock
   */
  constructor(renew, changed, clock) {
    this.#renew = renew;
    this.#changed = changed;
    this.#timer = new Timer(clock);
  }

  /** Is there any TURN server? */
  get canRelay() {
    return this.list.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
  }

  /** @param {Grant} grant */
  take({ iceServers, iceServersTtl = Infinity }) {
    const changed = JSON.stringify(iceServers) !== JSON.stringify(this.list);
    this.list = iceServers;
    this.#time = iceServersTtl * 1_000;
    this.#ask(this.#time * RENEWED_AT);
    if (changed) this.#changed();
  }

  stop() {
    this.#timer.stop();
    this.#time = Infinity;
  }

  /** @param {number} milliseconds */
  #ask(milliseconds) {
    this.#timer.stop();
    if (Number.isFinite(milliseconds)) this.#timer.set(milliseconds, () => void this.#refresh());
  }

  async #refresh() {
    try {
      const grant = await this.#renew();
      if (Number.isFinite(this.#time)) this.take(grant);
    } catch {
      // Without signaling there is nothing to be had; the next `joined` brings newer ones anyway.
      if (!this.#timer.running) this.#ask(Math.min(MINUTE, this.#time * ASKED_AGAIN_AT));
    }
  }
}
