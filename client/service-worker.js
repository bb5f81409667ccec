// Keeps the app for a time without a network. One service worker, one cache and one version belong
// together: a page is served from one of them as long as it lives, so that it never mixes two.
//
// Rule 1: only what service-worker.json lists is ever kept or answered for. config.json, the API and
//         sockets go to the network as if nobody stood in between.
// Rule 2: what is kept is what the list says, to the bit: a file whose SHA-256 is another one belongs
//         to another version. `core` is fetched on installation, `later` when it is first asked for.
// Rule 3: a new version takes over when no page of the old one is left, or when its only one reloads.

const worker = /** @type {ServiceWorkerGlobalScope & typeof globalThis} */ (/** @type {unknown} */ (self));

/** @typedef {{version: string, core: Record<string, string>, later: Record<string, string>}} List */

const PREFIX = "parley-";
const LIST = "service-worker.json";
const NAME = PREFIX + new URL(worker.location.href).searchParams.get("version");

/** @param {string} path */
const inScope = (path) => new URL(path, worker.registration.scope).href;

async function install() {
  const answer = await fetch(inScope(LIST), { cache: "no-store" });
  /** @type {List} */
  const list = await answer.clone().json();
  if (PREFIX + list.version !== NAME) throw new Error("there is a newer version by now");
  const cache = await caches.open(NAME);
  await Promise.all(Object.entries(list.core).map(([path, hash]) => keep(cache, path, hash)));
  await cache.put(inScope(LIST), answer);
}

/**
 * @param {Cache} cache
 * @param {string} path
 * @param {string} integrity
 */
async function keep(cache, path, integrity) {
  const answer = await fetch(inScope(path), { cache: "no-cache", integrity });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  await cache.put(inScope(path), answer.clone());
  return answer;
}

/** @returns {Promise<List>} */
async function list() {
  const kept = await (await caches.open(NAME)).match(inScope(LIST));
  if (!kept) throw new Error("nothing is kept");
  return kept.json();
}

async function keepAll() {
  const cache = await caches.open(NAME);
  for (const [path, hash] of Object.entries((await list()).later)) {
    if (!(await cache.match(inScope(path)))) await keep(cache, path, hash);
  }
}

async function dropOthers() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/**
 * @param {Request} request
 * @param {string} path
 */
async function answer(request, path) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(inScope(path));
  if (kept) return kept;
  const hash = (await list().catch(() => null))?.later[path];
  return hash ? keep(cache, path, hash) : fetch(request);
}

/** @param {Request} request */
async function open(request) {
  const { waiting } = worker.registration;
  const pages = await worker.clients.matchAll({ type: "window" });
  if (!waiting || pages.length > 1) return answer(request, "index.html");
  waiting.postMessage("take over");
  return new Response("", { headers: { Refresh: "0" } }); // and the new one answers
}

/** @param {URL} url */
function pathOf({ href, search }) {
  const { scope } = worker.registration;
  const path = href.startsWith(scope) && !search ? href.slice(scope.length).split("#")[0] : null;
  return path === "" ? "index.html" : path;
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(dropOthers()));

worker.addEventListener("message", (event) => {
  if (event.data === "take over") void worker.skipWaiting();
  if (event.data === "keep all") event.waitUntil(keepAll().catch(() => {})); // asked for again
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = pathOf(new URL(request.url));
  if (request.method !== "GET" || path === null) return;
  if (path === "index.html" && request.mode === "navigate") event.respondWith(open(request));
  else if (/^[\w./-]+\.(js|css|svg|png|html)$/.test(path) || path === "manifest.json") {
    if (path !== "service-worker.js") event.respondWith(answer(request, path));
  }
});
