// The ways out: the switch that hides one's address, so that everything goes through a relay or not at
// all, and what is said when there is no way.

import { keepRelayOnly } from "../storage.js";
import { byId } from "./dom.js";
import { toast } from "./toasts.js";

const NO_RELAY = "This server has no relay: with your address hidden, you reach nobody.";
const RELAY_REFUSES = "The relay does not answer, or does not let you in: with your address hidden, you reach nobody.";
const NO_NETWORK = "This browser has found no network to call through. Check your connection, and reload this page.";

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
  const show = { name: "Show my address", run: () => turn(false) };
  const stop = room.on("status", (status) => {
    if (status !== "connected") return;
    stop(); // said once
    if (room.relayOnly && !room.canRelay) toast(NO_RELAY, { tone: "bad", action: show });
  });
  let told = false; // of each who is tried, and again and again
  room.on("link", ({ peer }) => peer.on("stranded", () => {
    if (told || (room.relayOnly && !room.canRelay)) return;
    told = true;
    const reload = { name: "Reload", run: () => location.reload() };
    if (room.relayOnly) toast(RELAY_REFUSES, { tone: "bad", action: show });
    else toast(NO_NETWORK, { tone: "bad", action: reload });
  }));
  room.relayOnly = box.checked;
  box.addEventListener("change", changed);
  room.on("left", () => box.removeEventListener("change", changed));
}
