// Who is here, one line each. A line stays the same element as long as its person stays, so that the
// focus and whatever other parts have put there stay too.

import { button, byId, element, setText, tint } from "./dom.js";

/**
 * @typedef {import("../room.js").PeerView} PeerView
 *
 * @typedef {object} Action a button beside each person
 * @property {string} name
 * @property {(peer: PeerView) => string} label what a screen reader says: with the person's name
 * @property {(peer: PeerView) => void} run
 * @property {(peer: PeerView) => boolean} [offered]
 */

const STATE = { connected: "Connected", reconnecting: "Reconnecting", connecting: "", waiting: "" };

/** @type {Action[]} */
const actions = [];
/** @type {Map<string, Line>} */
const lines = new Map();

class Line {
  item = element("li", "peer");
  #avatar = element("span", "avatar");
  #name = element("bdi", "peer-name");
  #about = element("span", "peer-state");
  #badges = element("span", "badges");
  #actions = element("span", "peer-actions");
  /** @type {Map<string, HTMLElement>} */
  #badge = new Map();
  /** @type {Map<Action, HTMLButtonElement>} */
  #buttons = new Map();

  /** @param {PeerView} peer */
  constructor(peer) {
    this.peer = peer;
    this.item.dataset.clientId = peer.clientId;
    this.#avatar.setAttribute("aria-hidden", "true");
    tint(this.#avatar, peer.clientId);
    const text = element("span", "peer-lines");
    text.append(this.#name, " ", this.#about);
    this.item.append(this.#avatar, text, this.#badges, this.#actions);
  }

  /** @param {PeerView} peer */
  show(peer) {
    this.peer = peer;
    const name = nameOf(peer);
    const id = name === peer.clientId ? "" : ` · ${peer.clientId}`;
    this.item.dataset.state = peer.state;
    setText(this.#avatar, [...name][0].toUpperCase());
    setText(this.#name, name);
    setText(this.#about, STATE[peer.state] + id);
    for (const action of actions) this.#offer(action);
  }

  /**
   * @param {string} key
   * @param {string} text
   * @param {string} label
   */
  badge(key, text, label) {
    const badge = this.#badge.get(key) ?? element("span", `badge ${key}`);
    this.#badge.set(key, badge);
    badge.hidden = !text;
    badge.setAttribute("role", "img");
    badge.setAttribute("aria-label", label);
    setText(badge, text);
    this.#badges.append(badge);
  }

  /** @param {Action} action */
  #offer(action) {
    const shown = this.#buttons.get(action) ?? button(action.name, () => action.run(this.peer));
    this.#buttons.set(action, shown);
    shown.className = "quiet";
    shown.hidden = !(action.offered?.(this.peer) ?? true);
    shown.setAttribute("aria-label", action.label(this.peer));
    if (!shown.isConnected) this.#actions.append(shown);
  }
}

/**
 * The name that somebody chose, or else their id.
 *
 * @param {{clientId: string, metadata: Record<string, any>}} peer
 */
export function nameOf({ clientId, metadata }) {
  const name = typeof metadata.name === "string" ? metadata.name.trim().slice(0, 40) : "";
  return name || clientId;
}

/** @param {PeerView[]} peers */
export function showPeers(peers) {
  const open = peers.filter((peer) => peer.open);
  const here = new Set(open.map(({ clientId }) => clientId));
  for (const [clientId, { item }] of lines) {
    if (here.has(clientId)) continue;
    item.remove();
    lines.delete(clientId);
  }
  for (const peer of open) line(peer).show(peer);
  const arriving = peers.filter((peer) => !peer.open).map(nameOf);
  setText(byId("arriving"), arriving.length > 0 ? `Connecting to ${arriving.join(", ")} …` : "");
}

/**
 * A button beside everybody who is here, and who comes.
 *
 * @param {Action} action
 */
export function addAction(action) {
  actions.push(action);
  for (const line of lines.values()) line.show(line.peer);
}

/**
 * A sign beside somebody's name, such as a muted microphone; without text it goes.
 *
 * @param {string} clientId
 * @param {string} key
 * @param {string} text
 * @param {string} [label] what a screen reader says
 */
export function setBadge(clientId, key, text, label = text) {
  lines.get(clientId)?.badge(key, text, label);
}

/** @param {PeerView} peer */
function line(peer) {
  const known = lines.get(peer.clientId);
  if (known) return known;
  const made = new Line(peer);
  lines.set(peer.clientId, made);
  byId("peers").append(made.item);
  return made;
}
