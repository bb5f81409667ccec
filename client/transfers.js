// One file on its way to, or from, one person. A transfer outlives the channel that carries it: when
// that breaks, it waits for the next one, and goes on behind what the receiver has and the sender
// has verified.
//
// What the two say (JSON; bytes travel as binary frames, in their order):
//
//   sender    {"type":"offer","id","name","size","modified"}   first on each channel; the same id again
//                                                             on another one: the same transfer
//   receiver  {"type":"accept","offset","sha256"}             what it has already, and its digest
//   sender    {"type":"begin","offset"}                       that, or 0 where the digest differs
//   receiver  {"type":"received","offset"}                    written so far: the sender is never more
//                                                             than `WINDOW` bytes ahead
//   sender    {"type":"end","sha256"}                         that was all
//   receiver  {"type":"done"}                                 the digest is the same
//   either    {"type":"cancel","reason"}                      and the channel closes
//
// A channel that closes without `done` or `cancel` has broken.

import { Pace } from "./pace.js";
import { safeName } from "./filenames.js";
import { depotError } from "./depot.js";

export const WINDOW = 8 * 1024 * 1024;
const PIECE = 1024 * 1024;
const TELL_EVERY = 250; // milliseconds
const TELL_BYTES = 256 * 1024;

/**
 * @typedef {import("./carrier.js").Carrier} Carrier
 * @typedef {import("./depot.js").Depot} Depot
 * @typedef {import("./depot.js").Kept} Kept
 * @typedef {import("./depot.js").Sink} Sink
 *
 * @typedef {"offered" | "moving" | "waiting" | "checking" | "done" | "ended"} TransferState
 *   `waiting`: accepted, but there is no connection; `checking`: all is there, or some of it from
 *   before, and its digest is being compared; `ended`: nothing more comes of it, see `reason`
 *
 * @typedef {"cancelled" | "refused" | "left" | "unreadable" | "checksum" | "disk" | "no-space" |
 *   "too-large" | "too-many" | "bad-message" | "broken"} Reason
 *
 * @typedef {object} TransferView
 * @property {string} key names it on this side
 * @property {"in" | "out"} direction
 * @property {string} clientId the other person
 * @property {string} from the name that the sender of a received file had, or their id
 * @property {string} name safe to use
 * @property {number} size bytes
 * @property {number} moved bytes that have arrived and are written
 * @property {TransferState} state
 * @property {Reason | ""} reason why it ended
 * @property {boolean} byThem whether they ended it
 * @property {number} speed bytes per second, 0 while it is not known
 * @property {number} timeLeft seconds, Infinity while it is not known
 * @property {string} sha256 once it is done
 *
 * @typedef {object} Parts
 * @property {Depot} depot
 * @property {import("./clock.js").Clock} clock
 * @property {(transfer: Transfer, urgent: boolean) => void} changed
 */

export class Transfer {
  /** @type {"in" | "out"} */
  direction;
  key = /** @type {string} */ (crypto.randomUUID());
  from = "";
  moved = 0;
  sha256 = "";
  /** @type {TransferState} */
  state = "offered";
  /** @type {Reason | ""} */
  reason = "";
  byThem = false;
  /** @type {Carrier | null} */
  carrier = null;
  /** How often a channel has broken since anything moved. */
  breaks = 0;
  #clock;
  #changed;
  #pace;

  /**
   * @param {"in" | "out"} direction
   * @param {string} clientId
   * @param {{id: string, name: string, size: number, modified: number}} file
   * @param {Parts} parts
   */
  constructor(direction, clientId, { id, name, size, modified }, { clock, changed }) {
    this.direction = direction;
    this.clientId = clientId;
    this.id = id;
    this.name = name;
    this.size = size;
    this.modified = modified;
    this.#clock = clock;
    this.#changed = changed;
    this.#pace = new Pace(clock);
  }

  get isOver() {
    return this.state === "done" || this.state === "ended";
  }

  /** @returns {TransferView} */
  get view() {
    const { key, direction, clientId, from, name, size, moved, state, reason, byThem, sha256 } = this;
    const speed = state === "moving" ? this.#pace.speed : 0;
    const timeLeft = speed > 0 ? (size - moved) / speed : Infinity;
    return { key, direction, clientId, from, name, size, moved, state, reason, byThem, speed, timeLeft, sha256 };
  }

  /**
   * @param {TransferState} state
   */
  become(state) {
    if (state === this.state) return;
    if (state === "moving") this.#pace.reset();
    this.state = state;
    this.#changed(this, true);
  }

  /** @param {number} bytes in all */
  progress(bytes) {
    this.moved = bytes;
    this.breaks = 0;
    this.#pace.note(bytes);
    this.#changed(this, false);
  }

  /**
   * @param {Carrier} carrier
   * @param {import("./carrier.js").Listener} listener
   */
  carry(carrier, listener) {
    this.carrier?.close();
    this.carrier = carrier;
    carrier.listener = listener;
  }

  /** The connection has gone; another one may come. */
  lost() {
    this.carrier = null;
    if (this.isOver) return;
    this.breaks += 1;
    if (this.state !== "offered") this.become("waiting");
    this.#changed(this, true);
  }

  /**
   * Over, and the other side is told.
   *
   * @param {Reason} [reason]
   */
  cancel(reason = "cancelled") {
    if (this.isOver) return;
    this.carrier?.say({ type: "cancel", reason });
    this.end(reason);
  }

  /**
   * @param {Reason} reason
   * @param {boolean} [byThem]
   */
  end(reason, byThem = false) {
    if (this.isOver) return;
    this.reason = reason;
    this.byThem = byThem;
    this.become("ended");
    this.hangUp();
  }

  hangUp() {
    const { carrier } = this;
    this.carrier = null;
    carrier?.close();
  }

  now = () => this.#clock.now();
}

export class Outgoing extends Transfer {
  #file;
  #hasher;
  #written = 0;
  /** Whether they know how it ended. */
  #told = false;
  /** @type {() => void} */
  #more = () => {};

  /**
   * @param {string} clientId
   * @param {File} file
   * @param {Parts} parts
   */
  constructor(clientId, file, parts) {
    const { name, size, lastModified: modified } = file;
    super("out", clientId, { id: crypto.randomUUID(), name, size, modified }, parts);
    this.#file = file;
    this.#hasher = parts.depot.hasher();
  }

  /** Whether there is something to say on a new channel. */
  get wantsCarrier() {
    return !this.carrier && (!this.isOver || (this.state === "ended" && !this.#told));
  }

  /** @param {Carrier} carrier */
  offer(carrier) {
    const opened = () => this.#open(carrier);
    const heard = (/** @type {any} */ message) => this.#heard(carrier, message);
    const closed = () => this.lost();
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
    if (!this.#fits(offset)) return this.cancel("bad-message");
    try {
      const from = await this.#verify(offset, sha256);
      if (carrier !== this.carrier) return;
      carrier.say({ type: "begin", offset: from });
      this.#received(from);
      this.become("moving");
      await this.#pour(carrier, from);
    } catch {
      // The file was changed, moved or removed since it was chosen.
      if (carrier === this.carrier) this.cancel("unreadable");
    }
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
  #begun = false;
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
    this.#begun = false;
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
    this.become("waiting");
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

  /** Nothing of it stays in this browser. */
  async forget() {
    this.#blob = null;
    if (this.#accepted) await this.#depot.remove(this.key);
  }

  /** @returns {Kept} */
  get #kept() {
    const { key, id, clientId, from, name, size, modified, sha256 } = this;
    return { key, id, clientId, from, name, size, modified, sha256, at: this.#at, roomId: this.#roomId };
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
      if (carrier === this.carrier) carrier.say({ type: "accept", offset: this.#arrived, sha256 });
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
    this.#begun = true;
    this.#told = { at: this.now(), offset: this.#arrived };
    this.become("moving");
    this.progress(this.#arrived);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  #came(bytes) {
    const arrived = this.#arrived + bytes.length;
    const fits = arrived <= this.size && arrived - this.moved <= 2 * WINDOW;
    if (!this.#sink || !this.#begun || !fits) return this.cancel("bad-message");
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
    if (!sink || !this.#begun) return this.cancel("bad-message");
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

/** @param {{reason?: unknown}} message */
function reasonOf({ reason }) {
  return /** @type {Reason} */ (typeof reason === "string" ? reason.slice(0, 40) : "cancelled");
}
