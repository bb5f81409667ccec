// The dialog in which microphone, camera and loudspeaker are chosen, seen and heard before others do.

import { capture } from "../capture.js";
import { Meter } from "../loudness.js";
import { keepCallChoices, readCallChoices } from "../storage.js";
import { openDialog } from "./dialog.js";
import { element, setText } from "./dom.js";
import { refusal } from "./refusals.js";

/**
 * @typedef {import("../media.js").Media} Media
 * @typedef {"microphone" | "camera" | "speaker"} Choice
 */

/** @type {Record<Choice, {kind: MediaDeviceKind, name: string}>} */
const CHOICES = {
  microphone: { kind: "audioinput", name: "Microphone" },
  camera: { kind: "videoinput", name: "Camera" },
  speaker: { kind: "audiooutput", name: "Loudspeaker" },
};

const FULL_SCALE = 0.25; // the level of a loud voice

class DeviceDialog {
  #media;
  #stage;
  #preview = element("video", "preview");
  #level = element("meter", "level");
  #complaint = element("p", "error");
  /** @type {Map<Choice, HTMLSelectElement>} */
  #selects = new Map();
  /** @type {Map<Choice, MediaStreamTrack>} what was asked for only to be tried here */
  #trials = new Map();
  /** @type {Meter | null} */
  #meter = null;
  #closed = false;

  /**
   * @param {Media} media
   * @param {{useSpeaker: (deviceId: string) => Promise<void>}} stage
   */
  constructor(media, stage) {
    this.#media = media;
    this.#stage = stage;
    this.#complaint.setAttribute("role", "alert");
    this.#level.setAttribute("aria-label", "Level of your microphone");
    this.#preview.setAttribute("aria-label", "What your camera sees");
    Object.assign(this.#preview, { autoplay: true, playsInline: true, muted: true });
    Object.assign(this.#level, { max: 1, high: 0.9 });
    const fields = /** @type {Choice[]} */ (Object.keys(CHOICES)).map((choice) => this.#field(choice));
    const atOnce = element("fieldset", "at-once");
    atOnce.append(element("legend", "", "On as soon as I join a room"));
    atOnce.append(this.#atOnce("microphone"), muted(), this.#atOnce("camera"));
    openDialog("Devices", [this.#preview, this.#level, ...fields, atOnce, this.#complaint], {
      className: "devices",
      closed: () => this.#close(),
    });
    void this.#open();
  }

  async #open() {
    const unsubscribe = this.#media.on("devices", () => void this.#list());
    this.#unsubscribe = unsubscribe;
    await this.#try("microphone");
    await this.#try("camera");
    await this.#list(); // only now do they have names
    this.#watch();
  }

  #unsubscribe = () => {};

  #close() {
    this.#closed = true;
    this.#unsubscribe();
    this.#meter?.close();
    for (const track of this.#trials.values()) track.stop();
  }

  /** @param {Choice} choice */
  #field(choice) {
    const field = element("div", "field");
    const label = element("label", "", CHOICES[choice].name);
    const select = element("select");
    select.id = `device-${choice}`;
    label.htmlFor = select.id;
    select.addEventListener("change", () => void this.#choose(choice, select.value));
    this.#selects.set(choice, select);
    field.append(label, select);
    field.hidden = true;
    return field;
  }

  /** @param {"microphone" | "camera"} slot */
  #atOnce(slot) {
    const chosen = readCallChoices().atOnce?.includes(slot) ?? false;
    return check(CHOICES[slot].name, chosen, (checked) => {
      const { atOnce = [], ...choices } = readCallChoices();
      const others = atOnce.filter((each) => each !== slot);
      keepCallChoices({ ...choices, atOnce: checked ? [...others, slot] : others });
    });
  }

  async #list() {
    const devices = await this.#media.devices();
    for (const [choice, select] of this.#selects) {
      const kind = devices.filter((device) => device.kind === CHOICES[choice].kind && device.deviceId);
      const options = kind.map(({ deviceId, label }, index) => {
        return new Option(label || `${CHOICES[choice].name} ${index + 1}`, deviceId);
      });
      select.replaceChildren(...options);
      const chosen = this.#track(choice)?.getSettings().deviceId ?? readCallChoices()[choice];
      if (kind.some(({ deviceId }) => deviceId === chosen)) select.value = chosen ?? "";
      const field = /** @type {HTMLElement} */ (select.parentElement);
      field.hidden = options.length === 0;
    }
  }

  /** @param {Choice} choice */
  #track(choice) {
    if (choice === "speaker") return null;
    return this.#media.own(choice).track ?? this.#trials.get(choice) ?? null;
  }

  /**
   * @param {Choice} choice
   * @param {string} deviceId
   */
  async #choose(choice, deviceId) {
    keepCallChoices({ ...readCallChoices(), [choice]: deviceId });
    setText(this.#complaint, "");
    if (choice === "speaker") return this.#stage.useSpeaker(deviceId);
    try {
      if (this.#media.own(choice).track) await this.#media.start(choice, { deviceId });
      else await this.#try(choice, deviceId);
    } catch (error) {
      setText(this.#complaint, refusal(error));
    }
    this.#show();
  }

  /**
   * Opens a device for this dialog alone, unless it is in use already.
   *
   * @param {"microphone" | "camera"} slot
   * @param {string} [deviceId]
   */
  async #try(slot, deviceId = readCallChoices()[slot]) {
    this.#trials.get(slot)?.stop();
    this.#trials.delete(slot);
    if (this.#media.own(slot).track) return this.#show();
    try {
      const track = (await capture(navigator.mediaDevices, slot, deviceId)).get(slot);
      if (track && this.#closed) track.stop();
      else if (track) this.#trials.set(slot, track);
    } catch (error) {
      setText(this.#complaint, `${this.#complaint.textContent} ${refusal(error)}`.trim());
    }
    this.#show();
  }

  #show() {
    if (this.#closed) return;
    const camera = this.#track("camera");
    this.#preview.hidden = !camera;
    this.#preview.srcObject = camera && new MediaStream([camera]);
    const microphone = this.#track("microphone");
    this.#level.hidden = !microphone;
    this.#meter?.close();
    this.#meter = microphone && new Meter(microphone);
  }

  #watch() {
    if (this.#closed) return;
    this.#level.value = Math.min(1, (this.#meter?.level ?? 0) / FULL_SCALE);
    requestAnimationFrame(() => this.#watch());
  }
}

function muted() {
  return check("Microphone, but muted", readCallChoices().muted ?? false, (checked) => {
    keepCallChoices({ ...readCallChoices(), muted: checked });
  });
}

/**
 * @param {string} text
 * @param {boolean} checked
 * @param {(checked: boolean) => void} turned
 */
function check(text, checked, turned) {
  const label = element("label", "check");
  const box = element("input");
  box.type = "checkbox";
  box.checked = checked;
  box.addEventListener("change", () => turned(box.checked));
  label.append(box, text);
  return label;
}

/**
 * @param {Media} media
 * @param {{useSpeaker: (deviceId: string) => Promise<void>}} stage
 */
export const openDevices = (media, stage) => void new DeviceDialog(media, stage);
