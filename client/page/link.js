// What a link says: the room, and behind it the passphrase, if somebody chose to put it there. All of
// it stands in the fragment, which browsers keep to themselves: no server hears of it.

const PASSPHRASE = "&passphrase="; // in a room's name, `&` and `=` are encoded
const TOKEN = /&token=([\w.-]+)/;
/** @type {string | undefined} of the link that led here, kept out of those that lead on */
let token;

/** @returns {{roomId: string, passphrase: string, token?: string}} empty where the link says nothing */
export function readLink() {
  token = TOKEN.exec(location.hash)?.[1] ?? token;
  const said = location.hash.slice(1).replace(TOKEN, "");
  const [roomId, passphrase = ""] = said.split(PASSPHRASE);
  return { roomId: decode(roomId), passphrase: decode(passphrase), token };
}

/**
 * The address of this page becomes the link to the room; never with its passphrase.
 *
 * @param {string} roomId
 */
export function showLink(roomId) {
  history.replaceState(null, "", `#${encodeURIComponent(roomId)}`);
}

/** @param {string} passphrase */
export const linkWith = (passphrase) => {
  return location.href.replace(TOKEN, "").split(PASSPHRASE)[0] + PASSPHRASE + encodeURIComponent(passphrase);
};

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
