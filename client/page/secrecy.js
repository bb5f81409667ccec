// What a stay needs to be private: a certificate of its own, and keys made of the room's passphrase.

import { makeCertificate } from "../certificates.js";

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 that are not mistaken for one another
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** @type {Promise<RTCCertificate[] | undefined> | null} for the next stay */
let ahead = null;

/** Somebody is about to enter: what takes its time is made now. */
export function getReady() {
  ahead ??= makeCertificates();
}

// Where a browser makes none, there is no safety code, and everything else works.
const makeCertificates = () => makeCertificate().then((made) => [made], () => undefined);

/**
 * @param {string | undefined} roomId without one, a new room
 * @param {string} passphrase empty for none
 * @returns {Promise<{roomId?: string, options: import("../room.js").Options}>}
 */
export async function prepareStay(roomId, passphrase) {
  const certificates = await (ahead ?? makeCertificates());
  ahead = null; // each stay has its own
  if (!passphrase) return { roomId, options: { certificates } };
  const { Sealer } = await import("../sealing.js");
  // The keys belong to the room: its name must be known before the server could make one.
  const named = roomId ?? pick(BASE62, 22);
  return { roomId: named, options: { certificates, sealer: await Sealer.from(passphrase, named) } };
}

/** One that nobody guesses: 80 random bits, in groups that can be read aloud. */
export const makePassphrase = () => Array.from({ length: 4 }, () => pick(LETTERS, 4)).join("-");

/**
 * @param {string} letters
 * @param {number} length
 */
function pick(letters, length) {
  let picked = "";
  while (picked.length < length) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 256 - (256 % letters.length)) picked += letters[byte % letters.length];
  }
  return picked;
}
