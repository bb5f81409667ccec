// The door of a room: who moderates it sets a passcode, locks it, says how many may come, and sends
// people away; everybody sees whether it is open. And who comes to a closed one is asked.

import { openDialog } from "./dialog.js";
import { button, byId, element, setText } from "./dom.js";
import { addAction, nameOf, showPeers } from "./people.js";
import { toast } from "./toasts.js";

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {import("../signaling.js").Door} Door
 * @typedef {import("../signaling.js").SignalingError} SignalingError
 */

/** @type {Record<string, string>} */
const SENTENCES = {
  forbidden: "You may not do this here.",
  "rate-limited": "Too many changes in a short time. Wait a moment and try again.",
  offline: "There is no connection to the server. Try again in a moment.",
  timeout: "The server did not answer. Try again.",
};

/** @type {Room | null} */
let current = null;

/** @param {Room} room */
export function attach(room) {
  const sign = element("p", "door");
  const words = element("span");
  words.setAttribute("aria-live", "polite");
  const change = button("Door", () => openSettings(room), "Door of this room");
  change.className = "quiet";
  sign.append(words, " ", change);
  byId("you").after(sign);
  current = room;
  const show = () => {
    setText(words, room.door ? describe(room.door) : "");
    change.hidden = !moderates();
    sign.hidden = change.hidden && !words.textContent;
    showPeers(room.peers);
  };
  show();
  room.on("door", show);
  room.on("left", () => {
    if (current === room) current = null;
    sign.remove();
  });
}

addAction({
  name: "Remove",
  label: (peer) => `Remove ${nameOf(peer)}`,
  run: (peer) => askRemoval(peer),
  offered: () => moderates(),
});

const moderates = () => current !== null && current.door !== null && current.role !== "member";

/** @param {Door} door */
function describe({ locked, passcode }) {
  if (locked) return "Locked: nobody new comes in.";
  return passcode ? "Whoever comes in needs the passcode." : "";
}

// ---- removing

/** @param {PeerView} peer */
function askRemoval(peer) {
  const name = nameOf(peer);
  const hint = element("p", "", "They are told so. To keep them out, lock the room or set a passcode.");
  const sure = button(`Remove ${name}`, () => {
    dialog.close();
    void remove(peer.clientId, name);
  });
  sure.className = "primary";
  const dialog = openDialog(`Remove ${name}?`, [hint, sure]);
}

/**
 * @param {string} clientId
 * @param {string} name
 */
async function remove(clientId, name) {
  try {
    await current?.remove(clientId);
    toast(`${name} was removed.`);
  } catch (error) {
    toast(`${name} is still here. ${sentence(error)}`, { tone: "bad" });
  }
}

// ---- settings

/** @param {Room} room */
function openSettings(room) {
  const { passcode, locked, capacity } = /** @type {Door} */ (room.door);
  const lock = field("checkbox", "Lock: nobody new comes in");
  lock.input.checked = locked;
  const asks = field("checkbox", "Ask for a passcode");
  asks.input.checked = passcode;
  const secret = field("text", passcode ? "New passcode (empty: as it is)" : "Passcode");
  Object.assign(secret.input, { minLength: 4, maxLength: 64, autocomplete: "off" });
  const seats = field("number", "Seats");
  Object.assign(seats.input, { min: "1", max: "64", value: String(capacity), required: true });
  const turn = () => {
    secret.label.hidden = !asks.input.checked;
    secret.input.disabled = !asks.input.checked;
    secret.input.required = asks.input.checked && !passcode;
  };
  asks.input.addEventListener("change", turn);
  turn();
  const wanted = () => ({
    locked: lock.input.checked,
    passcode: asks.input.checked ? secret.input.value || undefined : null,
    capacity: Number(seats.input.value) === capacity ? undefined : Number(seats.input.value),
  });
  const labels = [lock, asks, secret, seats].map(({ label }) => label);
  askFor("Door of this room", labels, "Save", async () => void (await room.setDoor(wanted())));
}

/**
 * @param {string} type
 * @param {string} text
 */
function field(type, text) {
  const label = element("label", type === "checkbox" ? "check" : "field");
  const input = element("input");
  input.type = type;
  label.append(...(type === "checkbox" ? [input, ` ${text}`] : [element("span", "", text), input]));
  return { label, input };
}

/**
 * A dialog with a form; what is refused is said there, and can be mended.
 *
 * @param {string} title
 * @param {HTMLElement[]} content
 * @param {string} submit
 * @param {() => Promise<void>} done
 * @param {() => void} [closed]
 */
function askFor(title, content, submit, done, closed) {
  const form = element("form", "door-form");
  const error = element("p", "error");
  error.setAttribute("role", "alert");
  const press = element("button", "primary", submit);
  press.type = "submit";
  form.append(...content, press, error);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    press.disabled = true;
    try {
      await done();
      dialog.close();
    } catch (refusal) {
      setText(error, sentence(refusal));
    }
    press.disabled = false;
  });
  const dialog = openDialog(title, [form], { closed });
}

/** @param {any} error */
const sentence = (error) => SENTENCES[error.code] ?? error.message;

// ---- coming in

/**
 * Asks for the passcode of a closed room; null when the dialog is closed without one.
 *
 * @param {boolean} again one was given already
 * @returns {Promise<string | null>}
 */
export function askPasscode(again) {
  const words = again ? "The door stays shut. Try another passcode, unless the room is locked." : "This room is locked, or wants a passcode.";
  const secret = field("text", "Passcode of the room");
  Object.assign(secret.input, { required: true, maxLength: 64, autocomplete: "off", autocapitalize: "none" });
  return new Promise((resolve) => {
    const given = async () => resolve(secret.input.value);
    askFor("Passcode", [element("p", "", words), secret.label], "Come in", given, () => resolve(null));
  });
}
