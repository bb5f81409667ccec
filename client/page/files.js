// Sending and receiving files: what people drop, paste or choose, and a line for each that is on its
// way.

import { Depot, DepotError } from "../depot.js";
import { Files } from "../files.js";
import { openDialog } from "./dialog.js";
import { button, byId, element, loadStyle } from "./dom.js";
import { droppedFiles } from "./dropped.js";
import { nameOf } from "./people.js";
import { toast } from "./toasts.js";
import { MEANT, TransferLine, bytes } from "./transfer-line.js";

loadStyle("page/files.css");

const CHOOSE_FROM = 128 * 1024 * 1024; // larger ones go where they shall stay, not into a second copy
const MOST = 100;

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {import("../files.js").TransferView} TransferView
 * @typedef {{suggestedName: string}} PickerOptions
 * @typedef {(options: PickerOptions) => Promise<FileSystemFileHandle>} SavePicker
 */

const depot = new Depot();
/** @type {{room: Room, files: Files} | null} */
let stay = null;
/** @type {Map<string, TransferLine>} */
const lines = new Map();

/** @param {Room} room */
export function attach(room) {
  const files = new Files(room, { depot });
  stay = { room, files };
  furnish();
  offerButton();
  files.on("transfer", ({ change, transfer }) => show(room, files, change, transfer));
  room.on("peer", offerButton);
  room.on("status", offerButton);
  room.on("left", () => {
    if (stay?.room === room) stay = null;
    offerButton();
  });
}

// ---- the button beside the composer, and the places where files can be dropped

const chooser = element("input");
const attachButton = button("", () => chooser.click(), "Send files");
const target = element("p", "drop-target");

let furnished = false;

function furnish() {
  if (furnished) return;
  furnished = true;
  Object.assign(chooser, { type: "file", multiple: true, hidden: true });
  chooser.addEventListener("change", () => {
    offer([...(chooser.files ?? [])]);
    chooser.value = "";
  });
  attachButton.className = "attach";
  attachButton.title = "Send files";
  byId("composer").prepend(attachButton, chooser);
  byId("transfers").append(acceptAll);
  listenForDrops(byId("message").closest("section") ?? document.body);
  document.addEventListener("paste", (event) => {
    const { files = [], types = [] } = event.clipboardData ?? {};
    // What was copied from a document is text, and only beside that a picture of it.
    if (!stay || files.length === 0 || types.includes("text/plain")) return;
    event.preventDefault();
    offer([...files]);
  });
}

function offerButton() {
  attachButton.disabled = connected().length === 0;
}

/** @param {HTMLElement} place */
function listenForDrops(place) {
  target.hidden = true;
  target.setAttribute("aria-hidden", "true");
  place.append(target);
  let inside = 0; // enter and leave come for each element on the way
  const showTarget = (/** @type {number} */ depth) => {
    inside = depth;
    target.hidden = inside === 0;
    target.textContent = `Drop files to send them to ${toWhom()}`;
  };
  place.addEventListener("dragenter", (event) => carriesFiles(event) && showTarget(inside + 1));
  place.addEventListener("dragleave", (event) => carriesFiles(event) && showTarget(Math.max(0, inside - 1)));
  place.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    showTarget(0);
    void droppedFiles(/** @type {DataTransfer} */ (event.dataTransfer), MOST).then(offer);
  });
  // A file that misses the place must not replace the page.
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => carriesFiles(event) && event.preventDefault());
}

/** @param {DragEvent} event */
const carriesFiles = (event) => Boolean(stay && event.dataTransfer?.types.includes("Files"));

// ---- to whom

const connected = () => stay?.room.peers.filter((peer) => peer.open) ?? [];

function toWhom() {
  const here = connected();
  if (here.length === 1) return nameOf(here[0]);
  return here.length === 0 ? "nobody: nobody is connected yet" : "people here";
}

/** @param {File[]} files */
function offer(files) {
  const here = connected();
  const chosen = files.slice(0, MOST);
  if (files.length > MOST) toast(`${MOST} files at once are the most. The first ${MOST} are taken.`);
  if (chosen.length === 0) return;
  if (here.length === 0) return void toast("Nobody is connected to receive files yet.", { tone: "bad" });
  if (here.length === 1) return sendTo(chosen, here);
  ask(chosen, here);
}

/**
 * @param {File[]} files
 * @param {PeerView[]} here
 */
function ask(files, here) {
  const choices = element("div", "recipients");
  const dialog = openDialog("Send to whom?", [element("p", "", summary(files)), choices]);
  const add = (/** @type {string} */ text, /** @type {PeerView[]} */ peers) => {
    choices.append(button(text, () => (dialog.close(), sendTo(files, peers))));
  };
  add(`Everybody (${here.length})`, here);
  for (const peer of here) add(nameOf(peer), [peer]);
  choices.querySelector("button")?.focus();
}

/** @param {File[]} files */
function summary(files) {
  const total = bytes(files.reduce((sum, { size }) => sum + size, 0));
  return files.length === 1 ? `${files[0].name} (${total})` : `${files.length} files (${total})`;
}

/**
 * @param {File[]} files
 * @param {PeerView[]} peers
 */
function sendTo(files, peers) {
  for (const file of files) for (const { clientId } of peers) stay?.files.send(file, clientId);
}

// ---- the lines

/**
 * @param {Room} room
 * @param {Files} files
 * @param {"added" | "changed" | "removed"} change
 * @param {TransferView} transfer
 */
function show(room, files, change, transfer) {
  const line = lines.get(transfer.key) ?? begin(room, files, transfer);
  if (change === "removed") return remove(transfer.key, line);
  const before = line.state;
  line.show(transfer);
  if (before !== transfer.state || change === "added") tell(line);
  count();
}

/**
 * @param {Room} room
 * @param {Files} files
 * @param {TransferView} transfer
 */
function begin(room, files, transfer) {
  const { key, direction, clientId, from } = transfer;
  const peer = room.peers.find((one) => one.clientId === clientId);
  const who = direction === "in" || !peer ? from || clientId : nameOf(peer);
  const line = new TransferLine(transfer, who, {
    accept: () => void accept(files, line),
    refuse: () => files.refuse(key),
    cancel: () => files.cancel(key),
    save: () => void save(files, line),
    dismiss: () => void files.forget(key),
  });
  lines.set(key, line);
  byId("transfers").append(line.item);
  line.item.scrollIntoView({ block: "nearest" });
  return line;
}

/**
 * @param {string} key
 * @param {TransferLine} line
 */
function remove(key, line) {
  const next = line.item.nextElementSibling ?? line.item.previousElementSibling;
  const hadFocus = line.item.contains(document.activeElement);
  line.item.remove();
  lines.delete(key);
  count();
  if (hadFocus) (next?.querySelector("button") ?? byId("message")).focus();
}

const acceptAll = button("Accept all", () => {
  for (const line of lines.values()) if (line.canBeAccepted) line.actions.accept();
});
acceptAll.className = "quiet accept-all";

function count() {
  byId("transfers").hidden = lines.size === 0;
  const offers = [...lines.values()].filter((line) => line.canBeAccepted).length;
  acceptAll.hidden = offers < 2;
  acceptAll.textContent = `Accept all (${offers})`;
}

/** @param {TransferLine} line */
function tell(line) {
  const { transfer, who } = line;
  const { direction, state, name, size, byThem } = transfer;
  const incoming = direction === "in";
  if (incoming && state === "offered") toast(`${who} wants to send you ${name} (${bytes(size)})`);
  else if (incoming && state === "done") toast(`${name} from ${who} has arrived`, { tone: "good" });
  else if (state === "done") toast(`${who} has received ${name}`, { tone: "good" });
  else if (state === "ended" && byThem) toast(`${name}: ${line.about}`);
  else if (state === "ended" && !MEANT.includes(transfer.reason)) {
    toast(`${name}: ${line.about}`, { tone: "bad" });
  }
}

// ---- where received files go

/**
 * @param {Files} files
 * @param {TransferLine} line
 */
async function accept(files, line) {
  const { key, name, size } = line.transfer;
  const pick = /** @type {{showSaveFilePicker?: SavePicker}} */ (/** @type {unknown} */ (window)).showSaveFilePicker;
  try {
    const chosen = size >= CHOOSE_FROM && pick ? await pick({ suggestedName: name }) : null;
    if (chosen) line.saved = `Saved as ${chosen.name}, where you chose`;
    await files.accept(key, chosen);
  } catch (error) {
    line.saved = "";
    if (error instanceof DepotError) toast(`${name}: ${error.message}`, { tone: "bad" });
    else if (/** @type {Error} */ (error).name !== "AbortError") throw error; // nothing was chosen
  }
}

/**
 * Into the browser's downloads. Whatever the file says it is, it is not opened.
 *
 * @param {Files} files
 * @param {TransferLine} line
 */
async function save(files, line) {
  const { key, name } = line.transfer;
  const file = await files.file(key);
  if (!file) return;
  const link = element("a");
  link.href = URL.createObjectURL(file.slice(0, file.size, "application/octet-stream"));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  line.saved = "Saved: it is among your browser's downloads";
  line.show(line.transfer);
  await files.saved(key);
}
