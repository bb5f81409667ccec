// The browser's parts, made by hand: a clock that a test turns, sockets and connections that do what
// the test says, and keep what they were told.

import { Emitter } from "../../client/emitter.js";

/** Lets everything that is already promised happen. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

export class FakeClock {
  time = 1_000_000;
  /** A page in the background gets its timers once a minute: then this is 60,000. */
  throttle = 1;
  chance = 1;
  #timers = new Map();
  #last = 0;

  now = () => this.time;
  random = () => this.chance;
  clearTimeout = (timer) => void this.#timers.delete(timer);
  setTimeout = (callback, milliseconds) => {
    this.#last += 1;
    const due = Math.ceil((this.time + milliseconds) / this.throttle) * this.throttle;
    this.#timers.set(this.#last, { callback, due });
    return this.#last;
  };

  /** Turns the clock, stopping at each timer that falls due. */
  async advance(milliseconds) {
    const end = this.time + milliseconds;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      const [id, { callback, due }] = next;
      this.#timers.delete(id);
      this.time = Math.max(this.time, due);
      callback();
      await settle();
    }
    this.time = end;
  }

  /** The machine sleeps, or the page is frozen: time passes and no timer runs. */
  sleep(milliseconds) {
    this.time += milliseconds;
  }

  #next(end) {
    const due = [...this.#timers].filter(([, timer]) => timer.due <= end);
    return due.sort(([a, one], [b, other]) => one.due - other.due || a - b)[0];
  }
}

/** A WebSocket class whose sockets the test holds in `sockets`. */
export function fakeWebSockets() {
  const sockets = [];
  class FakeWebSocket {
    readyState = 0;
    sent = [];
    onopen = null;
    onmessage = null;
    onclose = null;

    constructor(url) {
      this.url = url;
      sockets.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.readyState = 3;
    }

    // ---- what the test makes it do

    opens() {
      this.readyState = 1;
      this.onopen?.();
      return this;
    }

    says(...frames) {
      for (const frame of frames) {
        this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
      }
    }

    drops() {
      this.readyState = 3;
      this.onclose?.();
    }

    last(type) {
      return this.sent.findLast((frame) => frame.type === type);
    }

    count(type) {
      return this.sent.filter((frame) => frame.type === type).length;
    }
  }
  return { WebSocket: /** @type {any} */ (FakeWebSocket), sockets };
}

/** Everything an emitter said, in order, as [type, detail]. */
export function hear(emitter, ...types) {
  const heard = [];
  for (const type of types) emitter.on(type, (detail) => heard.push([type, detail]));
  return heard;
}

/** Signaling as a room sees it; `says` plays the server. */
export class FakeSignaling extends Emitter {
  status = "connected";
  signals = [];
  left = [];
  /** @type {Error | null} what every signal meets */
  away = null;

  join(_roomId, options) {
    this.options = options;
    return new Promise((resolve, reject) => {
      this.admit = (joined) => {
        options.admitted?.(joined);
        this.emit("joined", joined);
        resolve(joined);
      };
      this.refuse = reject;
    });
  }

  async leave(roomId) {
    this.left.push(roomId);
    this.emit("left", { roomId, reason: "left" });
  }

  signal(roomId, to, data) {
    if (this.away) throw this.away;
    this.signals.push({ roomId, to, data });
  }

  storedSeat(roomId) {
    return { roomId, clientId: "me", resumeToken: "token" };
  }

  turns(status) {
    this.status = status;
    this.emit("status", status);
  }
}

/** In place of a certificate's DER. */
export const der = (value) => Uint8Array.of(value, value, value).buffer;

export const fingerprint = async (value) => new Uint8Array(await crypto.subtle.digest("SHA-256", der(value)));

/** A connection whose DTLS transport shows certificate `theirs`, and which was made with `own`. */
export async function fakeDtls(own, theirs, more = {}) {
  const value = Buffer.from(await fingerprint(own)).toString("hex").replace(/..(?!$)/g, "$&:");
  const transport = Object.assign(new EventTarget(), { state: "connected", getRemoteCertificates: () => [der(theirs)], ...more });
  const certificate = { getFingerprints: () => [{ algorithm: "sha-256", value }] };
  return /** @type {any} */ (Object.assign(new EventTarget(), {
    sctp: { transport },
    getTransceivers: () => [],
    getConfiguration: () => ({ certificates: [certificate] }),
  }));
}

class FakeChannel {
  readyState = "connecting";
  sent = [];
  onopen = null;
  onclose = null;
  onmessage = null;

  constructor(label) {
    this.label = label;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  opens() {
    this.readyState = "open";
    this.onopen?.();
  }

  closes() {
    this.readyState = "closed";
    this.onclose?.();
  }

  hears(envelope) {
    const data = typeof envelope === "string" ? envelope : JSON.stringify(envelope);
    this.onmessage?.({ data });
  }
}

let generations = 0;

/** The state machine of an RTCPeerConnection; the network in between is the test. */
export class FakeConnection {
  static made = [];
  signalingState = "stable";
  connectionState = "new";
  iceGatheringState = "new";
  localDescription = null;
  remoteDescription = null;
  candidates = [];
  channel = null;
  closed = false;
  /** @type {any} */
  onnegotiationneeded = null;
  /** @type {any} */
  onicecandidate = null;
  /** @type {any} */
  onicegatheringstatechange = null;
  /** @type {any} */
  onconnectionstatechange = null;
  /** @type {any} */
  ondatachannel = null;
  #needed = false;
  #before = { local: null, remote: null };

  constructor(options) {
    this.options = options;
    FakeConnection.made.push(this);
  }

  createDataChannel(label) {
    this.channel = new FakeChannel(label);
    this.needsNegotiation();
    return this.channel;
  }

  /** The other side's channel appears here. */
  getsChannel(label = "parley") {
    const channel = new FakeChannel(label);
    if (label === "parley") this.channel = channel;
    this.ondatachannel?.({ channel });
  }

  sctp = null;
  getConfiguration = () => this.options;
  getTransceivers = () => [];

  setConfiguration(options) {
    this.options = options;
  }

  needsNegotiation() {
    this.#needed = true;
    queueMicrotask(() => this.#ask());
  }

  restartIce() {
    this.restarts = (this.restarts ?? 0) + 1;
    this.needsNegotiation();
  }

  async setLocalDescription() {
    await null;
    const answering = this.signalingState === "have-remote-offer";
    if (this.signalingState === "stable") this.#remember();
    if (!answering) this.#needed = false;
    if (!answering) this.offers = (this.offers ?? 0) + 1;
    generations += 1;
    this.ufrag = `u${generations}`;
    const type = answering ? "answer" : "offer";
    this.localDescription = { type, sdp: `${type} ${generations}\r\na=ice-ufrag:${this.ufrag}\r\n` };
    this.#become(answering ? "stable" : "have-local-offer");
  }

  async setRemoteDescription(description) {
    await null;
    if (description.type === "answer" && this.signalingState !== "have-local-offer") {
      throw new Error("an answer to no offer");
    }
    if (description.type === "offer" && this.signalingState === "have-local-offer") {
      this.localDescription = this.#before.local;
      this.#needed = true;
    } else if (this.signalingState === "stable") this.#remember();
    this.remoteDescription = description;
    this.#become(description.type === "offer" ? "have-remote-offer" : "stable");
  }

  async addIceCandidate(candidate) {
    await null;
    if (!this.remoteDescription) throw new Error("a candidate before its description");
    this.candidates.push(candidate.candidate);
  }

  close() {
    this.closed = true;
    this.connectionState = "closed";
  }

  // ---- what the test makes it do

  finds(...names) {
    for (const name of names) {
      const init = { candidate: name, usernameFragment: this.ufrag };
      this.onicecandidate?.({ candidate: { candidate: name, toJSON: () => init } });
    }
  }

  gathersAll() {
    this.iceGatheringState = "complete";
    this.onicegatheringstatechange?.();
  }

  turns(connectionState) {
    this.connectionState = connectionState;
    this.onconnectionstatechange?.();
  }

  connects() {
    this.turns("connected");
    this.channel.opens();
  }

  #remember() {
    this.#before = { local: this.localDescription, remote: this.remoteDescription };
  }

  #become(state) {
    this.signalingState = state;
    if (state === "stable") queueMicrotask(() => this.#ask());
  }

  #ask() {
    if (this.#needed && this.signalingState === "stable" && !this.closed) this.onnegotiationneeded?.();
  }
}
