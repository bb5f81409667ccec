// Inviting others: the link, copied, shared or shown as a QR code.

import { openDialog } from "./dialog.js";
import { byId, element } from "./dom.js";
import { sharesBySheet } from "./platform.js";
import { toast } from "./toasts.js";

const CONFIRMED = 2_000;

/**
 * Copies text, and says so on the button that was pressed.
 *
 * @param {string} text
 * @param {HTMLElement} pressed
 */
export async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return toast(`This browser does not let a page copy. Copy this yourself: ${text}`, { tone: "bad" });
  }
  const before = pressed.dataset.text ?? pressed.textContent ?? "";
  pressed.dataset.text = before;
  pressed.textContent = "Copied";
  setTimeout(() => (pressed.textContent = before), CONFIRMED);
}

/** @param {ShareData} what */
export async function share(what) {
  try {
    await navigator.share(what);
  } catch (error) {
    const dismissed = error instanceof DOMException && error.name === "AbortError";
    if (!dismissed) toast("Sharing did not work. Copy the link instead.", { tone: "bad" });
  }
}

async function showCode() {
  const { qrPicture } = await import("./qr.js");
  const hint = element("p", "", "Scan this with a phone to come into this room.");
  const link = element("p", "breakable", location.href);
  openDialog("Invite by QR code", [qrPicture(location.href, "QR code of this room's link"), hint, link]);
}

export function prepareInvitations() {
  const copyLink = byId("copy-link");
  const shareLink = byId("share-link");
  copyLink.addEventListener("click", () => void copy(location.href, copyLink));
  shareLink.hidden = !sharesBySheet;
  shareLink.addEventListener("click", () => void share({ title: document.title, url: location.href }));
  byId("show-code").addEventListener("click", () => void showCode());
}
