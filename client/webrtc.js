// One RTCPeerConnection with one member for one session: perfect negotiation, and nothing else.
// It knows neither socket nor room: `send` takes its messages away, `receive` brings the other's.
// What wants more of a connection (media, files, statistics) finds `connection`, `openChannel` and
// the events `channel` and `envelope`; whatever it changes is negotiated by itself.
//
// What travels (third parties may rely on it):
//
//   {"session": "1795382699855-k3J9aQ", "seq": 1, "description"?: {type, sdp}, "candidates"?: […]}
//
// Rule 1: `seq` counts a sender's messages in a session from 1, whichever way they go (signaling or
//         data channel). A message whose `seq` was seen before is a repetition and is dropped.
// Rule 2: descriptions are applied in the order of `seq`: one that overtook others waits for them,
//         3 s at most. One with a `seq` below that of a description already taken is dropped.
// Rule 3: candidates are taken in any order. They wait until the description they belong to (by
//         `usernameFragment`) has been applied.
// Rule 4: a message may be repeated with the same `seq` as often as one likes; so whatever signaling
//         may have lost can be said again without harm.
// Rule 5: while the two connect, one offer and one answer go by signaling, and nothing more is
//         negotiated: what else is wanted waits for the data channel, where it costs nothing.

import { Emitter } from "./emitter.js";
import { Timer, systemClock } from "./clock.js";

export const RIDE = 20; // candidates found this soon travel with their description,
export const LULL = 5; // which goes as soon as no more are coming
export const BATCH = 120; // later ones wait for company, since each message costs money; and for the
// channel, where they cost nothing: most connections open without them
export const OVERTAKEN = 3_000;
export const CONNECT_WITHIN = 20_000;
export const RESTART_WITHIN = 15_000;
export const POLITE_PAUSE = 3_000;
export const GATHER_WITHIN = 5_000; // a STUN server that does not answer holds nobody up for longer
const LINGER = 300;
const MAIN = "parley";

/**
 * @typedef {object} Negotiation
 * @property {string} session
 * @property {number} seq
 * @property {RTCSessionDescriptionInit} [description]
 * @property {RTCIceCandidateInit[]} [candidates]
 *
 * @typedef {{type: string, [field: string]: any}} Envelope what travels on the data channel:
 *   `{"type":"signal","data":Negotiation}` is kept here, all others are handed on
 *
 * @typedef {"connecting" | "connected" | "interrupted" | "failed" | "closed"} PeerState
 * @typedef {import("./sealing.js").SealState} SealState
 */

/** Numbers messages, lets candidates gather, and can repeat what may have been lost. */
class Outbox {
  #seq = 0;
  /** @type {{description?: RTCSessionDescriptionInit, candidates: RTCIceCandidateInit[]}} */
  #draft = { candidates: [] };
  /** @type {Negotiation[]} */
  #unsettled = [];
  #session;
  #deliver;
  #timer;
  #lull;

  /**
   * @param {string} session
   * @param {(message: Negotiation) => boolean} deliver tells whether the way taken is reliable
   * @param {import("./clock.js").Clock} clock
   */
  constructor(session, deliver, clock) {
    this.#session = session;
    this.#deliver = deliver;
    this.#timer = new Timer(clock);
    this.#lull = new Timer(clock);
  }

  /**
   * @param {RTCSessionDescriptionInit} description
   * @param {boolean} complete no more candidates will come
   */
  describe({ type, sdp }, complete) {
    // An offer that was rolled back before it went may be forgotten, an answer never.
    if (this.#draft.description?.type === "answer") this.flush();
    this.#draft.description = { type, sdp };
    if (complete) this.flush();
    else this.#timer.set(RIDE, () => this.flush());
  }

  /** @param {RTCIceCandidateInit} candidate */
  add(candidate) {
    this.#draft.candidates.push(candidate);
    if (this.#draft.description) this.#lull.set(LULL, () => this.flush());
    else if (!this.#timer.running) this.#timer.set(BATCH, () => this.flush());
  }

  /** No more candidates will come: a description need not wait for them. */
  complete() {
    if (this.#draft.description) this.flush();
  }

  flush() {
    for (const timer of [this.#timer, this.#lull]) timer.stop();
    const { description, candidates } = this.#draft;
    if (!description && candidates.length === 0) return;
    this.#draft = { candidates: [] };
    this.#seq += 1;
    const message = {
      session: this.#session,
      seq: this.#seq,
      ...(description && { description }),
      ...(candidates.length > 0 && { candidates }),
    };
    if (!this.#deliver(message)) this.#unsettled.push(message);
  }

  repeat() {
    for (const message of this.#unsettled) this.#deliver(message);
  }

  /** All that was sent did its work: none of it needs repeating. */
  settle() {
    this.#unsettled = [];
  }

  close() {
    for (const timer of [this.#timer, this.#lull]) timer.stop();
    this.settle();
  }
}

/** Makes exactly-once, ordered descriptions out of messages in any order (rules 1 to 3). */
class Inbox {
  /** @type {Set<number>} */
  #seen = new Set();
  #complete = 0;
  #described = 0;
  /** @type {{seq: number, description: RTCSessionDescriptionInit}[]} */
  #waiting = [];
  #timer;
  #onDescription;

  /**
   * @param {(description: RTCSessionDescriptionInit) => void} onDescription
   * @param {import("./clock.js").Clock} clock
   */
  constructor(onDescription, clock) {
    this.#onDescription = onDescription;
    this.#timer = new Timer(clock);
  }

  /**
   * @param {Negotiation} message
   * @returns {RTCIceCandidateInit[]} the candidates in it, unless it is a repetition
   */
  take({ seq, description, candidates = [] }) {
    if (this.#seen.has(seq)) return [];
    this.#seen.add(seq);
    while (this.#seen.has(this.#complete + 1)) this.#complete += 1;
    if (description) this.#waiting.push({ seq, description });
    this.#waiting.sort((a, b) => a.seq - b.seq);
    this.#release();
    return candidates;
  }

  close() {
    this.#timer.stop();
    this.#waiting = [];
  }

  #release() {
    while (this.#waiting.length > 0 && this.#waiting[0].seq <= this.#complete) this.#releaseFirst();
    if (this.#waiting.length === 0) return this.#timer.stop();
    if (!this.#timer.running) this.#timer.set(OVERTAKEN, () => this.#waitNoLonger());
  }

  #waitNoLonger() {
    this.#releaseFirst();
    this.#release();
  }

  #releaseFirst() {
    const first = this.#waiting.shift();
    if (!first || first.seq < this.#described) return;
    this.#described = first.seq;
    this.#onDescription(first.description);
  }
}

/**
 * States: connecting → connected ⇄ interrupted → failed → (restart) → connected, or closed.
 *
 * - `interrupted`: the path is gone, for now; ICE still tries by itself.
 * - `failed`: ICE gave up; `restart` may find another path.
 * - `closed`: nothing more comes of this session: by `close`, because the other side closed, or
 *   because no connection came about in time.
 *
 * `channel` brings the data channels that the other side opened with `openChannel`, `envelope` what
 * it said with `send`, `sealing` how things stand with a passphrase: see `sealing.js`. `stranded` says,
 * once, that this side has found no candidate at all: the browser knows of no network, or no relay
 * took us that may only relay. While that is so, nobody is reached.
 *
 * @extends {Emitter<{state: PeerState, envelope: Envelope, channel: RTCDataChannel, sealing: SealState, stranded: void}>}
 */
export class Peer extends Emitter {
  /** @type {PeerState} */
  state = "connecting";
  #polite;
  #send;
  #trickle;
  #configuration;
  #connection;
  #outbox;
  #inbox;
  /** @type {RTCDataChannel | null} */
  #channel = null;
  /** @type {RTCIceCandidateInit[]} rule 3 */
  #candidates = [];
  #heard = false;
  #started = false;
  #postponed = false;
  #seal;
  #isRefused = false;
  /**
   * One step after the other, so that each finds the connection between steps: no flags needed to
   * tell that an offer is being made or an answer applied.
   *
   * @type {Promise<void>}
   */
  #turn = Promise.resolve();
  #clock;
  #deadline;
  #gathering;
  #pause;
  #found = false;
  #lookout;

  /**
   * @param {object} options
   * @param {boolean} options.polite gives way when both sides negotiate at once
   * @param {string} options.session
   * @param {(message: Negotiation) => void} options.send by signaling; must not throw
   * @param {RTCConfiguration} [options.configuration] ICE servers, whether to relay only, certificates
   * @param {boolean} [options.trickle] false where people carry the descriptions: each goes out once
   *   it is complete, with all candidates in it and none beside it, and takes the time it takes
   * @param {import("./sealing.js").SealedLink | null} [options.seal] what is said goes through it
   * @param {RTCPeerConnection} [options.connection] one that was made before, see `Spare`
   * @param {typeof RTCPeerConnection} [options.RTCPeerConnection]
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor({ polite, session, send, configuration = {}, trickle = true, seal = null, ...parts }) {
    super();
    this.#seal = seal;
    seal?.on("state", (state) => this.emit("sealing", state));
    seal?.on("envelope", (envelope) => this.emit("envelope", envelope));
    this.#clock = parts.clock ?? systemClock;
    this.#polite = polite;
    this.#send = send;
    this.#trickle = trickle;
    this.#outbox = new Outbox(session, (message) => this.#deliver(message), this.#clock);
    this.#inbox = new Inbox((description) => this.#queue(description), this.#clock);
    this.#pause = new Timer(this.#clock);
    this.#deadline = new Timer(this.#clock);
    this.#gathering = new Timer(this.#clock);
    this.#lookout = new Timer(this.#clock);
    if (trickle) this.#deadline.set(CONNECT_WITHIN, () => this.close());
    const Connection = parts.RTCPeerConnection ?? globalThis.RTCPeerConnection;
    this.#configuration = configuration;
    this.#connection = parts.connection ?? new Connection(configured(configuration));
    this.#listen(this.#connection);
  }

  /** Did the other side ever say anything in this session? */
  get heard() {
    return this.#heard;
  }

  /** For its statistics, transports and transceivers. Its handlers (`on…`) are ours. */
  get connection() {
    return this.#connection;
  }

  /** How things stand with a passphrase; null while neither side has said that it has one. */
  get sealing() {
    return this.#seal?.state ?? (this.#isRefused ? "we-have-none" : null);
  }

  /**
   * Keys for a channel of its own, null where there is no passphrase; see `SealedLink.stream`.
   *
   * @param {string} name
   */
  async sealedStream(name) {
    return this.#seal ? this.#seal.stream(name) : null;
  }

  /** Begins the session: makes the data channel, and so an offer. The other side only receives. */
  start() {
    this.#started = true;
    this.#adopt(this.#connection.createDataChannel(MAIN));
    this.#enqueue(() => this.#offer()); // the event that asks for it takes its time
  }

  /** @param {Negotiation} message from the other side, by signaling */
  receive(message) {
    if (this.state === "closed" || !Number.isSafeInteger(message.seq)) return;
    this.#heard = true;
    this.#candidates.push(...this.#inbox.take(message));
    this.#enqueue(() => this.#addCandidates());
  }

  /** Says again what signaling may have lost, while the two are not connected (rule 4). */
  repeat() {
    this.#outbox.repeat();
  }

  /**
   * Looks for another path, after `failed` or because the network has changed; closes when a failed
   * connection finds none in time.
   */
  restart() {
    if (this.state === "connecting" || this.state === "closed") return;
    // Both sides see the failure: the polite one waits a little, so that one offer is enough.
    const wait = this.state === "failed" && this.#polite ? POLITE_PAUSE : 0;
    this.#pause.set(wait, () => this.#connection.restartIce());
  }

  /**
   * Other ICE servers, or another policy; holds from the next `restart` on. The rest stays.
   *
   * @param {RTCConfiguration} configuration
   */
  configure(configuration) {
    this.#configuration = { ...this.#configuration, ...configuration };
    if (this.state === "closed") return;
    const { iceCandidatePoolSize } = this.#connection.getConfiguration(); // not to be changed any more
    this.#connection.setConfiguration({ ...configured(this.#configuration), iceCandidatePoolSize });
  }

  /**
   * Another data channel; the other side hears of it by `channel`.
   *
   * @param {string} label any but `parley`
   * @param {RTCDataChannelInit} [options]
   */
  openChannel(label, options) {
    return this.#connection.createDataChannel(label, options);
  }

  /**
   * @param {Envelope} envelope
   * @returns {boolean} false when there is no open channel, or the other side could not read it:
   *   nothing was sent
   */
  send(envelope) {
    if (this.#channel?.readyState !== "open") return false;
    if (this.#seal) return this.#seal.send(envelope);
    return (!this.#isRefused || envelope.type === "bye") && this.#write(envelope);
  }

  /** Ends the session on this side. With `farewell`, the other side is told first. */
  close({ farewell = false } = {}) {
    if (this.state === "closed") return;
    const said = farewell && this.send({ type: "bye" });
    for (const part of [this.#deadline, this.#gathering, this.#pause, this.#lookout]) part.stop();
    for (const part of [this.#outbox, this.#inbox]) part.close();
    this.#seal?.close();
    this.#become("closed");
    // A connection closed at once would take the farewell with it.
    if (said) this.#clock.setTimeout(() => this.#connection.close(), LINGER);
    else this.#connection.close();
  }

  // ---- what the connection tells

  /** @param {RTCPeerConnection} connection */
  #listen(connection) {
    connection.onnegotiationneeded = () => this.#enqueue(() => this.#offer());
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#found = true;
      if (this.#trickle) this.#outbox.add(candidate.toJSON());
    };
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === "complete") this.#gathered();
    };
    connection.onconnectionstatechange = () => this.#assess();
    connection.ondatachannel = ({ channel }) => {
      if (channel.label === MAIN) this.#adopt(channel);
      else this.emit("channel", channel);
    };
  }

  /** All candidates are known: what waits for company, or for all of them, can go. */
  #gathered() {
    this.#gathering.stop();
    this.#lookAround();
    const description = this.#trickle ? null : this.#connection.localDescription;
    if (description) this.#outbox.describe(description, true);
    this.#outbox.complete();
  }

  #lookAround() {
    this.#lookout.stop();
    if (!this.#found && this.state === "connecting") this.emit("stranded", undefined);
    this.#found = true; // said once
  }

  /** @param {RTCDataChannel} channel */
  #adopt(channel) {
    this.#channel = channel;
    channel.onopen = channel.onclose = () => this.#assess();
    channel.onmessage = ({ data }) => this.#unwrap(data);
    this.#assess();
  }

  #assess() {
    if (this.state === "closed") return;
    if (this.#channel?.readyState === "open") this.#openSeal();
    const observed = this.#observe();
    if (observed === "closed") return this.close();
    if (observed === "connected") this.#settle();
    if (observed === "interrupted") this.#pause.stop();
    if (observed === "failed" && !this.#deadline.running) {
      this.#deadline.set(RESTART_WITHIN, () => this.close());
    }
    this.#become(observed);
  }

  /** @returns {PeerState} */
  #observe() {
    const transport = this.#connection.connectionState;
    const channel = this.#channel?.readyState ?? "connecting";
    if (transport === "closed" || channel === "closing" || channel === "closed") return "closed";
    const fresh = this.state === "connecting";
    // Who answers tries before the other side can, and goes on when its answer has been carried over.
    if (transport === "failed" && fresh) return this.#trickle ? "closed" : "connecting";
    if (transport === "failed") return "failed";
    if (transport === "connected" && channel === "open") return "connected";
    return fresh ? "connecting" : "interrupted";
  }

  #settle() {
    for (const timer of [this.#deadline, this.#pause]) timer.stop();
    if (this.state !== "connected") this.#outbox.settle();
    if (this.#postponed) this.#enqueue(() => this.#offer());
  }

  /** @param {PeerState} state */
  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.emit("state", state);
  }

  // ---- messages, by data channel once there is one, else by signaling

  /** @param {Negotiation} message */
  #deliver(message) {
    // A channel stays "open" long after its path has died: only a live one is trusted.
    const live = this.state === "connected" && this.#connection.connectionState === "connected";
    if (live && this.#write({ type: "signal", data: message })) return true;
    this.#send(message);
    return false;
  }

  /** @param {unknown} text */
  #unwrap(text) {
    if (this.state === "closed") return;
    const envelope = parseEnvelope(text);
    if (envelope?.type === "signal") this.receive(envelope.data ?? {});
    else if (envelope && this.#seal) this.#seal.receive(envelope);
    else if (envelope?.type === "seal") this.#refuse();
    else if (envelope) this.emit("envelope", envelope);
  }

  #openSeal() {
    const write = (/** @type {Envelope} */ envelope) => void this.#write(envelope);
    this.#seal?.open(write, this.#connection);
  }

  /** They have a passphrase and we have none: what either says, the other does not get to see. */
  #refuse() {
    this.#isRefused = true;
    this.#write({ type: "unsealed" });
    this.emit("sealing", "we-have-none");
  }

  /**
   * @param {Envelope} envelope
   * @returns {boolean} false when there is no open channel: nothing was sent
   */
  #write(envelope) {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(envelope));
    return true;
  }

  // ---- perfect negotiation

  /** @param {() => Promise<void>} step */
  #enqueue(step) {
    this.#turn = this.#turn.then(step).catch((error) => {
      // A step may be overtaken by `close`; any other failure shows as a connection that does not
      // come about, and its deadline ends the session.
      if (this.state !== "closed") console.warn("Negotiation:", error);
    });
  }

  async #offer() {
    // Since this was asked for, an offer of the other side may have done the job, or be at it.
    if (this.#connection.signalingState !== "stable") return;
    this.#postponed = !this.#mayOffer;
    if (!this.#postponed) await this.#describe();
  }

  /** Rule 5. A channel that does not come about takes the session with it. */
  get #mayOffer() {
    return this.state !== "connecting" || (this.#started && !this.#connection.remoteDescription);
  }

  async #describe() {
    await this.#connection.setLocalDescription();
    const { localDescription, iceGatheringState } = this.#connection;
    const complete = iceGatheringState === "complete";
    if (!localDescription) return;
    if (!this.#found) this.#lookout.set(GATHER_WITHIN, () => this.#lookAround());
    if (this.#trickle || complete) this.#outbox.describe(localDescription, complete);
    else this.#gathering.set(GATHER_WITHIN, () => this.#gathered());
  }

  /** @param {RTCSessionDescriptionInit} description */
  #queue(description) {
    this.#enqueue(() => this.#apply(description));
  }

  /** @param {RTCSessionDescriptionInit} description */
  async #apply(description) {
    const connection = this.#connection;
    const offered = connection.signalingState === "have-local-offer";
    const isOffer = description.type === "offer";
    if (isOffer ? offered && !this.#polite : !offered) return; // ours stands, or nobody asked
    await connection.setRemoteDescription(description); // rolls our own offer back, if need be
    if (isOffer) await this.#describe();
    await this.#addCandidates();
  }

  /** Adds those whose description is there; the others go on waiting (rule 3). */
  async #addCandidates() {
    const sdp = this.#connection.remoteDescription?.sdp;
    if (!sdp) return;
    const usable = this.#candidates.filter((candidate) => belongs(candidate, sdp));
    this.#candidates = this.#candidates.filter((candidate) => !belongs(candidate, sdp));
    for (const candidate of usable) await this.#addCandidate(candidate);
  }

  /** @param {RTCIceCandidateInit} candidate */
  async #addCandidate(candidate) {
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch {
      // One path fewer. Whether any is left shows in the state of the connection.
    }
  }
}

/**
 * One transport for everything: whoever changes descriptions on their way could lead another one, and
 * so somebody's voice, to somebody else.
 *
 * @param {RTCConfiguration} configuration
 * @returns {RTCConfiguration}
 */
export function configured(configuration) {
  return { ...configuration, bundlePolicy: "max-bundle" };
}

/**
 * @param {RTCIceCandidateInit} candidate
 * @param {string} sdp
 */
function belongs({ usernameFragment }, sdp) {
  return !usernameFragment || sdp.includes(`a=ice-ufrag:${usernameFragment}\r\n`);
}

/**
 * @param {unknown} text
 * @returns {Envelope | null} null for what is no envelope: somebody else's program may be there
 */
function parseEnvelope(text) {
  try {
    const envelope = JSON.parse(String(text));
    return typeof envelope?.type === "string" ? envelope : null;
  } catch {
    return null;
  }
}
