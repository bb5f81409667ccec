// Parley's native protocol, from the client's side: seats in rooms over one WebSocket.
//
// Rule 1: the client speaks first, and says `join` for every seat it wants on every new socket.
// Rule 2: a request that stays unanswered means a dead socket: it is given up, and another opened.
// Rule 3: nothing about a room is told to the page before that room's first `joined`: until then the
//         page knows neither its own id nor the ICE servers. What comes earlier waits, in order.
// Rule 4: a socket lives two hours at most, so the seats move to a new one before, at a moment when
//         no request and no message is under way. What the page says while they move waits until
//         the new socket has them. The old one is heard to its end, and never spoken through again.

import { Emitter } from "./emitter.js";
import { ReconnectingSocket, LONGEST_DELAY } from "./socket.js";
import { ANSWER_WITHIN, Requests, SignalingError, offline } from "./requests.js";
import { Relays } from "./relays.js";
import { Seat } from "./seat.js";
import { Timer, systemClock } from "./clock.js";
import { renewIn } from "./tokens.js";
import { completePeer, encodeFrame, othersIn, parseFrame } from "./frames.js";

export { SignalingError };
export const PING_EVERY = 8 * 60_000; // API Gateway cuts sockets that were idle for ten minutes
export const LIFETIME = 2 * 60 * 60_000; // and any after two hours
export const PROMPT = 4_000; // a ping that asks whether the socket lives
const QUIET = 30_000;
const UNUSED = 60_000;
const LULL = 2_000; // by then the server has done with what was sent
const TRANSIENT = new Set(["internal", "rate-limited"]);
const DISMISSED = new Set(["left", "removed"]);
const OPEN = { passcode: false, locked: false, capacity: 0, revision: 0 };
const NEWS = new Set(["peer-joined", "peer-left", "signal", "broadcast", "left", "door-set"]);

/**
 * @typedef {import("./roster.js").PeerInfo} PeerInfo
 * @typedef {import("./socket.js").Status} Status
 * @typedef {import("./frames.js").Frame} Frame
 *
 * @typedef {object} Parts what the browser offers and AWS demands; tests pass their own
 * @property {typeof WebSocket} [WebSocket]
 * @property {import("./socket.js").Page} [page]
 * @property {import("./socket.js").Network} [network]
 * @property {import("./clock.js").Clock} [clock]
 * @property {number} [lifetime] milliseconds until the gateway closes a socket
 * @property {number} [pingEvery] milliseconds; less than the gateway lets a socket be idle
 *
 * @typedef {object} Joined
 * @property {string} roomId
 * @property {string} clientId
 * @property {number} since when this seat was taken, by the server's clock
 * @property {boolean} resumed true when the id is the one held before
 * @property {PeerInfo[]} peers those whom the server listed and who have not left meanwhile
 * @property {RTCIceServer[]} iceServers
 * @property {number} [iceServersTtl] seconds for which their credentials work; see `iceServers()`
 * @property {Role} role what this page may do here
 * @property {Door} door
 *
 * @typedef {"member" | "moderator" | "admin"} Role
 *
 * @typedef {object} Door
 * @property {boolean} passcode whether one is asked for
 * @property {boolean} locked
 * @property {number} capacity seats
 * @property {number} revision of two, the higher one is the newer
 *
 * @typedef {object} DoorChange what is not there stays as it is
 * @property {string | null} [passcode] 4 to 64 characters; null: none
 * @property {boolean} [locked]
 * @property {number | null} [capacity] null: as many as the server allows
 *
 * @typedef {object} JoinOptions
 * @property {object} [metadata] told to the others, 1 KB of JSON at most
 * @property {string} [clientId] from an earlier seat, with its `resumeToken`
 * @property {string} [resumeToken]
 * @property {string} [passcode] where the room asks for one
 * @property {import("./tokens.js").Token} [token] where the deployment asks for one; a function is
 *   called for each join, and before the former token ends
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
 * @property {{roomId: string, peer: PeerInfo, resumed: boolean}} peer-joined somebody has come;
 *   `resumed`: with the id they had before. Each coming and each `peer-left` is told once, in turn.
 * @property {{roomId: string, peer: PeerInfo}} peer-resumed who is here has another socket now; what
 *   was sent to the former one may be lost
 * @property {{roomId: string, peer: PeerInfo}} peer-changed metadata became known
 * @property {{roomId: string, clientId: string, since: number, reason: string}} peer-left
 * @property {{roomId: string, from: string, data: any}} signal
 * @property {{roomId: string, from: string, data: any}} broadcast
 * @property {{roomId: string, reason: string}} left the seat is gone and will not be taken again:
 *   `left`, `removed`, `replaced` (another page has it now), or the code of the refusal
 * @property {{roomId: string, door: Door, by?: string}} door it has changed; `by` whose hand
 * @property {void} rerouted this machine may have another address now
 * @property {SignalingError} error what no promise is waiting for
 */

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
  #relays;
  /** @type {Set<Seat>} */
  #seats = new Set();
  /** @type {Set<string>} rooms whose `leave` is unanswered: a `join` must not overtake it */
  #leaving = new Set();
  /** @type {string | null} the ping that waits for its pong */
  #ping = null;
  #pingEvery;
  #nextPing;
  #lifetime;
  #move;
  #moveAt = 0;
  #lull;
  #unused;
  #heardAt = 0;

  /**
   * @param {string} url
   * @param {Parts} [parts]
   */
  constructor(url, parts = {}) {
    super();
    this.#clock = parts.clock ?? systemClock;
    this.#pingEvery = parts.pingEvery ?? PING_EVERY;
    this.#lifetime = parts.lifetime ?? LIFETIME;
    this.#requests = new Requests((frame) => this.#send(frame), this.#clock);
    this.#relays = new Relays((frame) => this.#send(frame), this.#clock);
    this.#nextPing = new Timer(this.#clock);
    this.#unused = new Timer(this.#clock);
    this.#move = new Timer(this.#clock);
    this.#lull = new Timer(this.#clock);
    this.#socket = new ReconnectingSocket(url, parts);
    this.#socket.on("status", (status) => this.#turned(status));
    this.#socket.on("open", () => this.#opened());
    this.#socket.on("frame", ({ text, retired }) => this.#received(text, retired));
    this.#socket.on("wake", (reason) => this.#woken(reason));
    this.#socket.on("rerouted", () => this.emit("rerouted", undefined));
    this.#socket.on("spare", (open) => (open ? this.#moveWhenQuiet() : this.#stay()));
  }

  /** @returns {Status} */
  get status() {
    return this.#socket.status;
  }

  /** Opens the socket for a join that is likely; it is closed again when none comes. */
  prepare() {
    if (this.#seats.size > 0 || this.#unused.running) return;
    this.#socket.open();
    this.#unused.set(UNUSED, () => this.#restIfIdle());
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
  join(roomId, { metadata = {}, clientId, resumeToken, passcode, token, admitted } = {}) {
    return new Promise((resolve, reject) => {
      if (roomId !== undefined && this.#seat(roomId)) {
        throw new SignalingError("already-joined", "This page is in that room.", { roomId });
      }
      const wanted = { roomId, clientId, resumeToken, metadata, passcode, token };
      const seat = new Seat(wanted, { admitted, resolve, reject }, this.#clock);
      const error = new SignalingError("timeout", "The server could not be reached.", { roomId });
      seat.timer.deadline(ANSWER_WITHIN, () => this.#end(seat, error));
      this.#seats.add(seat);
      this.#socket.open();
      this.#take(seat);
    });
  }

  /**
   * Gives the seat up, at once on this side; resolves when the server has answered or cannot. A
   * server that does not answer is told by the end of the socket, and the page by an `error` event.
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
    return new Promise((resolve) => this.#vacate(roomId, resolve));
  }

  /**
   * Sends `data` to one member. Success is quiet. Throws a `SignalingError` when nothing was sent:
   * `offline`, `not-in-room`, `too-large`; what the server refuses comes as an `error` event with
   * `to`, and `offline` when a seat that was about to move was lost. Otherwise nothing is kept for
   * later: whoever negotiates repeats what matters after `joined`.
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
   * ICE servers anew, before the credentials in the former ones run out. Rejects with a
   * `SignalingError`: the server's refusal, `offline` while there is no seat, or `timeout`.
   *
   * @param {string} roomId
   * @returns {Promise<import("./ice.js").Grant>}
   */
  async iceServers(roomId) {
    if (this.#seat(roomId)?.state !== "joined") throw offline();
    return grantOf(await this.#asked({ type: "ice-servers", roomId }));
  }

  /**
   * Changes the door of a room that this page moderates; resolves with what it is then. Rejects with
   * a `SignalingError`: `forbidden`, `not-in-room`, `bad-message`, `rate-limited`, `offline`, …
   *
   * @param {string} roomId
   * @param {DoorChange} change
   * @returns {Promise<Door>}
   */
  async setDoor(roomId, { passcode, locked, capacity }) {
    const answer = await this.#asked({ type: "set-door", roomId, passcode, locked, capacity });
    this.#turnDoor(answer);
    return answer.door;
  }

  /**
   * Sends somebody away from a room that this page moderates. Rejects as `setDoor` does, but not
   * when they have gone already.
   *
   * @param {string} roomId
   * @param {string} clientId
   * @returns {Promise<void>}
   */
  async remove(roomId, clientId) {
    try {
      await this.#asked({ type: "remove", roomId, clientId });
    } catch (error) {
      if (/** @type {SignalingError} */ (error).code !== "peer-not-found") throw error;
    }
  }

  /**
   * @param {Frame} request
   * @returns {Promise<Frame>}
   */
  #asked(request) {
    return new Promise((resolve, reject) => {
      this.#request(request, (outcome) => {
        if (outcome instanceof SignalingError) reject(outcome);
        else resolve(outcome);
      });
    });
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
    if (status !== "connected") this.#interrupted();
    this.emit("status", status);
  }

  #interrupted() {
    for (const timer of [this.#nextPing, this.#move, this.#lull]) timer.stop();
    for (const seat of this.#moving) this.#lose(seat);
    this.#requests.abandon();
  }

  #opened() {
    for (const seat of [...this.#seats]) this.#take(seat);
    this.#nextPing.set(this.#pingEvery, () => this.#sendPing());
    // At a random moment, so that those who came together do not come again together.
    this.#moveAt = this.#clock.now() + (this.#lifetime * (10 + this.#clock.random())) / 12;
    this.#planMove();
  }

  /** @param {string} reason */
  #woken(reason) {
    this.#planMove(); // timers stand still while a machine sleeps, lifetimes do not
    const glanced = reason === "visibilitychange";
    if (!glanced || this.#clock.now() - this.#heardAt > QUIET) this.#sendPing(PROMPT);
  }

  #restIfIdle() {
    if (this.#seats.size === 0) this.#socket.close();
  }

  /**
   * As `Requests.ask`; and a socket on which nobody answers is given up (rule 2).
   *
   * @param {Frame} message
   * @param {(outcome: Frame | SignalingError) => void} settle
   * @param {number} [within]
   */
  #request(message, settle, within) {
    const settled = (/** @type {Frame | SignalingError} */ outcome) => {
      settle(outcome);
      if (outcome.code !== "timeout") return;
      this.emit("error", /** @type {SignalingError} */ (outcome));
      this.#socket.replace();
    };
    return this.#requests.ask(message, settled, within);
  }

  /** @param {Frame} frame */
  #send(frame) {
    if (!this.#socket.send(encodeFrame(frame))) throw offline();
  }

  /** @param {Frame} message */
  #relay(message) {
    const seat = this.#seat(message.roomId);
    if (!seat) throw new SignalingError("not-in-room", "This page is not in that room.", message);
    const frame = { ...message, id: this.#requests.nextId() };
    if (seat.state === "joined") this.#relays.pass(frame);
    else if (seat.state === "moving" && encodeFrame(frame)) seat.held.push(frame);
    else throw offline();
  }

  // ---- the move to another socket (rule 4)

  get #moving() {
    return [...this.#seats].filter((seat) => seat.state === "moving");
  }

  #planMove() {
    const wait = Math.max(0, this.#moveAt - this.#clock.now());
    this.#move.set(wait, () => this.#socket.prepare());
  }

  #moveWhenQuiet() {
    for (const seat of this.#seats) if (seat.state === "joined") seat.state = "moving";
    const lull = Math.min(LULL, this.#lifetime / 60);
    const wait = this.#requests.idle ? lull - this.#relays.quietFor : lull;
    if (wait > 0) this.#lull.set(wait, () => this.#moveWhenQuiet());
    else this.#socket.exchange();
  }

  /** There was no other socket to be had: all stays as it is, for a while. */
  #stay() {
    this.#lull.stop();
    for (const seat of this.#moving) this.#settle(seat, "joined");
    this.#moveAt = this.#clock.now() + (this.#lifetime * (1 + this.#clock.random())) / 120;
    this.#planMove();
  }

  /** @param {Seat} seat */
  #lose(seat) {
    this.#settle(seat, "rejoining");
  }

  /**
   * What waited for the seat to move goes out, or the page is told that it does not.
   *
   * @param {Seat} seat
   * @param {"joined" | "rejoining"} state
   */
  #settle(seat, state) {
    seat.state = state;
    for (const frame of seat.held.splice(0)) {
      try {
        if (state !== "joined") throw offline();
        this.#relays.pass(frame);
      } catch (error) {
        const { code, message } = /** @type {SignalingError} */ (error);
        this.emit("error", new SignalingError(code, message, frame));
      }
    }
  }

  // ---- seats

  /** @param {string | undefined} roomId */
  #seat(roomId) {
    return [...this.#seats].find((seat) => seat.roomId === roomId);
  }

  /** @param {Seat} seat */
  #take(seat) {
    if (this.status !== "connected" || this.#leaving.has(seat.roomId ?? "")) return;
    if (seat.state === "joined") seat.state = "rejoining";
    if (seat.state !== "joining") seat.timer.stop();
    if (typeof seat.token === "function") void this.#takeWith(seat, seat.token);
    else this.#ask(seat);
  }

  /**
   * @param {Seat} seat
   * @param {() => string | Promise<string>} token
   */
  async #takeWith(seat, token) {
    try {
      seat.shown = await token();
    } catch (error) {
      const refusal = new SignalingError("unauthorized", "There is no token to show.", seat);
      return this.#seats.has(seat) && this.#end(seat, refusal);
    }
    if (this.#seats.has(seat) && this.status === "connected") this.#ask(seat);
  }

  /**
   * Before a token ends, a newer one is shown on the same socket; nobody hears of it.
   *
   * @param {Seat} seat
   */
  #planRenewal(seat) {
    const wait = renewIn(seat.token, seat.shown, this.#clock.now());
    if (wait === null) return seat.renewal.stop();
    seat.renewal.set(wait, async () => {
      if (typeof seat.token !== "function" || seat.state !== "joined") return;
      seat.shown = await Promise.resolve().then(seat.token).catch(() => undefined);
      if (!seat.shown || seat.state !== "joined" || this.status !== "connected") return;
      this.#request(seat.request, (outcome) => {
        if (outcome instanceof SignalingError || !this.#seats.has(seat)) return;
        seat.resumeToken = outcome.resumeToken ?? seat.resumeToken;
        this.#planRenewal(seat);
      });
    });
  }

  /** @param {Seat} seat */
  #ask(seat) {
    const mark = seat.roster.mark();
    this.#request(seat.request, (outcome) => {
      if (!this.#seats.has(seat)) this.#leaveUnwanted(outcome);
      else if (outcome instanceof SignalingError) this.#refused(seat, outcome);
      else if (outcome.type === "left") this.#end(seat, lost(outcome));
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
    Object.assign(seat, { roomId, clientId, since, resumeToken, tries: 0 });
    seat.timer.stop();
    this.#settle(seat, "joined");
    this.#planRenewal(seat);
    const listed = othersIn(answer);
    const changes = seat.roster.reconcile(listed, mark);
    const here = new Set(listed.map((peer) => peer.clientId));
    const peers = seat.roster.peers.filter((peer) => here.has(peer.clientId));
    const { role = "member", door = { ...OPEN } } = answer;
    seat.revision = door.revision;
    const joined = { roomId, clientId, since, resumed, peers, role, door, ...grantOf(answer) };
    if (first) seat.promise.admitted?.(joined);
    this.emit("joined", joined);
    seat.promise.resolve(joined);
    if (!first) this.#tell(roomId, changes);
    for (const { frame, retired } of seat.early.splice(0)) this.#dispatch(frame, retired);
    if ([...this.#seats].every(({ state }) => state === "joined")) this.#socket.dismiss();
  }

  /**
   * @param {Seat} seat
   * @param {SignalingError} error
   */
  #refused(seat, error) {
    if (error.code === "offline" || error.code === "timeout") return; // the next socket joins again
    if (error.code === "unauthorized" && seat.resumeToken) {
      seat.forgetIdentity();
      return this.#take(seat);
    }
    if (seat.state !== "joining" && TRANSIENT.has(error.code)) return this.#takeLater(seat, error);
    this.#end(seat, error);
  }

  /**
   * @param {Seat} seat
   * @param {SignalingError} error
   */
  #takeLater(seat, { retryAfter = 0 }) {
    this.#lose(seat);
    const ceiling = Math.min(LONGEST_DELAY, 1_000 * 2 ** seat.tries);
    seat.tries += 1;
    const wait = retryAfter * 1_000 + this.#clock.random() * ceiling;
    seat.timer.set(wait, () => this.#take(seat));
  }

  /**
   * The answer to a join that nobody waits for any more: the seat is given back.
   *
   * @param {Frame | SignalingError} outcome
   */
  #leaveUnwanted(outcome) {
    if (outcome instanceof SignalingError || this.#seat(outcome.roomId)) return;
    this.#vacate(outcome.roomId, () => {});
  }

  /**
   * @param {string} roomId
   * @param {() => void} done
   */
  #vacate(roomId, done) {
    this.#leaving.add(roomId);
    this.#request({ type: "leave", roomId }, () => {
      this.#leaving.delete(roomId);
      done();
      const seat = this.#seat(roomId);
      if (seat) this.#take(seat);
      else this.#restIfIdle();
    });
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
    seat.renewal.stop();
    this.#seats.delete(seat);
    if (seat.state === "moving") this.#lose(seat);
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

  /**
   * @param {string} text
   * @param {boolean} retired from the socket that the seats have moved away from
   */
  #received(text, retired) {
    if (!retired) this.#heardAt = this.#clock.now();
    const frame = parseFrame(text);
    if (!frame) return;
    const seat = this.#seat(frame.roomId);
    const news = NEWS.has(frame.type) && frame.id === undefined;
    if (news && seat?.state === "joining") seat.early.push({ frame, retired });
    else this.#dispatch(frame, retired);
  }

  /**
   * @param {Frame} frame
   * @param {boolean} retired
   */
  #dispatch(frame, retired) {
    switch (frame.type) {
      case "joined":
        return this.#onJoined(frame);
      case "pong":
      case "ice-servers":
        return void this.#requests.settle(frame.id, frame);
      case "left":
        return this.#onLeft(frame, retired);
      case "door-set":
      case "removed":
        return this.#onDone(frame);
      case "error":
        return this.#onError(frame, retired);
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
  #onDone(frame) {
    if (frame.id !== undefined) this.#requests.settle(frame.id, frame);
    else if (frame.type === "door-set") this.#turnDoor(frame);
  }

  /** @param {Frame} frame */
  #turnDoor({ roomId, door, by }) {
    const seat = this.#seat(roomId);
    if (!seat || door.revision <= seat.revision) return; // older than what is known
    seat.revision = door.revision;
    this.emit("door", { roomId, door, by });
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

  /**
   * @param {Frame} frame
   * @param {boolean} retired
   */
  #onLeft(frame, retired) {
    // With an id it answers our own `leave`: it must not end a seat that was taken since.
    if (frame.id !== undefined) return void this.#requests.settle(frame.id, frame);
    const seat = this.#seat(frame.roomId);
    if (!seat || frame.since < seat.since) return; // of an earlier stay
    const dismissed = DISMISSED.has(frame.reason);
    if (retired && !dismissed) return; // it was we who replaced ourselves
    if (dismissed || frame.reason === "replaced") this.#end(seat, lost(frame));
    else this.#rejoin(seat);
  }

  /**
   * @param {Frame} frame
   * @param {boolean} retired
   */
  #onError({ id, roomId, code = "internal", message = "", retryAfter }, retired) {
    const relayed = this.#relays.fail(id);
    const error = new SignalingError(code, message, { roomId, to: relayed?.to, retryAfter });
    if (id !== undefined && this.#requests.settle(id, error)) return;
    const seat = this.#seat(roomId);
    // Without an id, `unauthorized` says that the token of a seat has run out.
    const missing = code === "not-in-room" || (code === "unauthorized" && id === undefined);
    if (missing && seat && !retired) this.#rejoin(seat);
    if (code === "peer-not-found") this.#sendPing();
    // Any other with an id is the echo of one that was told; a lost seat is being taken again.
    if (relayed || (id === undefined && !missing)) this.emit("error", error);
  }

  /** @param {Seat} seat */
  #rejoin(seat) {
    if (seat.state === "joined") this.#take(seat);
  }

  // ---- the heartbeat, which repairs the view

  #sendPing(within = ANSWER_WITHIN) {
    if (this.status !== "connected") return;
    this.#nextPing.set(this.#pingEvery, () => this.#sendPing());
    if (this.#ping !== null) return;
    const asked = [...this.#seats]
      .filter((seat) => seat.state === "joined")
      .map((seat) => ({ seat, mark: seat.roster.mark() }));
    const settle = (/** @type {Frame | SignalingError} */ outcome) => {
      this.#ping = null;
      if (outcome instanceof SignalingError) return;
      const { rooms = {} } = outcome;
      for (const { seat, mark } of asked) this.#repair(seat, mark, rooms);
      this.#clear(Object.keys(rooms));
    };
    this.#ping = this.#request({ type: "ping" }, settle, within);
  }

  /**
   * Gives back the seats that we should not have: their `leave`, or the news of them, was lost.
   *
   * @param {string[]} held
   */
  #clear(held) {
    if (this.#seat(undefined)) return; // any of them may be the new room that we wait for
    for (const roomId of held) if (!this.#leaving.has(roomId)) this.#leaveUnwanted({ roomId });
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

/**
 * @param {Frame} answer
 * @returns {import("./ice.js").Grant}
 */
const grantOf = ({ iceServers = [], iceServersTtl }) => ({ iceServers, iceServersTtl });

/** @param {Frame} left */
const lost = (left) => new SignalingError(left.reason, "The seat is gone.", left);
