// Two people without a server: Peer A makes an offer, Peer B answers it, and they carry both over to
// one another by any way they have: a messenger, an e-mail, a QR code.

import { ManualError, ManualSignaling, pack, unpack } from "../manual.js";
import { Room } from "../room.js";
import { readIceServers } from "../storage.js";
import { openDialog } from "./dialog.js";
import { button, element } from "./dom.js";
import { copy, share } from "./invite.js";
import { sharesBySheet } from "./platform.js";
import { prepareStay } from "./secrecy.js";
import { toast } from "./toasts.js";

const ROOM = "manual";
const ANSWERS = "parley:answers"; // between the pages of one browser
const TAKEN_WITHIN = 1_000;
const SIDES = {
  A: { makes: "offer", takes: "answer", press: "Connect" },
  B: { makes: "answer", takes: "offer", press: "Make the answer" },
};

/** @type {HTMLDialogElement | null} */
let open = null;

/**
 * @typedef {object} Page what the page does with a room
 * @property {(room: Room) => Promise<void>} prepare before it is joined
 * @property {(room: Room) => void} show once the two are connected
 * @property {() => object} metadata
 */

/**
 * Asks which side one is on.
 *
 * @param {Page} page
 */
export function connectByHand(page) {
  const about = element("p", "", "No server, no account: you and one other person carry two pieces of text to one another, by any way you have. One of you makes the offer, the other answers it.");
  const choices = element("div", "choices");
  const choose = (/** @type {"A" | "B"} */ side) => () => void begin(side, page);
  choices.append(
    button("Peer A: make an offer", choose("A")),
    button("Peer B: answer an offer", choose("B")),
  );
  show("Connect without a server", [about, choices]);
}

/**
 * The page was opened by a link with an offer or an answer in it.
 *
 * @param {string} fragment
 * @param {Page} page
 * @returns {Promise<boolean>} false when it is another kind of link
 */
export async function openLink(fragment, page) {
  const [, kind, packed] = /^(offer|answer)=([\w-]+)$/.exec(fragment) ?? [];
  if (!kind) return false;
  history.replaceState(null, "", location.pathname);
  const code = await unpack(packed).catch(said);
  if (code && kind === "offer") await begin("B", page, code);
  if (code && kind === "answer") handOver(code);
  return true;
}

/** @param {string} answer for another page of this browser, which made the offer */
function handOver(answer) {
  const channel = new BroadcastChannel(ANSWERS);
  const nobody = setTimeout(() => {
    channel.close();
    toast("That is an answer, but no page of this browser waits for one.", { tone: "bad" });
  }, TAKEN_WITHIN);
  channel.onmessage = ({ data }) => {
    if (data !== "taken") return;
    clearTimeout(nobody);
    channel.close();
    toast("The page that waited for this answer has it. You can close this one.", { tone: "good" });
  };
  channel.postMessage({ answer });
}

/**
 * @param {"A" | "B"} side
 * @param {Page} page
 * @param {string} [offer] known already
 */
async function begin(side, page, offer = "") {
  const signaling = new ManualSignaling(side, { iceServers: readIceServers() });
  const { options } = await prepareStay(undefined, ""); // for the safety code
  const room = new Room(/** @type {any} */ (signaling), { ...options, trickle: false });
  const form = new Form(side, (text) => signaling.accept(ROOM, text));
  signaling.on("code", (code) => void form.showOwn(code));
  let inside = false;
  room.on("peer", ({ peer }) => {
    if (inside || !peer.open) return;
    inside = true;
    signaling.introduced(ROOM);
    open?.close();
    page.show(room);
  });
  await page.prepare(room);
  const closed = () => inside || void room.leave();
  show(`Peer ${side}: ${SIDES[side].makes}`, form.steps, () => (form.stop(), closed()));
  await room.join(ROOM, { metadata: page.metadata() });
  if (offer) form.take(offer);
}

/** What one side makes, and what it takes from the other. */
class Form {
  #side;
  #accept;
  #own = area("", true);
  #other = area("", false);
  #ways = element("div", "ways");
  #error = element("p", "error");
  #state = element("p", "state");
  #answers = new BroadcastChannel(ANSWERS);

  /**
   * @param {"A" | "B"} side
   * @param {(text: string) => void} accept
   */
  constructor(side, accept) {
    this.#side = SIDES[side];
    this.#accept = accept;
    this.#error.setAttribute("role", "alert");
    this.#state.setAttribute("aria-live", "polite");
    this.#own.setAttribute("aria-label", `Your ${this.#side.makes}`);
    this.#other.setAttribute("aria-label", `Their ${this.#side.takes}`);
    this.#answers.onmessage = ({ data }) => data.answer && this.#handed(data.answer);
    this.#say(side === "A" ? "Making the offer …" : "");
  }

  get steps() {
    const { makes, takes, press } = this.#side;
    const paste = button("Paste", () => void this.#paste());
    const ways = element("div", "ways");
    const connect = button(press, () => this.take(this.#other.value));
    connect.className = "primary";
    ways.append(paste, connect);
    const own = [heading(`Send them your ${makes}`), this.#own, this.#ways];
    const other = [heading(`Paste their ${takes}`), this.#other, ways, this.#error];
    return [...(makes === "offer" ? [...own, ...other] : [...other, ...own]), this.#state];
  }

  /** @param {string} code */
  async showOwn(code) {
    const { makes, takes } = this.#side;
    this.#own.value = code;
    const link = `${location.origin}${location.pathname}#${makes}=${await pack(code)}`;
    const copyText = button(`Copy ${makes}`, () => void copy(code, copyText));
    const copyLink = button("Copy as link", () => void copy(link, copyLink));
    this.#ways.replaceChildren(copyText, copyLink, button("QR code", () => void showCode(link, makes)));
    if (sharesBySheet) this.#ways.append(button("Share", () => void share({ url: link })));
    this.#say(makes === "offer" ? `Waiting for their ${takes}.` : "Waiting for them to take your answer.");
  }

  /** @param {string} text */
  take(text) {
    this.#other.value = text.trim();
    this.#error.textContent = "";
    try {
      this.#accept(this.#other.value);
      this.#say(this.#side.makes === "answer" ? "Making the answer …" : "Connecting …");
      this.#other.readOnly = true;
    } catch (error) {
      if (!(error instanceof ManualError)) throw error;
      this.#error.textContent = error.message;
    }
  }

  stop() {
    this.#answers.close();
  }

  /** @param {string} answer from a link that was opened in another page */
  #handed(answer) {
    if (this.#side.takes !== "answer") return;
    this.#answers.postMessage("taken");
    this.take(answer);
  }

  async #paste() {
    try {
      const text = await navigator.clipboard.readText();
      const [, packed] = /#(?:offer|answer)=([\w-]+)$/.exec(text.trim()) ?? [];
      this.take(packed ? await unpack(packed) : text);
    } catch (error) {
      this.#error.textContent = error instanceof ManualError
        ? error.message
        : "This browser does not let a page paste. Paste into the field yourself.";
    }
  }

  /** @param {string} text */
  #say(text) {
    this.#state.textContent = text;
  }
}

/**
 * @param {string} title
 * @param {Node[]} content
 * @param {() => void} [closed]
 */
function show(title, content, closed) {
  open?.close();
  open = openDialog(title, content, { className: "manual", closed });
}

/**
 * @param {string} link
 * @param {string} what
 */
async function showCode(link, what) {
  const { qrPicture } = await import("./qr.js");
  try {
    const hint = element("p", "", `The other person scans this, and has your ${what}.`);
    openDialog(`Your ${what} as a QR code`, [qrPicture(link, `QR code of your ${what}`), hint]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    toast("This is too long for a QR code. Copy it instead.", { tone: "bad" });
  }
}

/** @param {unknown} error */
function said(error) {
  if (!(error instanceof ManualError)) throw error;
  toast(error.message, { tone: "bad" });
  return null;
}

/** @param {string} text */
const heading = (text) => element("h3", "", text);

/**
 * @param {string} text
 * @param {boolean} readOnly
 */
function area(text, readOnly) {
  const made = element("textarea", "code", text);
  made.rows = 4;
  made.readOnly = readOnly;
  made.spellcheck = false;
  return made;
}
