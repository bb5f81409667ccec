// Which certificates a connection really uses, asked of its DTLS transports: what descriptions say of
// fingerprints passes through many hands, and may say more than one thing.

import { sha256, toHex } from "./bytes.js";

/**
 * @typedef {object} Certificates SHA-256 of both, in DER: 32 bytes each
 * @property {Uint8Array} own
 * @property {Uint8Array} theirs
 */

/** For `RTCConfiguration.certificates`: a page learns the fingerprint only of one that it made. */
export function makeCertificate() {
  const kind = { name: "ECDSA", namedCurve: "P-256" };
  return RTCPeerConnection.generateCertificate(kind);
}

/**
 * The certificates of a connection, once its transports are open.
 *
 * @param {RTCPeerConnection} connection
 * @returns {Promise<Certificates | null>} null when the browser does not tell, as Firefox, or when
 *   the connection was given no certificate
 * @throws {Error} when not all of it leads to the same certificate: it goes to different people
 */
export async function certificatesOf(connection) {
  const own = ownFingerprint(connection);
  const transports = transportsOf(connection);
  await Promise.all(transports.map(opened));
  const remote = transports.map((transport) => transport.getRemoteCertificates?.()[0]);
  if (!own || remote.length === 0 || remote.some((certificate) => !certificate)) return null;
  const all = await Promise.all(remote.map((certificate) => sha256(/** @type {ArrayBuffer} */ (certificate))));
  if (new Set(all.map(String)).size > 1) throw new Error("One connection with two certificates.");
  return { own, theirs: all[0] };
}

/**
 * Both certificates in words that are the same on both sides, if nobody sits between them.
 *
 * @param {RTCPeerConnection} connection
 * @returns {Promise<string | null>} null when the browser does not tell
 */
export async function nameCertificates(connection) {
  try {
    const certificates = await certificatesOf(connection);
    return certificates && [certificates.own, certificates.theirs].map(toHex).sort().join(" ");
  } catch {
    return "several";
  }
}

/**
 * Tells of every moment from which on the certificates may be others.
 *
 * @param {RTCPeerConnection} connection
 * @param {() => void} changed
 */
export function watchCertificates(connection, changed) {
  for (const event of ["connectionstatechange", "signalingstatechange"]) connection.addEventListener(event, changed);
  for (const transport of transportsOf(connection)) transport.addEventListener("statechange", changed);
}

/** @param {RTCPeerConnection} connection */
function transportsOf(connection) {
  const ends = connection.getTransceivers().flatMap(({ sender, receiver }) => [sender, receiver]);
  const transports = [connection.sctp, ...ends].flatMap((end) => end?.transport ?? []);
  return [...new Set(transports)].filter(({ state }) => state !== "closed" && state !== "failed");
}

/**
 * A page may hear of an open channel before it hears that its transport is connected.
 *
 * @param {RTCDtlsTransport} transport
 */
async function opened(transport) {
  while (transport.state === "new" || transport.state === "connecting") {
    await new Promise((resolve) => transport.addEventListener("statechange", resolve, { once: true }));
  }
}

/** @param {RTCPeerConnection} connection */
function ownFingerprint(connection) {
  const [certificate] = connection.getConfiguration().certificates ?? [];
  const fingerprints = certificate?.getFingerprints?.() ?? [];
  const value = fingerprints.find(({ algorithm }) => algorithm === "sha-256")?.value;
  return value ? Uint8Array.from(value.split(":"), (byte) => parseInt(byte, 16)) : null;
}
