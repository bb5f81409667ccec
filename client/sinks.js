// Where the bytes of one received file go. Each sink does one thing after the other, in the order in
// which it was asked, and hashes what it writes.

import { Hasher } from "./hasher.js";

/** @typedef {import("./depot.js").Depot} Depot */

export const BYTES = ".parley-file";

/**
 * Where one file goes.
 *
 * @typedef {object} Sink
 * @property {number} at how much is there, when it is opened
 * @property {(bytes: Uint8Array<ArrayBuffer>) => Promise<number>} write how much is there, then; the
 *   bytes are the caller's no more
 * @property {() => Promise<string>} digest SHA-256 of what is there
 * @property {() => Promise<void>} empty
 * @property {() => Promise<Blob | null>} finish all of it is there; null where it lies in a file
 *   that somebody chose
 * @property {() => Promise<void>} discard nothing stays
 */

/** @implements {Sink} */
export class StoredSink {
  at = 0;
  #hasher;
  #shelf;
  #key;

  /**
   * @param {Hasher} hasher
   * @param {Depot} shelf
   * @param {string} key
   */
  constructor(hasher, shelf, key) {
    this.#hasher = hasher;
    this.#shelf = shelf;
    this.#key = key;
  }

  async open() {
    this.at = await this.#hasher.call("open", { name: this.#key + BYTES });
    return this;
  }

  write = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => this.#hasher.update(bytes);
  digest = () => this.#hasher.digest();
  empty = () => this.#hasher.call("empty");

  async finish() {
    await this.#hasher.close();
    return this.#shelf.read(this.#key);
  }

  async discard() {
    await this.#hasher.close();
    await this.#shelf.remove(this.#key);
  }
}

/** @implements {Sink} */
export class ChosenSink {
  at = 0;
  #hasher;
  #handle;
  /** @type {FileSystemWritableFileStream | null} */
  #stream = null;

  /**
   * @param {Hasher} hasher
   * @param {FileSystemFileHandle} handle
   */
  constructor(hasher, handle) {
    this.#hasher = hasher;
    this.#handle = handle;
  }

  async open() {
    this.#stream = await this.#handle.createWritable();
    return this;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  async write(bytes) {
    const written = this.#stream?.write(bytes.slice());
    const at = await this.#hasher.update(bytes);
    await written;
    return at;
  }

  digest = () => this.#hasher.digest();

  async empty() {
    const emptied = this.#hasher.call("empty"); // no write may come in between
    await Promise.all([emptied, this.#stream?.truncate(0), this.#stream?.seek(0)]);
  }

  async finish() {
    await this.#hasher.close();
    await this.#stream?.close();
    return null;
  }

  async discard() {
    await this.#hasher.close();
    await this.#stream?.abort();
    // The browser made an empty file when it was chosen. Where it cannot be removed, it stays empty.
    await /** @type {any} */ (this.#handle).remove?.();
  }
}

/** @implements {Sink} */
export class MemorySink {
  at = 0;
  /** @type {Blob[]} */
  #parts = [];
  #hasher;

  /** @param {Hasher} hasher */
  constructor(hasher) {
    this.#hasher = hasher;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  write(bytes) {
    this.#parts.push(new Blob([bytes]));
    return this.#hasher.update(bytes);
  }

  digest = () => this.#hasher.digest();

  async empty() {
    this.#parts = [];
    await this.#hasher.call("empty");
  }

  async finish() {
    await this.#hasher.close();
    return new Blob(this.#parts.splice(0));
  }

  async discard() {
    this.#parts = [];
    await this.#hasher.close();
  }
}
