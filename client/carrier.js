// One data channel for one file. Messages and the file's bytes share its order; how much waits in it
// follows its speed, so that a word said later (cancel, or chat on another channel) is not kept
// waiting for long.
//
// What travels: messages as JSON text, bytes as binary frames. With a sealer, both sealed, as binary
// frames whose first byte tells which (0 a message, 1 bytes).

import { Pace } from "./pace.js";
import { systemClock } from "./clock.js";

const KIB = 1024;
const SMALLEST = 16 * KIB; // what every browser takes
const LARGEST = 255 * KIB; // Chromium's largest message is 256 KiB
const OVERHEAD = 1 * KIB; // a seal makes a frame longer
const ASSUMED = 64 * KIB; // the largest message where the other side does not tell (RFC 8841, 6.1)
const LEAST_WAITING = 256 * KIB;
const MOST_WAITING = 4096 * KIB;
const CHUNK_LASTS = 0.05; // seconds: chat waits for one chunk at most

/**
 * @typedef {object} Sealer
 * @property {(bytes: Uint8Array) => Promise<Uint8Array>} seal
 * @property {(bytes: Uint8Array) => Promise<Uint8Array>} open rejects what was not sealed by them
 *
 * @typedef {object} Listener
 * @property {() => void} [opened]
 * @property {(message: any) => void} heard
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} came
 * @property {() => void} closed once, whoever closed it
 */

export class Carrier {
  /** @type {Listener} */
  listener = { heard: () => {}, came: () => {}, closed: () => {} };
  #channel;
  #limit;
  #sealer;
  #pace;
  #sent = 0;
  #leaving = Promise.resolve();
  #coming = Promise.resolve();
  #closed = false;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {RTCDataChannel} channel
   * @param {object} [options]
   * @param {number} [options.limit] the largest message that the other side takes
   * @param {Sealer | null} [options.sealer]
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor(channel, { limit = ASSUMED, sealer = null, clock = systemClock } = {}) {
    this.#channel = channel;
    this.#limit = Math.max(Math.min(LARGEST, limit - OVERHEAD), SMALLEST - OVERHEAD);
    this.#sealer = sealer;
    this.#pace = new Pace(clock);
    channel.binaryType = "arraybuffer";
    channel.onopen = () => this.listener.opened?.();
    channel.onmessage = ({ data }) => this.#take(data);
    channel.onbufferedamountlow = () => this.#release();
    channel.onclose = channel.onerror = () => this.#end();
  }

  get isOpen() {
    return !this.#closed && this.#channel.readyState === "open";
  }

  /** How many bytes to give at once, now. */
  get chunk() {
    const wanted = Math.round((this.#pace.speed * CHUNK_LASTS) / KIB) * KIB;
    return Math.min(Math.max(wanted, SMALLEST - OVERHEAD), this.#limit);
  }

  /** @param {any} message anything that JSON can say */
  say(message) {
    if (!this.#sealer) return this.#transmit(JSON.stringify(message));
    const bytes = new TextEncoder().encode(JSON.stringify(message));
    this.#sealed(0, bytes);
  }

  /**
   * Sends bytes, at most `chunk`.
   *
   * @param {Uint8Array<ArrayBuffer>} bytes free to be changed once this is settled
   * @returns {Promise<void>} when there is room for more, or when the channel has closed
   */
  async give(bytes) {
    if (this.#sealer) await this.#sealed(1, bytes);
    else this.#transmit(bytes);
    this.#sent += bytes.length;
    this.#pace.note(this.#sent - this.#channel.bufferedAmount);
    await this.#room();
  }

  /** Nothing is heard any more. What was said still goes out. */
  close() {
    this.listener = { heard: () => {}, came: () => {}, closed: () => {} };
    this.#leaving = this.#leaving.then(() => this.#channel.close());
    this.#end();
  }

  // ---- out

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  #transmit(data) {
    if (this.#channel.readyState !== "open") return;
    try {
      this.#channel.send(/** @type {any} */ (data));
    } catch {
      this.#end(); // the buffer is full, or the channel has just closed
    }
  }

  /**
   * @param {number} kind
   * @param {Uint8Array} bytes
   */
  #sealed(kind, bytes) {
    const plain = new Uint8Array(bytes.length + 1);
    plain[0] = kind;
    plain.set(bytes, 1);
    this.#leaving = this.#leaving.then(async () => {
      const sealed = await this.#sealer?.seal(plain);
      if (sealed) this.#transmit(/** @type {Uint8Array<ArrayBuffer>} */ (sealed));
    });
    return this.#leaving;
  }

  /** Less than a second's worth may wait. */
  #room() {
    const most = Math.min(Math.max(this.#pace.speed / 2, LEAST_WAITING), MOST_WAITING);
    if (this.#closed || this.#channel.bufferedAmount < most) return;
    this.#channel.bufferedAmountLowThreshold = most / 2;
    return new Promise((/** @type {(value: void) => void} */ resolve) => this.#waiting.push(resolve));
  }

  #release() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  // ---- in

  /** @param {string | ArrayBuffer} data */
  #take(data) {
    if (this.#sealer) this.#coming = this.#coming.then(() => this.#unseal(data));
    else if (typeof data === "string") this.#hear(data);
    else this.listener.came(new Uint8Array(data));
  }

  /** @param {string | ArrayBuffer} data */
  async #unseal(data) {
    if (typeof data === "string" || !this.#sealer) return this.#end();
    try {
      const plain = /** @type {any} */ (await this.#sealer.open(new Uint8Array(data)));
      if (plain[0] === 0) this.#hear(new TextDecoder().decode(plain.subarray(1)));
      else this.listener.came(plain.subarray(1));
    } catch {
      this.#end();
    }
  }

  /** @param {string} text */
  #hear(text) {
    try {
      this.listener.heard(JSON.parse(text) ?? {});
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  #end() {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
    this.listener.closed();
  }
}
