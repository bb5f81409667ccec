// Voice, video and screen in a room: what is ours, what comes from the others, who is talking.
//
// Rule 1: nothing is captured before `start`, and what is stopped is let go: the light goes out. Only
//         a muted microphone stays open, and says nothing.
// Rule 2: a mesh carries eight people. The first eight who came have a place in it; those who came
//         later neither send nor receive media, and move up when somebody leaves. All judge alike:
//         by when each first arrived (`arrived`, from the server's clock, kept while signaling comes
//         and goes), then by id.
// Rule 3: a new connection with somebody gets all that is on, as soon as it is open; in a room with a
//         passphrase, as soon as the two are known to share it.

import { Emitter } from "./emitter.js";
import { Timer, systemClock } from "./clock.js";
import { CaptureError, SLOTS, capture } from "./capture.js";
import { Exchange } from "./exchange.js";
import { Meter, Talk, levelOf } from "./loudness.js";

export const PLACES = 8;
export const LISTEN_EVERY = 150; // milliseconds

/**
 * @typedef {import("./capture.js").Slot} Slot
 * @typedef {import("./exchange.js").Incoming} Incoming
 *
 * @typedef {object} Own what we do in one slot
 * @property {"off" | "starting" | "on"} state
 * @property {boolean} muted holds for the next `start` too
 * @property {MediaStreamTrack | null} track
 *
 * @typedef {object} MediaEvents
 * @property {Slot} own what we send is not what it was
 * @property {string} remote what comes from somebody, by their client id, is not what it was
 * @property {{clientId: string, speaking: boolean}} speaking somebody began to talk, or has ended;
 *   we too
 * @property {void} places who has a place, and who takes part with data only, is not what it was
 * @property {void} devices a device was plugged in, or out
 * @property {CaptureError} failure `device-unplugged`: one that was on has gone
 *
 * @typedef {object} MediaParts
 * @property {number} [places]
 * @property {MediaDevices} [devices]
 * @property {(track: MediaStreamTrack) => {level: number, close(): void}} [meter]
 * @property {import("./clock.js").Clock} [clock]
 */

/**
 * The media of one stay in a room. Make it before the room is joined.
 *
 * @extends {Emitter<MediaEvents>}
 */
export class Media extends Emitter {
  #room;
  #places;
  #devices;
  #clock;
  #makeMeter;
  /** @type {Map<Slot, MediaStreamTrack>} */
  #tracks = new Map();
  /** @type {Set<Slot>} */
  #muted = new Set();
  /** @type {Map<Slot, symbol>} */
  #asking = new Map();
  /** @type {Map<string, Exchange>} */
  #exchanges = new Map();
  /** @type {Map<string, number>} when the others say that they arrived */
  #arrivals = new Map();
  #arrived = 0;
  /** @type {Set<string>} those without a place, as last told */
  #late = new Set();
  /** @type {{level: number, close(): void} | null} */
  #meter = null;
  #talk = new Talk();
  #listening;
  /** @type {(() => void)[]} */
  #subscriptions;

  /**
   * @param {import("./room.js").Room} room
   * @param {MediaParts} [parts]
   */
  constructor(room, parts = {}) {
    super();
    this.#room = room;
    this.#places = parts.places ?? PLACES;
    this.#devices = parts.devices ?? globalThis.navigator?.mediaDevices;
    this.#clock = parts.clock ?? systemClock;
    this.#makeMeter = parts.meter ?? ((/** @type {MediaStreamTrack} */ track) => new Meter(track));
    this.#listening = new Timer(this.#clock);
    this.#subscriptions = [
      room.on("link", ({ clientId, peer }) => this.#link(clientId, peer)),
      room.on("peer", ({ change, peer }) => this.#peopleChanged(change, peer.clientId)),
      room.on("status", () => this.#assess()),
      room.on("envelope", ({ from, envelope }) => this.#heard(from, envelope)),
      room.on("left", () => this.close()),
    ];
  }

  /** Have we no place in the mesh (rule 2)? */
  get dataOnly() {
    return this.#late.has(this.#room.clientId);
  }

  /** @param {string} clientId */
  isDataOnly(clientId) {
    return this.#late.has(clientId);
  }

  /** @param {string} clientId */
  isSpeaking(clientId) {
    return this.#talk.isSpeaking(clientId);
  }

  /**
   * What we do in a slot.
   *
   * @param {Slot} slot
   * @returns {Own}
   */
  own(slot) {
    const track = this.#tracks.get(slot) ?? null;
    const state = this.#asking.has(slot) ? "starting" : track ? "on" : "off";
    return { state, muted: this.#muted.has(slot), track };
  }

  /**
   * What comes from somebody and is on.
   *
   * @param {string} clientId
   * @returns {Map<Slot, Incoming>}
   */
  of(clientId) {
    return this.#exchanges.get(clientId)?.incoming ?? new Map();
  }

  /**
   * The devices that there are. Without a permission they have no names.
   *
   * @returns {Promise<MediaDeviceInfo[]>}
   */
  async devices() {
    return (await this.#devices?.enumerateDevices()) ?? [];
  }

  /**
   * Sends from a device or a screen, or from another one than before. `stop` in the meantime wins.
   *
   * @param {Slot} slot `screen-sound` comes with `screen`
   * @param {{deviceId?: string, muted?: boolean}} [options] start muted, or as it was before
   * @returns {Promise<void>} rejects with a `CaptureError`
   */
  async start(slot, { deviceId, muted = this.#muted.has(slot) } = {}) {
    if (this.dataOnly) throw new CaptureError("data-only", slot);
    const request = Symbol(slot);
    this.#asking.set(slot, request);
    this.#setMuted(slot, muted);
    // On a phone, one camera cannot start before the other has stopped.
    if (slot === "camera") this.#drop(slot);
    this.#share(slot);
    try {
      const tracks = await capture(this.#devices, slot, deviceId);
      if (this.#asking.get(slot) === request) this.#take(tracks);
      else for (const track of tracks.values()) track.stop();
    } finally {
      if (this.#asking.get(slot) === request) this.#asking.delete(slot);
      this.#share(slot);
    }
  }

  /**
   * Lets go of a device or a screen.
   *
   * @param {Slot} slot
   */
  stop(slot) {
    this.#asking.delete(slot);
    this.#drop(slot);
    if (slot === "screen") this.#drop("screen-sound");
    this.#share(slot);
  }

  /**
   * Goes on capturing, and sends silence or black; the others are told.
   *
   * @param {Slot} slot
   * @param {boolean} muted
   */
  mute(slot, muted) {
    this.#setMuted(slot, muted);
    this.#share(slot);
  }

  /** Lets go of everything; `left` does it too. */
  close() {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#devices?.removeEventListener("devicechange", this.#devicesChanged);
    this.#listening.stop();
    this.#asking.clear();
    for (const slot of [...this.#tracks.keys()]) this.#drop(slot);
    this.#exchanges.clear();
  }

  // ---- our own

  /** @param {Map<Slot, MediaStreamTrack>} tracks */
  #take(tracks) {
    for (const [slot, track] of tracks) {
      this.#drop(slot);
      this.#tracks.set(slot, track);
      track.enabled = !this.#muted.has(slot);
      // The browser says so only when the end is not our own doing.
      track.addEventListener("ended", () => this.#ended(slot, track));
      if (slot === "microphone") this.#meter = this.#makeMeter(track);
    }
    this.#listen();
  }

  /** @param {Slot} slot */
  #drop(slot) {
    this.#tracks.get(slot)?.stop();
    this.#tracks.delete(slot);
    if (slot !== "microphone") return;
    this.#meter?.close();
    this.#meter = null;
  }

  /**
   * @param {Slot} slot
   * @param {MediaStreamTrack} track
   */
  #ended(slot, track) {
    if (this.#tracks.get(slot) !== track) return;
    this.stop(slot);
    const isDevice = slot === "microphone" || slot === "camera";
    if (isDevice) this.emit("failure", new CaptureError("device-unplugged", slot));
  }

  /**
   * @param {Slot} slot
   * @param {boolean} muted
   */
  #setMuted(slot, muted) {
    if (muted) this.#muted.add(slot);
    else this.#muted.delete(slot);
    const track = this.#tracks.get(slot);
    if (track) track.enabled = !muted;
  }

  #devicesChanged = () => this.emit("devices", undefined);

  /** @param {Slot} slot */
  #share(slot) {
    this.#offerAll();
    this.emit("own", slot);
  }

  #offerAll() {
    const nothing = /** @type {Map<Slot, MediaStreamTrack>} */ (new Map());
    const open = [...this.#exchanges].filter(([, { peer }]) => isOpen(peer));
    const receivers = open.filter(([clientId]) => !this.isDataOnly(clientId)).length;
    for (const [clientId, exchange] of open) {
      const isTheirs = !this.dataOnly && !this.isDataOnly(clientId) && isTrusted(exchange.peer);
      const tracks = isTheirs ? this.#tracks : nothing;
      exchange.offer({ tracks, muted: this.#muted, arrived: this.#arrived, receivers });
    }
  }

  // ---- the others

  /**
   * @param {string} clientId
   * @param {import("./webrtc.js").Peer} peer
   */
  #link(clientId, peer) {
    const exchange = new Exchange(peer, () => {
      if (this.#exchanges.get(clientId) === exchange) this.#remoteChanged(clientId);
    });
    this.#exchanges.set(clientId, exchange);
    peer.on("sealing", () => this.#offerAll());
    peer.on("state", (state) => {
      if (this.#exchanges.get(clientId) !== exchange) return;
      if (state === "closed") this.#exchanges.delete(clientId);
      if (state === "closed") this.#remoteChanged(clientId);
      this.#offerAll();
    });
  }

  /**
   * @param {string} from
   * @param {import("./webrtc.js").Envelope} envelope
   */
  #heard(from, envelope) {
    const exchange = this.#exchanges.get(from);
    if (envelope.type !== "media" || !exchange) return;
    exchange.hear(envelope);
    if (exchange.arrived !== null) this.#arrivals.set(from, exchange.arrived);
    this.#assess();
  }

  /** @param {string} clientId */
  #remoteChanged(clientId) {
    this.#listen();
    this.emit("remote", clientId);
  }

  /**
   * @param {string} change
   * @param {string} clientId
   */
  #peopleChanged(change, clientId) {
    if (change === "removed") {
      this.#exchanges.delete(clientId);
      this.#arrivals.delete(clientId);
      this.#remoteChanged(clientId);
    }
    this.#assess();
  }

  // ---- places

  #arrive() {
    this.#arrived = this.#room.since;
    if (this.#arrived) this.#devices?.addEventListener("devicechange", this.#devicesChanged);
  }

  #assess() {
    if (!this.#arrived) this.#arrive();
    const late = new Set(this.#inOrder().slice(this.#places));
    if ([...late].join() === [...this.#late].join()) return;
    this.#late = late;
    if (this.dataOnly) for (const slot of SLOTS) this.stop(slot);
    this.#offerAll();
    this.emit("places", undefined);
  }

  /** @returns {string[]} all who are here, the first one first */
  #inOrder() {
    const people = this.#room.peers.filter(({ clientId, state }) => {
      return state !== "waiting" || this.#arrivals.has(clientId); // a seat may be kept for nobody yet
    });
    const arrived = people.map(({ clientId, since }) => {
      return { clientId, at: this.#arrivals.get(clientId) ?? (since || Infinity) };
    });
    arrived.push({ clientId: this.#room.clientId, at: this.#arrived });
    arrived.sort((a, b) => a.at - b.at || (a.clientId < b.clientId ? -1 : 1));
    return arrived.map(({ clientId }) => clientId);
  }

  // ---- who is talking

  #listen() {
    const levels = this.#levels();
    for (const change of this.#talk.hear(levels, this.#clock.now())) this.emit("speaking", change);
    if (levels.size === 0) this.#listening.stop();
    else if (!this.#listening.running) this.#listening.set(LISTEN_EVERY, () => this.#listen());
  }

  /** Everybody whose microphone is on and not muted, and heard now. */
  #levels() {
    /** @type {Map<string, number>} */
    const levels = new Map();
    const muted = this.#muted.has("microphone");
    if (this.#meter && !muted) levels.set(this.#room.clientId, this.#meter.level);
    for (const [clientId, { incoming, peer }] of this.#exchanges) {
      const voice = incoming.get("microphone");
      const heard = voice && !voice.muted && peer.state === "connected";
      if (heard) levels.set(clientId, levelOf(voice.receiver));
    }
    return levels;
  }
}

/** @param {import("./webrtc.js").Peer} peer */
const isOpen = ({ state }) => state !== "connecting" && state !== "closed";

/** @param {import("./webrtc.js").Peer} peer */
const isTrusted = ({ sealing }) => sealing === null || sealing === "sealed";
