// The call's corner of the page: buttons, shortcuts, tiles, and what people are told about them.

import { Media, PLACES } from "../media.js";
import { readCallChoices } from "../storage.js";
import { button, byId, element, loadStyle, setText } from "./dom.js";
import { icon } from "./icons.js";
import { nameOf, setBadge } from "./people.js";
import { shortcut } from "./platform.js";
import { refusal } from "./refusals.js";
import { Stage } from "./tiles.js";
import { toast } from "./toasts.js";

loadStyle("page/call.css");

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {import("../capture.js").Slot} Slot
 * @typedef {import("./tiles.js").TileView} TileView
 */

const BESIDE = `${PLACES} people already have the places for voice and video in this room. You came later, so you take part with text and files. When one of them leaves, a place becomes free.`;

/** @type {Record<string, string>} */
const PHASES = { connecting: "Connecting …", waiting: "Connecting …", reconnecting: "Reconnecting …" };

class Call {
  #room;
  #media;
  #stage;
  #controls = byId("controls");
  #note = element("p", "call-note");
  #sound = button("Start sound", () => this.#stage.startSound());
  #buttons;
  #entered = false;
  /** @type {Map<Slot, {dismiss: () => void}>} what is said to be wrong, once for each */
  #complaints = new Map();

  /** @param {Room} room */
  constructor(room) {
    this.#room = room;
    this.#media = new Media(room);
    this.#stage = new Stage((blocked) => (this.#sound.hidden = !blocked));
    this.#buttons = {
      microphone: toggle("microphone", "Microphone", "M", () => this.#toggleMicrophone()),
      camera: toggle("camera", "Camera", "V", () => this.#toggle("camera")),
      screen: toggle("screen", "Share screen", "S", () => this.#toggle("screen")),
    };
    this.#assemble();
    this.#listen();
  }

  #assemble() {
    this.#note.setAttribute("aria-live", "polite");
    this.#sound.className = "start-sound primary";
    this.#sound.hidden = true;
    const devices = button("", () => void this.#openDevices(), "Devices");
    devices.append(icon("devices"), element("span", "control-name", "Devices"));
    const { microphone, camera, screen } = this.#buttons;
    screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.#controls.replaceChildren(this.#note, this.#sound, microphone, camera, screen, devices);
    void this.#stage.useSpeaker(readCallChoices().speaker ?? "");
  }

  #listen() {
    const [room, media] = [this.#room, this.#media];
    room.on("status", (status) => status === "connected" && this.#enter());
    room.on("peer", () => this.#show());
    room.on("left", () => this.#leave());
    media.on("own", () => this.#show());
    media.on("remote", () => this.#show());
    media.on("places", () => this.#show());
    media.on("speaking", ({ clientId, speaking }) => this.#stage.speak(clientId, speaking));
    media.on("failure", (error) => this.#complain(error.slot, error));
  }

  #enter() {
    if (this.#entered) return;
    this.#entered = true;
    this.#controls.hidden = false;
    document.addEventListener("keydown", this.#pressed);
    const { atOnce = [], muted = false } = readCallChoices();
    for (const slot of atOnce) void this.#start(slot, muted && slot === "microphone");
    this.#show();
  }

  #leave() {
    document.removeEventListener("keydown", this.#pressed);
    this.#controls.hidden = true;
    this.#stage.show([]);
  }

  // ---- what people press

  #toggleMicrophone() {
    const { state, muted } = this.#media.own("microphone");
    if (state === "on") this.#media.mute("microphone", !muted);
    else if (state === "starting") this.#media.stop("microphone");
    else void this.#start("microphone");
  }

  /** @param {Slot} slot */
  #toggle(slot) {
    if (this.#media.own(slot).state === "off") void this.#start(slot);
    else this.#media.stop(slot);
  }

  /**
   * @param {Slot} slot
   * @param {boolean} [muted]
   */
  async #start(slot, muted = false) {
    const { microphone, camera } = readCallChoices();
    const deviceId = slot === "microphone" ? microphone : camera;
    this.#complaints.get(slot)?.dismiss();
    try {
      await this.#media.start(slot, { deviceId, muted });
    } catch (error) {
      this.#complain(slot, error);
    }
  }

  /**
   * @param {Slot} slot
   * @param {unknown} error
   */
  #complain(slot, error) {
    this.#complaints.get(slot)?.dismiss();
    this.#complaints.set(slot, toast(refusal(error), { tone: "bad" }));
  }

  /** @param {KeyboardEvent} event */
  #pressed = (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return;
    const buttons = Object.values(this.#buttons);
    // On a Mac, Option with a letter types another character: only the key's place tells.
    const meant = buttons.find(({ dataset }) => event.code === `Key${dataset.key}`);
    if (!meant || meant.hidden || meant.disabled || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    meant.click();
  };

  async #openDevices() {
    const { openDevices } = await import("./devices.js");
    openDevices(this.#media, this.#stage);
  }

  // ---- what they see

  #show() {
    if (!this.#entered) return;
    this.#showButtons();
    setText(this.#note, this.#media.dataOnly ? BESIDE : "");
    const peers = this.#room.peers;
    const inCall = isOn(this.#media) || peers.some(({ clientId }) => this.#media.of(clientId).size > 0);
    const views = [...this.#ownViews(), ...peers.flatMap((peer) => this.#viewsOf(peer))];
    this.#stage.show(inCall ? views : []);
    for (const { clientId } of peers) {
      setBadge(clientId, "text-only", this.#media.isDataOnly(clientId) ? "Text only" : "");
    }
  }

  #showButtons() {
    for (const [slot, shown] of Object.entries(this.#buttons)) {
      const { state, muted } = this.#media.own(/** @type {Slot} */ (slot));
      const isOn = state === "on" && !muted;
      shown.setAttribute("aria-pressed", String(isOn));
      shown.setAttribute("aria-busy", String(state === "starting"));
      shown.disabled = this.#media.dataOnly;
      if (slot !== "screen") draw(shown, isOn ? slot : `${slot}-off`);
    }
  }

  /** @returns {TileView[]} */
  #ownViews() {
    const { clientId } = this.#room;
    const microphone = this.#media.own("microphone");
    const person = {
      key: clientId,
      clientId,
      name: "You",
      kind: /** @type {const} */ ("person"),
      own: true,
      video: this.#media.own("camera").track,
      sounds: [],
      silent: microphone.state !== "on" || microphone.muted,
      state: "",
    };
    const screen = this.#media.own("screen").track;
    return screen ? [person, screenOf({ ...person, video: screen })] : [person];
  }

  /**
   * @param {PeerView} peer
   * @returns {TileView[]}
   */
  #viewsOf(peer) {
    const { clientId } = peer;
    const incoming = this.#media.of(clientId);
    const voice = incoming.get("microphone");
    const sound = incoming.get("screen-sound");
    const person = {
      key: clientId,
      clientId,
      name: nameOf(peer),
      kind: /** @type {const} */ ("person"),
      own: false,
      video: incoming.get("camera")?.track ?? null,
      sounds: voice ? [voice.track] : [],
      silent: !voice || voice.muted,
      state: this.#media.isDataOnly(clientId) ? "Text only" : (PHASES[peer.state] ?? ""),
    };
    const screen = incoming.get("screen")?.track;
    if (!screen) return [person];
    return [person, screenOf({ ...person, video: screen, sounds: sound ? [sound.track] : [] })];
  }
}

/** @param {TileView} person */
const screenOf = (person) => ({ ...person, key: `${person.clientId} screen`, kind: /** @type {const} */ ("screen") });

/** @param {Media} media */
function isOn(media) {
  return ["microphone", "camera", "screen"].some((slot) => media.own(/** @type {Slot} */ (slot)).state === "on");
}

/**
 * @param {string} sign
 * @param {string} name
 * @param {string} key
 * @param {() => void} run
 */
function toggle(sign, name, key, run) {
  const made = button("", run);
  made.classList.add("toggle");
  made.title = `${name} (${shortcut(key)})`;
  made.dataset.key = key;
  made.setAttribute("aria-keyshortcuts", `Alt+${key}`);
  made.setAttribute("aria-pressed", "false");
  const keys = element("kbd", "", shortcut(key));
  keys.setAttribute("aria-hidden", "true"); // said by aria-keyshortcuts
  made.append(element("span", "control-name", name), keys);
  draw(made, sign);
  return made;
}

/**
 * @param {HTMLButtonElement} target
 * @param {string} sign
 */
function draw(target, sign) {
  if (target.dataset.sign === sign) return;
  target.dataset.sign = sign;
  target.querySelector(".icon")?.remove();
  target.prepend(icon(sign));
}

/** @param {Room} room */
export function attach(room) {
  new Call(room);
}
