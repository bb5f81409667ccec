// Files between the members of a room: offered, accepted, carried and verified, each on a data
// channel of its own, so that chat stays quick. Several at once; a broken one goes on when the two
// are connected again.

import { Carrier } from "./carrier.js";
import { Depot } from "./depot.js";
import { Emitter } from "./emitter.js";
import { Incoming } from "./incoming.js";
import { Lanes } from "./lanes.js";
import { Outgoing } from "./outgoing.js";
import { Timer, systemClock } from "./clock.js";

export const LABEL = "parley-file:"; // and something that makes it unique
const SHOW_EVERY = 200;
const AGAIN = 1_000;
const MOST_OFFERS = 64;
const AT_ONCE = 3; // to one person

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./webrtc.js").Peer} Peer
 * @typedef {import("./transfers.js").Transfer} Transfer
 * @typedef {import("./transfers.js").TransferView} TransferView
 */

/**
 * Of one stay in one room: make it before the room is joined.
 *
 * `transfer` tells of each that begins, changes (at most five times a second) and is forgotten.
 *
 * @extends {Emitter<{transfer: {change: "added" | "changed" | "removed", transfer: TransferView}}>}
 */
export class Files extends Emitter {
  #room;
  #parts;
  /** @type {Map<string, Incoming | Outgoing>} */
  #transfers = new Map();
  /** @type {Map<string, Lanes>} */
  #lanes = new Map();
  /** @type {Set<Transfer>} */
  #moved = new Set();
  #show;
  #again;
  #suspended = false;
  /** @type {Promise<void> | null} */
  #restored = null;

  /**
   * @param {Room} room
   * @param {object} [options]
   * @param {Depot} [options.depot] one for a page
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor(room, { depot = new Depot(), clock = systemClock } = {}) {
    super();
    this.#room = room;
    this.#show = new Timer(clock);
    this.#again = new Timer(clock);
    this.#parts = { depot, clock, changed: this.#changed };
    room.on("link", ({ clientId, peer }) => this.#link(clientId, peer));
    room.on("leaving", ({ mayReturn }) => (mayReturn ? this.suspend() : this.#leaving()));
    room.on("left", () => this.#left());
    room.on("envelope", ({ from, envelope }) => this.#toldBye(from, envelope));
    room.on("status", (status) => void (status === "connected" && this.#restore()));
  }

  /** All of them, the oldest first. */
  get transfers() {
    return [...this.#transfers.values()].map(({ view }) => view);
  }

  /**
   * Offers a file to somebody, now, or once they are connected.
   *
   * @param {File} file
   * @param {string} clientId
   * @returns {string} the transfer's key
   */
  send(file, clientId) {
    const lanes = this.#lanes.get(clientId) ?? new Lanes(AT_ONCE);
    this.#lanes.set(clientId, lanes);
    const transfer = this.#add(new Outgoing(clientId, file, { ...this.#parts, lanes }));
    this.#offerAll(clientId);
    return transfer.key;
  }

  /**
   * @param {string} key of an offered transfer
   * @param {FileSystemFileHandle | null} [chosen] where to write it; else the depot keeps it
   * @returns {Promise<void>} rejects with a `DepotError` (`no-space`, `too-large`, `disk`)
   */
  async accept(key, chosen = null) {
    const transfer = this.#transfers.get(key);
    if (transfer instanceof Incoming) await transfer.accept(chosen);
  }

  /** @param {string} key */
  refuse(key) {
    this.#transfers.get(key)?.cancel("refused");
  }

  /** Nothing of it stays, on neither side. @param {string} key */
  cancel(key) {
    this.#transfers.get(key)?.cancel();
  }

  /**
   * @param {string} key of a received file
   * @returns {Promise<Blob | null>} null while it is not done, or where it lies in a chosen file
   */
  async file(key) {
    const transfer = this.#transfers.get(key);
    return transfer instanceof Incoming ? transfer.file() : null;
  }

  /** It lies where somebody wanted it: a later page need not ask for it. @param {string} key */
  async saved(key) {
    const transfer = this.#transfers.get(key);
    if (transfer instanceof Incoming) await transfer.saved();
  }

  /** Takes a transfer that is over off the list, and what was received with it. @param {string} key */
  async forget(key) {
    const transfer = this.#transfers.get(key);
    if (!transfer?.isOver) return;
    this.#transfers.delete(key);
    if (transfer instanceof Incoming) await transfer.forget();
    this.emit("transfer", { change: "removed", transfer: transfer.view });
  }

  /** The page goes, and may come back: what has arrived so far stays. */
  suspend() {
    this.#suspended = true;
    for (const timer of [this.#show, this.#again]) timer.stop();
    for (const transfer of this.#transfers.values()) transfer.hangUp();
    this.#parts.depot.close();
  }

  /** What a former page of this browser received in this room, or did not save. */
  #restore() {
    this.#restored ??= this.#parts.depot.kept().then(
      (all) => {
        for (const kept of all) {
          const ours = kept.sha256 || kept.roomId === this.#room.roomId;
          if (ours) this.#add(Incoming.restore(kept, this.#parts));
        }
      },
      (error) => console.warn("Files of before:", error),
    );
    return this.#restored;
  }

  // ---- connections

  /**
   * @param {string} clientId
   * @param {Peer} peer
   */
  #link(clientId, peer) {
    peer.on("channel", (channel) => {
      if (!channel.label.startsWith(LABEL) || this.#suspended) return;
      void this.#receive(clientId, this.#carrier(peer, channel));
    });
    peer.on("state", (state) => {
      if (state === "connected") this.#offerAll(clientId);
      if (state === "closed") this.#lost(clientId);
    });
  }

  /**
   * @param {Peer} peer
   * @param {RTCDataChannel} channel
   */
  #carrier(peer, channel) {
    const limit = peer.connection.sctp?.maxMessageSize;
    return new Carrier(channel, { limit, sealing: sealing(peer, channel.label), clock: this.#parts.clock });
  }

  /** A channel for each that has none. @param {string} clientId */
  #offerAll(clientId) {
    const peer = this.#room.link(clientId);
    if (peer?.state !== "connected" || this.#suspended) return;
    for (const transfer of this.#with(clientId)) {
      if (!(transfer instanceof Outgoing) || !transfer.wantsCarrier) continue;
      transfer.offer(this.#carrier(peer, peer.openChannel(LABEL + crypto.randomUUID())));
    }
  }

  /** @param {string} clientId */
  #lost(clientId) {
    for (const transfer of this.#with(clientId)) transfer.lost();
  }

  /** @param {string} clientId */
  #with(clientId) {
    return [...this.#transfers.values()].filter((transfer) => transfer.clientId === clientId);
  }

  /**
   * The first thing said on a channel is an offer; what comes before we know of former ones waits.
   *
   * @param {string} clientId
   * @param {Carrier} carrier
   */
  async #receive(clientId, carrier) {
    /** @type {any[]} */
    const early = [];
    const nothing = { came: () => carrier.close(), closed: () => {} };
    carrier.listener = { ...nothing, heard: (message) => early.push(message) };
    await this.#restore();
    const heard = (/** @type {any} */ message) => this.#offered(clientId, carrier, message);
    carrier.listener = { ...nothing, heard };
    for (const message of early) carrier.listener.heard(message);
  }

  /**
   * @param {string} clientId
   * @param {Carrier} carrier
   * @param {any} message
   */
  #offered(clientId, carrier, message) {
    const offer = readOffer(message);
    const known = offer && this.#find(clientId, offer);
    if (!offer) return carrier.close();
    if (!known && this.#waitingFor(clientId) >= MOST_OFFERS) {
      carrier.say({ type: "cancel", reason: "too-many" });
      return carrier.close();
    }
    const from = this.#nameOf(clientId);
    const roomId = this.#room.roomId ?? "";
    const transfer = known ?? new Incoming(clientId, offer, { ...this.#parts, roomId, from });
    if (!known) this.#add(transfer);
    transfer.offered(carrier, offer.id);
  }

  /**
   * @param {string} clientId
   * @param {ReturnType<typeof readOffer> & {}} offer
   */
  #find(clientId, offer) {
    const incoming = this.#with(clientId).filter((transfer) => transfer instanceof Incoming);
    const same = incoming.find(({ id }) => id === offer.id);
    return same ?? incoming.find((transfer) => transfer.isOf(clientId, offer));
  }

  /** @param {string} clientId */
  #waitingFor(clientId) {
    const open = this.#with(clientId).filter(({ direction, state }) => direction === "in" && state === "offered");
    return open.length;
  }

  /** @param {string} clientId */
  #nameOf(clientId) {
    const name = this.#room.peers.find((peer) => peer.clientId === clientId)?.metadata.name;
    return (typeof name === "string" && name.trim().slice(0, 40)) || clientId;
  }

  /** Told on the main channel, so that it comes before the `bye` that ends the connection. */
  #leaving() {
    if (this.#suspended) return;
    for (const { clientId, id, isOver } of this.#transfers.values()) {
      if (!isOver) this.#room.link(clientId)?.send({ type: "file-cancel", id, reason: "left" });
    }
    this.#left();
  }

  /**
   * @param {string} from
   * @param {import("./webrtc.js").Envelope} envelope
   */
  #toldBye(from, { type, id }) {
    if (type !== "file-cancel") return;
    this.#with(from).find((transfer) => transfer.id === id)?.end("left", true);
  }

  #left() {
    if (this.#suspended) return;
    for (const transfer of this.#transfers.values()) transfer.cancel("left");
    this.#again.stop();
  }

  // ---- what is told

  /**
   * @template {Incoming | Outgoing} Kind
   * @param {Kind} transfer
   */
  #add(transfer) {
    this.#transfers.set(transfer.key, transfer);
    this.emit("transfer", { change: "added", transfer: transfer.view });
    return transfer;
  }

  #changed = (/** @type {Transfer} */ transfer, /** @type {boolean} */ urgent) => {
    if (this.#suspended) return;
    this.#moved.add(transfer);
    if (urgent) this.#tell();
    else if (!this.#show.running) this.#show.set(SHOW_EVERY, () => this.#tell());
    if (!transfer.isOver && !transfer.carrier) this.#tryAgain(transfer.breaks);
  };

  /** The channel may have closed though the connection has not. @param {number} breaks */
  #tryAgain(breaks) {
    this.#again.set(AGAIN * 2 ** Math.min(breaks, 6), () => {
      for (const clientId of new Set(this.transfers.map((transfer) => transfer.clientId))) {
        this.#offerAll(clientId);
      }
    });
  }

  #tell() {
    this.#show.stop();
    const moved = [...this.#moved];
    this.#moved.clear();
    for (const { key, view } of moved) {
      if (this.#transfers.has(key)) this.emit("transfer", { change: "changed", transfer: view });
    }
  }
}

/** @param {any} message */
function readOffer({ type, id, name, size, modified }) {
  const isOffer = type === "offer" && typeof id === "string" && /^[\w-]{8,64}$/.test(id);
  if (!isOffer || !Number.isSafeInteger(size) || size < 0) return null;
  return { id, name: String(name), size, modified: Number.isFinite(modified) ? Number(modified) : 0 };
}

/**
 * @param {Peer} peer
 * @param {string} label
 */
async function sealing(peer, label) {
  const stream = await peer.sealedStream(label);
  // They have a passphrase and we have none: they would not look at what we send.
  if (!stream && peer.sealing) throw new Error("not sealed");
  return stream;
}
