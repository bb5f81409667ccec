// Where bytes are hashed and written, away from the page's own thread. Synchronous access to the
// origin private file system writes in place: what has arrived outlasts a reload.
//
// Each call is {call, op, slot?, …}, each answer {call, result} or {call, error}. Calls of one slot
// are answered in their order.

import { Sha256 } from "./sha256.js";

const PIECE = 4 * 1024 * 1024;
const MARKS = 32; // a sender is fewer pieces ahead of its receiver
const WAIT = 100;
const MOST_WAITS = 50;

/** One file on its way: a hash of what passed, and for a received one the place where it lies. */
class Slot {
  at = 0;
  hash = new Sha256();
  /** The hash at former places, so that one can go back there. @type {{at: number, hash: Sha256}[]} */
  marks = [];
  /** @type {any} a FileSystemSyncAccessHandle */
  handle = null;
  turn = Promise.resolve();

  /** Opens what is there of a file, or a new one, and hashes it. @param {{name: string}} call */
  async open({ name }) {
    const file = await (await root()).getFileHandle(name, { create: true });
    this.handle = await exclusively(file);
    const buffer = new Uint8Array(PIECE);
    const size = this.handle.getSize();
    while (this.at < size) this.#pass(buffer.subarray(0, this.handle.read(buffer, { at: this.at })));
    return this.at;
  }

  /** @param {{bytes: Uint8Array}} call */
  write({ bytes }) {
    for (let done = 0; this.handle && done < bytes.length; ) {
      done += this.handle.write(bytes.subarray(done), { at: this.at + done });
    }
    this.#pass(bytes);
    if (!this.handle) this.marks = [...this.marks, { at: this.at, hash: this.hash.clone() }].slice(-MARKS);
    return this.at;
  }

  /** Goes back to where a file ends here. @param {{file: Blob, end: number}} call */
  async rehash({ file, end }) {
    this.marks = this.marks.filter(({ at }) => at <= end);
    const { at, hash } = this.marks.at(-1) ?? { at: 0, hash: new Sha256() };
    this.at = at;
    this.hash = hash.clone();
    while (this.at < end) {
      const piece = file.slice(this.at, Math.min(this.at + PIECE, end));
      this.#pass(new Uint8Array(await piece.arrayBuffer()));
    }
    return this.hash.digest();
  }

  /** Forgets what there is: the other side has another file. */
  empty() {
    this.handle?.truncate(0);
    this.at = 0;
    this.hash = new Sha256();
  }

  digest() {
    return this.hash.digest();
  }

  close() {
    this.handle?.flush();
    this.handle?.close();
    this.handle = null;
  }

  /** @param {Uint8Array} bytes */
  #pass(bytes) {
    this.hash.update(bytes);
    this.at += bytes.length;
  }
}

const root = () => navigator.storage.getDirectory();

const shelf = {
  /** @param {{name: string, text: string}} call */
  async keep({ name, text }) {
    const file = await (await root()).getFileHandle(name, { create: true });
    const handle = await exclusively(file);
    handle.truncate(0);
    handle.write(new TextEncoder().encode(text), { at: 0 });
    handle.close();
  },

};

/**
 * A page that was just reloaded may still have it in hand.
 *
 * @param {FileSystemFileHandle} file
 */
async function exclusively(file) {
  for (let waits = 0; ; waits += 1) {
    try {
      return await /** @type {any} */ (file).createSyncAccessHandle();
    } catch (error) {
      const taken = /** @type {DOMException} */ (error).name === "NoModificationAllowedError";
      if (!taken || waits >= MOST_WAITS) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT));
    }
  }
}

/** @type {Map<number, Slot>} */
const slots = new Map();

/** @param {number} number */
function slotOf(number) {
  const slot = slots.get(number) ?? new Slot();
  slots.set(number, slot);
  return slot;
}

/** @param {any} call */
async function answer(call) {
  try {
    const place = /** @type {any} */ (call.slot === undefined ? shelf : slotOf(call.slot));
    postMessage({ call: call.call, result: await place[call.op](call) });
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    postMessage({ call: call.call, error: { name, message } });
  }
  if (call.op === "close") slots.delete(call.slot);
}

addEventListener("message", ({ data }) => {
  if (data.slot === undefined) return void answer(data);
  const slot = slotOf(data.slot);
  slot.turn = slot.turn.then(() => answer(data));
});
