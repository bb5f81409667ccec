// Making and changing elements. Words of other people reach the document as text only, never as HTML.

/**
 * @template {HTMLElement} [Type=HTMLElement]
 * @param {string} id
 * @returns {Type}
 */
export const byId = (id) => /** @type {Type} */ (document.getElementById(id));

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/**
 * @param {string} text
 * @param {() => void} run
 * @param {string} [label] what a screen reader says, where the text alone would not do
 */
export function button(text, run, label = "") {
  const made = element("button", "", text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", run);
  return made;
}

/**
 * A live region that is told the same again would be read aloud again.
 *
 * @param {Element} region
 * @param {string} text
 */
export function setText(region, text) {
  if (region.textContent !== text) region.textContent = text;
}

/**
 * The same person has the same colour on every page.
 *
 * @param {HTMLElement} target
 * @param {string} clientId
 */
export function tint(target, clientId) {
  const sum = [...clientId].reduce((total, letter) => total * 31 + letter.charCodeAt(0), 7);
  target.style.setProperty("--hue", String(sum % 360));
}

/** @type {Set<string>} */
const styles = new Set();

/**
 * The style sheet of a part that is loaded when it is first used.
 *
 * @param {string} path as seen from the page
 */
export function loadStyle(path) {
  if (styles.has(path)) return;
  styles.add(path);
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = path;
  document.head.append(link);
}
