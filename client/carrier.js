// One data channel for one file. Messages and the file's bytes share its order; how much waits in it
// follows its speed, so that a word said later (cancel, or chat on another channel) is not kept
// waiting for long.
//
// What travels: messages as JSON text, bytes as binary frames. Where the room has a passphrase, both
// are sealed in a stream named after the channel's label, each a binary frame; its first byte tells
// which (0 a message, 1 bytes).

import { Pace } from "./pace.js";
import { systemClock } from "./clock.js";

const KIB = 1024;
const SMALLEST = 16 * KIB; // what every browser takes
const LARGEST = 255 * KIB; // Chromium's largest message is 256 KiB
const OVERHEAD = 1 * KIB; // a seal makes a frame 33 bytes longer
const ASSUMED = 64 * KIB; // the largest message where the other side does not tell (RFC 8841, 6.1)
const LEAST_WAITING = 256 * KIB;
const MOST_WAITING = 4096 * KIB;
const MESSAGE = 0;
const BYTES = 1;
const CHUNK_LASTS = 0.05; // seconds: chat waits for one chunk at most

/**
 * @typedef {import("./sealing.js").SealedStream} SealedStream
 *
 * @typedef {object} Listener
 * @property {() => void} [opened]
 * @property {(message: any) => void} heard
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} came
 * @property {(code: "" | "not-sealed") => void} closed once, whoever closed it; `not-sealed`: the two
 *   do not share a passphrase
 */

export class Carrier {
  /** @type {Listener} */
  listener = DEAF;
  #channel;
  #limit;
  #pace;
  #sent = 0;
  #closed = false;
  /** @type {SealedStream | null} */
  #stream = null;
  /** One after the other, however long each takes to seal or to open. @type {Promise<void>} */
  #leaving;
  /** @type {Promise<void>} */
  #coming;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {RTCDataChannel} channel
   * @param {object} [options]
   * @param {number} [options.limit] the largest message that the other side takes
   * @param {Promise<SealedStream | null>} [options.sealing] null where there is no passphrase
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor(channel, { limit = ASSUMED, sealing = Promise.resolve(null), clock = systemClock } = {}) {
    this.#channel = channel;
    this.#limit = Math.max(Math.min(LARGEST, limit - OVERHEAD), SMALLEST - OVERHEAD);
    this.#pace = new Pace(clock);
    const ready = sealing.then((stream) => void (this.#stream = stream));
    this.#coming = ready.catch(() => this.#end("not-sealed"));
    this.#leaving = this.#coming;
    channel.binaryType = "arraybuffer";
    channel.onopen = () => this.listener.opened?.();
    channel.onmessage = ({ data }) => this.#take(data);
    channel.onbufferedamountlow = () => this.#release();
    channel.onclose = channel.onerror = () => {
      this.#coming = this.#coming.then(() => this.#end()); // behind what came before
    };
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
    const text = JSON.stringify(message);
    void this.#leave(() => this.#stream?.seal(frame(MESSAGE, new TextEncoder().encode(text))) ?? text);
  }

  /**
   * Sends bytes, at most `chunk`.
   *
   * @param {Uint8Array<ArrayBuffer>} bytes free to be changed once this is settled
   * @returns {Promise<void>} when there is room for more, or when the channel has closed
   */
  async give(bytes) {
    await this.#leave(() => this.#stream?.seal(frame(BYTES, bytes)) ?? bytes);
    this.#sent += bytes.length;
    this.#pace.note(this.#sent - this.#channel.bufferedAmount);
    await this.#room();
  }

  /** Nothing is heard any more. What was said still goes out. */
  close() {
    this.listener = DEAF;
    this.#end();
  }

  // ---- out

  /** @param {() => Frame | Promise<Frame>} make */
  #leave(make) {
    this.#leaving = this.#leaving.then(async () => this.#transmit(await make())).catch(() => this.#end());
    return this.#leaving;
  }

  /** @param {Frame} data */
  #transmit(data) {
    // Throws when the buffer is full, or the channel has just closed.
    if (this.#channel.readyState === "open") this.#channel.send(/** @type {any} */ (data));
  }

  /** Half a second's worth may wait, within bounds. */
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
    this.#coming = this.#coming.then(() => this.#unwrap(data)).catch(() => this.#end());
  }

  /** @param {string | ArrayBuffer} data */
  async #unwrap(data) {
    if (this.#stream) {
      const plain = await this.#stream.open(typeof data === "string" ? null : new Uint8Array(data));
      if (plain[0] === MESSAGE) this.#hear(new TextDecoder().decode(plain.subarray(1)));
      else this.listener.came(plain.subarray(1));
    } else if (typeof data === "string") this.#hear(data);
    else this.listener.came(new Uint8Array(data));
  }

  /** @param {string} text rejected by `JSON.parse`, it ends the channel */
  #hear(text) {
    const message = JSON.parse(text);
    if (message !== null && typeof message === "object") this.listener.heard(message);
  }

  /** @param {"" | "not-sealed"} [code] */
  #end(code = "") {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
    this.listener.closed(code);
    void this.#leaving.then(() => this.#channel.close());
  }
}

/** @typedef {string | Uint8Array<ArrayBuffer>} Frame */

/** @type {Listener} */
const DEAF = { heard: () => {}, came: () => {}, closed: () => {} };

/**
 * @param {number} kind
 * @param {Uint8Array} bytes
 */
function frame(kind, bytes) {
  const whole = new Uint8Array(bytes.length + 1);
  whole[0] = kind;
  whole.set(bytes, 1);
  return whole;
}
