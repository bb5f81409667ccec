// What a page shows where a deployment asks for tokens: a text, or a function that gets a fresh one.

/** @typedef {string | (() => string | Promise<string>)} Token */

const AHEAD = 60_000; // before its end a token is replaced by a newer one
const LONGEST = 2 ** 31 - 1; // what a timer can wait

/**
 * How long until a token should be replaced; null when it does not say, or cannot be.
 *
 * @param {Token | undefined} token as the page gave it: a text cannot be renewed
 * @param {string | undefined} text
 * @param {number} now milliseconds since 1970
 */
export function renewIn(token, text, now) {
  if (typeof token !== "function" || !text) return null;
  try {
    const claims = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const left = JSON.parse(atob(claims)).exp * 1000 - now;
    // A short life is halved, so that even then a newer one comes in time.
    return Number.isFinite(left) ? Math.min(Math.max(left - AHEAD, left / 2, 1_000), LONGEST) : null;
  } catch {
    return null;
  }
}
