// Dialogs: the browser keeps the focus inside, Escape closes, and the focus goes back to where it was.

import { button, element } from "./dom.js";

let made = 0;

/**
 * Opens a modal dialog; it is gone once it is closed.
 *
 * @param {string} title
 * @param {(Node | string)[]} content
 * @param {{className?: string, closed?: () => void}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, { className = "", closed } = {}) {
  const dialog = element("dialog", `dialog ${className}`.trim());
  const heading = element("h2", "", title);
  made += 1;
  heading.id = `dialog-${made}`;
  dialog.setAttribute("aria-labelledby", heading.id);
  const head = element("header", "dialog-head");
  head.append(heading, button("×", () => dialog.close(), "Close"));
  dialog.append(head, ...content);
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
