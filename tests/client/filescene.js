// Where the tests of files play: two rooms joined by channels of our own, and a depot in memory. The
// hash is the real one.

import { Emitter } from "../../client/emitter.js";
import { Files } from "../../client/files.js";
import { Sha256 } from "../../client/sha256.js";
import { FakeClock, hear } from "./fakes.js";

/** One end of a data channel. What is sent waits in `queue` until the road takes it. */
class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  queue = [];
  mostBuffered = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onbufferedamountlow = null;
  other = null;

  constructor(label, road) {
    this.label = label;
    this.road = road;
  }

  send(data) {
    if (this.readyState !== "open") throw new Error("not open");
    if (size(data) > this.road.largest) throw new Error("too large a message");
    this.queue.push(typeof data === "string" ? data : new Uint8Array(data).slice());
    this.bufferedAmount += size(data);
    this.mostBuffered = Math.max(this.mostBuffered, this.bufferedAmount);
    this.road.sent.push({ from: this.road.names.get(this), data });
  }

  close() {
    if (this.readyState === "closed") return;
    while (this.queue.length > 0) this.carry();
    this.breaks();
  }

  /** The channel is gone on both sides, with all that was on its way. */
  breaks() {
    for (const end of [this, this.other]) {
      if (end.readyState === "closed") continue;
      end.readyState = "closed";
      end.queue = [];
      end.onclose?.();
    }
  }

  carry() {
    const data = this.queue.shift();
    this.bufferedAmount -= size(data);
    this.other.onmessage?.({ data: typeof data === "string" ? data : data.buffer });
    if (this.bufferedAmount <= this.bufferedAmountLowThreshold) this.onbufferedamountlow?.();
  }
}

const size = (data) => (typeof data === "string" ? data.length : data.byteLength);

class FakePeer extends Emitter {
  name = "";
  state = "connecting";
  sealing = null;
  streams = null;
  connection = { sctp: { maxMessageSize: 262144 } };

  constructor(road) {
    super();
    this.road = road;
  }

  /** On the main channel, which is none of ours here. */
  send(envelope) {
    this.road.tell(this, envelope);
    return true;
  }

  openChannel(label) {
    return this.road.channel(this, label);
  }

  async sealedStream(name) {
    return this.streams ? this.streams(name) : null;
  }

  turns(state) {
    this.state = state;
    this.emit("state", state);
  }
}

class FakeRoom extends Emitter {
  roomId = "garden";
  status = "connected";
  peers = [];
  peer = null;
  link = () => this.peer;
}

/** In memory, but otherwise as the real one; `places` is what lies in it. */
export class FakeDepot {
  places = new Map();
  records = new Map();
  /** @type {Error | null} what every write meets */
  broken = null;
  /** @type {Error | null} what opening meets */
  full = null;
  /** @type {Promise<void> | null} what every write waits for */
  slow = null;

  hasher() {
    let hash = new Sha256();
    return {
      update: async (bytes) => void hash.update(bytes),
      rehash: async (file, end) => {
        hash = new Sha256();
        return hash.update(new Uint8Array(await file.slice(0, end).arrayBuffer())).digest();
      },
      digest: async () => hash.digest(),
      close: async () => {},
    };
  }

  async open(kept, chosen) {
    if (this.full) throw this.full;
    if (!chosen) this.records.set(kept.key, kept);
    const places = this.places;
    const place = chosen ?? kept.key;
    if (!places.has(place)) places.set(place, new Uint8Array());
    return {
      at: places.get(place).length,
      write: async (bytes) => {
        await this.slow;
        if (this.broken) throw this.broken;
        places.set(place, joined(places.get(place), bytes));
      },
      digest: async () => new Sha256().update(places.get(place)).digest(),
      empty: async () => void places.set(place, new Uint8Array()),
      finish: async () => null,
      discard: async () => this.remove(place),
    };
  }

  async kept() {
    return [...this.records.values()];
  }

  async keep(kept) {
    this.records.set(kept.key, kept);
  }

  async read(key) {
    return new Blob([this.places.get(key)]);
  }

  async remove(key) {
    this.places.delete(key);
    this.records.delete(key);
  }

  close() {}
}

function joined(one, other) {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}

/** What lies between two people: channels, which carry by themselves unless `paused`. */
class Road {
  channels = [];
  sent = [];
  names = new Map();
  largest = 262144;
  paused = false;
  ends = [];
  rooms = [];
  streams = null;

  connect(ada, ben) {
    this.rooms = [ada.room, ben.room];
    this.ends = [ada, ben].map(({ room, name }) => {
      const peer = new FakePeer(this);
      peer.name = name;
      peer.streams = this.streams;
      room.peer = peer;
      room.emit("link", { clientId: name === "ada" ? "ben" : "ada", peer });
      return peer;
    });
    for (const peer of this.ends) peer.turns("connected");
  }

  tell(from, envelope) {
    const at = this.ends.indexOf(from);
    this.rooms[1 - at].emit("envelope", { from: from.name, envelope });
  }

  channel(opener, label) {
    const [one, other] = [new FakeChannel(label, this), new FakeChannel(label, this)];
    const them = this.ends.find((peer) => peer !== opener);
    Object.assign(one, { other });
    Object.assign(other, { other: one });
    this.names.set(one, opener.name).set(other, them.name);
    this.channels.push(one, other);
    setImmediate(() => {
      if (one.readyState === "closed") return;
      one.readyState = other.readyState = "open";
      them.emit("channel", other);
      one.onopen?.();
    });
    return one;
  }

  /** The connection is gone, and whoever is at its ends knows. */
  breaks() {
    for (const channel of this.channels.splice(0)) channel.breaks();
    for (const peer of this.ends) peer.turns("closed");
  }

  carry() {
    let carried = 0;
    for (const channel of this.channels) {
      while (channel.queue.length > 0 && !this.paused && channel.readyState === "open") {
        channel.carry();
        carried += 1;
      }
    }
    return carried;
  }

  /** @returns {any[]} what one of the two said, but for bytes */
  said(name, type) {
    const texts = this.sent.filter(({ from, data }) => from === name && typeof data === "string");
    return texts.map(({ data }) => JSON.parse(data)).filter((message) => !type || message.type === type);
  }
}

/** A page with Files in it. */
export function person(name, { depot = new FakeDepot(), clock = new FakeClock() } = {}) {
  const room = new FakeRoom();
  const files = new Files(/** @type {any} */ (room), { depot: /** @type {any} */ (depot), clock });
  const events = hear(files, "transfer");
  const other = { clientId: name === "ada" ? "ben" : "ada", metadata: { name: name === "ada" ? "Ben" : "Ada" } };
  room.peers = [/** @type {any} */ (other)];
  room.emit("status", "connected");
  return { name, room, files, depot, clock, events, transfer: () => files.transfers.at(-1) };
}

/** Ada and Ben, connected. */
export function two(options = {}) {
  const road = new Road();
  Object.assign(road, options);
  const [ada, ben] = [person("ada"), person("ben")];
  road.connect(ada, ben);
  return { road, ada, ben, until: (holds, what) => until(road, holds, what) };
}

/** Lets everything go its way, in real promises and real file reads, until something holds. */
export async function until(road, holds, what = String(holds)) {
  for (let turn = 0; turn < 5_000; turn += 1) {
    road.carry();
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`never: ${what}`);
}

/** Nothing that can happen now is left. */
export async function quiet(road) {
  for (let turn = 0; turn < 30; turn += 1) {
    road.carry();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A file of bytes that do not repeat. */
export function file(name, length, { lastModified = 1_000, seed = 1 } = {}) {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[at] = state >> 16;
  }
  return new File([bytes], name, { lastModified });
}
