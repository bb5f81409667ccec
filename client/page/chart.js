// A small live chart: lines over time, drawn as SVG, said in words to those who do not see it.

import { element, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 60;

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {(number | null)[]} values the oldest first; null where none is known
 *
 * @typedef {(value: number) => string} Write a value with its unit
 */

export class Chart {
  figure = element("figure", "chart");
  #title;
  #write;
  #most;
  #caption = element("figcaption");
  #drawing = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });

  /**
   * @param {string} title
   * @param {Write} write
   * @param {number} most how many values fill its width
   */
  constructor(title, write, most) {
    this.#title = title;
    this.#write = write;
    this.#most = most;
    this.figure.append(this.#caption, this.#drawing);
    this.show([]);
  }

  /** @param {Line[]} lines */
  show(lines) {
    const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
    const top = Math.max(1, ...known);
    this.#drawing.replaceChildren(...lines.map((line, place) => this.#draw(line, place, top)));
    const now = lines.map((line) => this.#now(line, lines.length > 1)).join(", ");
    setText(this.#caption, `${this.#title}: ${now || "nothing yet"}`);
    const range = known.length > 0 ? `, between ${this.#write(Math.min(...known))} and ${this.#write(top)}` : "";
    this.#drawing.setAttribute("aria-label", `${this.#title}: ${now || "nothing yet"}${range}`);
  }

  /**
   * @param {Line} line
   * @param {boolean} named
   */
  #now({ name, values }, named) {
    const value = values.at(-1) ?? null;
    return `${named ? `${name} ` : ""}${value === null ? "–" : this.#write(value)}`;
  }

  /**
   * @param {Line} line
   * @param {number} place
   * @param {number} top
   */
  #draw({ values }, place, top) {
    const step = WIDTH / (this.#most - 1);
    const first = WIDTH - step * (values.length - 1);
    const points = values.flatMap((value, index) => {
      if (value === null) return [];
      return [`${(first + step * index).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`];
    });
    return drawn("polyline", { points: points.join(" "), class: `line-${place + 1}` });
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 */
function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
