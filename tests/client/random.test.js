// Random lives over a road that delays, reorders and doubles. A failure names its seed: run it alone
// with SEED=… SEEDS=1.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../client/room.js";
import { Signaling } from "../../client/signaling.js";
import { FakeClock, FakeConnection, hear } from "./fakes.js";
import { FakeServer, chanceFrom } from "./server.js";

const FIRST = Number(process.env.SEED ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 25);
const STEPS = 100;
const PING_EVERY = 60_000;
const LIFETIME = 4 * 60_000;
const EVENTS = ["joined", "peer-joined", "peer-resumed", "peer-left", "signal", "broadcast", "left", "error", "status"];

/** Somebody in the room `garden`, with everything they were told. */
async function live(seed) {
  const chance = chanceFrom(seed);
  const clock = new FakeClock();
  clock.random = chance.next;
  const server = new FakeServer(clock, chance);
  const page = new EventTarget();
  const parts = { WebSocket: server.WebSocket, page, clock };
  const signaling = new Signaling("ws://desk/ws", { ...parts, pingEvery: PING_EVERY, lifetime: LIFETIME });
  const heard = hear(signaling, ...EVENTS);
  const room = new Room(signaling, { RTCPeerConnection: /** @type {any} */ (FakeConnection), clock });
  const seen = hear(room, "peer");
  for (let count = chance.below(4); count > 0; count -= 1) server.arrives("garden");
  const joining = room.join("garden");
  await clock.advance(9_000);
  await joining;
  heard.splice(0, heard.findIndex(([type]) => type === "joined"));
  return { chance, clock, page, server, signaling, heard, room, seen };
}

const sorted = (list) => [...list].sort();

/** Others come, go, go unannounced, come again, and talk; and the page looks whether all is well. */
async function somethingHappens({ chance, clock, page, server }) {
  if (chance.below(4) === 0) page.dispatchEvent(new Event("online"));
  const others = server.others("garden");
  const somebody = chance.of(others);
  const deed = others.length === 0 ? 0 : chance.below(6);
  if (deed === 0) server.arrives("garden");
  if (deed === 1) server.leaves("garden", somebody, { reason: chance.of(["left", "disconnected"]) });
  if (deed === 2) server.leaves("garden", somebody, { silently: true });
  if (deed === 3) server.arrives("garden", somebody);
  if (deed === 4) {
    server.leaves("garden", somebody);
    server.arrives("garden", somebody);
  }
  const session = `${chance.below(5_000)}-${somebody}`;
  if (deed === 5) server.says("garden", somebody, "signal", { session, seq: 1 });
  await clock.advance(chance.of([1, 50, 200, 500, 3_000, 60_000]));
}

const isNew = (set, one) => set.size < set.add(one).size;

/** Each coming and each going is told once, in turn. */
function assertEachOnce(heard, seen) {
  const here = new Set(heard[0][1].peers.map((peer) => peer.clientId));
  for (const [type, { clientId, peer }] of heard) {
    if (type === "peer-joined") assert.ok(isNew(here, peer.clientId), `${peer.clientId} came twice`);
    if (type === "peer-resumed") assert.ok(here.has(peer.clientId), `${peer.clientId} resumed, but was not here`);
    if (type === "peer-left") assert.ok(here.delete(clientId), `${clientId} left, but was not here`);
  }
  const listed = new Set();
  for (const [, { change, peer }] of seen) {
    if (change === "added") assert.ok(isNew(listed, peer.clientId), `${peer.clientId} added twice`);
    if (change === "removed") assert.ok(listed.delete(peer.clientId), `${peer.clientId} removed, but not listed`);
  }
}

/** The view is the roster at the latest after the next pong. */
async function assertViewIsRoster({ clock, server, signaling, room }) {
  await clock.advance(2 * PING_EVERY);
  const { clientId } = signaling.storedSeat("garden");
  const { [clientId]: own, ...others } = server.roster("garden");
  assert.ok(own, "our own seat");
  const view = Object.fromEntries(signaling.peers("garden").map((peer) => [peer.clientId, peer.since]));
  assert.deepEqual(view, others);
  assert.deepEqual(sorted(room.peers.map((peer) => peer.clientId)), sorted(Object.keys(others)));
}

function assertNothingIsLost(got, sent, { doubled }) {
  const texts = got.filter((data) => typeof data === "string"); // the others are the room's
  assert.deepEqual(sent.filter((text) => !texts.includes(text)), []);
  if (doubled === 0) assert.equal(texts.length, sent.length);
}

for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
  test(`a life in which sockets only ever move, seed ${seed}`, async () => {
    const life = await live(seed);
    const { chance, server, signaling, heard, seen } = life;
    server.doubled = chance.of([0, 0.4]);
    const [told, said] = [[], []];
    for (let step = 0; step < STEPS; step += 1) {
      told.push(`told ${step}`);
      server.says("garden", "p1", "broadcast", told.at(-1));
      said.push(`said ${step}`);
      signaling.broadcast("garden", said.at(-1));
      await somethingHappens(life);
    }
    await assertViewIsRoster(life);
    assertEachOnce(heard, seen);
    const all = (name) => heard.filter(([type]) => type === name).map(([, detail]) => detail);
    assert.deepEqual([...all("left"), ...all("error"), ...all("status")], []);
    assert.ok(all("joined").length >= server.sockets.length - 1, "each socket has its use");
    assertNothingIsLost(all("broadcast").map(({ data }) => data), told, server);
    assertNothingIsLost(server.taken, said, server);
  });

  test(`a life with cuts and sleep, seed ${seed}`, async () => {
    const life = await live(seed);
    const { chance, clock, server, heard, seen, signaling } = life;
    const id = signaling.storedSeat("garden").clientId;
    for (let step = 0; step < STEPS; step += 1) {
      const mishap = chance.below(12);
      if (mishap === 0) server.breaks(server.sockets.at(-1));
      if (mishap === 1) server.cuts(server.sockets.at(-1));
      if (mishap === 2) clock.sleep(chance.of([20_000, 5 * 60_000]));
      await somethingHappens(life);
    }
    await assertViewIsRoster(life);
    assertEachOnce(heard, seen);
    assert.equal(signaling.storedSeat("garden").clientId, id);
    assert.equal(heard.filter(([type]) => type === "left").length, 0);
  });
}
