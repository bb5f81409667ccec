// Where received files lie: on disk in the origin private file system, or in a file that somebody
// chose, or, where the browser can do neither, in memory. Hashes are made on the way.

import { Bench, Hasher } from "./hasher.js";
import { BYTES, ChosenSink, MemorySink, StoredSink } from "./sinks.js";

const MEMORY = 256 * 1024 * 1024;
const DAY = 24 * 60 * 60 * 1_000;
const RECORD = ".parley-file.json";

/**
 * @typedef {import("./sinks.js").Sink} Sink
 *
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
 * @property {boolean} saved whether it may go with the page
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
   * What earlier pages of this browser left here, to be resumed or saved. What was saved, or is older
   * than a day, goes; what another tab has in hand is not touched.
   *
   * @returns {Promise<Kept[]>}
   */
  async kept() {
    if (!(await this.#stores())) return [];
    const held = (await navigator.locks?.query())?.held?.map(({ name }) => name) ?? [];
    /** @type {Kept[]} */
    const found = (await records()).flatMap(parse);
    const free = found.filter(({ key }) => !held.includes(lockName(key)));
    const old = free.filter(({ at, saved }) => saved || at < Date.now() - DAY);
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
      const folder = await navigator.storage.getDirectory();
      for (const ending of [BYTES, RECORD]) await folder.removeEntry(key + ending).catch(ignoreMissing);
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

async function records() {
  const texts = [];
  for await (const [name, file] of /** @type {any} */ (await navigator.storage.getDirectory())) {
    if (name.endsWith(RECORD)) texts.push(await (await file.getFile()).text());
  }
  return texts;
}

/** @param {DOMException} error */
function ignoreMissing(error) {
  if (error.name !== "NotFoundError") throw error;
}

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
