// Our own microphone, camera and screen: how they are asked for, and what can go wrong, by name.

/**
 * @typedef {"microphone" | "camera" | "screen" | "screen-sound"} Slot what one may send, each its own
 *
 * @typedef {"permission-refused" | "device-missing" | "device-busy" | "device-unplugged"
 *   | "not-supported" | "data-only" | "capture-failed"} CaptureCode
 */

/** @type {Record<Slot, "audio" | "video">} */
export const KINDS = { microphone: "audio", camera: "video", screen: "video", "screen-sound": "audio" };

export const SLOTS = /** @type {Slot[]} */ (Object.keys(KINDS));

/** @type {Record<string, CaptureCode>} the names of DOMExceptions, see Media Capture and Streams */
const CODES = {
  NotAllowedError: "permission-refused",
  SecurityError: "permission-refused",
  NotFoundError: "device-missing",
  OverconstrainedError: "device-missing",
  NotReadableError: "device-busy",
  AbortError: "device-busy",
  TypeError: "not-supported",
};

/**
 * Nothing is captured, or no more. Codes:
 *
 * - `permission-refused`: by the person, the browser or the system
 * - `device-missing`: there is none of the kind
 * - `device-busy`: another program has it, or it does not start
 * - `device-unplugged`: it was working, and has gone
 * - `not-supported`: this browser cannot do it, or not on a page without https
 * - `data-only`: all places for voice and video are taken, see `Media.dataOnly`
 * - `capture-failed`: anything else; `cause` tells
 */
export class CaptureError extends Error {
  /**
   * @param {CaptureCode} code
   * @param {Slot} slot
   * @param {unknown} [cause]
   */
  constructor(code, slot, cause) {
    super(`${slot}: ${code}`, { cause });
    this.name = "CaptureError";
    this.code = code;
    this.slot = slot;
  }
}

/**
 * Asks for a device, or for a screen, with its sound where the browser offers that.
 *
 * @param {MediaDevices | undefined} devices
 * @param {Slot} slot
 * @param {string} [deviceId] preferred; another serves where it is not there
 * @returns {Promise<Map<Slot, MediaStreamTrack>>} rejects with a `CaptureError`
 */
export async function capture(devices, slot, deviceId) {
  try {
    if (!devices) throw new TypeError("no devices: the page is not secure");
    if (slot === "screen") return screenTracks(await devices.getDisplayMedia(screenWishes()));
    return new Map([[slot, await deviceTrack(devices, slot, deviceId)]]);
  } catch (error) {
    throw new CaptureError(CODES[/** @type {Error} */ (error).name] ?? "capture-failed", slot, error);
  }
}

/**
 * @param {MediaDevices} devices
 * @param {Slot} slot
 * @param {string} [deviceId]
 */
async function deviceTrack(devices, slot, deviceId) {
  try {
    return (await devices.getUserMedia(deviceWishes(slot, deviceId))).getTracks()[0];
  } catch (error) {
    const { name } = /** @type {Error} */ (error);
    if (!deviceId || !["OverconstrainedError", "NotFoundError"].includes(name)) throw error;
    return deviceTrack(devices, slot); // it is not there now: any other
  }
}

/**
 * @param {Slot} slot
 * @param {string} [deviceId]
 * @returns {MediaStreamConstraints}
 */
function deviceWishes(slot, deviceId) {
  // Were it but `ideal`, a browser might rather take one that meets the other wishes better.
  const device = deviceId ? { deviceId: { exact: deviceId } } : {};
  if (slot === "camera") {
    return { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } };
  }
  return { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
}

/** @returns {DisplayMediaStreamOptions} */
const screenWishes = () => ({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });

/** @param {MediaStream} stream */
function screenTracks(stream) {
  const [screen] = stream.getVideoTracks();
  const [sound] = stream.getAudioTracks();
  screen.contentHint = "detail"; // letters must stay legible; motion may be less smooth
  /** @type {Map<Slot, MediaStreamTrack>} */
  const tracks = new Map([["screen", screen]]);
  return sound ? tracks.set("screen-sound", sound) : tracks;
}
