// Devices, tracks and connections with people, made by hand.

import { Emitter } from "../../client/emitter.js";

export class FakeTrack extends EventTarget {
  readyState = "live";
  enabled = true;
  contentHint = "";

  constructor(kind, deviceId = "") {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }

  stop() {
    this.readyState = "ended";
  }

  /** By nobody on this page: unplugged, or ended by the browser's own bar. */
  isEnded() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

class FakeStream {
  constructor(...tracks) {
    this.tracks = tracks;
  }

  getTracks = () => this.tracks;
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
}

/** What is asked of it waits while `patient`, and is refused when `refusal` names an exception. */
export class FakeDevices extends EventTarget {
  asked = [];
  given = [];
  refusal = "";
  missing = [];
  patient = false;
  answer = () => {};

  getUserMedia = async (wishes) => {
    const kind = wishes.video ? "video" : "audio";
    const wanted = wishes[kind].deviceId?.exact;
    if (wanted && this.missing.includes(wanted)) {
      throw Object.assign(new Error(), { name: "OverconstrainedError" });
    }
    return this.#give(wishes, new FakeTrack(kind, wanted ?? "any"));
  };

  getDisplayMedia = async (wishes) => this.#give(wishes, new FakeTrack("video"), new FakeTrack("audio"));

  async #give(wishes, ...tracks) {
    this.asked.push(wishes);
    if (this.patient) await new Promise((resolve) => (this.answer = () => resolve(undefined)));
    if (this.refusal) throw Object.assign(new Error(), { name: this.refusal });
    this.given.push(...tracks);
    return new FakeStream(...tracks);
  }
}

class FakeSender {
  parameters = { encodings: [{}] };

  constructor(track, encodings) {
    this.track = track;
    this.parameters.encodings = encodings;
  }

  async replaceTrack(track) {
    this.track = track;
  }

  getParameters = () => structuredClone(this.parameters);

  async setParameters(parameters) {
    this.parameters = parameters;
  }
}

/** A connection whose negotiations come about when the test says so. */
export class FakeMediaConnection extends EventTarget {
  signalingState = "stable";
  transceivers = [];
  /** How loud everything is that comes. */
  level = 0;

  addTransceiver(track, { direction, sendEncodings }) {
    const sender = new FakeSender(track, sendEncodings);
    const transceiver = { mid: null, direction, currentDirection: null, sender, receiver: {} };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers = () => this.transceivers;

  turns(signalingState) {
    this.signalingState = signalingState;
    this.dispatchEvent(new Event("signalingstatechange"));
  }

  /** Everything that was added is agreed upon. */
  agrees() {
    for (const [index, transceiver] of this.transceivers.entries()) {
      transceiver.mid ??= String(index + 1);
      transceiver.currentDirection ??= transceiver.direction;
    }
    this.turns("stable");
  }

  /** The other side sends, too. */
  receives(mid, kind) {
    const getSynchronizationSources = () => [{ audioLevel: this.level }];
    const receiver = { track: new FakeTrack(kind), getSynchronizationSources };
    this.transceivers.push({ mid, direction: "recvonly", currentDirection: "recvonly", receiver });
    this.turns("stable");
    return receiver.track;
  }
}

export class FakePeer extends Emitter {
  state = "connecting";
  sealing = null;
  connection = new FakeMediaConnection();
  sent = [];

  send(envelope) {
    if (this.state === "connecting" || this.state === "closed") return false;
    this.sent.push(structuredClone(envelope));
    return true;
  }

  turns(state) {
    this.state = state;
    this.emit("state", state);
  }

  /** What the other side was last told. */
  get told() {
    return this.sent.at(-1);
  }

  /** What is on its way to the other side, by kind. */
  get sends() {
    const senders = this.connection.transceivers.filter(({ sender }) => sender?.track);
    return senders.map(({ sender }) => sender.track.kind);
  }
}

export class FakeRoom extends Emitter {
  clientId = "me";
  since = 0;
  peers = [];

  /** We took our seat. */
  enters(since) {
    this.since = since;
    this.emit("status", "connected");
  }

  /** Somebody is here, and a connection with them is being made. */
  meets(clientId, since) {
    this.peers.push({ clientId, since, state: "connecting" });
    this.emit("peer", { change: "added", peer: { clientId } });
    return this.links(clientId);
  }

  links(clientId) {
    const peer = new FakePeer();
    this.emit("link", { clientId, peer });
    return peer;
  }

  loses(clientId) {
    this.peers = this.peers.filter((peer) => peer.clientId !== clientId);
    this.emit("peer", { change: "removed", peer: { clientId } });
  }

  hears(from, envelope) {
    this.emit("envelope", { from, envelope });
  }
}
