// The safety code of each person: six pictures to compare by voice.

import { openDialog } from "./dialog.js";
import { button, element, loadStyle } from "./dom.js";
import { addAction, nameOf, setBadge } from "./people.js";
import { toast } from "./toasts.js";
import { SafetyCodes } from "../safety.js";

loadStyle("page/safety.css");

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {import("../safety.js").Code} Code
 */

/** @type {{room: Room, codes: SafetyCodes} | null} the stay that has begun */
let stay = null;
/** @type {{clientId: string, show: () => void} | null} the dialog that is open */
let open = null;

addAction({ name: "Verify", label: (peer) => `Verify ${nameOf(peer)}`, run: compare });

/** @param {Room} room */
export function attach(room) {
  const codes = new SafetyCodes(room);
  stay = { room, codes };
  codes.on("code", ({ clientId, code, lost }) => {
    showBadge(clientId, code);
    if (open?.clientId === clientId) open.show();
    const peer = room.peers.find((one) => one.clientId === clientId);
    if (lost && peer) warn(peer);
  });
  room.on("peer", ({ peer }) => showBadge(peer.clientId, codes.code(peer.clientId)));
}

/** @param {PeerView} peer */
function warn(peer) {
  const text = `${nameOf(peer)} is connected with new keys: compare the safety code again.`;
  toast(text, { action: { name: "Verify", run: () => compare(peer) } });
}

/**
 * @param {string} clientId
 * @param {Code} code
 */
function showBadge(clientId, { state, verdict }) {
  if (verdict === "differ" || state === "broken") {
    setBadge(clientId, "safety", "⚠", "Safety code: somebody may sit between you");
  } else setBadge(clientId, "safety", verdict ? "✓" : "", "Safety code: found to match");
}

/** @param {PeerView} peer */
function compare(peer) {
  if (!stay) return;
  const { room, codes } = stay;
  const content = element("div", "safety");
  content.tabIndex = -1;
  const show = () => {
    content.replaceChildren(...describe(peer, codes, room));
    if (document.activeElement === document.body) content.focus(); // what had it is gone
  };
  show();
  open = { clientId: peer.clientId, show };
  const dialog = openDialog(`Safety code with ${nameOf(peer)}`, [content], { closed: () => (open = null) });
  const stop = room.on("left", () => dialog.close());
  dialog.addEventListener("close", stop);
}

/**
 * @param {PeerView} peer
 * @param {SafetyCodes} codes
 * @param {Room} room
 */
function describe(peer, codes, room) {
  const { state, symbols, verdict } = codes.code(peer.clientId);
  const name = nameOf(peer);
  const again = button("Compare again", () => codes.judge(peer.clientId, null));
  if (state === "broken") return alarm(name, room);
  if (verdict === "differ") return [...alarm(name, room), again];
  if (state !== "ready") return [element("p", "", explain(state, name))];
  const judge = (/** @type {"match" | "differ"} */ found) => () => codes.judge(peer.clientId, found);
  const answers = element("div", "actions");
  const match = button("They match", judge("match"));
  match.className = "primary";
  answers.append(match, button("They differ", judge("differ")));
  const advice = `Read these aloud to each other: if ${name} sees the same six, in this order, nobody sits between you.`;
  const found = element("p", "found", verdict ? "✓ You found them to match." : "");
  found.setAttribute("role", "status");
  return [element("p", "", advice), pictures(symbols), verdict ? found : answers];
}

/**
 * @param {Code["state"]} state
 * @param {string} name
 */
function explain(state, name) {
  if (state === "waiting") return `There is no code yet: ${name}'s browser has not answered.`;
  return `There can be no code: your browser, or ${name}'s, does not tell which keys a connection uses (Firefox does not). Whether somebody sits between you cannot be seen.`;
}

/** @param {Code["symbols"]} symbols */
function pictures(symbols) {
  const list = element("ol", "symbols");
  list.setAttribute("aria-label", "Safety code");
  list.append(
    ...symbols.map(({ picture, name }) => {
      const item = element("li");
      const shown = element("span", "picture", picture);
      shown.setAttribute("aria-hidden", "true");
      item.append(shown, element("span", "", name));
      return item;
    }),
  );
  return list;
}

/**
 * @param {string} name
 * @param {Room} room
 */
function alarm(name, room) {
  const warning = element("p", "error", `Somebody may sit between you and ${name}, and hear, see and read all that you say to each other.`);
  warning.setAttribute("role", "alert");
  const advice = element("p", "", "Hang up, and meet again in another room, or by another way. Until then, say nothing that matters.");
  const hangUp = button("Hang up", () => void room.leave());
  hangUp.className = "leave";
  const actions = element("div", "actions");
  actions.append(hangUp);
  return [warning, advice, actions];
}
