// A safety code for each two members: if both see the same six pictures, nobody sits between them.
//
// It is a short authentication string as of ZRTP (RFC 6189): 36 bits of a hash over both certificates,
// as the DTLS transports really use them, and over a random number of each side. Each side commits to
// its number before it sees the other's, so that somebody in the middle, who has to commit to a number
// towards each of the two before knowing theirs, has one guess per connection, of 2^36.
//
//   first, second  the two sides, in the order of their certificates' SHA-256 (DER)
//   commitment     SHA-256("parley safety commitment 1" + side (1 byte: 0 first, 1 second) + number +
//                  certificate of first + certificate of second)
//   code           SHA-256("parley safety code 1" + certificate of first + certificate of second +
//                  number of first + number of second), of its first six bytes the lower six bits
//
// What travels, in base64: {"type": "safety", "commitment"}, then {"type": "safety", "number"}; or
// {"type": "safety", "unavailable": true} from a browser that does not tell the certificates.
//
// Rule 1: a number goes out only once the other's commitment has come.
// Rule 2: one commitment and one number of each side per connection. Another one, or a number that is
//         not the one committed to, ends the run: no code, and a warning.

import { concatenate, fromBase64, sha256, toBase64, toHex, utf8 } from "./bytes.js";
import { certificatesOf, watchCertificates } from "./certificates.js";
import { Emitter } from "./emitter.js";

const NUMBER = 32;

/** 64 pictures that look alike on no screen, each with a name to be read aloud. */
export const SYMBOLS = [
  "🦊 fox", "🐻 bear", "🐸 frog", "🐵 monkey", "🦉 owl", "🐝 bee", "🐌 snail", "🐍 snake",
  "🐳 whale", "🦀 crab", "🐭 mouse", "🐮 cow", "🦆 duck", "🐫 camel", "🐑 sheep", "🦈 shark",
  "🍋 lemon", "🍇 grapes", "🍒 cherries", "🥕 carrot", "🌽 corn", "🍞 bread", "🧀 cheese", "🥚 egg",
  "🍩 donut", "🍿 popcorn", "☕ coffee", "🥝 kiwi", "🍉 melon", "🥨 pretzel", "🍄 mushroom", "🍐 pear",
  "🎈 balloon", "🎲 dice", "🧲 magnet", "🧦 socks", "👑 crown", "💎 diamond", "🚜 tractor", "⛵ sailboat",
  "🛴 scooter", "🧭 compass", "📷 camera", "🔦 torch", "🧹 broom", "🥁 drum", "🎻 violin", "🎷 saxophone",
  "🌵 cactus", "🌻 sunflower", "🌈 rainbow", "⛄ snowman", "🌙 moon", "⭐ star", "⚡ lightning", "🌊 wave",
  "🌋 volcano", "🍀 clover", "🌴 palm", "🔥 fire", "☔ umbrella", "🏠 house", "🚂 train", "🔑 key",
].map((entry) => {
  const [picture, name] = entry.split(" ");
  return { picture, name };
});

/**
 * @typedef {import("./certificates.js").Certificates} Certificates
 * @typedef {import("./webrtc.js").Envelope} Envelope
 * @typedef {import("./webrtc.js").Peer} Peer
 *
 * @typedef {"waiting" | "ready" | "unavailable" | "broken"} CodeState
 *   - `waiting`: for the connection, or for the other side.
 *   - `ready`: there is a code to compare.
 *   - `unavailable`: the browser of one of the two does not tell which certificates are in use.
 *   - `broken`: what came does not fit together, as when somebody sits between the two.
 *
 * @typedef {"match" | "differ" | null} Verdict what the person said; null before, and again for
 *   other certificates
 *
 * @typedef {object} Code
 * @property {CodeState} state
 * @property {{picture: string, name: string}[]} symbols six of them when `ready`, else none
 * @property {Verdict} verdict
 */

/** One run over one connection. */
export class SafetyRun {
  /** @type {CodeState} */
  state = "waiting";
  /** @type {Code["symbols"]} */
  symbols = [];
  #certificates;
  #send;
  #number;
  /** @type {Uint8Array | null} */
  #commitment = null;
  /** @type {Uint8Array | null} */
  #theirs = null;
  /** One after the other, however long each hash takes. */
  #turn = Promise.resolve();

  /**
   * @param {Certificates} certificates
   * @param {(envelope: Envelope) => void} send
   * @param {Uint8Array<ArrayBuffer>} [number] random
   */
  constructor(certificates, send, number = crypto.getRandomValues(new Uint8Array(NUMBER))) {
    this.#certificates = certificates;
    this.#send = send;
    this.#number = number;
  }

  /** @returns {Promise<void>} settled when our commitment has gone */
  start() {
    return this.#then(async () => {
      this.#send({ type: "safety", commitment: toBase64(await this.#commit(true, this.#number)) });
    });
  }

  /**
   * @param {Envelope} envelope
   * @returns {Promise<void>} settled when it was taken
   */
  receive({ commitment, number, unavailable }) {
    return this.#then(async () => {
      if (this.state === "broken") return;
      if (unavailable && !this.#commitment) this.state = "unavailable";
      else if (commitment !== undefined) this.#committed(fromBase64(commitment));
      else await this.#revealed(fromBase64(number));
    });
  }

  /** @param {Uint8Array | null} commitment */
  #committed(commitment) {
    if (this.#commitment || !commitment) return this.#break();
    this.#commitment = commitment;
    this.#send({ type: "safety", number: toBase64(this.#number) });
  }

  /** @param {Uint8Array<ArrayBuffer> | null} number */
  async #revealed(number) {
    if (!this.#commitment || this.#theirs || number?.length !== NUMBER) return this.#break();
    this.#theirs = number;
    const promised = await this.#commit(false, number);
    if (toHex(promised) !== toHex(this.#commitment)) return this.#break();
    this.symbols = await this.#code(number);
    this.state = "ready";
  }

  #break() {
    this.state = "broken";
    this.symbols = [];
  }

  /**
   * @param {boolean} isOurs
   * @param {Uint8Array<ArrayBuffer>} number
   */
  #commit(isOurs, number) {
    const side = Uint8Array.of(isOurs === this.#isFirst ? 0 : 1);
    return hash("parley safety commitment 1", side, number, ...this.#inOrder(...this.#both));
  }

  /** @param {Uint8Array} theirs */
  async #code(theirs) {
    const numbers = this.#inOrder(this.#number, theirs);
    const digest = await hash("parley safety code 1", ...this.#inOrder(...this.#both), ...numbers);
    return Array.from(digest.subarray(0, 6), (byte) => SYMBOLS[byte & 63]);
  }

  /** @returns {[Uint8Array, Uint8Array]} */
  get #both() {
    return [this.#certificates.own, this.#certificates.theirs];
  }

  get #isFirst() {
    return toHex(this.#certificates.own) < toHex(this.#certificates.theirs);
  }

  /**
   * @param {Uint8Array} ours
   * @param {Uint8Array} theirs
   */
  #inOrder(ours, theirs) {
    return this.#isFirst ? [ours, theirs] : [theirs, ours];
  }

  /** @param {() => Promise<void>} step */
  #then(step) {
    this.#turn = this.#turn.then(step);
    return this.#turn;
  }
}

/** Our side of one connection: makes the run when there is one to make, and watches over it. */
class Watch {
  /** @type {SafetyRun | null} */
  run = null;
  /** @type {CodeState} until there is a run */
  state = "waiting";
  /** Names both certificates. */
  pair = "";
  #peer;
  #told;
  /** @type {Envelope[]} what came before our side was ready */
  #early = [];

  /**
   * @param {Peer} peer
   * @param {() => void} told something has changed
   */
  constructor(peer, told) {
    this.#peer = peer;
    this.#told = told;
    const stop = peer.on("state", (state) => state === "connected" && (stop(), void this.#begin()));
  }

  /** @param {Envelope} envelope */
  receive(envelope) {
    if (!this.run) this.#early.push(envelope);
    else void this.run.receive(envelope).then(this.#told);
  }

  async #begin() {
    const { connection } = this.#peer;
    const certificates = await this.#look();
    if (!certificates) return this.#end();
    this.pair = nameOf(certificates);
    watchCertificates(connection, () => void this.#lookAgain());
    this.run = new SafetyRun(certificates, (envelope) => void this.#peer.send(envelope));
    await this.run.start();
    for (const envelope of this.#early.splice(0)) this.receive(envelope);
    this.#told();
  }

  #end() {
    if (this.state === "waiting") this.state = "unavailable";
    if (this.state === "unavailable") this.#peer.send({ type: "safety", unavailable: true });
    this.#told();
  }

  async #look() {
    try {
      return await certificatesOf(this.#peer.connection);
    } catch {
      this.state = "broken";
      return null;
    }
  }

  /** Descriptions that came later may have led the connection to somebody else. */
  async #lookAgain() {
    if (!this.run || this.#peer.state !== "connected" || this.run.state === "broken") return;
    const certificates = await this.#look();
    const same = !certificates || nameOf(certificates) === this.pair;
    if (same && this.state !== "broken") return;
    this.pair = "";
    this.run.state = this.state = "broken";
    this.run.symbols = [];
    this.#told();
  }
}

/**
 * The codes with everybody in a room. Its `Room` needs a certificate (`makeCertificate`), and is given
 * before it is joined.
 *
 * @extends {Emitter<{code: {clientId: string, code: Code, lost: boolean}}>} `lost`: the two had been
 *   found to match, and are others now
 */
export class SafetyCodes extends Emitter {
  /** @type {Map<string, Watch>} */
  #watches = new Map();
  /** @type {Map<string, {pair: string, verdict: Verdict}>} lives as long as the page stays in the room */
  #verdicts = new Map();

  /** @param {import("./room.js").Room} room */
  constructor(room) {
    super();
    room.on("link", ({ clientId, peer }) => {
      const watch = new Watch(peer, () => this.#watches.get(clientId) === watch && this.#tell(clientId));
      this.#watches.set(clientId, watch);
    });
    room.on("envelope", ({ from, envelope }) => {
      if (envelope.type === "safety") this.#watches.get(from)?.receive(envelope);
    });
  }

  /**
   * @param {string} clientId
   * @returns {Code}
   */
  code(clientId) {
    const watch = this.#watches.get(clientId);
    const state = watch?.run?.state ?? watch?.state ?? "waiting";
    const { pair, verdict } = this.#verdicts.get(clientId) ?? {};
    const holds = watch !== undefined && watch.pair !== "" && watch.pair === pair;
    return { state, symbols: watch?.run?.symbols ?? [], verdict: (holds && verdict) || null };
  }

  /**
   * What the person found: holds until one of the two certificates changes.
   *
   * @param {string} clientId
   * @param {Verdict} verdict null takes back what was said before
   */
  judge(clientId, verdict) {
    const pair = this.#watches.get(clientId)?.pair ?? "";
    this.#verdicts.set(clientId, { pair, verdict });
    this.#tell(clientId);
  }

  /** @param {string} clientId */
  #tell(clientId) {
    const code = this.code(clientId);
    const lost = code.state !== "waiting" && !code.verdict && this.#verdicts.get(clientId)?.verdict === "match";
    if (lost) this.#verdicts.delete(clientId);
    this.emit("code", { clientId, code, lost });
  }
}

/** @param {Certificates} certificates */
const nameOf = ({ own, theirs }) => `${toHex(own)} ${toHex(theirs)}`;

/**
 * @param {string} purpose
 * @param {Uint8Array[]} parts each of a length that its purpose fixes
 */
const hash = (purpose, ...parts) => sha256(concatenate(utf8(purpose), ...parts));
