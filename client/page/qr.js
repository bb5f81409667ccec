// A QR code to look at.

import { qrCode } from "../qr.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4;

/**
 * @param {string} text
 * @param {string} label what a screen reader says
 * @returns {Element} a picture, dark on light in either theme; or a sentence where it is too long
 */
export function qrPicture(text, label) {
  const picture = document.createElementNS(SVG, "svg");
  const rows = qrCode(text);
  const size = rows.length + 2 * QUIET;
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.setAttribute("class", "qr");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  picture.setAttribute("shape-rendering", "crispEdges");
  picture.append(shape("rect", { width: `${size}`, height: `${size}`, fill: "#fff" }));
  picture.append(shape("path", { d: rows.map(runs).join(""), fill: "#000" }));
  return picture;
}

/**
 * @param {boolean[]} row
 * @param {number} y
 */
function runs(row, y) {
  const text = row.map((dark) => (dark ? "#" : " ")).join("");
  return [...text.matchAll(/#+/g)].map(({ 0: run, index }) => {
    return `M${index + QUIET} ${y + QUIET}h${run.length}v1h-${run.length}z`;
  }).join("");
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
