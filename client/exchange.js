// Media with one of the others, over one connection.
//
// Rule 1: each slot that is sent has a transceiver of its own, which only sends. So what both sides
//         add at the same moment never meets in one: glare is a matter of descriptions alone.
// Rule 2: a slot that is off keeps its transceiver, with no track: off and on again need no
//         negotiation.
// Rule 3: what a track is, the other side learns from an envelope, by the `mid` of its transceiver:
//
//   {"type": "media", "arrived": 1795382699855, "sending": {"camera": {"mid": "2"},
//     "microphone": {"mid": "1", "muted": true}}}
//
//         It always tells all that is on, and is said again when anything of it changes. What is not
//         named is off. `arrived` decides who has a place in the mesh, see media.js.

import { KINDS, SLOTS } from "./capture.js";

/**
 * @typedef {import("./capture.js").Slot} Slot
 * @typedef {import("./webrtc.js").Envelope} Envelope
 *
 * @typedef {object} Offering what is to be sent
 * @property {Map<Slot, MediaStreamTrack>} tracks
 * @property {Set<Slot>} muted
 * @property {number} arrived milliseconds
 * @property {number} receivers how many connections share our uplink
 *
 * @typedef {{mid: string, muted?: boolean}} Told
 *
 * @typedef {{track: MediaStreamTrack, muted: boolean, receiver: RTCRtpReceiver}} Incoming
 */

/**
 * How much of one slot each of `receivers` gets: the uplink is shared, and so is the work of
 * encoding, which a mesh does once for each.
 *
 * @param {Slot} slot
 * @param {number} receivers at least 1
 * @returns {RTCRtpEncodingParameters} `maxBitrate` in bit/s
 */
export function encodingFor(slot, receivers) {
  if (KINDS[slot] === "audio") return { maxBitrate: slot === "microphone" ? 40_000 : 96_000 };
  if (slot === "screen") {
    return { maxBitrate: share(2_500_000, 5_000_000, receivers), maxFramerate: receivers > 3 ? 8 : 15 };
  }
  const crowded = receivers > 3;
  return {
    maxBitrate: share(1_500_000, 2_800_000, receivers),
    maxFramerate: crowded ? 20 : 30,
    scaleResolutionDownBy: crowded ? 3 : receivers > 1 ? 1.5 : 1, // 720 lines become 480, then 240
  };
}

/**
 * @param {number} most
 * @param {number} uplink
 * @param {number} receivers
 */
const share = (most, uplink, receivers) => Math.floor(Math.min(most, uplink / receivers));

export class Exchange {
  #peer;
  #connection;
  #changed;
  /** @type {Map<Slot, RTCRtpTransceiver>} */
  #transceivers = new Map();
  /** @type {Offering | null} */
  #offering = null;
  /** @type {Record<string, Told>} */
  #heard = {};
  /** @type {number | null} when the other one arrived, as they say */
  arrived = null;
  #told = "";
  #tuned = "";
  #steps = Promise.resolve();

  /**
   * @param {import("./webrtc.js").Peer} peer
   * @param {() => void} changed what comes in is not what it was
   */
  constructor(peer, changed) {
    this.#peer = peer;
    this.#connection = peer.connection;
    this.#changed = changed;
    this.#connection.addEventListener("signalingstatechange", () => this.#agreed());
  }

  get peer() {
    return this.#peer;
  }

  /** @returns {Map<Slot, Incoming>} what comes from the other side and is on */
  get incoming() {
    const transceivers = this.#connection.getTransceivers();
    /** @type {Map<Slot, Incoming>} */
    const incoming = new Map();
    for (const slot of SLOTS) {
      const told = this.#heard[slot];
      const transceiver = told && transceivers.find(({ mid }) => mid === told.mid);
      if (!transceiver || !receives(transceiver)) continue;
      const { receiver } = transceiver;
      incoming.set(slot, { track: receiver.track, muted: told.muted === true, receiver });
    }
    return incoming;
  }

  /**
   * Brings the connection to what is to be sent. Once it has been open, it negotiates by itself.
   *
   * @param {Offering} offering
   */
  offer(offering) {
    this.#offering = offering;
    for (const slot of SLOTS) this.#send(slot, offering.tracks.get(slot) ?? null);
    this.#tune();
    this.#tell();
  }

  /** @param {Envelope} envelope */
  hear({ arrived, sending }) {
    this.arrived = Number.isSafeInteger(arrived) ? arrived : null;
    this.#heard = sending !== null && typeof sending === "object" ? sending : {};
    this.#changed();
  }

  /**
   * @param {Slot} slot
   * @param {MediaStreamTrack | null} track
   */
  #send(slot, track) {
    const transceiver = this.#transceivers.get(slot);
    if (transceiver) this.#enqueue(() => replace(transceiver.sender, track));
    else if (track) this.#transceivers.set(slot, this.#open(slot, track));
  }

  /**
   * @param {Slot} slot
   * @param {MediaStreamTrack} track
   */
  #open(slot, track) {
    const sendEncodings = [encodingFor(slot, this.#offering?.receivers ?? 1)];
    return this.#connection.addTransceiver(track, { direction: "sendonly", sendEncodings });
  }

  #tune() {
    const receivers = Math.max(1, this.#offering?.receivers ?? 1);
    const tuned = [receivers, ...this.#transceivers.keys()].join();
    if (tuned === this.#tuned) return;
    this.#tuned = tuned;
    for (const [slot, { sender }] of this.#transceivers) {
      this.#enqueue(() => limit(sender, encodingFor(slot, receivers)));
    }
  }

  #agreed() {
    this.#tell();
    this.#changed();
  }

  /** Not in the middle of a negotiation: a `mid` may still be taken back (rule 3). */
  #tell() {
    if (!this.#offering || this.#connection.signalingState !== "stable") return;
    const { arrived } = this.#offering;
    const envelope = { type: "media", arrived, sending: this.#sending(this.#offering) };
    const told = JSON.stringify(envelope);
    if (told !== this.#told && this.#peer.send(envelope)) this.#told = told;
  }

  /** @param {Offering} offering */
  #sending({ tracks, muted }) {
    /** @type {Record<string, Told>} */
    const sending = {};
    for (const [slot, { mid }] of this.#transceivers) {
      if (mid === null || !tracks.has(slot)) continue;
      sending[slot] = { mid, ...(muted.has(slot) && { muted: true }) };
    }
    return sending;
  }

  /** @param {() => Promise<void>} step */
  #enqueue(step) {
    this.#steps = this.#steps.then(step).catch((error) => {
      if (this.#peer.state !== "closed") console.warn("Media:", error);
    });
  }
}

/** @param {RTCRtpTransceiver} transceiver */
function receives({ currentDirection }) {
  return currentDirection === "recvonly" || currentDirection === "sendrecv";
}

/**
 * @param {RTCRtpSender} sender
 * @param {MediaStreamTrack | null} track
 */
async function replace(sender, track) {
  if (sender.track !== track) await sender.replaceTrack(track);
}

/**
 * @param {RTCRtpSender} sender
 * @param {RTCRtpEncodingParameters} encoding
 */
async function limit(sender, encoding) {
  const parameters = sender.getParameters();
  if (!parameters.encodings?.length) return; // nothing is negotiated here yet
  Object.assign(parameters.encodings[0], encoding);
  await sender.setParameters(parameters);
}
