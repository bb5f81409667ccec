// Signaling by hand: two people carry a complete offer and a complete answer to one another, by
// whatever way they have. To a Room it looks like any signaling, so that all else works as ever.
//
// What is carried is the JSON of an RTCSessionDescription, with what Parley adds beside:
//
//   {"type": "offer", "sdp": "…", "session": "1795382699855-A", "seq": 1, "name"?: "Ada"}
//
// Peer A makes the offer, Peer B the answer. `new Room(signaling, { trickle: false })` goes with it.

import { Emitter } from "./emitter.js";

/** @typedef {"A" | "B"} Side */

const LONGEST = 64 * 1024;

export class ManualError extends Error {
  /**
   * @param {"not-a-code" | "offer-expected" | "answer-expected" | "other-offer"} code
   * @param {string} message for people
   */
  constructor(code, message) {
    super(message);
    this.name = "ManualError";
    this.code = code;
  }
}

/**
 * One exchange of an offer and an answer.
 *
 * Events, beside those a Room listens to: `code`, the text that the other side needs.
 *
 * @extends {Emitter<import("./signaling.js").Events & {code: string}>}
 */
export class ManualSignaling extends Emitter {
  /** @type {import("./socket.js").Status} */
  status = "connected";
  #side;
  #now;
  #iceServers;
  #session = "";
  #name = "";

  /**
   * @param {Side} side `A` offers, `B` answers
   * @param {{iceServers?: RTCIceServer[], now?: () => number}} [options]
   */
  constructor(side, { iceServers = [], now = Date.now } = {}) {
    super();
    this.#side = side;
    this.#iceServers = iceServers;
    this.#now = now;
  }

  /** @returns {Side} */
  get #other() {
    return this.#side === "A" ? "B" : "A";
  }

  /**
   * @param {string} [roomId]
   * @param {import("./signaling.js").JoinOptions} [options]
   * @returns {Promise<import("./signaling.js").Joined>}
   */
  async join(roomId = "manual", { metadata, admitted } = {}) {
    this.#name = String(/** @type {any} */ (metadata)?.name ?? "");
    const other = { clientId: this.#other, since: 0, metadata: {}, connected: true };
    const joined = {
      roomId,
      clientId: this.#side,
      since: this.#now(), // so that each offer has a session of its own
      resumed: false,
      peers: this.#side === "A" ? [other] : [],
      iceServers: this.#iceServers,
    };
    admitted?.(/** @type {any} */ (joined));
    this.emit("joined", /** @type {any} */ (joined));
    return /** @type {any} */ (joined);
  }

  /** @param {string} roomId */
  async leave(roomId) {
    this.emit("left", /** @type {any} */ ({ roomId, reason: "left" }));
  }

  storedSeat() {
    return null;
  }

  /**
   * @param {string} _roomId
   * @param {string} _to
   * @param {import("./webrtc.js").Negotiation} negotiation
   */
  signal(_roomId, _to, { session, seq, description }) {
    if (!description) return;
    this.#session = session;
    const name = this.#name ? { name: this.#name } : {};
    this.emit("code", JSON.stringify({ ...description, session, seq, ...name }));
  }

  /**
   * Takes the text that came from the other side.
   *
   * @param {string} roomId
   * @param {string} text
   * @throws {ManualError} when it is none, or not the one that is waited for; nothing has changed then
   */
  accept(roomId, text) {
    const { type, sdp, session, seq, name } = parse(text);
    const expected = this.#side === "A" ? "answer" : "offer";
    if (type !== expected) throw new ManualError(`${expected}-expected`, MISTAKEN[expected]);
    if (expected === "answer" && session !== this.#session) {
      throw new ManualError("other-offer", "That answer belongs to another offer.");
    }
    const metadata = typeof name === "string" ? { name } : {};
    const peer = { clientId: this.#other, since: 0, metadata, connected: true };
    this.emit("peer-changed", { roomId, peer });
    const data = { session, seq, description: { type, sdp } };
    this.emit("signal", { roomId, from: this.#other, data });
  }

  /**
   * The two are connected: from now on, whoever is lost is gone, since nobody can list them here.
   *
   * @param {string} roomId
   */
  introduced(roomId) {
    const news = { roomId, clientId: this.#other, since: 0, reason: "disconnected" };
    this.emit("peer-left", news);
  }
}

const MISTAKEN = {
  answer: "That is an offer. What is needed here is the answer to yours.",
  offer: "That is an answer. What is needed here is the other side's offer.",
};

/** @param {string} text */
function parse(text) {
  try {
    const code = JSON.parse(text.slice(0, LONGEST));
    const complete = typeof code.sdp === "string" && code.sdp.startsWith("v=0");
    const numbered = /^\d{1,16}-A$/.test(code.session) && Number.isSafeInteger(code.seq);
    if (complete && numbered) return code;
  } catch {
    // said below
  }
  throw new ManualError("not-a-code", "That is no offer or answer of Parley's. Copy all of it.");
}

// ---- short enough for a link, and for a QR code

/**
 * @param {string} code
 * @returns {Promise<string>} letters and digits, `-` and `_`
 */
export async function pack(code) {
  const packed = await through(new TextEncoder().encode(code), new CompressionStream("deflate-raw"));
  const binary = Array.from(packed, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} packed
 * @returns {Promise<string>}
 * @throws {ManualError}
 */
export async function unpack(packed) {
  try {
    const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw")));
  } catch {
    throw new ManualError("not-a-code", "That link is damaged. Copy all of it.");
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {CompressionStream | DecompressionStream} stream
 */
async function through(bytes, stream) {
  const { body } = new Response(new Blob([bytes]).stream().pipeThrough(stream));
  /** @type {Uint8Array[]} */
  const parts = [];
  let length = 0;
  for (const reader = body?.getReader(); reader; ) {
    const { done, value } = await reader.read();
    if (done || !value) break;
    length += value.length;
    if (length > LONGEST) throw new RangeError("too long");
    parts.push(value);
  }
  return new Uint8Array(await new Blob(/** @type {any} */ (parts)).arrayBuffer());
}
