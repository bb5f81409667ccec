// A sample in words, for the details of a connection and for a report that somebody sends along with
// a bug. No secret is in it, and no address unless asked for.

/**
 * @typedef {import("../stats.js").Sample} Sample
 * @typedef {import("../stats.js").End} End
 * @typedef {import("../stats.js").Track} Track
 */

const ROUTES = { direct: "Direct", relayed: "Relayed", none: "No path yet" };

/** @type {Record<string, string>} */
const TYPES = {
  host: "own network (host)",
  srflx: "seen by a STUN server (srflx)",
  prflx: "seen by the other side (prflx)",
  relay: "TURN relay (relay)",
};

/** @param {number | null} value */
export const inMilliseconds = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);

/** @param {number | null} value bits a second */
export function inBits(value) {
  if (value === null) return "–";
  if (value < 1_000_000) return `${(value / 1_000).toFixed(value < 10_000 ? 1 : 0)} kbit/s`;
  return `${(value / 1_000_000).toFixed(1)} Mbit/s`;
}

/**
 * What there is to know, name by name.
 *
 * @param {Sample} sample
 * @param {{addresses?: boolean}} [options]
 * @returns {[string, string][]}
 */
export function facts(sample, { addresses = false } = {}) {
  const { cipher, tls, srtpCipher } = sample;
  return [
    ["Route", ROUTES[sample.route]],
    ["This side", end(sample.local, addresses)],
    ["Other side", end(sample.remote, addresses)],
    ["Round trip", inMilliseconds(sample.roundTrip)],
    ["Sending", inBits(sample.sending)],
    ["Receiving", inBits(sample.receiving)],
    ["ICE", sample.ice],
    ["DTLS", [sample.dtls, tls, cipher].filter(Boolean).join(", ")],
    ...(srtpCipher ? [/** @type {[string, string]} */ (["SRTP", srtpCipher])] : []),
  ];
}

/** @param {Track} track */
export function trackFacts(track) {
  const { direction, kind, codec, size, framesPerSecond, lost, jitter } = track;
  return [
    `${direction === "in" ? "From them" : "From you"}: ${kind}`,
    [codec, size, framesPerSecond === null ? "" : `${Math.round(framesPerSecond)} fps`].filter(Boolean).join(", "),
    inBits(track.bitrate),
    `${lost} lost`,
    jitter === null ? "" : `jitter ${inMilliseconds(jitter)}`,
  ];
}

/**
 * @param {Sample[]} samples the oldest first
 * @param {{clientId: string, state: string, browser: string, addresses?: boolean}} about
 */
export function report(samples, { clientId, state, browser, addresses = false }) {
  const latest = samples.at(-1);
  const head = [`Parley connection report, ${new Date(latest?.at ?? Date.now()).toISOString()}`, `Browser: ${browser}`];
  const peer = `Connection with ${clientId}: ${state}`;
  if (!latest) return [...head, peer, "Nothing was measured yet."].join("\n");
  return [
    ...head,
    peer,
    ...facts(latest, { addresses }).map(([name, value]) => `${name}: ${value}`),
    ...latest.tracks.map((track) => `Track: ${trackFacts(track).filter(Boolean).join(", ")}`),
    `Round trips: ${list(samples.map(({ roundTrip }) => inMilliseconds(roundTrip)))}`,
    `Sent: ${list(samples.map(({ sending }) => inBits(sending)))}`,
    `Received: ${list(samples.map(({ receiving }) => inBits(receiving)))}`,
    "",
  ].join("\n");
}

/**
 * @param {End | null} end
 * @param {boolean} addresses
 */
function end(end, addresses) {
  if (!end) return "–";
  const over = end.relayProtocol ? `${end.protocol}, reached by ${end.relayProtocol}` : end.protocol;
  const address = addresses && end.address ? `, ${end.address}` : "";
  return `${TYPES[end.type] ?? end.type}, ${over}${address}`;
}

/** @param {string[]} values */
const list = (values) => values.slice(-10).join(", ");
