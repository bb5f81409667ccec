// The receiver's side of a transfer; what the two say stands in transfers.js.

import { depotError } from "./depot.js";
import { safeName } from "./filenames.js";
import { Transfer, WINDOW, reasonOf } from "./transfers.js";

const TELL_EVERY = 250; // milliseconds
const TELL_BYTES = 256 * 1024;

/**
 * @typedef {import("./carrier.js").Carrier} Carrier
 * @typedef {import("./depot.js").Kept} Kept
 * @typedef {import("./sinks.js").Sink} Sink
 * @typedef {import("./transfers.js").Parts} Parts
 * @typedef {import("./transfers.js").Reason} Reason
 */

export class Incoming extends Transfer {
  #depot;
  #roomId;
  #at = 0;
  /** @type {FileSystemFileHandle | null} */
  #chosen = null;
  /** @type {Promise<Sink> | null} once it is accepted */
  #opening = null;
  /** @type {Sink | null} */
  #sink = null;
  #accepted = false;
  #arrived = 0;
  /** @type {Promise<unknown>} */
  #writing = Promise.resolve();
  #told = { at: 0, offset: 0 };
  /** @type {Blob | null} where the depot does not keep it */
  #blob = null;

  /**
   * @param {string} clientId
   * @param {{id: string, name: string, size: number, modified: number}} offer
   * @param {Parts & {roomId: string, from: string}} parts
   */
  constructor(clientId, offer, parts) {
    super("in", clientId, { ...offer, name: safeName(offer.name) }, parts);
    this.from = parts.from;
    this.#roomId = parts.roomId;
    this.#depot = parts.depot;
  }

  /**
   * What a former page accepted, and has kept all or the beginning of.
   *
   * @param {Kept} kept
   * @param {Parts} parts
   */
  static restore(kept, parts) {
    const restored = new Incoming(kept.clientId, kept, { ...parts, ...kept });
    restored.key = kept.key;
    restored.#at = kept.at;
    restored.#accepted = true;
    restored.sha256 = kept.sha256;
    restored.moved = kept.sha256 ? kept.size : 0;
    restored.state = kept.sha256 ? "done" : "waiting";
    return restored;
  }

  /**
   * Whether an offer is one of this file again, perhaps by a page that was reloaded.
   *
   * @param {string} clientId
   * @param {{id: string, name: string, size: number, modified: number}} offer
   */
  isOf(clientId, { id, name, size, modified }) {
    if (clientId !== this.clientId) return false;
    if (id === this.id) return true;
    if (this.state !== "waiting" || this.carrier) return false;
    return safeName(name) === this.name && size === this.size && modified === this.modified;
  }

  /**
   * @param {Carrier} carrier
   * @param {string} id
   */
  offered(carrier, id) {
    this.id = id;
    const heard = (/** @type {any} */ message) => this.#heard(message);
    const came = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => this.#came(bytes);
    this.carry(carrier, { heard, came, closed: () => this.lost() });
    if (this.isOver) this.#repeat(carrier);
    else if (this.#accepted) void this.#welcome();
  }

  /**
   * Lets it come; nothing is written before.
   *
   * @param {FileSystemFileHandle | null} [chosen] into this file
   * @returns {Promise<void>} rejects with a `DepotError`, and it can be accepted again
   */
  async accept(chosen = null) {
    if (this.state !== "offered" || this.#accepted) return;
    this.#accepted = true;
    this.#chosen = chosen;
    this.#at = this.now();
    try {
      await this.#opened();
    } catch (error) {
      this.#accepted = false;
      this.#opening = null;
      throw error;
    }
    if (this.isOver) return;
    this.become(this.carrier ? "queued" : "waiting");
    await this.#welcome();
  }

  /**
   * @param {Reason} reason
   * @param {boolean} [byThem]
   */
  end(reason, byThem = false) {
    const wasOver = this.isOver;
    super.end(reason, byThem);
    if (!wasOver) void this.#discard();
  }

  /** The file, once it is done; null where it lies in a file that somebody chose. */
  async file() {
    if (this.state !== "done" || this.#chosen) return null;
    return this.#blob ?? this.#depot.read(this.key);
  }

  /** It lies where somebody wanted it: it may go from here with the page. */
  async saved() {
    if (this.state === "done" && !this.#chosen) await this.#depot.keep({ ...this.#kept, saved: true });
  }

  /** Nothing of it stays in this browser. */
  async forget() {
    this.#blob = null;
    if (this.#accepted) await this.#depot.remove(this.key);
  }

  /** @returns {Kept} */
  get #kept() {
    const { key, id, clientId, from, name, size, modified, sha256 } = this;
    const more = { at: this.#at, roomId: this.#roomId, saved: false };
    return { key, id, clientId, from, name, size, modified, sha256, ...more };
  }

  #opened() {
    this.#opening ??= this.#depot.open(this.#kept, this.#chosen).then((sink) => {
      this.#arrived = sink.at;
      this.#sink = sink;
      return sink;
    });
    return this.#opening;
  }

  /** Tells the sender where to go on. */
  async #welcome() {
    const { carrier } = this;
    if (!carrier) return;
    try {
      const sink = await this.#opened();
      await this.#writing;
      const sha256 = this.#arrived > 0 ? await sink.digest() : "";
      if (carrier !== this.carrier) return;
      carrier.say({ type: "accept", offset: this.#arrived, sha256 });
      this.become("queued");
    } catch (error) {
      this.cancel(depotError(error).code);
    }
  }

  /** They did not hear how it ended. @param {Carrier} carrier */
  #repeat(carrier) {
    const { reason } = this;
    carrier.say(this.state === "done" ? { type: "done" } : { type: "cancel", reason });
    this.hangUp();
  }

  /** @param {any} message */
  #heard(message) {
    if (message.type === "begin") void this.#begin(message.offset);
    else if (message.type === "end") void this.#check(message.sha256);
    else if (message.type === "cancel") this.end(reasonOf(message), true);
  }

  /** @param {unknown} offset */
  #begin(offset) {
    if (!this.#sink || (offset !== 0 && offset !== this.#arrived)) return this.cancel("bad-message");
    if (offset !== this.#arrived) this.#write(this.#sink.empty(), 0);
    this.#told = { at: this.now(), offset: this.#arrived };
    this.become("moving");
    this.progress(this.#arrived);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  #came(bytes) {
    const arrived = this.#arrived + bytes.length;
    const fits = arrived <= this.size && arrived - this.moved <= 2 * WINDOW;
    if (!this.#sink || this.state !== "moving" || !fits) return this.cancel("bad-message");
    this.#write(this.#sink.write(bytes), arrived);
  }

  /**
   * @param {Promise<unknown>} writing a sink does one thing after the other
   * @param {number} arrived bytes, when it is done
   */
  #write(writing, arrived) {
    this.#arrived = arrived;
    this.#writing = writing.then(() => this.#wrote(arrived)).catch((error) => this.#failed(error));
  }

  /** @param {number} offset */
  #wrote(offset) {
    if (this.isOver) return;
    this.progress(offset);
    const late = this.now() - this.#told.at >= TELL_EVERY;
    if (!late && offset - this.#told.offset < TELL_BYTES && offset < this.size) return;
    this.#told = { at: this.now(), offset };
    this.carrier?.say({ type: "received", offset });
  }

  /** @param {unknown} error */
  #failed(error) {
    this.cancel(depotError(error).code);
  }

  /** @param {unknown} sha256 */
  async #check(sha256) {
    const sink = this.#sink;
    if (!sink || this.state !== "moving") return this.cancel("bad-message");
    this.become("checking");
    await this.#writing;
    if (this.isOver) return;
    try {
      const digest = await sink.digest();
      if (digest !== sha256 || this.#arrived !== this.size) return this.cancel("checksum");
      this.#blob = await sink.finish();
      this.sha256 = digest;
      if (!this.#chosen) await this.#depot.keep(this.#kept);
    } catch (error) {
      return this.#failed(error);
    }
    if (this.isOver) return this.forget(); // cancelled meanwhile
    this.moved = this.size;
    this.carrier?.say({ type: "done" });
    this.become("done");
    this.hangUp();
  }

  async #discard() {
    try {
      const sink = await this.#opening;
      await this.#writing;
      await sink?.discard();
      if (!sink) await this.forget();
    } catch {
      // It never came to be, or its place has gone.
    }
  }
}
