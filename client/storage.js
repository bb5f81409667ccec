// What this browser remembers. A seat lives in sessionStorage only while its page is away: it is
// written when the page goes and taken out when it comes back, so that a duplicated tab, which
// starts with a copy of sessionStorage, finds no seat to fight for.

/**
 * @typedef {import("./signaling.js").StoredSeat & {sealed?: boolean}} StoredSeat `sealed`: the room has
 *   a passphrase, which is not kept and must be typed again
 */

const SEAT = "parley:seat";
const NAME = "parley:name";
const CALL = "parley:call";
const ICE = "parley:ice-servers";
const RELAY_ONLY = "parley:relay-only";

/**
 * @typedef {object} CallChoices device ids, and what is on from the start
 * @property {string} [microphone]
 * @property {string} [camera]
 * @property {string} [speaker]
 * @property {("microphone" | "camera")[]} [atOnce]
 * @property {boolean} [muted] so that a microphone which is on at once says nothing yet
 */

/** @param {StoredSeat} seat */
export function keepSeat(seat) {
  write("sessionStorage", SEAT, JSON.stringify(seat));
}

/**
 * The seat that this tab left behind; it is not there a second time.
 *
 * @returns {StoredSeat | null}
 */
export function takeSeat() {
  const text = read("sessionStorage", SEAT);
  write("sessionStorage", SEAT, "");
  return text ? JSON.parse(text) : null;
}

export const readName = () => read("localStorage", NAME);

/** @param {string} name */
export const keepName = (name) => write("localStorage", NAME, name);

export const readRelayOnly = () => read("localStorage", RELAY_ONLY) === "yes";

/** @param {boolean} only */
export const keepRelayOnly = (only) => write("localStorage", RELAY_ONLY, only ? "yes" : "");

/** @returns {CallChoices} */
export function readCallChoices() {
  const text = read("localStorage", CALL);
  return text ? JSON.parse(text) : {};
}

/** @param {CallChoices} choices */
export const keepCallChoices = (choices) => write("localStorage", CALL, JSON.stringify(choices));

/**
 * For a connection without the server. Only those that need no credentials, which expire.
 *
 * @param {RTCIceServer[]} servers
 */
export function keepIceServers(servers) {
  write("localStorage", ICE, JSON.stringify(servers.filter(({ credential }) => !credential)));
}

/** @returns {RTCIceServer[]} */
export const readIceServers = () => JSON.parse(read("localStorage", ICE) || "[]");

/**
 * A browser may forbid storage: then nothing is remembered, and everything else works.
 *
 * @param {"localStorage" | "sessionStorage"} kind
 * @param {string} key
 */
function read(kind, key) {
  try {
    return globalThis[kind].getItem(key) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {"localStorage" | "sessionStorage"} kind
 * @param {string} key
 * @param {string} value
 */
function write(kind, key, value) {
  try {
    if (value) globalThis[kind].setItem(key, value);
    else globalThis[kind].removeItem(key);
  } catch {
    // see read
  }
}
