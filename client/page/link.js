// What a link says: the room, and behind it the passphrase, if somebody chose to put it there. All of
// it stands in the fragment, which browsers keep to themselves: no server hears of it.

const PASSPHRASE = "&passphrase="; // in a room's name, `&` and `=` are encoded

/** @returns {{roomId: string, passphrase: string}} empty where the link says nothing */
export function readLink() {
  const [roomId, passphrase = ""] = location.hash.slice(1).split(PASSPHRASE);
  return { roomId: decode(roomId), passphrase: decode(passphrase) };
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
  return location.href.split(PASSPHRASE)[0] + PASSPHRASE + encodeURIComponent(passphrase);
};

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
