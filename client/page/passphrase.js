// Help with typing a passphrase: seeing it, and having one made up.

import { button, element } from "./dom.js";
import { makePassphrase } from "./secrecy.js";

/**
 * Once.
 *
 * @param {HTMLInputElement} input
 */
export function offerTools(input) {
  if (input.nextElementSibling?.className === "secret-tools") return;
  const tools = element("div", "secret-tools");
  const show = button("Show", () => reveal(input.type === "password"));
  const reveal = (/** @type {boolean} */ visible) => {
    input.type = visible ? "text" : "password";
    show.setAttribute("aria-pressed", String(visible));
  };
  const make = button("Make one up", () => {
    input.value = makePassphrase();
    reveal(true);
  });
  reveal(false);
  tools.append(show, make);
  input.after(tools);
}
