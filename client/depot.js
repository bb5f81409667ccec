// Where received files lie: on disk in the origin private file system, or in a file that somebody
// chose, or, where the browser can do neither, in memory. Hashes are made on the way.

const MEMORY = 256 * 1024 * 1024;
const DAY = 24 * 60 * 60 * 1_000;
const RECORD = ".parley-file.json";
const BYTES = ".parley-file";

/**
 * @typedef {object} Kept what is remembered about a received file while it is here
 * @property {string} key
 * @property {string} id the transfer's
 * @property {string} clientId whose it is
 * @property {string} roomId
 * @property {string} from their name
 * @property {string} name
 * @property {number} size bytes
 * @property {number} modified milliseconds, of the sender's clock
 * @property {number} at when it was accepted
 * @property {string} sha256 empty until all of it is here and verified
 *
 * @typedef {"no-space" | "too-large" | "disk"} DepotCode
 */

/** There is no place for a file: `no-space`, `too-large` (for memory), or `disk` does not work. */
export class DepotError extends Error {
  /**
   * @param {DepotCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "DepotError";
    this.code = code;
  }
}

/** The Worker, as something to call. */
class Bench {
  #worker = new Worker(new URL("depot-worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
  #calls = new Map();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { call, result, error } }) => {
      const { resolve, reject } = this.#calls.get(call) ?? {};
      this.#calls.delete(call);
      if (error) reject?.(Object.assign(new Error(error.message), { name: error.name }));
      else resolve?.(result);
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#calls.values()) reject(new Error(message));
    };
  }

  /**
   * @param {string} op
   * @param {object} more
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  call(op, more, transfer = []) {
    this.#last += 1;
    const call = this.#last;
    this.#worker.postMessage({ call, op, ...more }, transfer);
    return new Promise((resolve, reject) => this.#calls.set(call, { resolve, reject }));
  }

  end() {
    this.#worker.terminate();
  }
}

let slots = 0;

/** A hash of what passes. */
export class Hasher {
  #bench;
  #slot;

  /** @param {Bench} bench */
  constructor(bench) {
    this.#bench = bench;
    slots += 1;
    this.#slot = slots;
  }

  /**
   * @param {string} op
   * @param {object} [more]
   * @param {Transferable[]} [transfer]
   */
  call(op, more = {}, transfer = []) {
    return this.#bench.call(op, { slot: this.#slot, ...more }, transfer);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes the caller's no more
   * @returns {Promise<number>} how many there were, in all
   */
  update(bytes) {
    const whole = bytes.byteLength === bytes.buffer.byteLength;
    return this.call("write", { bytes }, whole ? [bytes.buffer] : []);
  }

  /**
   * Starts over, with the beginning of a file.
   *
   * @param {Blob} file
   * @param {number} end
   * @returns {Promise<string>} its digest
   */
  rehash(file, end) {
    return this.call("rehash", { file, end });
  }

  /** @returns {Promise<string>} of all that passed */
  digest() {
    return this.call("digest");
  }

  close() {
    return this.call("close");
  }
}

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
class StoredSink {
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
class ChosenSink {
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
class MemorySink {
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

/** One for a page; rooms come and go. */
export class Depot {
  /** @type {Bench | null} */
  #made = null;
  /** @type {Map<string, () => void>} what no other tab may touch */
  #locks = new Map();

  /** For what is sent. */
  hasher() {
    return new Hasher(this.#bench);
  }

  /**
   * A place for a file, or the one where the beginning of it lies.
   *
   * @param {Kept} kept
   * @param {FileSystemFileHandle | null} [chosen]
   * @returns {Promise<Sink>} rejects with a `DepotError`
   */
  async open(kept, chosen = null) {
    try {
      if (chosen) return await new ChosenSink(this.hasher(), chosen).open();
      if (await this.#stores()) return await this.#store(kept);
    } catch (error) {
      throw depotError(error);
    }
    if (kept.size > MEMORY) {
      throw new DepotError("too-large", "This browser cannot write to disk here: 256 MB is the most.");
    }
    return new MemorySink(this.hasher());
  }

  /**
   * What earlier pages of this browser left here, to be resumed or saved. What is older than a day
   * goes; what another tab has in hand is not touched.
   *
   * @returns {Promise<Kept[]>}
   */
  async kept() {
    if (!(await this.#stores())) return [];
    const held = (await navigator.locks?.query())?.held?.map(({ name }) => name) ?? [];
    /** @type {Kept[]} */
    const found = (await this.#bench.call("list", { ending: RECORD })).flatMap(parse);
    const free = found.filter(({ key }) => !held.includes(lockName(key)));
    const old = free.filter(({ at }) => at < Date.now() - DAY);
    for (const { key } of old) await this.remove(key);
    const here = free.filter((kept) => !old.includes(kept));
    for (const { key } of here) await this.#lock(key);
    return here;
  }

  /** @param {Kept} kept */
  async keep(kept) {
    if (!(await this.#stores())) return;
    await this.#bench.call("keep", { name: kept.key + RECORD, text: JSON.stringify(kept) });
  }

  /** @param {string} key */
  async read(key) {
    const folder = await navigator.storage.getDirectory();
    return (await folder.getFileHandle(key + BYTES)).getFile();
  }

  /** @param {string} key */
  async remove(key) {
    if (await this.#stores()) {
      await this.#bench.call("remove", { names: [key + BYTES, key + RECORD] });
    }
    this.#locks.get(key)?.();
    this.#locks.delete(key);
  }

  /** The page goes; what is here stays for the next one. */
  close() {
    this.#made?.end();
    this.#made = null;
    for (const unlock of this.#locks.values()) unlock();
    this.#locks.clear();
  }

  get #bench() {
    this.#made ??= new Bench();
    return this.#made;
  }

  /** Private windows of some browsers have no place. */
  async #stores() {
    try {
      await navigator.storage.getDirectory();
      return true;
    } catch {
      return false;
    }
  }

  /** @param {Kept} kept */
  async #store(kept) {
    await this.#lock(kept.key);
    const { quota = Infinity, usage = 0 } = (await navigator.storage.estimate?.()) ?? {};
    const sink = await new StoredSink(this.hasher(), this, kept.key).open();
    if (kept.size - sink.at > quota - usage) {
      await sink.discard();
      throw new DepotError("no-space", "There is not enough space left on this device.");
    }
    await this.keep(kept);
    return sink;
  }

  /** @param {string} key */
  #lock(key) {
    if (this.#locks.has(key) || !navigator.locks) return;
    return new Promise((/** @type {(value: void) => void} */ locked) => {
      void navigator.locks.request(lockName(key), () => {
        locked();
        return new Promise((/** @type {(value: void) => void} */ free) => this.#locks.set(key, free));
      });
    });
  }
}

const lockName = (/** @type {string} */ key) => `parley:file:${key}`;

/** @param {string} text */
function parse(text) {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

/** @param {any} error */
export function depotError(error) {
  if (error instanceof DepotError) return error;
  if (error?.name === "QuotaExceededError") {
    return new DepotError("no-space", "There is not enough space left on this device.");
  }
  return new DepotError("disk", "The file could not be written here.");
}
