// What travels between client and server: one JSON object a frame.

import { SignalingError } from "./requests.js";

/**
 * @typedef {Record<string, any>} Frame
 * @typedef {import("./roster.js").PeerInfo} PeerInfo
 */

export const LARGEST_FRAME = 31 * 1024; // API Gateway closes a socket (1009) beyond 32 KB

/**
 * Throws a `SignalingError` when the frame would be too large.
 *
 * @param {Frame} frame
 */
export function encodeFrame(frame) {
  const text = JSON.stringify(frame);
  if (new TextEncoder().encode(text).length > LARGEST_FRAME) {
    throw new SignalingError("too-large", "The message is too large to be sent.", frame);
  }
  return text;
}

/**
 * A frame that is none of ours yields null: API Gateway itself sends some, such as
 * `{"message": "Internal server error", …}`. What it stands for shows in a request's timeout.
 *
 * @param {string} text
 * @returns {Frame | null}
 */
export function parseFrame(text) {
  try {
    const frame = JSON.parse(text);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}

/**
 * @param {Frame} joined
 * @returns {PeerInfo[]}
 */
export function othersIn({ clientId, peers = [] }) {
  const known = /** @type {PeerInfo[]} */ (peers.map(completePeer));
  return known.filter((peer) => peer.clientId !== clientId);
}

/**
 * @param {Frame} peer
 * @returns {PeerInfo}
 */
export function completePeer({ clientId, since, metadata = {}, connected = true }) {
  return { clientId, since, metadata, connected };
}
