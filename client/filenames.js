// Names of files come from other people. Whatever they send, what comes out here is one name: no way
// to another folder, none that a system reserves, nothing that reads differently from what it is.

const LONGEST = 120; // letters
const LONGEST_BYTES = 200; // systems take 255, and browsers add " (1)" and ".crdownload"
const ENOUGH = 300; // of either end
const UNNAMED = "file";

/** Device names of Windows, with or without an extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/iu;

/** Controls, formatting (bidi overrides, zero widths, tags), surrogates, private and unassigned. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/**
 * @param {unknown} name
 * @returns {string} never empty, never with a separator
 */
export function safeName(name) {
  const text = typeof name === "string" ? name : "";
  const ends = text.slice(0, -ENOUGH).slice(0, ENOUGH) + text.slice(-ENOUGH);
  const last = ends.normalize("NFC").replace(INVISIBLE, "").split(/[/\\\u2044\u2215\u29f8\uff0f\uff3c]/u).at(-1) ?? "";
  const plain = last.replace(/["*:<>?|%~`$]/gu, "_").replace(/\s+/gu, " ").trim();
  const ended = plain.replace(/^[. ]+/u, "").replace(/[. ]+$/u, "");
  const short = shorten(ended);
  if (!short) return UNNAMED;
  return RESERVED.test(short) ? `_${short}` : short;
}

/**
 * Keeps the extension, since it tells the system what to do with the file.
 *
 * @param {string} name
 */
function shorten(name) {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : "";
  const stem = [...(extension ? name.slice(0, dot) : name)].slice(0, LONGEST);
  while (stem.length > 0 && bytes(stem.join("") + extension) > LONGEST_BYTES) stem.pop();
  return stem.join("").replace(/[. ]+$/u, "") + extension;
}

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;
