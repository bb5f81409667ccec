// What the page shows. Words of other people reach the document as text only, never as HTML.

/**
 * @typedef {import("./room.js").PeerView} PeerView
 * @typedef {import("./socket.js").Status} Status
 * @typedef {"outside" | "entering" | "inside"} Phase
 */

const STATUS = { connected: "Connected", connecting: "Connecting", offline: "Offline" };
const STATE = { connected: "Connected", reconnecting: "Reconnecting", connecting: "", waiting: "" };
const NEAR_THE_END = 80;

/**
 * @template {HTMLElement} [Type=HTMLElement]
 * @param {string} id
 * @returns {Type}
 */
const byId = (id) => /** @type {Type} */ (document.getElementById(id));

export const elements = {
  entry: /** @type {HTMLFormElement} */ (byId("entry")),
  room: /** @type {HTMLInputElement} */ (byId("room")),
  name: /** @type {HTMLInputElement} */ (byId("name")),
  join: /** @type {HTMLButtonElement} */ (byId("join")),
  newRoom: /** @type {HTMLButtonElement} */ (byId("new-room")),
  leave: /** @type {HTMLButtonElement} */ (byId("leave")),
  copyLink: /** @type {HTMLButtonElement} */ (byId("copy-link")),
  composer: /** @type {HTMLFormElement} */ (byId("composer")),
  message: /** @type {HTMLTextAreaElement} */ (byId("message")),
  send: /** @type {HTMLButtonElement} */ (byId("send")),
};

/**
 * The name that somebody chose, or else their id.
 *
 * @param {{clientId: string, metadata: Record<string, any>}} peer
 */
export function nameOf({ clientId, metadata }) {
  const name = typeof metadata.name === "string" ? metadata.name.trim().slice(0, 40) : "";
  return name || clientId;
}

/** @param {Phase} phase */
export function showPhase(phase) {
  const { room, name, join, newRoom, leave, message, send } = elements;
  document.body.dataset.phase = phase;
  for (const control of [join, newRoom, name]) control.disabled = phase !== "outside";
  for (const control of [leave, message, send]) control.disabled = phase !== "inside";
  room.readOnly = phase !== "outside";
  message.placeholder = phase === "inside" ? "Write a message" : "Join a room to write";
  join.textContent = phase === "entering" ? "Joining…" : "Join";
}

/** @param {Status} status */
export function showStatus(status) {
  const region = byId("status");
  region.dataset.status = status;
  showText("status", STATUS[status]);
}

/** @param {string} text */
export const showNotice = (text) => showText("notice", text);

/** @param {string} text */
export const showEntryError = (text) => showText("entry-error", text);

/** @param {string} text */
export const showComposerError = (text) => showText("composer-error", text);

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

/** @param {PeerView[]} peers */
export function showPeers(peers) {
  const open = peers.filter((peer) => peer.open);
  byId("peers").replaceChildren(...open.map(peerItem));
  const arriving = peers.filter((peer) => !peer.open).map(nameOf);
  showText("arriving", arriving.length > 0 ? `Connecting to ${arriving.join(", ")} …` : "");
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
  entry.append(head, element("p", "text", text));
  append(entry, own);
}

/**
 * Something that happened, said by the page itself.
 *
 * @param {string} text
 */
export function addNote(text) {
  append(element("p", "note", text), false);
}

/** @param {boolean} worked */
export function confirmCopy(worked) {
  elements.copyLink.textContent = worked ? "Copied" : "Copy link";
  if (!worked) showNotice(`Copy this link: ${location.href}`);
  else setTimeout(() => (elements.copyLink.textContent = "Copy link"), 2_000);
}

/** @param {PeerView} peer */
function peerItem(peer) {
  const item = element("li", "peer");
  const name = nameOf(peer);
  item.dataset.clientId = peer.clientId;
  item.dataset.state = peer.state;
  const avatar = element("span", "avatar", [...name][0].toUpperCase());
  avatar.setAttribute("aria-hidden", "true");
  tint(avatar, peer.clientId);
  const about = name === peer.clientId ? STATE[peer.state] : `${STATE[peer.state]} · ${peer.clientId}`;
  const lines = element("span", "peer-lines");
  lines.append(element("bdi", "peer-name", name), " ", element("span", "peer-state", about));
  item.append(avatar, lines);
  return item;
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {string} [text]
 */
function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/**
 * The same person has the same colour on every page.
 *
 * @param {HTMLElement} target
 * @param {string} clientId
 */
function tint(target, clientId) {
  const sum = [...clientId].reduce((total, letter) => total * 31 + letter.charCodeAt(0), 7);
  target.style.setProperty("--hue", String(sum % 360));
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

/**
 * A live region that is told the same again would be read aloud again.
 *
 * @param {string} id
 * @param {string} text
 */
function showText(id, text) {
  const region = byId(id);
  if (region.textContent !== text) region.textContent = text;
}

/** @param {number} at */
const timeOfDay = (at) => {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};
