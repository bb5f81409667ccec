// Signs drawn here: no font brings them all, and emoji look different on every system.

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} one path each, on a square of 24 */
const PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M8.5 21h7",
  "microphone-off": "M9 9v2a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.8-1M5.5 11a6.5 6.5 0 0 0 10.2 5.3M18.5 11a6.6 6.6 0 0 1-.5 2.4M12 17.5V21M8.5 21h7M4 3l16 18",
  camera: "M3.5 7.5a2 2 0 0 1 2-2H14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5.5a2 2 0 0 1-2-2ZM16 10.5l4.5-3v9l-4.5-3",
  "camera-off": "M10 5.5h4a2 2 0 0 1 2 2v4M16 16.5a2 2 0 0 1-2 2H5.5a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2M17.5 12.5v-2l3-3v9M4 3l16 18",
  screen: "M3.5 6a1.5 1.5 0 0 1 1.5-1.5h14A1.5 1.5 0 0 1 20.5 6v9a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15ZM8.5 20h7M12 13.5v-6M9.5 10 12 7.5l2.5 2.5",
  devices: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h7M15 17h5M15 5v4M9 10v4M13 15v4",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  pin: "M9 4h6l-.8 6 2.8 3.5H7L9.8 10ZM12 13.5V20",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
};

/**
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const drawing = /** @type {SVGElement} */ (document.createElementNS(SVG, "svg"));
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}
