// What people are told when a microphone, a camera or a screen is not to be had.

/** @typedef {import("../capture.js").CaptureError} CaptureError */

/** @type {Record<string, string>} */
const THINGS = { microphone: "microphone", camera: "camera", screen: "screen" };

/** @type {Record<string, (thing: string) => string>} */
const SENTENCES = {
  "permission-refused": (thing) => `Your browser does not let this page use your ${thing}. Allow it beside the address bar, then try again.`,
  "device-missing": (thing) => `No ${thing} was found. Plug one in, then try again.`,
  "device-busy": (thing) => `Your ${thing} does not start: another program may be using it. Close that program, then try again.`,
  "device-unplugged": (thing) => `Your ${thing} has gone: it was unplugged, or its permission was taken back. The call goes on without it.`,
  "not-supported": (thing) => `This browser cannot use a ${thing} here.`,
  "data-only": () => "All places for voice and video are taken.",
  "capture-failed": (thing) => `Your ${thing} does not start. Try again.`,
};

const SCREEN_REFUSED = "Your screen is not shared: it was not allowed, or you chose none.";

/** @param {unknown} error */
export function refusal(error) {
  const { code, slot } = /** @type {CaptureError} */ (error);
  const sentence = SENTENCES[code];
  if (!sentence) throw error;
  if (slot === "screen" && code === "permission-refused") return SCREEN_REFUSED;
  return sentence(THINGS[slot] ?? slot);
}
