// The passphrase of a room: whether it holds, with whom it does not, and how to mend that.

import { openDialog } from "./dialog.js";
import { button, byId, element, loadStyle } from "./dom.js";
import { linkWith } from "./link.js";
import { nameOf, setBadge } from "./people.js";
import { toast } from "./toasts.js";
import { keepSeat } from "../storage.js";

loadStyle("page/sealing.css");

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {Exclude<import("../sealing.js").SealState, "checking" | "sealed">} Trouble
 */

/** @type {Record<Trouble, (names: string, have: string) => string>} */
const SENTENCES = {
  "other-passphrase": (names, have) => `${names} ${have} another passphrase than you: neither of you sees what the other writes.`,
  "they-have-none": (names, have) => `${names} ${have} no passphrase: neither of you sees what the other writes. Tell them the passphrase, but not through this room.`,
  "we-have-none": (names, have) => `${names} ${have} a passphrase and you have none: neither of you sees what the other writes.`,
  intercepted: (names) => `Somebody sits between you and ${names} and may hear and see this call. Nothing that you write is sent there.`,
  broken: (names) => `Between you and ${names} something was changed on its way. Nothing more is sent or shown until you connect again.`,
};

/** @param {Room} room */
export function attach(room) {
  const sign = room.isSealed ? showSign() : null;
  const region = element("div", "sealing");
  region.setAttribute("role", "alert");
  byId("notice").after(region);
  room.on("peer", ({ peer }) => {
    showBadge(peer);
    showTroubles(region, room);
  });
  room.on("left", () => {
    sign?.remove();
    region.remove();
  });
}

function showSign() {
  const sign = element("p", "sealed");
  sign.append("Sealed with a passphrase ", button("Copy link with passphrase", () => void copyAll()));
  sign.lastElementChild?.classList.add("quiet");
  byId("you").after(sign);
  return sign;
}

async function copyAll() {
  try {
    await navigator.clipboard.writeText(linkWith(field().value.trim()));
    toast("Copied. Whoever gets to see this link can read along, so mind how you send it.");
  } catch {
    toast("This browser does not let a page copy. Copy the link, and tell the passphrase.", { tone: "bad" });
  }
}

/** @param {PeerView} peer */
function showBadge({ clientId, sealing }) {
  const isSealed = sealing === "sealed";
  const isMute = !isSealed && sealing !== null && sealing !== "checking";
  setBadge(clientId, "seal", isSealed ? "🔒" : "", "Sealed with the passphrase");
  setBadge(clientId, "mute", isMute ? "⚠" : "", "You do not see what the other writes");
}

/**
 * @param {HTMLElement} region
 * @param {Room} room
 */
function showTroubles(region, room) {
  const kinds = /** @type {Trouble[]} */ (Object.keys(SENTENCES));
  const lines = kinds.flatMap((kind) => {
    const peers = room.peers.filter(({ sealing }) => sealing === kind);
    return peers.length > 0 ? [{ kind, text: tell(kind, peers) }] : [];
  });
  const told = lines.map(({ text }) => text).join("\n");
  if (region.dataset.told === told) return; // told again, it would be read aloud again
  region.dataset.told = told;
  region.replaceChildren(...lines.map(({ kind, text }) => line(text, remedies(room)[kind])));
}

/**
 * @param {Trouble} kind
 * @param {PeerView[]} peers
 */
function tell(kind, peers) {
  const names = new Intl.ListFormat("en").format(peers.map(nameOf));
  return SENTENCES[kind](names, peers.length > 1 ? "have" : "has");
}

/** @typedef {[string, () => void]} Remedy */

/**
 * @param {Room} room
 * @returns {Record<Trouble, Remedy>}
 */
function remedies(room) {
  /** @type {Remedy} */
  const retype = ["Type another passphrase", () => askAnother(room)];
  return {
    "other-passphrase": retype,
    "they-have-none": retype,
    "we-have-none": ["Type the passphrase", () => askAnother(room)],
    intercepted: ["Leave the room", () => void room.leave()],
    broken: ["Connect again", () => reconnect(room)],
  };
}

/**
 * @param {string} text
 * @param {Remedy} remedy
 */
function line(text, [name, run]) {
  const shown = element("p", "notice", `${text} `);
  shown.append(button(name, run));
  return shown;
}

/** @param {Room} room */
function reconnect(room) {
  for (const { clientId, sealing } of room.peers) {
    if (sealing === "broken") room.link(clientId)?.close();
  }
}

/** @param {Room} room */
function askAnother(room) {
  const form = element("form", "passphrase-form");
  const label = element("label", "", "Passphrase");
  const input = element("input");
  Object.assign(input, { id: "other-passphrase", type: "password", autocomplete: "off", required: true });
  label.htmlFor = input.id;
  const use = element("button", "primary", "Use this passphrase");
  form.append(label, input, element("p", "hint", "You leave the room for a moment and come back."), use);
  const dialog = openDialog("Passphrase of this room", [form]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    void comeBack(room, input.value.trim());
  });
  input.focus();
}

/**
 * The same person comes back, by the page's own door.
 *
 * @param {Room} room
 * @param {string} passphrase
 */
async function comeBack(room, passphrase) {
  const seat = room.storedSeat;
  await room.leave();
  if (seat) keepSeat(seat);
  field().value = passphrase;
  /** @type {HTMLFormElement} */ (byId("entry")).requestSubmit();
}

const field = () => /** @type {HTMLInputElement} */ (byId("passphrase"));
