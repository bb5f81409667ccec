// What a connection is doing, out of what the browser counts (https://www.w3.org/TR/webrtc-stats/).
//
//   const sampler = new Sampler(room.link(clientId).connection);
//   sampler.on("sample", ({ route, roundTrip, sending, receiving }) => …);
//   sampler.start();

import { Emitter } from "./emitter.js";
import { Timer, systemClock } from "./clock.js";

export const EVERY = 2_000;
export const KEPT = 60;

/**
 * @typedef {"direct" | "relayed" | "none"} Route `relayed`: through a TURN server of either side
 *
 * @typedef {object} End one end of the path
 * @property {string} type `host`, `srflx`, `prflx` or `relay` (RFC 8445, 4)
 * @property {string} protocol `udp` or `tcp`
 * @property {string} [relayProtocol] how the TURN server is reached: `udp`, `tcp` or `tls`
 * @property {string} [url] of the TURN or STUN server that it came from
 * @property {string} [address] with the port; of people, so not to be shown unasked
 *
 * @typedef {object} Path
 * @property {Route} route
 * @property {End | null} local
 * @property {End | null} remote
 *
 * @typedef {object} Track a stream of sound or pictures
 * @property {string} id
 * @property {"in" | "out"} direction
 * @property {string} kind `audio` or `video`
 * @property {string} codec such as `opus`, or "" while none is agreed
 * @property {number} bytes
 * @property {number | null} bitrate bits a second since the sample before
 * @property {number} lost packets, as far as is known
 * @property {number | null} jitter milliseconds
 * @property {number | null} framesPerSecond
 * @property {string} size `640×480`, or ""
 *
 * @typedef {object} Sample a connection at one moment
 * @property {number} at milliseconds since 1970
 * @property {Route} route
 * @property {End | null} local
 * @property {End | null} remote
 * @property {number | null} roundTrip milliseconds
 * @property {number} sent bytes
 * @property {number} received bytes
 * @property {number | null} sending bits a second since the sample before
 * @property {number | null} receiving bits a second since the sample before
 * @property {string} ice state of the ICE transport
 * @property {string} dtls state of the DTLS transport
 * @property {string} cipher of DTLS, such as `TLS_AES_128_GCM_SHA256`
 * @property {string} tls its version, such as `DTLS 1.2`
 * @property {string} srtpCipher
 * @property {Track[]} tracks
 */

/**
 * The way that everything takes.
 *
 * @param {RTCStatsReport} report
 * @returns {Path}
 */
export function pathOf(report) {
  const pair = selectedPair(report);
  const local = pair && endOf(report.get(pair.localCandidateId));
  const remote = pair && endOf(report.get(pair.remoteCandidateId));
  const relayed = local?.type === "relay" || remote?.type === "relay";
  const route = !local || !remote ? "none" : relayed ? "relayed" : "direct";
  return { route, local: local ?? null, remote: remote ?? null };
}

/**
 * A report in short. Rates need the sample before.
 *
 * @param {RTCStatsReport} report
 * @param {Sample | null} [before]
 * @returns {Sample}
 */
export function digest(report, before = null) {
  const pair = selectedPair(report);
  const transport = transportOf(report);
  const at = transport?.timestamp ?? pair?.timestamp ?? Date.now();
  const { bytesSent: sent = 0, bytesReceived: received = 0 } = transport ?? pair ?? {};
  const seconds = before ? (at - before.at) / 1_000 : 0;
  return {
    at,
    ...pathOf(report),
    roundTrip: milliseconds(pair?.currentRoundTripTime),
    sent,
    received,
    sending: rate(sent, before?.sent, seconds),
    receiving: rate(received, before?.received, seconds),
    ice: transport?.iceState ?? pair?.state ?? "new",
    dtls: transport?.dtlsState ?? "new",
    cipher: transport?.dtlsCipher ?? "",
    tls: versionOf(transport?.tlsVersion),
    srtpCipher: transport?.srtpCipher ?? "",
    tracks: tracksOf(report, before, seconds),
  };
}

/**
 * Samples of one connection at an interval, until it is closed or `stop` is called.
 *
 * @extends {Emitter<{sample: Sample}>}
 */
export class Sampler extends Emitter {
  /** @type {Sample[]} the latest, the oldest first */
  samples = [];
  #connection;
  #every;
  #timer;
  #running = false;

  /**
   * @param {RTCPeerConnection} connection
   * @param {{every?: number, clock?: import("./clock.js").Clock}} [options] milliseconds
   */
  constructor(connection, { every = EVERY, clock = systemClock } = {}) {
    super();
    this.#connection = connection;
    this.#every = every;
    this.#timer = new Timer(clock);
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    void this.#take();
  }

  stop() {
    this.#running = false;
    this.#timer.stop();
  }

  async #take() {
    const report = await this.#connection.getStats();
    if (!this.#running || this.#connection.connectionState === "closed") return;
    const sample = digest(report, this.samples.at(-1) ?? null);
    this.samples.push(sample);
    if (this.samples.length > KEPT) this.samples.shift();
    this.#timer.set(this.#every, () => void this.#take());
    this.emit("sample", sample);
  }
}

// ---- the report

/** @param {RTCStatsReport} report */
const transportOf = (report) => [...report.values()].find(({ type }) => type === "transport");

/**
 * Firefox has no transports, but marks the pair.
 *
 * @param {RTCStatsReport} report
 */
function selectedPair(report) {
  const named = report.get(transportOf(report)?.selectedCandidatePairId);
  return named ?? [...report.values()].find(({ type, selected }) => type === "candidate-pair" && selected);
}

/**
 * @param {any} candidate
 * @returns {End | null}
 */
function endOf(candidate) {
  if (!candidate) return null;
  const { candidateType: type, protocol, relayProtocol, url, address, port } = candidate;
  return {
    type,
    protocol,
    ...(relayProtocol && { relayProtocol }),
    ...(url && { url }),
    ...(address && { address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}` }),
  };
}

/**
 * @param {RTCStatsReport} report
 * @param {Sample | null} before
 * @param {number} seconds
 * @returns {Track[]}
 */
function tracksOf(report, before, seconds) {
  return [...report.values()].filter(isTrack).map((stats) => {
    const { id, kind, type } = stats;
    const bytes = stats.bytesReceived ?? stats.bytesSent ?? 0;
    const earlier = before?.tracks.find((track) => track.id === id)?.bytes;
    // What one sends, only the other side knows how much was lost of.
    const arrival = type === "inbound-rtp" ? stats : (report.get(stats.remoteId) ?? {});
    return {
      id,
      direction: type === "inbound-rtp" ? "in" : "out",
      kind,
      codec: report.get(stats.codecId)?.mimeType?.split("/")[1] ?? "",
      bytes,
      bitrate: rate(bytes, earlier, seconds),
      lost: arrival.packetsLost ?? 0,
      jitter: milliseconds(arrival.jitter),
      framesPerSecond: stats.framesPerSecond ?? null,
      size: stats.frameWidth ? `${stats.frameWidth}×${stats.frameHeight}` : "",
    };
  });
}

/** @param {any} stats */
const isTrack = ({ type }) => type === "inbound-rtp" || type === "outbound-rtp";

/**
 * A path that is new counts from zero: no rate is better than a negative one.
 *
 * @param {number} bytes
 * @param {number | undefined} before
 * @param {number} seconds
 */
function rate(bytes, before, seconds) {
  if (before === undefined || seconds <= 0 || bytes < before) return null;
  return Math.round(((bytes - before) * 8) / seconds);
}

/** @param {number | undefined} seconds */
const milliseconds = (seconds) => (seconds === undefined ? null : Math.round(seconds * 10_000) / 10);

/**
 * @param {string} [code] as DTLS has it on the wire: FEFD is 1.2
 */
function versionOf(code = "") {
  /** @type {Record<string, string>} */
  const names = { FEFF: "DTLS 1.0", FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };
  return names[code.toUpperCase()] ?? code;
}
