// The sender's side of a transfer; what the two say stands in transfers.js.

import { Transfer, WINDOW, reasonOf } from "./transfers.js";

const PIECE = 1024 * 1024; // read, and hashed, at once

/**
 * @typedef {import("./carrier.js").Carrier} Carrier
 * @typedef {import("./transfers.js").Parts} Parts
 * @typedef {import("./transfers.js").Reason} Reason
 */

export class Outgoing extends Transfer {
  #file;
  #hasher;
  #lanes;
  #written = 0;
  /** Whether they know how it ended. */
  #told = false;
  /** @type {() => void} */
  #more = () => {};

  /**
   * @param {string} clientId
   * @param {File} file
   * @param {Parts & {lanes: import("./lanes.js").Lanes}} parts
   */
  constructor(clientId, file, parts) {
    const { name, size, lastModified: modified } = file;
    super("out", clientId, { id: crypto.randomUUID(), name, size, modified }, parts);
    this.#file = file;
    this.#hasher = parts.depot.hasher();
    this.#lanes = parts.lanes;
  }

  /** Whether there is something to say on a new channel. */
  get wantsCarrier() {
    return !this.carrier && (!this.isOver || (this.state === "ended" && !this.#told));
  }

  /** @param {Carrier} carrier */
  offer(carrier) {
    const opened = () => this.#open(carrier);
    const heard = (/** @type {any} */ message) => this.#heard(carrier, message);
    const closed = (/** @type {string} */ code) => (code ? this.end("not-sealed") : this.lost());
    this.carry(carrier, { opened, heard, closed, came: () => this.cancel("bad-message") });
    if (carrier.isOpen) opened();
  }

  lost() {
    super.lost();
    this.#more();
  }

  /**
   * @param {Reason} reason
   * @param {boolean} [byThem]
   */
  end(reason, byThem = false) {
    this.#told = byThem || Boolean(this.carrier?.isOpen);
    super.end(reason, byThem);
    this.#close();
  }

  #close() {
    this.#more();
    void this.#hasher.close();
  }

  /** @param {Carrier} carrier */
  #open(carrier) {
    const { id, name, size, modified } = this;
    carrier.say({ type: "offer", id, name, size, modified });
    if (!this.isOver) return;
    carrier.say({ type: "cancel", reason: this.reason }); // it ended while nobody could be told
    this.#told = true;
    this.hangUp();
  }

  /**
   * @param {Carrier} carrier
   * @param {any} message
   */
  #heard(carrier, message) {
    if (message.type === "accept") void this.#move(carrier, message);
    else if (message.type === "received") this.#received(message.offset);
    else if (message.type === "done") this.#done();
    else if (message.type === "cancel") this.end(reasonOf(message), true);
  }

  /** @param {unknown} offset */
  #received(offset) {
    if (!this.#fits(offset)) return this.cancel("bad-message");
    this.#written = offset;
    this.progress(offset);
    this.#more();
  }

  #done() {
    if (this.isOver) return;
    this.moved = this.size;
    this.become("done");
    this.hangUp();
    this.#close();
  }

  /**
   * @param {unknown} offset
   * @returns {offset is number}
   */
  #fits(offset) {
    return Number.isSafeInteger(offset) && Number(offset) >= 0 && Number(offset) <= this.size;
  }

  /**
   * @param {Carrier} carrier
   * @param {{offset: unknown, sha256: unknown}} accepted
   */
  async #move(carrier, { offset, sha256 }) {
    const expected = this.state === "offered" || this.state === "waiting";
    if (!expected || !this.#fits(offset)) return this.cancel("bad-message");
    this.become("queued");
    await this.#lanes.enter();
    try {
      if (carrier === this.carrier) await this.#begin(carrier, offset, sha256);
    } catch {
      // The file was changed, moved or removed since it was chosen.
      if (carrier === this.carrier) this.cancel("unreadable");
    } finally {
      this.#lanes.leave();
    }
  }

  /**
   * @param {Carrier} carrier
   * @param {number} offset
   * @param {unknown} sha256
   */
  async #begin(carrier, offset, sha256) {
    const from = await this.#verify(offset, sha256);
    if (carrier !== this.carrier) return;
    carrier.say({ type: "begin", offset: from });
    this.#received(from);
    this.become("moving");
    await this.#pour(carrier, from);
  }

  /**
   * From where on: behind what they have, if it is the beginning of this file.
   *
   * @param {number} offset
   * @param {unknown} sha256
   */
  async #verify(offset, sha256) {
    if (offset > 0) this.become("checking");
    const own = await this.#hasher.rehash(this.#file, offset);
    if (offset === 0 || own === sha256) return offset;
    await this.#hasher.rehash(this.#file, 0);
    return 0;
  }

  /**
   * @param {Carrier} carrier
   * @param {number} from
   */
  async #pour(carrier, from) {
    let next = this.#read(from);
    let hashing = Promise.resolve(0);
    for (let at = from; at < this.size; ) {
      const piece = await next;
      next = this.#read(at + piece.length);
      next.catch(() => {}); // told when its turn comes
      if (!(await this.#give(carrier, piece, at))) return;
      at += piece.length;
      await hashing;
      hashing = this.#hasher.update(piece);
    }
    const digest = await this.#hasher.digest();
    if (carrier !== this.carrier) return;
    this.sha256 = digest;
    carrier.say({ type: "end", sha256: digest });
  }

  /** @param {number} at */
  async #read(at) {
    return new Uint8Array(await this.#file.slice(at, at + PIECE).arrayBuffer());
  }

  /**
   * @param {Carrier} carrier
   * @param {Uint8Array<ArrayBuffer>} piece
   * @param {number} at
   * @returns {Promise<boolean>} false when the transfer or its carrier is over
   */
  async #give(carrier, piece, at) {
    for (let done = 0; done < piece.length; ) {
      const chunk = piece.subarray(done, done + carrier.chunk);
      while (carrier === this.carrier && at + done - this.#written > WINDOW) await this.#hearMore();
      if (carrier !== this.carrier) return false;
      await carrier.give(chunk);
      done += chunk.length;
    }
    return carrier === this.carrier;
  }

  #hearMore() {
    return new Promise((/** @type {(value: void) => void} */ resolve) => (this.#more = resolve));
  }
}
