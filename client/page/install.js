// The page as an app: the service worker that keeps it, and the offer to install it.

import { byId } from "./dom.js";
import { installHint, isInstalled } from "./platform.js";
import { toast } from "./toasts.js";

const LIST = "service-worker.json";
const IDLE = 10_000;

/** @type {any} what the browser would ask, were it not for us */
let offer = null;

/** Keeps the page for a time without a network, and brings it up to date. */
export async function keep() {
  if (!("serviceWorker" in navigator)) return;
  const answer = await fetch(LIST, { cache: "no-store" }).catch(() => null);
  if (!answer) return; // offline: what is kept goes on
  if (answer.status === 404) return void (await forget());
  const { version } = await answer.json();
  const script = `service-worker.js?version=${version}`;
  const options = /** @type {const} */ ({ updateViaCache: "none" });
  const kept = await navigator.serviceWorker.register(script, options).catch(() => null);
  if (!kept) return; // a browser may forbid it: then the page needs a network, and no more is lost
  const before = navigator.serviceWorker.controller;
  kept.addEventListener("updatefound", () => before && watch(kept.installing));
  setTimeout(() => void keepAll(), IDLE);
}

/** Everything, not only what the page needs to open: then it can all be used without a network. */
export async function keepAll() {
  const { active } = (await navigator.serviceWorker?.getRegistration()) ?? {};
  active?.postMessage("keep all");
}

/** A host that serves work in progress wants none of it kept. */
async function forget() {
  for (const kept of await navigator.serviceWorker.getRegistrations()) await kept.unregister();
}

/** @param {ServiceWorker | null} worker */
function watch(worker) {
  worker?.addEventListener("statechange", () => {
    if (worker.state !== "installed") return;
    const reload = { name: "Reload", run: () => location.reload() };
    toast("A new version of Parley is ready.", { action: reload });
  });
}

export function prepareInstallation() {
  const button = byId("install");
  const hint = installHint();
  button.hidden = !hint;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer = event;
    button.hidden = isInstalled;
  });
  addEventListener("appinstalled", () => (button.hidden = true));
  button.addEventListener("click", () => {
    if (offer) void offer.prompt();
    else toast(hint);
  });
}
