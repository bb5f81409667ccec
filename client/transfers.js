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

export const WINDOW = 8 * 1024 * 1024;
/**
 * @typedef {import("./carrier.js").Carrier} Carrier
 * @typedef {import("./depot.js").Depot} Depot
 *
 * @typedef {"offered" | "queued" | "moving" | "waiting" | "checking" | "done" | "ended"} TransferState
 *   `queued`: accepted, and others go first; `waiting`: accepted, but there is no connection; `checking`: all is there, or some of it from
 *   before, and its digest is being compared; `ended`: nothing more comes of it, see `reason`
 *
 * @typedef {"cancelled" | "refused" | "left" | "unreadable" | "checksum" | "disk" | "no-space" |
 *   "too-large" | "too-many" | "bad-message" | "not-sealed"} Reason
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
    this.hangUp();
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

/** @param {{reason?: unknown}} message */
export function reasonOf({ reason }) {
  return /** @type {Reason} */ (typeof reason === "string" ? reason.slice(0, 40) : "cancelled");
}
