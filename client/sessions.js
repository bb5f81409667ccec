// A session names one RTCPeerConnection on each of two sides: `<number>-<client id of the starter>`.
// Sessions of two members are totally ordered, by number, then by the starter's id, and the newer
// always wins, whatever order messages come in: a message of an older session is late, a message of
// a newer one makes its receiver drop what it has. Both sides judge alike without asking.
//
// The number is the largest of three: the two members' `since` and one more than the newest
// session that the starter has heard of between them. So a page that was reloaded, and remembers
// nothing, still starts a newer session than any before (the server stamped its new seat later),
// and no two machines need agree on the time.

/** @typedef {{number: number, starter: string}} Session */

/**
 * @param {unknown} name
 * @returns {Session | null} null when `name` is no session's
 */
export function parseSession(name) {
  const match = typeof name === "string" ? /^(\d{1,16})-(.+)$/.exec(name) : null;
  return match && { number: Number(match[1]), starter: match[2] };
}

/**
 * The name of a session newer than `latest` and than both seats.
 *
 * @param {string} starter
 * @param {number[]} seats `since` of both members
 * @param {string | null} latest the newest session heard of between the two
 */
export function nextSession(starter, seats, latest) {
  const next = (parseSession(latest)?.number ?? -1) + 1;
  return `${Math.max(...seats, next)}-${starter}`;
}

/**
 * Above 0 when `a` is newer than `b`, below 0 when it is older, 0 when they are one.
 *
 * @param {Session} a
 * @param {Session | null} b
 */
export function compareSessions(a, b) {
  if (!b) return 1;
  if (a.number !== b.number) return a.number - b.number;
  return Number(a.starter > b.starter) - Number(a.starter < b.starter);
}

/**
 * Of two members, the one with the smaller id gives way when both negotiate at once.
 *
 * @param {string} own
 * @param {string} other
 */
export const isPolite = (own, other) => own < other;
