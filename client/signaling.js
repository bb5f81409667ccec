// Parley's native protocol, from the client's side: seats in rooms over one WebSocket.
//
// Rule 1: the client speaks first, and says `join` for every seat it wants on every new socket.
// Rule 2: a request that stays unanswered means a dead socket: it is given up, and another opened.
// Rule 3: nothing about a room is told to the page before that room's first `joined`: until then the
//         page knows neither its own id nor the ICE servers. What comes earlier waits, in order.

import { Emitter } from "./emitter.js";
import { ReconnectingSocket, LONGEST_DELAY } from "./socket.js";
import { ANSWER_WITHIN, Requests, SignalingError, offline } from "./requests.js";
import { Roster } from "./roster.js";
import { Timer, systemClock } from "./clock.js";

export { SignalingError };
export const PING_EVERY = 8 * 60_000; // API Gateway cuts sockets that were idle for ten minutes
export const LARGEST_FRAME = 31 * 1024; // API Gateway closes a socket (1009) beyond 32 KB
const QUIET = 30_000;
const REMEMBERED = 200;
const TRANSIENT = new Set(["internal", "rate-limited"]);
const FINAL = new Set(["left", "removed", "replaced"]);

/**
 * @typedef {import("./roster.js").PeerInfo} PeerInfo
 * @typedef {import("./socket.js").Status} Status
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {Record<string, any>} Frame
 *
 * @typedef {object} Joined
 * @property {string} roomId
 * @property {string} clientId
 * @property {number} since when this seat was taken, by the server's clock
 * @property {boolean} resumed true when the id is the one held before
 * @property {PeerInfo[]} peers those whom the server listed and who have not left meanwhile
 * @property {RTCIceServer[]} iceServers
 *
 * @typedef {object} JoinOptions
 * @property {object} [metadata] told to the others, 1 KB of JSON at most
 * @property {string} [clientId] from an earlier seat, with its `resumeToken`
 * @property {string} [resumeToken]
 * @property {(joined: Joined) => void} [admitted] called once, before any event about the room:
 *   a promise would tell of a new room's id only after the first of them
 *
 * @typedef {object} StoredSeat what it takes to come back as the same person
 * @property {string} roomId
 * @property {string} clientId
 * @property {string} resumeToken
 *
 * @typedef {object} Events
 * @property {Status} status
 * @property {Joined} joined the first time, and each time the seat was taken again
 * @property {{roomId: string, peer: PeerInfo, resumed: boolean}} peer-joined
 * @property {{roomId: string, peer: PeerInfo}} peer-changed metadata became known
 * @property {{roomId: string, clientId: string, since: number, reason: string}} peer-left
 * @property {{roomId: string, from: string, data: any}} signal
 * @property {{roomId: string, from: string, data: any}} broadcast
 * @property {{roomId: string, reason: string}} left the seat is gone and will not be taken again:
 *   `left`, `removed`, `replaced` (another page has it now), or the code of the refusal
 * @property {SignalingError} error what no promise is waiting for
 */

/** A seat is wanted (joining), held (joined), or was held and is to be taken again (rejoining). */
class Seat {
  /** @type {"joining" | "joined" | "rejoining"} */
  state = "joining";
  roster = new Roster();
  /** @type {Frame[]} what came before the first `joined` (rule 3) */
  early = [];
  tries = 0;

  /**
   * @param {Partial<StoredSeat> & {metadata: object}} wanted
   * @param {{admitted?: (joined: Joined) => void, resolve: (joined: Joined) => void,
   *   reject: (error: SignalingError) => void}} promise
   * @param {Clock} clock
   */
  constructor(wanted, promise, clock) {
    this.roomId = wanted.roomId;
    this.clientId = wanted.clientId;
    this.resumeToken = wanted.resumeToken;
    this.metadata = wanted.metadata;
    this.promise = promise;
    this.timer = new Timer(clock);
  }

  get request() {
    const { roomId, clientId, resumeToken, metadata } = this;
    return { type: "join", roomId, clientId, resumeToken, metadata };
  }

  /** The server does not know us by this token: come as somebody new. */
  forgetIdentity() {
    this.clientId = this.resumeToken = undefined;
  }
}

/**
 * The way to Parley: rooms joined here stay joined, through lost sockets, restarted servers and
 * sleeping machines, until `leave`, `close`, or a `left` event says otherwise.
 *
 * @extends {Emitter<Events>}
 */
export class Signaling extends Emitter {
  #clock;
  #socket;
  #requests;
  /** @type {Set<Seat>} */
  #seats = new Set();
  /** @type {Map<string, string | undefined>} to whom the latest signals went, by the id of each */
  #recipients = new Map();
  /** @type {string | null} the ping that waits for its pong */
  #ping = null;
  #nextPing;
  #heardAt = 0;

  /**
   * @param {string} url
   * @param {{WebSocket?: typeof WebSocket, page?: import("./socket.js").Page, clock?: Clock}} [parts]
   *   what the browser offers; tests pass their own
   */
  constructor(url, parts = {}) {
    super();
    this.#clock = parts.clock ?? systemClock;
    this.#requests = new Requests(this.#clock);
    this.#nextPing = new Timer(this.#clock);
    this.#socket = new ReconnectingSocket(url, parts);
    this.#socket.on("status", (status) => this.#turned(status));
    this.#socket.on("open", () => this.#opened());
    this.#socket.on("frame", (text) => this.#received(text));
    this.#socket.on("wake", () => this.#woken());
  }

  /** @returns {Status} */
  get status() {
    return this.#socket.status;
  }

  /**
   * Takes a seat: in the room named, or in a new one that the server names. With a `clientId` and
   * `resumeToken` from an earlier seat it comes back as the same person; when the server refuses
   * the token, as a new one.
   *
   * Rejects with a `SignalingError`: the server's refusal, or `timeout` after ten seconds, in which
   * the connection was tried as often as there was time.
   *
   * @param {string} [roomId]
   * @param {JoinOptions} [options]
   * @returns {Promise<Joined>}
   */
  join(roomId, { metadata = {}, clientId, resumeToken, admitted } = {}) {
    return new Promise((resolve, reject) => {
      if (roomId !== undefined && this.#seat(roomId)) {
        throw new SignalingError("already-joined", "This page is in that room.", { roomId });
      }
      const wanted = { roomId, clientId, resumeToken, metadata };
      const seat = new Seat(wanted, { admitted, resolve, reject }, this.#clock);
      const error = new SignalingError("timeout", "The server could not be reached.", { roomId });
      seat.timer.set(ANSWER_WITHIN, () => this.#end(seat, error));
      this.#seats.add(seat);
      this.#socket.open();
      if (this.status === "connected") this.#take(seat);
    });
  }

  /**
   * Gives the seat up, at once on this side; resolves when the server has answered or cannot.
   *
   * @param {string} roomId
   * @returns {Promise<void>}
   */
  leave(roomId) {
    const seat = this.#seat(roomId);
    if (!seat) return Promise.resolve();
    this.#forget(seat);
    seat.promise.reject(new SignalingError("left", "The page left before it was in.", seat));
    this.emit("left", { roomId, reason: "left" });
    return new Promise((resolve) => {
      this.#request({ type: "leave", roomId }, () => {
        resolve();
        this.#restIfIdle();
      });
    });
  }

  /**
   * Sends `data` to one member. Success is quiet. Throws a `SignalingError` when nothing was sent:
   * `offline`, `not-in-room`, `too-large`; what the server refuses comes as an `error` event with
   * `to`. Nothing is kept for later: whoever negotiates repeats what matters after `joined`.
   *
   * @param {string} roomId
   * @param {string} to
   * @param {any} data
   */
  signal(roomId, to, data) {
    this.#relay({ type: "signal", roomId, to, data });
  }

  /**
   * Sends `data` to all other members; otherwise like `signal`.
   *
   * @param {string} roomId
   * @param {any} data
   */
  broadcast(roomId, data) {
    this.#relay({ type: "broadcast", roomId, data });
  }

  /**
   * Who else is in the room, as far as is known.
   *
   * @param {string} roomId
   * @returns {PeerInfo[]}
   */
  peers(roomId) {
    return this.#seat(roomId)?.roster.peers ?? [];
  }

  /**
   * What to keep in order to come back later as the same person.
   *
   * @param {string} roomId
   * @returns {StoredSeat | null}
   */
  storedSeat(roomId) {
    const { clientId, resumeToken } = this.#seat(roomId) ?? {};
    return clientId && resumeToken ? { roomId, clientId, resumeToken } : null;
  }

  /** Gives up everything without another word; joins under way are rejected. */
  close() {
    for (const seat of [...this.#seats]) this.#end(seat, offline());
    this.#restIfIdle();
  }

  // ---- the socket

  /** @param {Status} status */
  #turned(status) {
    if (status !== "connected") this.#requests.abandon();
    this.emit("status", status);
  }

  #opened() {
    for (const seat of [...this.#seats]) this.#take(seat);
    this.#nextPing.set(PING_EVERY, () => this.#sendPing());
  }

  #woken() {
    if (this.#clock.now() - this.#heardAt > QUIET) this.#sendPing();
  }

  #restIfIdle() {
    if (this.#seats.size > 0) return;
    this.#nextPing.stop();
    this.#requests.abandon();
    this.#socket.close();
  }

  /**
   * @param {Frame} message
   * @param {(outcome: Frame | SignalingError) => void} settle called once: with the answer, the
   *   server's refusal, `timeout`, or `offline` when the socket is not there or goes away
   * @returns {string} the request's id
   */
  #request(message, settle) {
    const id = this.#requests.expect(settle);
    try {
      this.#send({ ...message, id });
    } catch (error) {
      queueMicrotask(() => this.#requests.settle(id, /** @type {SignalingError} */ (error)));
    }
    return id;
  }

  /** @param {Frame} message */
  #send(message) {
    const text = JSON.stringify(message);
    if (new TextEncoder().encode(text).length > LARGEST_FRAME) {
      throw new SignalingError("too-large", "The message is too large to be sent.", message);
    }
    if (!this.#socket.send(text)) throw offline();
  }

  /** @param {Frame} message */
  #relay(message) {
    const seat = this.#seat(message.roomId);
    if (!seat) throw new SignalingError("not-in-room", "This page is not in that room.", message);
    if (seat.state !== "joined") throw offline();
    const id = this.#requests.nextId();
    this.#send({ ...message, id });
    this.#recipients.set(id, message.to);
    if (this.#recipients.size > REMEMBERED) {
      this.#recipients.delete(/** @type {string} */ (this.#recipients.keys().next().value));
    }
  }

  // ---- seats

  /** @param {string} roomId */
  #seat(roomId) {
    return [...this.#seats].find((seat) => seat.roomId === roomId);
  }

  /** @param {Seat} seat */
  #take(seat) {
    if (seat.state === "joined") seat.state = "rejoining";
    if (seat.state === "rejoining") seat.timer.stop();
    const mark = seat.roster.mark();
    this.#request(seat.request, (outcome) => {
      if (!this.#seats.has(seat)) this.#leaveUnwanted(outcome);
      else if (outcome instanceof SignalingError) this.#refused(seat, outcome);
      else this.#admitted(seat, outcome, mark);
    });
  }

  /**
   * @param {Seat} seat
   * @param {Frame} answer
   * @param {number} mark the roster's moment at which the list was asked for
   */
  #admitted(seat, answer, mark) {
    const first = seat.state === "joining";
    const resumed = seat.clientId === answer.clientId;
    const { roomId, clientId, since, resumeToken } = answer;
    Object.assign(seat, { roomId, clientId, since, resumeToken, state: "joined", tries: 0 });
    seat.timer.stop();
    const listed = othersIn(answer);
    const changes = seat.roster.reconcile(listed, mark);
    const here = new Set(listed.map((peer) => peer.clientId));
    const peers = seat.roster.peers.filter((peer) => here.has(peer.clientId));
    const iceServers = answer.iceServers ?? [];
    const joined = { roomId, clientId, since, resumed, peers, iceServers };
    if (first) seat.promise.admitted?.(joined);
    this.emit("joined", joined);
    seat.promise.resolve(joined);
    if (!first) this.#tell(roomId, changes);
    for (const frame of seat.early.splice(0)) this.#dispatch(frame);
  }

  /**
   * @param {Seat} seat
   * @param {SignalingError} error
   */
  #refused(seat, error) {
    if (error.code === "offline") return; // the next socket says `join` again
    if (error.code === "timeout") return this.#socket.replace();
    if (error.code === "unauthorized" && seat.resumeToken) {
      seat.forgetIdentity();
      return this.#take(seat);
    }
    if (seat.state === "rejoining" && TRANSIENT.has(error.code)) return this.#takeLater(seat);
    this.#end(seat, error);
  }

  /** @param {Seat} seat */
  #takeLater(seat) {
    const ceiling = Math.min(LONGEST_DELAY, 1_000 * 2 ** seat.tries);
    seat.tries += 1;
    seat.timer.set(this.#clock.random() * ceiling, () => this.#take(seat));
  }

  /**
   * The answer to a join that nobody waits for any more: the seat is given back.
   *
   * @param {Frame | SignalingError} outcome
   */
  #leaveUnwanted(outcome) {
    if (outcome instanceof SignalingError || this.#seat(outcome.roomId)) return;
    this.#request({ type: "leave", roomId: outcome.roomId }, () => this.#restIfIdle());
  }

  /**
   * The seat is lost, or was never had: whoever waits for it is told, or the page.
   *
   * @param {Seat} seat
   * @param {SignalingError} error
   */
  #end(seat, error) {
    this.#forget(seat);
    seat.promise.reject(error);
    if (seat.state !== "joining" && seat.roomId !== undefined) {
      this.emit("left", { roomId: seat.roomId, reason: error.code });
    }
    this.#restIfIdle();
  }

  /** @param {Seat} seat */
  #forget(seat) {
    seat.timer.stop();
    this.#seats.delete(seat);
  }

  /**
   * @param {string} roomId
   * @param {import("./roster.js").Change[]} changes
   */
  #tell(roomId, changes) {
    for (const { type, ...detail } of changes) {
      this.emit(type, /** @type {any} */ ({ roomId, ...detail }));
    }
  }

  // ---- frames

  /** @param {string} text */
  #received(text) {
    this.#heardAt = this.#clock.now();
    const frame = parseFrame(text);
    if (!frame) return;
    const seat = this.#seat(frame.roomId);
    if (seat?.state === "joining" && NEWS.has(frame.type)) seat.early.push(frame);
    else this.#dispatch(frame);
  }

  /** @param {Frame} frame */
  #dispatch(frame) {
    switch (frame.type) {
      case "joined":
        return this.#onJoined(frame);
      case "pong":
        return void this.#requests.settle(this.#ping ?? "", frame);
      case "left":
        return this.#onLeft(frame);
      case "error":
        return this.#onError(frame);
      default:
        return this.#onNews(frame);
    }
  }

  /** @param {Frame} frame */
  #onNews(frame) {
    const seat = this.#seat(frame.roomId);
    if (!seat) return;
    const { type, roomId, clientId, peer, since, from, data } = frame;
    if (type === "signal" || type === "broadcast") this.emit(type, { roomId, from, data });
    // News of ourselves is an echo of our own earlier seat.
    else if ((clientId ?? peer?.clientId) === seat.clientId) return;
    else if (type === "peer-left") {
      this.#tell(roomId, seat.roster.depart(clientId, since, frame.reason));
    } else if (type === "peer-joined") {
      this.#tell(roomId, seat.roster.arrive(completePeer(peer), frame.resumed === true));
    }
  }

  /** @param {Frame} frame */
  #onJoined(frame) {
    if (frame.id !== undefined && this.#requests.settle(frame.id, frame)) return;
    const seat = this.#seat(frame.roomId);
    if (!seat) return this.#leaveUnwanted(frame);
    if (seat.clientId !== frame.clientId) return;
    // An echo may be old, so it tells of arrivals (their `since` guards them), never of leaves.
    this.#tell(frame.roomId, othersIn(frame).flatMap((peer) => seat.roster.arrive(peer)));
  }

  /** @param {Frame} frame */
  #onLeft(frame) {
    // With an id it answers our own `leave`: it must not end a seat that was taken since.
    if (frame.id !== undefined) return void this.#requests.settle(frame.id, frame);
    const seat = this.#seat(frame.roomId);
    if (!seat) return;
    if (!FINAL.has(frame.reason)) return this.#rejoin(seat);
    this.#end(seat, new SignalingError(frame.reason, "The seat is gone.", frame));
  }

  /** @param {Frame} frame */
  #onError(frame) {
    const to = this.#recipients.get(frame.id);
    const about = { roomId: frame.roomId, to };
    const error = new SignalingError(frame.code ?? "internal", frame.message ?? "", about);
    // A ping names each room that we are missing from, and is answered by its pong all the same.
    const roomOfPing = frame.id === this.#ping && frame.code === "not-in-room";
    if (frame.id !== undefined && !roomOfPing && this.#requests.settle(frame.id, error)) return;
    const seat = this.#seat(frame.roomId);
    if (frame.code === "not-in-room" && seat) this.#rejoin(seat);
    if (frame.code === "peer-not-found") this.#sendPing();
    this.emit("error", error);
  }

  /** @param {Seat} seat */
  #rejoin(seat) {
    if (seat.state === "joined") this.#take(seat);
  }

  // ---- the heartbeat, which repairs the view

  #sendPing() {
    if (this.#ping !== null || this.status !== "connected") return;
    this.#nextPing.set(PING_EVERY, () => this.#sendPing());
    const asked = [...this.#seats]
      .filter((seat) => seat.state === "joined")
      .map((seat) => ({ seat, mark: seat.roster.mark() }));
    this.#ping = this.#request({ type: "ping" }, (outcome) => {
      this.#ping = null;
      if (!(outcome instanceof SignalingError)) {
        for (const { seat, mark } of asked) this.#repair(seat, mark, outcome.rooms ?? {});
      } else if (outcome.code === "timeout") this.#socket.replace();
    });
  }

  /**
   * @param {Seat} seat
   * @param {number} mark
   * @param {Record<string, Record<string, number>>} rooms
   */
  #repair(seat, mark, rooms) {
    if (!this.#seats.has(seat) || seat.state !== "joined") return;
    const { roomId = "", clientId = "" } = seat;
    const listed = Object.hasOwn(rooms, roomId) ? rooms[roomId] : {};
    if (!Object.hasOwn(listed, clientId)) return this.#rejoin(seat);
    const peers = Object.entries(listed)
      .filter(([id]) => id !== clientId)
      .map(([id, since]) => ({ clientId: id, since, metadata: null, connected: true }));
    this.#tell(roomId, seat.roster.reconcile(peers, mark));
  }
}

const NEWS = new Set(["peer-joined", "peer-left", "signal", "broadcast"]);

/**
 * A frame that is none of ours yields null: API Gateway itself sends some, such as
 * `{"message": "Internal server error", …}`. What it stands for shows in a request's timeout.
 *
 * @param {string} text
 * @returns {Frame | null}
 */
function parseFrame(text) {
  try {
    const frame = JSON.parse(text);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}

/**
 * @param {Frame} joined
 * @returns {PeerInfo[]}
 */
function othersIn(joined) {
  const others = (joined.peers ?? []).filter((/** @type {Frame} */ peer) => {
    return peer.clientId !== joined.clientId;
  });
  return others.map(completePeer);
}

/**
 * @param {Frame} peer
 * @returns {PeerInfo}
 */
function completePeer({ clientId, since, metadata = {}, connected = true }) {
  return { clientId, since, metadata, connected };
}
