// Short news in a corner, read aloud by screen readers, gone after a while.

import { button, byId, element } from "./dom.js";

const LASTS = 6_000;
const MOST = 4;

/**
 * @param {string} text
 * @param {{tone?: "plain" | "good" | "bad", action?: {name: string, run: () => void}}} [options] an
 *   error, and what offers something to do, stays until it is dismissed
 */
export function toast(text, { tone = "plain", action } = {}) {
  const shown = element("div", "toast");
  shown.dataset.tone = tone;
  shown.append(element("p", "", text));
  const dismiss = () => shown.remove();
  if (action) shown.append(button(action.name, () => (dismiss(), action.run())));
  if (action || tone === "bad") shown.append(button("×", dismiss, "Dismiss"));
  else fade(shown, dismiss);
  const corner = byId("toasts");
  corner.append(shown);
  if (corner.children.length > MOST) corner.firstElementChild?.remove();
  return { dismiss };
}

/**
 * Not while somebody points at it: it may be being read.
 *
 * @param {HTMLElement} shown
 * @param {() => void} dismiss
 */
function fade(shown, dismiss) {
  let timer = setTimeout(dismiss, LASTS);
  shown.addEventListener("pointerenter", () => clearTimeout(timer));
  shown.addEventListener("pointerleave", () => (timer = setTimeout(dismiss, LASTS)));
}
