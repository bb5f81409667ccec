// "Details" beside everybody: what their connection is doing. What shows it is loaded when asked for.

import { addAction, nameOf } from "./people.js";

/** @type {import("../room.js").Room | null} */
let inside = null;

/** @param {import("./people.js").PeerView} peer */
async function open(peer) {
  const { openDetails } = await import("./connection.js");
  if (inside) openDetails(inside, peer);
}

/** @param {import("../room.js").Room} room */
export function attach(room) {
  if (!inside) {
    const label = (/** @type {import("./people.js").PeerView} */ peer) => `Details about ${nameOf(peer)}`;
    addAction({ name: "Details", label, run: (peer) => void open(peer) });
  }
  inside = room;
}
