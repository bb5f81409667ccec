// What the page shows of a stay: its phase, its status, its conversation. Words of other people reach
// the document as text only, never as HTML.

/**
 * @typedef {import("./socket.js").Status} Status
 * @typedef {"outside" | "entering" | "inside"} Phase
 */

import { byId, element, setText, tint } from "./page/dom.js";

const STATUS = { connected: "Connected", connecting: "Connecting", offline: "Offline" };
const LINK = /(\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?()[\]{}])/;
const NEAR_THE_END = 80;

export const elements = {
  entry: /** @type {HTMLFormElement} */ (byId("entry")),
  room: /** @type {HTMLInputElement} */ (byId("room")),
  name: /** @type {HTMLInputElement} */ (byId("name")),
  secret: /** @type {HTMLDetailsElement} */ (byId("secret")),
  passphrase: /** @type {HTMLInputElement} */ (byId("passphrase")),
  relayOnly: /** @type {HTMLInputElement} */ (byId("relay-only")),
  join: /** @type {HTMLButtonElement} */ (byId("join")),
  newRoom: /** @type {HTMLButtonElement} */ (byId("new-room")),
  leave: /** @type {HTMLButtonElement} */ (byId("leave")),
  manual: /** @type {HTMLButtonElement} */ (byId("manual")),
  composer: /** @type {HTMLFormElement} */ (byId("composer")),
  message: /** @type {HTMLTextAreaElement} */ (byId("message")),
  send: /** @type {HTMLButtonElement} */ (byId("send")),
};

/** @param {Phase} phase */
export function showPhase(phase) {
  const { room, name, passphrase, join, newRoom, manual, leave, message, send } = elements;
  const entrance = [join, newRoom, name, passphrase, manual];
  document.body.dataset.phase = phase;
  for (const control of entrance) control.disabled = phase !== "outside";
  for (const control of [leave, message, send]) control.disabled = phase !== "inside";
  room.readOnly = phase !== "outside";
  message.placeholder = phase === "inside" ? "Write a message" : "Join a room to write";
  join.textContent = phase === "entering" ? "Joining…" : "Join";
}

/** @param {boolean} manual without a server there is no room to name, and no link to it */
export function showManual(manual) {
  document.body.toggleAttribute("data-manual", manual);
  elements.room.placeholder = manual ? "Without a server" : "garden";
}

/** @param {Status} status */
export function showStatus(status) {
  const region = byId("status");
  region.dataset.status = status;
  setText(byId("status"), STATUS[status]);
}

const GROWS = CSS.supports("field-sizing", "content");

/** The field is as high as what is written in it: where style alone does not do that, as in Firefox. */
export function fitMessage() {
  if (GROWS) return;
  const { message } = elements;
  message.style.height = "auto";
  message.style.height = `${message.scrollHeight + message.offsetHeight - message.clientHeight}px`;
}

/** @param {string} text */
export const showNotice = (text) => setText(byId("notice"), text);

/** @param {string} text */
export const showEntryError = (text) => setText(byId("entry-error"), text);

/** @param {string} text */
export const showComposerError = (text) => setText(byId("composer-error"), text);

/**
 * @param {string} clientId
 * @param {string} name
 */
export function showYou(clientId, name) {
  const you = byId("you");
  you.replaceChildren();
  if (!clientId) return;
  you.append("You are ", element("strong", "", clientId), name ? ` (${name})` : "");
}

/**
 * @param {{author: string, clientId: string, text: string, at: number, own: boolean}} message
 */
export function addMessage({ author, clientId, text, at, own }) {
  const entry = element("div", own ? "message own" : "message");
  const head = element("p", "message-head");
  const time = element("time", "", timeOfDay(at));
  time.setAttribute("datetime", new Date(at).toISOString());
  head.append(element("bdi", "author", author), time);
  tint(head, clientId);
  const said = element("p", "text");
  said.append(...withLinks(text));
  entry.append(head, said);
  append(entry, own);
}

/**
 * Web addresses become links, which do nothing until somebody follows them, and tell nobody whence.
 *
 * @param {string} text
 */
function withLinks(text) {
  return text.split(LINK).map((part, index) => {
    if (index % 2 === 0 || !URL.canParse(part)) return part;
    const link = element("a", "", part);
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow ugc";
    return link;
  });
}

/**
 * Something that happened, said by the page itself.
 *
 * @param {string} text
 */
export function addNote(text) {
  append(element("p", "note", text), false);
}

/**
 * Keeps the end in sight, unless somebody is reading further up.
 *
 * @param {HTMLElement} entry
 * @param {boolean} insist
 */
function append(entry, insist) {
  byId("messages").append(entry);
  if (atEnd || insist) showEnd();
}

let atEnd = true;

function showEnd() {
  const log = byId("messages");
  log.scrollTop = log.scrollHeight;
}

byId("messages").addEventListener("scroll", () => {
  const log = byId("messages");
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
});

// A keyboard that comes up on a phone makes the log smaller: its end stays in sight.
new ResizeObserver(() => atEnd && showEnd()).observe(byId("messages"));

/** @param {number} at */
const timeOfDay = (at) => {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};
