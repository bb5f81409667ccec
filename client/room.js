// A room as its members see it: everybody connected to everybody, introduced by signaling.
//
// Rule 1: who enters offers to all whom `joined` lists. Nobody offers on `peer-joined`, unless no
//         offer came for ten seconds: then the polite one of the two does.
// Rule 2: a connection that works outlives signaling. Somebody whom the server lost (`disconnected`,
//         `expired`) stays until ICE fails; who left, was removed or said `bye` goes at once.
// Rule 3: somebody is here while the server lists them or a connection to them lives. Each coming
//         and each going is told once, whatever signaling repeats.

import { Emitter } from "./emitter.js";
import { IceServers } from "./ice.js";
import { Peer } from "./webrtc.js";
import { SignalingError } from "./signaling.js";
import { Spare } from "./spare.js";
import { Timer, systemClock } from "./clock.js";
import { compareSessions, isPolite, nextSession, parseSession } from "./sessions.js";

export const WATCHDOG = 10_000;
export const LONGEST_TEXT = 16 * 1024;
const AGAIN = 1_000;
const AGAIN_POLITE = 3_000;
const AGAIN_LONGEST = 60_000;
const REPEAT = 2_000;

/**
 * @typedef {import("./signaling.js").Signaling} Signaling
 * @typedef {import("./signaling.js").Joined} Joined
 * @typedef {import("./signaling.js").JoinOptions} JoinOptions
 * @typedef {import("./roster.js").PeerInfo} PeerInfo
 * @typedef {import("./webrtc.js").Negotiation} Negotiation
 * @typedef {import("./webrtc.js").Envelope} Envelope
 * @typedef {import("./sealing.js").SealState} SealState
 *
 * @typedef {"waiting" | "connecting" | "connected" | "reconnecting"} MemberState
 *
 * @typedef {object} PeerView one of the others, as a page would show them
 * @property {string} clientId
 * @property {Record<string, any>} metadata
 * @property {MemberState} state with `connected` and `reconnecting` the data channel is open
 * @property {boolean} open
 * @property {SealState | null} sealing whether the two share a passphrase; null without one
 * @property {number} since when they took their seat, by the server's clock; 0 while not known
 *
 * @typedef {object} Events
 * @property {{change: "added" | "changed" | "removed", peer: PeerView, resumed: boolean}} peer
 *   `resumed`: an added one has been here before
 * @property {{from: string, text: string, at: number}} message
 * @property {import("./socket.js").Status} status of signaling, as far as this room goes
 * @property {{door: import("./signaling.js").Door, by?: string}} door after each `joined`, and when
 *   somebody has changed it
 * @property {{mayReturn: boolean}} leaving we are about to leave; the connections still stand, for a
 *   last word
 * @property {string} left the stay is over: `left`, `removed`, `replaced`, or a code of refusal
 * @property {{clientId: string, peer: Peer}} link a connection with one of the others begins; it
 *   ends with the peer's state `closed`, and another may follow. Media, files and the like attach
 *   themselves to it.
 * @property {{from: string, envelope: import("./webrtc.js").Envelope}} envelope what one of the
 *   others said on the data channel that is none of the room's own
 * @property {SignalingError} error
 *
 * @typedef {object} Options
 * @property {RTCIceTransportPolicy} [iceTransportPolicy] `relay` hides one's address from the others
 * @property {import("./sealing.js").Sealer} [sealer] what is said is sealed with its passphrase, and
 *   shown only to those who have the same
 * @property {RTCCertificate[]} [certificates] one, by which the others know us; a safety code needs
 *   it, see `makeCertificate` in certificates.js
 * @property {boolean} [trickle] false where descriptions must be complete, see `Peer`
 * @property {typeof RTCPeerConnection} [RTCPeerConnection]
 * @property {import("./clock.js").Clock} [clock]
 */

export class RoomError extends Error {
  /**
   * @param {"text-too-long" | "wrong-sealer"} code `wrong-sealer`: it was made for another room
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "RoomError";
    this.code = code;
  }
}

/** One of the others: listed by the server, or connected to us, or both. */
class Member {
  listed = false;
  /** @type {Peer | null} */
  peer = null;
  tries = 0;

  /**
   * @param {PeerInfo} info
   * @param {import("./clock.js").Clock} clock
   */
  constructor(info, clock) {
    this.info = info;
    this.nextTry = new Timer(clock);
    this.repetition = new Timer(clock);
  }

  get clientId() {
    return this.info.clientId;
  }

  get isOpen() {
    return this.peer !== null && this.peer.state !== "connecting";
  }

  /** @returns {PeerView} */
  get view() {
    const { clientId, metadata, since } = this.info;
    const seen = { state: this.#state, open: this.isOpen, sealing: this.peer?.sealing ?? null };
    return { clientId, metadata: metadata ?? {}, since, ...seen };
  }

  /** @returns {MemberState} */
  get #state() {
    if (!this.peer) return "waiting";
    if (!this.isOpen) return "connecting";
    return this.peer.state === "connected" ? "connected" : "reconnecting";
  }

  /** @param {{farewell?: boolean}} [options] */
  hangUp(options) {
    for (const timer of [this.nextTry, this.repetition]) timer.stop();
    const peer = this.peer;
    this.peer = null; // so that what it still tells is not listened to
    peer?.close(options);
  }
}

/**
 * One stay in one room: `join` once; after `leave`, or a `left` event, make another Room.
 *
 * @extends {Emitter<Events>}
 */
export class Room extends Emitter {
  /** @type {string | undefined} */
  roomId;
  /** Our own id, once in. */
  clientId = "";
  /** @type {import("./socket.js").Status} */
  status = "offline";
  /** @type {import("./signaling.js").Role} what we may do here */
  role = "member";
  /** @type {import("./signaling.js").Door | null} the room's, once in */
  door = null;
  #signaling;
  #parts;
  #clock;
  #policy;
  #certificates;
  #sealer;
  #since = 0;
  #ice;
  /** @type {Map<string, Member>} */
  #members = new Map();
  /** @type {Map<string, string>} the newest session with each, kept when they go: no way back */
  #sessions = new Map();
  /** @type {(() => void)[]} */
  #subscriptions = [];
  #spare;

  /**
   * @param {Signaling} signaling
   * @param {Options} [options]
   */
  constructor(signaling, { iceTransportPolicy = "all", certificates, sealer, ...parts } = {}) {
    super();
    this.#certificates = certificates;
    this.#sealer = sealer ?? null;
    this.#signaling = signaling;
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#policy = iceTransportPolicy;
    this.#spare = new Spare(parts.RTCPeerConnection, this.#clock);
    const renew = () => signaling.iceServers(this.roomId ?? "");
    this.#ice = new IceServers(renew, () => void this.#renewed(), this.#clock);
  }

  /** @returns {RTCConfiguration} */
  get #configuration() {
    const certificates = this.#certificates && { certificates: this.#certificates };
    return { iceServers: this.#ice.list, iceTransportPolicy: this.#policy, ...certificates };
  }

  /** Is what we say sealed? */
  get isSealed() {
    return this.#sealer !== null;
  }

  /** When we took our seat, as `since` of the others; 0 before. A newer one after each resume. */
  get since() {
    return this.#since;
  }

  /** Everybody else who is here. */
  get peers() {
    return [...this.#members.values()].map((member) => member.view);
  }

  /**
   * The connection with one of the others, as long as there is one.
   *
   * @param {string} clientId
   */
  link(clientId) {
    return this.#members.get(clientId)?.peer ?? null;
  }

  /** Is one's address hidden from the others, by relaying all that is said to them? */
  get relayOnly() {
    return this.#policy === "relay";
  }

  /**
   * Holds for connections that live too, from now on; what the others have learned, they know. With
   * `true` every connection is made anew, which takes a moment: a browser goes on using a direct path
   * that it has, whatever it is told (seen in Chromium).
   */
  set relayOnly(only) {
    if (only === this.relayOnly) return;
    this.#policy = only ? "relay" : "all";
    this.#spare.drop(); // it has looked for candidates under the other policy
    this.#configured();
    for (const member of this.#members.values()) {
      if (only || !member.isOpen) this.#connectAnew(member);
      else member.peer?.restart();
    }
  }

  /** Is there a TURN server? Without one, `relayOnly` connects nobody. */
  get canRelay() {
    return this.#ice.canRelay;
  }

  /** What to keep in order to come back later as the same person. */
  get storedSeat() {
    return this.roomId === undefined ? null : this.#signaling.storedSeat(this.roomId);
  }

  /**
   * Enters a room, or a new one when none is named; rejects as `Signaling.join` does, and with a
   * `RoomError` when the sealer was made for another room.
   *
   * @param {string} [roomId]
   * @param {JoinOptions} [options]
   * @returns {Promise<Joined>}
   */
  async join(roomId, options = {}) {
    if (this.#sealer && this.#sealer.roomId !== roomId) {
      throw new RoomError("wrong-sealer", "This passphrase was made for another room.");
    }
    this.roomId = roomId;
    this.#subscribe();
    const admitted = (/** @type {Joined} */ joined) => void (this.roomId = joined.roomId);
    try {
      const joining = this.#signaling.join(roomId, { ...options, admitted });
      if (!this.clientId) this.#spare.prepare(this.#configuration); // while the server is at it
      return await joining;
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  /**
   * Changes the room's passcode, lock or number of seats, as `Signaling.setDoor` does.
   *
   * @param {import("./signaling.js").DoorChange} change
   */
  async setDoor(change) {
    return this.#signaling.setDoor(this.roomId ?? "", change);
  }

  /**
   * Sends somebody away, as `Signaling.remove` does.
   *
   * @param {string} clientId
   */
  async remove(clientId) {
    return this.#signaling.remove(this.roomId ?? "", clientId);
  }

  /**
   * Says good-bye to the others and to the server; all that matters is said before it returns.
   *
   * @param {{mayReturn?: boolean}} [options] whether it is the page that goes, which may be reloaded:
   *   then what is under way is left as it is
   * @returns {Promise<void>}
   */
  async leave({ mayReturn = false } = {}) {
    if (this.roomId === undefined || this.#subscriptions.length === 0) return;
    this.emit("leaving", { mayReturn });
    this.#hangUpAll({ farewell: true });
    await this.#signaling.leave(this.roomId);
  }

  /**
   * Sends text to all who are connected and can read it, and throws a `RoomError` when it is too long.
   *
   * @param {string} text
   * @returns {number} how many it was sent to
   */
  send(text) {
    if (new TextEncoder().encode(text).length > LONGEST_TEXT) {
      throw new RoomError("text-too-long", "A message can be 16 KB long at most.");
    }
    const members = [...this.#members.values()];
    return members.filter((member) => member.peer?.send({ type: "chat", text })).length;
  }

  // ---- what signaling tells

  #subscribe() {
    const here = (/** @type {(detail: any) => void} */ handle) => {
      return (/** @type {{roomId?: string}} */ detail) => {
        if (detail.roomId === this.roomId) handle(detail);
      };
    };
    const signaling = this.#signaling;
    this.#subscriptions = [
      signaling.on("status", (status) => this.#statusTurned(status)),
      signaling.on("joined", here((joined) => this.#joined(joined))),
      signaling.on("peer-joined", here((news) => this.#peerJoined(news))),
      signaling.on("peer-resumed", here(({ peer }) => this.#peerJoined({ peer, resumed: true }))),
      signaling.on("peer-changed", here(({ peer }) => void this.#list(peer))),
      signaling.on("peer-left", here((news) => this.#peerLeft(news))),
      signaling.on("signal", here((signal) => this.#signaled(signal))),
      signaling.on("door", here(({ door, by }) => this.#doorTurned(door, by))),
      signaling.on("left", here(({ reason }) => this.#left(reason))),
      signaling.on("error", here((error) => this.#failed(error))),
      signaling.on("rerouted", () => this.#rerouted()),
    ];
    this.#statusTurned(signaling.status);
  }

  /** @param {import("./socket.js").Status} status */
  #statusTurned(status) {
    // An open socket is not yet a seat: `joined` makes it one.
    this.#become(status === "connected" ? "connecting" : status);
  }

  /** What was the way to somebody may be none now, though nobody has noticed yet. */
  #rerouted() {
    this.#spare.drop();
    for (const member of this.#members.values()) member.peer?.restart();
  }

  /** @param {Joined} joined */
  #joined({ clientId, since, peers, iceServers, iceServersTtl, role, door }) {
    if (clientId !== this.clientId) this.#startAnew(clientId);
    this.#since = since;
    this.#ice.take({ iceServers, iceServersTtl });
    this.role = role;
    this.#doorTurned(door);
    this.#become("connected");
    for (const member of this.#members.values()) member.peer?.repeat();
    for (const info of peers) {
      const member = this.#list(info);
      if (info.connected && !member.peer) this.#connect(member);
    }
  }

  /**
   * @param {import("./signaling.js").Door} door
   * @param {string} [by]
   */
  #doorTurned(door, by) {
    this.door = door;
    this.emit("door", { door, by });
  }

  /** @param {{peer: PeerInfo, resumed: boolean}} news */
  #peerJoined({ peer, resumed }) {
    const member = this.#list(peer, resumed);
    // What was sent to their former socket may be lost with it.
    if (member.peer) return member.peer.repeat();
    if (peer.connected) this.#spare.prepare(this.#configuration);
    if (this.#isPoliteTo(member)) this.#connectIn(WATCHDOG, member);
  }

  /** @param {{clientId: string, reason: string}} news */
  #peerLeft({ clientId, reason }) {
    const member = this.#members.get(clientId);
    if (!member) return;
    member.listed = false;
    const lost = reason === "disconnected" || reason === "expired";
    const alive = member.isOpen && member.peer?.state !== "failed";
    if (!lost || !alive) this.#remove(member);
  }

  /** @param {{from: string, data: any}} signal */
  #signaled({ from, data }) {
    const session = parseSession(data?.session);
    if (!session) return;
    const age = compareSessions(session, parseSession(this.#sessions.get(from)));
    const member = this.#members.get(from);
    if (age === 0) member?.peer?.receive(data);
    // Theirs lost against ours, which they seem not to have heard of: it may have been lost.
    else if (age < 0 && data.description && member?.peer?.heard === false) member.peer.repeat();
    else if (age > 0 && session.starter === from) this.#accept(from, data);
  }

  /** @param {string} reason */
  #left(reason) {
    this.#close();
    this.emit("left", reason);
  }

  /** @param {SignalingError} error */
  #failed(error) {
    const member = this.#members.get(error.to ?? "");
    if (!error.to) this.emit("error", error);
    // Who is not found has left: the roster is being repaired, and there is nothing to repeat.
    else if (member && error.code !== "peer-not-found") {
      member.repetition.set(REPEAT, () => member.peer?.repeat());
    }
  }

  // ---- connections

  /** All connections, told of other ICE servers or another policy. */
  #configured() {
    const peers = [...this.#members.values()].flatMap(({ peer }) => peer ?? []);
    for (const peer of peers) peer.configure(this.#configuration);
    return peers;
  }

  /** @param {Member} member */
  #connectAnew(member) {
    if (!member.peer) return;
    if (!member.listed) this.#remove(member);
    else if (this.status === "connected") this.#connect(member);
    else this.#tryAgain(member);
  }

  async #renewed() {
    for (const peer of this.#configured()) if (await isRelaying(peer.connection)) peer.restart();
  }

  /** @param {Member} member */
  #connect(member) {
    const seats = [this.#since, member.info.since];
    const latest = this.#sessions.get(member.clientId) ?? null;
    const connection = this.#spare.take(this.#configuration);
    this.#begin(member, nextSession(this.clientId, seats, latest), connection).start();
    this.#changed(member);
  }

  /**
   * @param {string} from
   * @param {Negotiation} message the first heard of a newer session
   */
  #accept(from, message) {
    const member = this.#members.get(from) ?? this.#add(unknownPeer(from));
    const connection = this.#spare.takeSettled(this.#configuration);
    this.#begin(member, message.session, connection).receive(message);
    this.#changed(member);
  }

  /**
   * A new session means a new connection, on both sides.
   *
   * @param {Member} member
   * @param {string} session
   * @param {RTCPeerConnection} [connection] one that was made before
   */
  #begin(member, session, connection) {
    member.hangUp();
    this.#sessions.set(member.clientId, session);
    const peer = new Peer({
      ...this.#parts,
      session,
      polite: this.#isPoliteTo(member),
      configuration: this.#configuration,
      connection,
      send: (message) => this.#signal(member, message),
      seal: this.#sealer?.link(this.clientId, member.clientId),
    });
    member.peer = peer;
    peer.on("state", () => member.peer === peer && this.#peerTurned(member, peer));
    peer.on("sealing", () => member.peer === peer && this.#changed(member));
    peer.on("envelope", (envelope) => member.peer === peer && this.#heard(member, envelope));
    this.emit("link", { clientId: member.clientId, peer });
    return peer;
  }

  /**
   * @param {Member} member
   * @param {Negotiation} message
   */
  #signal(member, message) {
    try {
      this.#signaling.signal(this.roomId ?? "", member.clientId, message);
    } catch (error) {
      // Offline: the peer keeps what it sent, and says it again after the next `joined`.
      if (!(error instanceof SignalingError)) throw error;
      if (error.code === "too-large") this.emit("error", error);
    }
  }

  /**
   * @param {Member} member
   * @param {Peer} peer
   */
  #peerTurned(member, peer) {
    const broken = peer.state === "failed" || peer.state === "closed";
    if (broken && !member.listed) return this.#remove(member);
    if (peer.state === "connected") member.tries = 0;
    if (peer.state === "failed") peer.restart();
    if (peer.state === "closed") this.#tryAgain(member);
    this.#changed(member);
  }

  /** @param {Member} member */
  #tryAgain(member) {
    member.hangUp();
    const first = this.#isPoliteTo(member) ? AGAIN_POLITE : AGAIN;
    this.#connectIn(Math.min(AGAIN_LONGEST, first * 2 ** member.tries), member);
    member.tries += 1;
  }

  /**
   * @param {number} milliseconds
   * @param {Member} member
   */
  #connectIn(milliseconds, member) {
    member.nextTry.set(milliseconds, () => {
      // Without signaling there is nothing to try; the next `joined` offers to all unconnected.
      if (this.status === "connected" && !member.peer && member.info.connected) {
        this.#connect(member);
      }
    });
  }

  /**
   * @param {Member} member
   * @param {Envelope} envelope
   */
  #heard(member, envelope) {
    const { clientId: from } = member;
    if (envelope.type === "bye") this.#remove(member);
    else if (envelope.type !== "chat") this.emit("envelope", { from, envelope });
    else if (typeof envelope.text === "string") {
      this.emit("message", { from, text: envelope.text, at: this.#clock.now() });
    }
  }

  // ---- who is here

  /**
   * The server says so.
   *
   * @param {PeerInfo} info
   * @param {boolean} [resumed]
   */
  #list(info, resumed = false) {
    const known = this.#members.get(info.clientId);
    const member = known ?? this.#add(info, resumed);
    member.info = info;
    member.listed = true;
    if (known) this.#changed(member);
    return member;
  }

  /**
   * @param {PeerInfo} info
   * @param {boolean} [resumed]
   */
  #add(info, resumed = false) {
    const member = new Member(info, this.#clock);
    this.#members.set(info.clientId, member);
    this.emit("peer", { change: "added", peer: member.view, resumed });
    return member;
  }

  /** @param {Member} member */
  #changed(member) {
    this.emit("peer", { change: "changed", peer: member.view, resumed: false });
  }

  /** @param {Member} member */
  #remove(member) {
    member.hangUp();
    this.#members.delete(member.clientId);
    this.emit("peer", { change: "removed", peer: member.view, resumed: false });
  }

  /** @param {Member} member */
  #isPoliteTo(member) {
    return isPolite(this.clientId, member.clientId);
  }

  /**
   * The server did not take us for the one we were, or this is the first time.
   *
   * @param {string} clientId
   */
  #startAnew(clientId) {
    this.clientId = clientId;
    for (const member of [...this.#members.values()]) this.#remove(member);
  }

  /** @param {{farewell?: boolean}} [options] */
  #hangUpAll(options) {
    for (const member of this.#members.values()) member.hangUp(options);
    this.#members.clear();
  }

  #close() {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#spare.drop();
    this.#hangUpAll();
    this.#ice.stop();
    this.#become("offline");
  }

  /** @param {import("./socket.js").Status} status */
  #become(status) {
    if (status === this.status) return;
    this.status = status;
    this.emit("status", status);
  }
}

/**
 * Does a TURN server that was given to us carry it? Such a server may cut us off once our credentials
 * are old (coturn does not, others do), so a path through it is looked for anew with newer ones.
 *
 * @param {RTCPeerConnection} connection
 */
async function isRelaying(connection) {
  const { pathOf } = await import("./stats.js");
  return pathOf(await connection.getStats()).local?.type === "relay";
}

/**
 * Somebody whose offer overtook the news of their coming.
 *
 * @param {string} clientId
 * @returns {PeerInfo}
 */
const unknownPeer = (clientId) => ({ clientId, since: 0, metadata: null, connected: true });
