// What kind of machine this is, as far as it changes what a page should offer.

const { userAgent, maxTouchPoints = 0 } = navigator;

const isApple = /Mac|iPhone|iPad/.test(userAgent);
/** iPads say that they are Macs; no Mac has a touch screen. */
export const isIos = /iPhone|iPad/.test(userAgent) || (isApple && maxTouchPoints > 1);
export const isMac = isApple && !isIos;
export const isAndroid = /Android/.test(userAgent);
export const isInstalled = matchMedia("(display-mode: standalone)").matches;

/** On a phone people expect its share sheet, at a desk the clipboard. */
export const sharesBySheet = (isIos || isAndroid) && typeof navigator.share === "function";

/**
 * A keyboard shortcut, Alt and the key, as it is labelled on this platform.
 *
 * @param {string} key
 */
export const shortcut = (key) => (isApple ? `⌥${key}` : `Alt+${key}`);

/** How this browser installs a page, where it does not offer to by itself. */
export function installHint() {
  if (isInstalled) return "";
  if (isIos) return "To install Parley: press Share, then “Add to Home Screen”.";
  if (isMac && /Safari/.test(userAgent) && !/Chrom/.test(userAgent)) {
    return "To install Parley: choose File, then “Add to Dock”.";
  }
  return "";
}
