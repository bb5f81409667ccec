// The page: what people press and what they are told. It puts the parts together, and no rule about
// signaling or connections lives here.

import { keepIceServers, keepName, keepRelayOnly, keepSeat, readName, readRelayOnly, takeSeat } from "./storage.js";
import { loadFeatures } from "./page/features.js";
import { keep, keepAll, prepareInstallation } from "./page/install.js";
import { prepareInvitations } from "./page/invite.js";
import { readLink, showLink } from "./page/link.js";
import { nameOf, showPeers } from "./page/people.js";
import * as view from "./view.js";

/**
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./signaling.js").Signaling} Signaling
 * @typedef {import("./storage.js").StoredSeat} StoredSeat
 * @typedef {{websocket: string, lifetime?: number, pingEvery?: number, tokens?: string}} Config
 *   milliseconds, for a gateway whose limits are not AWS's; where to POST `{"roomId"}` for a token
 */

const LONGEST_ROOM_NAME = 128;
const CARRIED = /^#(offer|answer)=/; // no room's name: there, `=` stands as %3D
const { elements } = view;

/** @type {Record<string, string>} */
const SENTENCES = {
  "room-full": "This room is full. Try again later, or open a new room.",
  "room-closed": "This room is locked, or wants a passcode, or another one.",
  "bad-message": "The server does not accept that room name. Choose another one.",
  unauthorized: "You need an invitation for this room, and yours is missing or has run out.",
  "rate-limited": "Too many tries in a short time. Wait a moment and try again.",
  timeout: "The server cannot be reached. Check your connection and try again.",
  offline: "The server cannot be reached. Check your connection and try again.",
  internal: "The server has a problem. Try again in a moment.",
  config: "Parley's settings could not be loaded. Check your connection and press Join again.",
  removed: "You were removed from the room.",
  replaced: "You joined this room from another tab or window, so this one has left.",
  unavailable: "A passphrase needs this page to be opened over HTTPS.",
  "text-too-long": "That message is too long: 16 KB is the most.",
};

/** @type {Promise<Signaling> | null} */
let service = null;
/** @type {Room | null} the stay that has begun, or is about to */
let room = null;

class ConfigError extends Error {
  code = "config";
}

async function loadConfig() {
  try {
    const answer = await fetch("/config.json", { cache: "no-store" });
    return /** @type {Config} */ (await answer.json());
  } catch (error) {
    throw new ConfigError("no config.json", { cause: error });
  }
}

/** @type {string | undefined} */
let issuer;

/**
 * What this page shows where tokens are asked for: what its link brought, or what the issuer gives.
 *
 * @param {string} roomId
 */
function tokenFor(roomId) {
  const { token } = readLink();
  const url = issuer;
  if (token || !url) return token;
  return async () => {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ roomId }) });
    if (!answer.ok) throw new ConfigError("no token");
    return (await answer.text()).trim();
  };
}

async function openService() {
  const loading = Promise.all([import("./signaling.js"), loadConfig()]);
  const [{ Signaling }, { websocket, lifetime, pingEvery, tokens }] = await loading;
  issuer = tokens;
  return new Signaling(websocket, { lifetime, pingEvery });
}

/** @returns {Promise<Signaling>} */
function connectService() {
  service ??= openService().catch((error) => {
    service = null; // the next one tries again
    throw error;
  });
  return service;
}

const loadRoom = () => import("./room.js");

const loadSecrecy = () => import("./page/secrecy.js");

/** Somebody is about to join: what that takes can be on its way before they press the button. */
function getReady() {
  if (room) return;
  const socket = connectService().then((signaling) => signaling.prepare());
  const secrecy = loadSecrecy().then(({ getReady: make }) => make());
  Promise.all([socket, loadRoom(), loadFeatures(), secrecy]).catch(() => {}); // whoever joins will hear of it
}

// ---- entering and leaving

/**
 * @param {string} [roomId] without one, a new room
 * @param {StoredSeat | null} [seat]
 * @param {string} [passcode]
 */
async function enter(roomId, seat = null, passcode) {
  view.showEntryError("");
  view.showNotice("");
  view.showPhase("entering");
  try {
    const loading = Promise.all([connectService(), loadRoom(), loadFeatures(), prepareStay(roomId)]);
    const [signaling, { Room }, features, stay] = await loading;
    const entering = new Room(signaling, stay.options);
    const token = tokenFor(stay.roomId ?? "");
    const wanted = { ...seat, metadata: ownMetadata(), token, passcode };
    const joining = entering.join(stay.roomId, wanted);
    begin(entering, features); // while the server is at it
    const { iceServers } = await joining;
    keepIceServers(iceServers);
    showInside(entering, entering.roomId ?? "");
  } catch (error) {
    if (seat) keepSeat(seat); // the next try may still come back as the same person
    showOutside(sentence(error));
    if (roomId && /** @type {any} */ (error).code === "room-closed") await askAtDoor(roomId, seat, passcode);
  }
}

/**
 * @param {string} roomId
 * @param {StoredSeat | null} seat
 * @param {string} [tried]
 */
async function askAtDoor(roomId, seat, tried) {
  const { askPasscode } = await import("./page/door.js");
  const passcode = await askPasscode(tried !== undefined);
  if (passcode && !room) await enter(roomId, seat, passcode);
}

/** @param {string} [roomId] */
async function prepareStay(roomId) {
  const secrecy = await loadSecrecy();
  return secrecy.prepareStay(roomId, elements.passphrase.value.trim());
}

/**
 * @param {Room} entering
 * @param {import("./page/features.js").Feature[]} features
 */
function begin(entering, features) {
  room = entering;
  listen(entering);
  for (const feature of features) feature.attach(entering);
}

/**
 * @param {Room} entered
 * @param {string} roomId empty without a server: then there is no link that leads here
 */
function showInside(entered, roomId) {
  elements.room.value = roomId;
  document.title = `${roomId || "Without a server"} · Parley`;
  if (roomId) showLink(roomId);
  view.showPhase("inside");
  view.showYou(entered.clientId, ownName());
  view.addNote(greeting(entered.peers.map(nameOf)));
  elements.message.focus();
  refresh(entered);
}

/** @type {import("./page/manual.js").Page} */
const byHand = {
  // Without a network, what was never used may be missing: then talking must do.
  prepare: async (made) => {
    const features = await loadFeatures().catch(() => []);
    view.showManual(true);
    begin(made, features);
  },
  show: (made) => showInside(made, ""),
  metadata: () => ownMetadata(),
};

async function connectByHand() {
  void keepAll();
  const manual = await import("./page/manual.js");
  manual.connectByHand(byHand);
}

/** Whether the link brought somebody's offer or answer; then that has been taken. */
async function isCarried() {
  if (!CARRIED.test(location.hash)) return false;
  const { openLink } = await import("./page/manual.js");
  return openLink(location.hash.slice(1), byHand);
}

/** @param {string} [error] */
function showOutside(error = "") {
  room = null;
  document.title = "Parley";
  view.showPhase("outside");
  view.showManual(false);
  view.showStatus("offline");
  view.showYou("", "");
  showPeers([]);
  view.showNotice("");
  view.showEntryError(error);
}

/** @param {Room} entering */
function listen(entering) {
  entering.on("status", () => refresh(entering));
  entering.on("peer", (news) => showPeer(entering, news));
  entering.on("message", (message) => showMessage(entering, message));
  entering.on("error", (error) => view.showComposerError(sentence(error)));
  entering.on("left", (reason) => showOutside(reason === "left" ? "" : sentence({ code: reason })));
}

// ---- what happens inside

/** @param {Room} inside */
function refresh(inside) {
  const talking = inside.peers.some((peer) => peer.open);
  const alone = document.body.dataset.manual !== undefined && !talking;
  view.showStatus(alone ? "connecting" : inside.status);
  showPeers(inside.peers);
  const away = inside.clientId !== "" && inside.status !== "connected";
  if (!away) view.showNotice("");
  else if (talking) view.showNotice("Signaling is away; the conversation goes on.");
  else view.showNotice("Signaling is away. Trying to get back …");
}

/** @type {Record<string, (name: string, resumed: boolean) => string>} */
const NEWS = {
  added: (name, resumed) => (resumed ? `${name} is back` : `${name} joined`),
  removed: (name) => `${name} left`,
};

/**
 * @param {Room} inside
 * @param {import("./room.js").Events["peer"]} news
 */
function showPeer(inside, { change, peer, resumed }) {
  refresh(inside);
  const isInside = document.body.dataset.phase === "inside"; // before, the greeting names them
  if (isInside && NEWS[change]) view.addNote(NEWS[change](nameOf(peer), resumed));
}

/**
 * @param {Room} inside
 * @param {import("./room.js").Events["message"]} message
 */
function showMessage(inside, { from, text, at }) {
  const peer = inside.peers.find(({ clientId }) => clientId === from);
  const author = peer ? nameOf(peer) : from;
  view.addMessage({ author, clientId: from, text, at, own: false });
}

function sendMessage() {
  const text = elements.message.value.trim();
  if (!text || !room) return;
  try {
    if (room.send(text) === 0) return view.showComposerError(nobodyReads(room));
    view.addMessage({ author: "You", clientId: room.clientId, text, at: Date.now(), own: true });
    elements.message.value = "";
    view.fitMessage();
    view.showComposerError("");
  } catch (error) {
    view.showComposerError(sentence(error));
  }
}

// ---- words

/** @param {any} error */
function sentence(error) {
  if (error.code) return SENTENCES[error.code] ?? error.message;
  console.error(error);
  return "Something went wrong. Check your connection, reload this page and try again.";
}

/** @param {Room} inside */
function nobodyReads(inside) {
  const sealedOff = inside.peers.some((peer) => peer.open && peer.sealing !== null);
  if (sealedOff) return "Nobody here has the same passphrase, so nobody could read it.";
  return "Nobody is connected to read it yet.";
}

/** @param {string[]} names */
function greeting(names) {
  if (names.length === 0) return "You are the first one here. Share the link to invite others.";
  return `You joined. Here already: ${names.join(", ")}`;
}

/** @param {string} roomId */
function complaintAbout(roomId) {
  if (!roomId) return "Type the name of a room, or open a new one.";
  if ([...roomId].length > LONGEST_ROOM_NAME) return "A room name has at most 128 characters.";
  if (/\p{Cc}/u.test(roomId)) return "A room name cannot contain control characters.";
  return "";
}

const ownName = () => elements.name.value.trim();

const ownMetadata = () => (ownName() ? { name: ownName() } : {});

function fillInLink() {
  if (CARRIED.test(location.hash)) return;
  const { roomId, passphrase } = readLink();
  elements.room.value = roomId;
  elements.passphrase.value = passphrase;
  if (!passphrase) return;
  elements.secret.open = true;
  showLink(roomId);
}

/**
 * The passphrase was not kept.
 *
 * @param {StoredSeat} seat
 */
function askPassphrase(seat) {
  keepSeat(seat);
  view.showEntryError("This room is sealed. Type its passphrase and press Join to come back.");
  elements.secret.open = true;
  elements.passphrase.focus();
}

// ---- the doors: forms, buttons, and the page's own coming and going

elements.entry.addEventListener("submit", (event) => {
  event.preventDefault();
  if (room) return;
  const roomId = elements.room.value.trim();
  const complaint = complaintAbout(roomId);
  if (complaint) return view.showEntryError(complaint);
  const seat = takeSeat();
  void enter(roomId, seat?.roomId === roomId ? seat : null);
});

elements.newRoom.addEventListener("click", () => void enter());

for (const sign of ["input", "pointerover"]) elements.entry.addEventListener(sign, getReady);

elements.leave.addEventListener("click", () => {
  view.addNote("You left");
  void room?.leave();
  elements.room.focus();
});

elements.manual.addEventListener("click", () => void connectByHand());

elements.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  sendMessage();
});

elements.message.addEventListener("input", view.fitMessage);

elements.message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendMessage();
});

elements.name.addEventListener("change", () => keepName(ownName()));

elements.relayOnly.addEventListener("change", () => keepRelayOnly(elements.relayOnly.checked));

addEventListener("hashchange", async () => {
  if (!room && !(await isCarried())) fillInLink();
});

addEventListener("pagehide", () => {
  const seat = room?.storedSeat;
  if (seat) keepSeat({ ...seat, sealed: room?.isSealed });
  void room?.leave({ mayReturn: true });
});

// After a reload, and when the browser brings the page back as it was: in the call again, as before.
addEventListener("pageshow", async () => {
  if (await isCarried()) return;
  const seat = takeSeat();
  if (!seat || seat.roomId !== readLink().roomId) return;
  if (seat.sealed && !elements.passphrase.value) askPassphrase(seat);
  else void enter(seat.roomId, seat);
});

elements.secret.addEventListener("toggle", async () => {
  const { offerTools } = await import("./page/passphrase.js");
  offerTools(elements.passphrase);
});

fillInLink();
elements.name.value = readName();
elements.relayOnly.checked = readRelayOnly();
view.showPhase("outside");
prepareInvitations();
prepareInstallation();
addEventListener("load", () => void keep());
if (readLink().roomId) getReady();
