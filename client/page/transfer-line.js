// One file on its way, as people see it: what, from or to whom, how far, and what can be done.

import { button, byId, element, setText } from "./dom.js";

/**
 * @typedef {import("../files.js").TransferView} TransferView
 * @typedef {{accept: () => void, refuse: () => void, cancel: () => void, save: () => void,
 *   dismiss: () => void}} Actions
 */

const ANNOUNCE_EVERY = 15_000;
/** Ends that somebody wanted. */
export const MEANT = ["cancelled", "refused", "left"];

/** @type {Record<string, (who: string) => string>} what is said of an end that they brought about */
const THEIR_REASON = {
  cancelled: (who) => `${who} cancelled it`,
  refused: (who) => `${who} did not want it`,
  left: (who) => `${who} left the room`,
  unreadable: (who) => `${who}'s file was changed or removed meanwhile`,
  checksum: () => "It arrived damaged and was thrown away. Send it again.",
  disk: (who) => `It could not be written at ${who}'s`,
  "no-space": (who) => `${who} has not enough space left`,
  "too-large": (who) => `${who}'s browser cannot take a file of this size`,
  "too-many": (who) => `${who} has too many offers waiting`,
};

/** @type {Record<string, string>} */
const OUR_REASON = {
  cancelled: "Cancelled",
  refused: "Refused",
  left: "Ended when you left the room",
  unreadable: "The file was changed or removed, or cannot be read",
  checksum: "It arrived damaged and was thrown away. Ask for it again.",
  disk: "The file could not be written here",
  "no-space": "There is not enough space left on this device",
  "not-sealed": "You two do not share a passphrase",
  "too-large": "This browser cannot take a file of this size",
};

export class TransferLine {
  item = element("div", "transfer");
  /** Where it was saved, in words. */
  saved = "";
  transfer;
  #about = element("p", "transfer-about");
  #progress = element("progress");
  #buttons = element("div", "transfer-actions");
  #announced = Date.now();

  /**
   * @param {TransferView} transfer
   * @param {string} who the other person
   * @param {Actions} actions
   */
  constructor(transfer, who, actions) {
    this.transfer = transfer;
    this.who = who;
    this.actions = actions;
    const toOrFrom = transfer.direction === "in" ? "from" : "to";
    this.item.setAttribute("role", "group");
    this.item.setAttribute("aria-label", `${transfer.name}, ${toOrFrom} ${who}`);
    this.#progress.setAttribute("aria-label", `${transfer.name}, ${toOrFrom} ${who}`);
    this.#progress.max = Math.max(transfer.size, 1);
    const head = element("p", "transfer-head");
    head.append(element("bdi", "transfer-name", transfer.name), ` ${toOrFrom} `, element("bdi", "", who));
    this.item.append(head, this.#buttons, this.#progress, this.#about);
    this.#offerActions();
  }

  get state() {
    return this.transfer.state;
  }

  get canBeAccepted() {
    return this.transfer.direction === "in" && this.state === "offered";
  }

  /** @param {TransferView} transfer */
  show(transfer) {
    const changed = transfer.state !== this.state || this.saved !== (this.item.dataset.saved ?? "");
    this.transfer = transfer;
    this.item.dataset.state = transfer.state;
    this.item.dataset.saved = this.saved;
    this.item.dataset.failed = String(transfer.state === "ended" && !MEANT.includes(transfer.reason));
    this.#progress.hidden = !["queued", "moving", "waiting", "checking"].includes(transfer.state);
    this.#progress.value = transfer.size > 0 ? transfer.moved : 0;
    setText(this.#about, this.about);
    if (changed) this.#offerActions();
    if (transfer.state === "moving") this.#announce();
  }

  /** How it stands, in words. */
  get about() {
    const { state, size, reason, byThem, direction } = this.transfer;
    const incoming = direction === "in";
    if (state === "offered") return `${bytes(size)} · waiting for ${incoming ? "you" : this.who} to accept`;
    if (state === "queued") return `${this.#share()} · others go first`;
    if (state === "moving") return this.#pace();
    if (state === "waiting") return `${this.#share()} · goes on when ${this.who} is connected again`;
    if (state === "checking") return `${this.#share()} · checking …`;
    if (state === "ended") return sentence(reason, byThem, this.who);
    if (!incoming) return `${bytes(size)} · arrived and verified`;
    return `${bytes(size)} · verified · ${this.saved || "not saved yet"}`;
  }

  #share() {
    const { moved, size } = this.transfer;
    const percent = size > 0 ? Math.floor((moved / size) * 100) : 100;
    return `${percent}% · ${bytes(moved)} of ${bytes(size)}`;
  }

  #pace() {
    const { speed, timeLeft } = this.transfer;
    return speed > 0 ? `${this.#share()} · ${bytes(speed)}/s · ${duration(timeLeft)} left` : this.#share();
  }

  #announce() {
    if (Date.now() - this.#announced < ANNOUNCE_EVERY) return;
    this.#announced = Date.now();
    setText(news(), `${this.transfer.name}: ${this.about}`);
  }

  #offerActions() {
    const hadFocus = this.#buttons.contains(document.activeElement);
    this.#buttons.replaceChildren(...this.#choices().map(([name, run]) => this.#button(name, run)));
    if (hadFocus) this.#buttons.querySelector("button")?.focus();
  }

  /** @returns {[string, () => void][]} */
  #choices() {
    const { accept, refuse, cancel, save, dismiss } = this.actions;
    const { state, direction } = this.transfer;
    if (this.canBeAccepted) return [["Accept", accept], ["Refuse", refuse]];
    if (state === "ended" || (state === "done" && direction === "out")) return [["Dismiss", dismiss]];
    if (state !== "done") return [["Cancel", cancel]];
    if (this.saved.startsWith("Saved as")) return [["Dismiss", dismiss]];
    return [[this.saved ? "Save again" : "Save", save], ["Remove", dismiss]];
  }

  /**
   * @param {string} name
   * @param {() => void} run
   */
  #button(name, run) {
    const made = button(name, run, `${name} ${this.transfer.name}`);
    made.className = name === "Accept" || name === "Save" ? "primary" : "quiet";
    return made;
  }
}

/** What is read aloud now and then, while something moves. */
function news() {
  const known = document.getElementById("transfer-news");
  if (known) return known;
  const made = element("p", "transfer-news");
  made.id = "transfer-news";
  made.setAttribute("aria-live", "polite");
  byId("transfers").prepend(made);
  return made;
}

/**
 * @param {string} reason
 * @param {boolean} byThem
 * @param {string} who
 */
function sentence(reason, byThem, who) {
  if (byThem) return (THEIR_REASON[reason] ?? (() => `${who}'s side ended it`))(who);
  return OUR_REASON[reason] ?? "Their program said something unexpected";
}

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** @param {number} count */
export function bytes(count) {
  const step = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const number = count / 1_000 ** step;
  const digits = step > 0 && number < 100 ? 1 : 0;
  return `${number.toLocaleString([], { maximumFractionDigits: digits })} ${UNITS[step]}`;
}

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}
