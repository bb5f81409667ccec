// The switch that hides one's address: everything goes through a relay, or not at all.

import { keepRelayOnly } from "../storage.js";
import { byId } from "./dom.js";
import { toast } from "./toasts.js";

const NO_RELAY = "This server has no relay: with your address hidden, you reach nobody.";

/** @param {import("../room.js").Room} room */
export function attach(room) {
  const box = /** @type {HTMLInputElement} */ (byId("relay-only"));
  const turn = (/** @type {boolean} */ only) => {
    box.checked = room.relayOnly = only;
    keepRelayOnly(only);
  };
  const changed = () => {
    const possible = !box.checked || room.clientId === "" || room.canRelay;
    turn(possible && box.checked);
    if (!possible) toast(NO_RELAY, { tone: "bad" });
  };
  const stop = room.on("status", (status) => {
    if (status !== "connected") return;
    stop(); // said once
    if (!room.relayOnly || room.canRelay) return;
    toast(NO_RELAY, { tone: "bad", action: { name: "Show my address", run: () => turn(false) } });
  });
  room.relayOnly = box.checked;
  box.addEventListener("change", changed);
  room.on("left", () => box.removeEventListener("change", changed));
}
