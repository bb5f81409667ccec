// A passphrase that the server never learns: what members say to each other is sealed with it, on top
// of the encryption that each connection has anyway, so that nobody can read along who has come
// between them by way of signaling.
//
//   room key  PBKDF2-SHA256 (RFC 8018) of the passphrase (Unicode NFC), 600,000 rounds,
//             salt "parley sealed room 1\0" + room id
//   key       HKDF-SHA256 (RFC 5869) of the room key, salt: 16 random bytes of the sender + 16 of the
//             receiver, info: JSON ["parley sealed stream 1", sender's id, receiver's id, stream]
//   record    number (4 bytes, big endian, from 0) + IV (12 random bytes) + AES-256-GCM ciphertext,
//             additional data: info + number
//
// Rule 1: a link begins with {"type": "seal", "salt"} from each side, in base64. So each sender has a
//         key of its own for each receiver, and for each time that they meet: whatever was recorded
//         before, or said to somebody else, or by oneself, opens under no key that is in use.
// Rule 2: the first record of each side is the check, {"type": "check", "certificates"}: who cannot open
//         it has another passphrase; who opens it and sees other certificates than it names (both in
//         hexadecimal SHA-256, sorted, or null where the browser does not tell) has somebody between.
//         Nothing else is said before it was opened. Records travel as {"type": "sealed", "record"}, in
//         base64, and hold an envelope as JSON each.
// Rule 3: records of a stream are numbered without gaps. One that was repeated, left out, overtaken or
//         changed ends the stream: nothing of it is opened any more.
// Rule 4: once there is a passphrase there is no way around it. What comes unsealed is not shown.

import { concatenate, fromBase64, toBase64, utf8 } from "./bytes.js";
import { nameCertificates } from "./certificates.js";
import { Emitter } from "./emitter.js";

export const ROUNDS = 600_000;
const HEAD = 4 + 12;
const MOST_RECORDS = 2 ** 32; // as many as NIST SP 800-38D allows under one key with random IVs

/**
 * @typedef {import("./webrtc.js").Envelope} Envelope
 *
 * @typedef {"checking" | "sealed" | "other-passphrase" | "they-have-none" | "we-have-none" | "intercepted" | "broken"} SealState
 *   - `checking`: not known yet; what is said waits.
 *   - `sealed`: both have the same passphrase.
 *   - `other-passphrase`, `they-have-none`, `we-have-none`: the two cannot talk.
 *   - `intercepted`: the same passphrase, but the connection of each leads to somebody else, who passes
 *     on what they say. The two cannot talk.
 *   - `broken`: something came that was changed, repeated or left out on its way. The two cannot talk
 *     until they connect anew.
 */

export class SealingError extends Error {
  /**
   * @param {"no-passphrase" | "unavailable" | "not-sealed" | "stream-used" | "out-of-order" | "not-authentic" | "exhausted"} code
   *   - `no-passphrase`: it is empty.
   *   - `unavailable`: the browser has no WebCrypto here; it wants HTTPS, or localhost.
   *   - `not-sealed`: the two do not have the same passphrase, or are not connected.
   *   - `stream-used`: each stream of a link has a name of its own.
   *   - `out-of-order`: a record was repeated, left out or overtaken.
   *   - `not-authentic`: a record was changed, or sealed by somebody else, or for somebody else.
   *   - `exhausted`: 2^32 records went through one stream.
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "SealingError";
    this.code = code;
  }
}

/** The passphrase of one room, ready for use. */
export class Sealer {
  #roomKey;

  /**
   * @param {string} roomId
   * @param {CryptoKey} roomKey
   */
  constructor(roomId, roomKey) {
    this.roomId = roomId;
    this.#roomKey = roomKey;
  }

  /**
   * Takes a good part of a second, so that guessing takes long too.
   *
   * @param {string} passphrase
   * @param {string} roomId the passphrase is worth nothing in another room
   * @returns {Promise<Sealer>}
   * @throws {SealingError} `no-passphrase`, `unavailable`
   */
  static async from(passphrase, roomId) {
    if (!passphrase) throw new SealingError("no-passphrase", "A passphrase cannot be empty.");
    if (!globalThis.crypto?.subtle) {
      throw new SealingError("unavailable", "Sealing needs a page opened over HTTPS, or on localhost.");
    }
    const secret = await crypto.subtle.importKey("raw", utf8(passphrase.normalize("NFC")), "PBKDF2", false, ["deriveBits"]);
    const salt = utf8(`parley sealed room 1\0${roomId}`);
    const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }, secret, 256);
    return new Sealer(roomId, await crypto.subtle.importKey("raw", bits, "HKDF", false, ["deriveKey"]));
  }

  /**
   * What seals one connection with one of the others.
   *
   * @param {string} own
   * @param {string} other
   */
  link(own, other) {
    return new SealedLink(this.#roomKey, own, other);
  }
}

/**
 * One stay together of two members. A `Peer` is given one, and runs it: `open`, `receive`, `send`.
 *
 * @extends {Emitter<{state: SealState, envelope: Envelope}>}
 */
export class SealedLink extends Emitter {
  /** @type {SealState} */
  state = "checking";
  #roomKey;
  #own;
  #other;
  #salt = crypto.getRandomValues(new Uint8Array(16));
  /** @type {Uint8Array | null} */
  #theirSalt = null;
  /** @type {((envelope: Envelope) => void) | null} */
  #write = null;
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** @type {SealedStream | null} */
  #main = null;
  /** @type {Set<string>} */
  #streams = new Set();
  /** @type {Envelope[]} said, and not yet sealed */
  #waiting = [];
  #sealing = false;
  /** One after the other, however long each takes to open. */
  #incoming = Promise.resolve();

  /**
   * @param {CryptoKey} roomKey
   * @param {string} own
   * @param {string} other
   */
  constructor(roomKey, own, other) {
    super();
    this.#roomKey = roomKey;
    this.#own = own;
    this.#other = other;
  }

  /**
   * The connection is there.
   *
   * @param {(envelope: Envelope) => void} write takes envelopes to the other side, as they are
   * @param {RTCPeerConnection | null} [connection] whose certificates the check names
   */
  open(write, connection = null) {
    if (this.#write) return;
    this.#write = write;
    this.#connection = connection;
    write({ type: "seal", salt: toBase64(this.#salt) });
  }

  /**
   * Says something, sealed, in the order of the calls; `bye` alone, which nobody has to believe, goes
   * unsealed.
   *
   * @param {Envelope} envelope
   * @returns {boolean} false when the other side could not read it: nothing was sent
   */
  send(envelope) {
    if (envelope.type === "bye" && (this.state !== "sealed" || this.#waiting.length === 0)) {
      this.#write?.(envelope);
      return true;
    }
    if (this.state !== "checking" && this.state !== "sealed") return false;
    this.#waiting.push(envelope);
    void this.#sealWaiting();
    return true;
  }

  /** @param {Envelope} envelope as it came */
  receive(envelope) {
    this.#incoming = this.#incoming.then(() => this.#take(envelope)).catch(() => this.#become("broken"));
  }

  /**
   * Keys for more than envelopes, such as one file on a channel of its own; both sides ask for the
   * same name. Waits until it is known whether the two have the same passphrase.
   *
   * @param {string} name not used before on this link
   * @returns {Promise<SealedStream>}
   * @throws {SealingError} `not-sealed`, `stream-used`
   */
  async stream(name) {
    await this.#known();
    if (this.state !== "sealed") throw new SealingError("not-sealed", "The two do not share a passphrase.");
    if (!name || this.#streams.has(name)) throw new SealingError("stream-used", `Stream ${name} was used before.`);
    this.#streams.add(name);
    return this.#derive(name);
  }

  /** Nothing more comes, nothing more goes. */
  close() {
    if (this.state === "checking") this.#become("broken");
  }

  // ---- what comes

  /** @param {Envelope} envelope */
  async #take(envelope) {
    if (envelope.type === "bye") this.emit("envelope", envelope);
    else if (["broken", "intercepted", "other-passphrase"].includes(this.state)) return;
    else if (envelope.type === "seal") await this.#meet(envelope.salt);
    else if (envelope.type === "sealed") await this.#unseal(envelope.record);
    else this.#become(this.state === "sealed" ? "broken" : "they-have-none");
  }

  /** @param {unknown} salt */
  async #meet(salt) {
    const theirs = fromBase64(salt);
    const isNew = theirs?.length === 16 && !this.#theirSalt && !sameBytes(theirs, this.#salt);
    if (!isNew || !this.#write) return this.#become("broken");
    this.#theirSalt = theirs;
    this.#main = await this.#derive("");
    this.#write(await this.#record({ type: "check", certificates: await this.#certificates() }));
  }

  /** @param {unknown} record */
  async #unseal(record) {
    try {
      const envelope = JSON.parse(new TextDecoder().decode(await this.#main?.open(fromBase64(record))));
      if (this.state === "sealed") this.emit("envelope", envelope);
      else await this.#check(envelope);
    } catch {
      this.#become(this.state === "sealed" ? "broken" : "other-passphrase");
    }
  }

  /** @param {Envelope} envelope */
  async #check({ certificates: theirs }) {
    const ours = await this.#certificates();
    this.#become(theirs && ours && theirs !== ours ? "intercepted" : "sealed");
    void this.#sealWaiting();
  }

  // ---- what goes

  async #sealWaiting() {
    if (this.#sealing || this.state !== "sealed") return;
    this.#sealing = true;
    while (this.#waiting.length > 0) {
      const [envelope] = this.#waiting;
      const written = envelope.type === "bye" ? envelope : await this.#record(envelope);
      this.#write?.(written);
      this.#waiting.shift();
    }
    this.#sealing = false;
  }

  /** @param {Envelope} envelope */
  async #record(envelope) {
    const main = /** @type {SealedStream} */ (this.#main);
    return { type: "sealed", record: toBase64(await main.seal(utf8(JSON.stringify(envelope)))) };
  }

  // ---- keys and states

  async #certificates() {
    return this.#connection && nameCertificates(this.#connection);
  }

  /** @param {string} name */
  async #derive(name) {
    const [own, theirs] = [this.#salt, this.#theirSalt ?? new Uint8Array()];
    const outgoing = await this.#key([own, theirs], [this.#own, this.#other, name]);
    const incoming = await this.#key([theirs, own], [this.#other, this.#own, name]);
    return new SealedStream(outgoing, incoming);
  }

  /**
   * @param {Uint8Array[]} salts of the sender and of the receiver
   * @param {string[]} names of the sender, the receiver and the stream
   */
  async #key(salts, names) {
    const info = utf8(JSON.stringify(["parley sealed stream 1", ...names]));
    const how = { name: "HKDF", hash: "SHA-256", salt: concatenate(...salts), info };
    const key = await crypto.subtle.deriveKey(how, this.#roomKey, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return { key, info };
  }

  /** @param {SealState} state */
  #become(state) {
    if (state === this.state || this.state === "broken") return;
    this.state = state;
    if (state !== "sealed" && state !== "checking") this.#waiting = [];
    this.emit("state", state);
  }

  /** @returns {Promise<void>} */
  #known() {
    if (this.state !== "checking") return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.on("state", () => (stop(), resolve()));
    });
  }
}

/** @typedef {{key: CryptoKey, info: Uint8Array<ArrayBuffer>}} Direction */

/**
 * Records of one stream, both ways. Calls may overlap; each counts in the order in which it was made.
 */
export class SealedStream {
  #outgoing;
  #incoming;
  #sealed = 0;
  #opened = 0;

  /**
   * @param {Direction} outgoing
   * @param {Direction} incoming
   */
  constructor(outgoing, incoming) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @returns {Promise<Uint8Array<ArrayBuffer>>} a record, 32 bytes longer
   * @throws {SealingError} `exhausted`
   */
  async seal(bytes) {
    const head = this.#head();
    const { key, info } = this.#outgoing;
    const sealed = await crypto.subtle.encrypt(parameters(head, info), key, bytes);
    return concatenate(head, new Uint8Array(sealed));
  }

  /**
   * @param {Uint8Array<ArrayBuffer> | null} record
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   * @throws {SealingError} `out-of-order`, `not-authentic`; and so from then on
   */
  async open(record) {
    if (!record || record.length < HEAD) throw this.#refuse("not-authentic");
    if (numberOf(record) !== this.#opened) throw this.#refuse("out-of-order");
    this.#opened += 1;
    const { key, info } = this.#incoming;
    try {
      const how = parameters(record.subarray(0, HEAD), info);
      return new Uint8Array(await crypto.subtle.decrypt(how, key, record.subarray(HEAD)));
    } catch {
      throw this.#refuse("not-authentic");
    }
  }

  #head() {
    if (this.#sealed >= MOST_RECORDS) throw new SealingError("exhausted", "This stream is used up.");
    const head = crypto.getRandomValues(new Uint8Array(HEAD));
    new DataView(head.buffer).setUint32(0, this.#sealed);
    this.#sealed += 1;
    return head;
  }

  /** @param {"out-of-order" | "not-authentic"} code */
  #refuse(code) {
    this.#opened = Infinity; // no number is this one: nothing is opened any more
    return new SealingError(code, "Something was changed, repeated or left out on its way.");
  }
}

// ---- bytes

/**
 * @param {Uint8Array<ArrayBuffer>} head
 * @param {Uint8Array<ArrayBuffer>} info
 */
function parameters(head, info) {
  const additionalData = concatenate(info, head.subarray(0, 4));
  return { name: "AES-GCM", iv: head.subarray(4), additionalData };
}

/** @param {Uint8Array} record */
const numberOf = (record) => new DataView(record.buffer, record.byteOffset).getUint32(0);

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
const sameBytes = (one, other) => one.every((byte, at) => byte === other[at]);
