import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { IceServers } from "../../client/ice.js";
import { Room } from "../../client/room.js";
import { Signaling } from "../../client/signaling.js";
import { FakeClock, FakeConnection, FakeSignaling, fakeWebSockets, settle } from "./fakes.js";

const RTCPeerConnection = /** @type {any} */ (FakeConnection);
const turn = (username) => [{ urls: ["turn:t"], username, credential: `of ${username}` }];
const TTL = 3_600;
const HOUR = TTL * 1_000;

beforeEach(() => (FakeConnection.made = []));

// ---- renewal

function renewing() {
  const clock = new FakeClock();
  const told = { asked: 0, changed: 0, away: false };
  const renew = async () => {
    told.asked += 1;
    if (told.away) throw new Error("offline");
    return { iceServers: turn(`n${told.asked}`), iceServersTtl: TTL };
  };
  const ice = new IceServers(renew, () => void (told.changed += 1), clock);
  return { clock, told, ice };
}

test("servers are asked for anew before their credentials run out, again and again", async () => {
  const { clock, told, ice } = renewing();
  ice.take({ iceServers: turn("first"), iceServersTtl: TTL });
  await clock.advance(HOUR * 0.89);
  assert.equal(told.asked, 0);
  await clock.advance(HOUR * 0.02);
  assert.deepEqual(ice.list, turn("n1"));
  await clock.advance(HOUR * 0.9);
  assert.deepEqual(ice.list, turn("n2"));
  assert.equal(told.changed, 3);
});

test("what does not run out is not asked for", async () => {
  const { clock, told, ice } = renewing();
  ice.take({ iceServers: [{ urls: "stun:s" }] });
  await clock.advance(HOUR * 100);
  assert.deepEqual(told, { asked: 0, changed: 1, away: false });
});

test("a failure is tried again each minute, so that it is made up for before the end", async () => {
  const { clock, told, ice } = renewing();
  told.away = true;
  ice.take({ iceServers: turn("first"), iceServersTtl: TTL });
  await clock.advance(HOUR * 0.9 + 3 * 60_000);
  assert.equal(told.asked, 4);
  told.away = false;
  await clock.advance(60_000);
  assert.deepEqual(ice.list, turn("n5"));
});

test("the same servers again are no change, and start the time anew", async () => {
  const { clock, told, ice } = renewing();
  ice.take({ iceServers: turn("first"), iceServersTtl: TTL });
  await clock.advance(HOUR * 0.5);
  ice.take({ iceServers: turn("first"), iceServersTtl: TTL });
  await clock.advance(HOUR * 0.5);
  assert.deepEqual(told, { asked: 0, changed: 1, away: false });
});

test("nothing is asked for after the end, and an answer that comes then is not taken", async () => {
  const { clock, told, ice } = renewing();
  ice.take({ iceServers: turn("first"), iceServersTtl: TTL });
  ice.stop();
  await clock.advance(HOUR * 2);
  assert.equal(told.asked, 0);
});

test("a TURN server is known when there is one", () => {
  const { ice } = renewing();
  for (const [urls, can] of [["stun:s", false], [["stun:s"], false], ["turns:t", true], [["stun:s", "turn:t"], true]]) {
    ice.take({ iceServers: [{ urls: /** @type {any} */ (urls) }] });
    assert.equal(ice.canRelay, can, String(urls));
  }
});

// ---- by signaling

async function seated() {
  const clock = new FakeClock();
  const { WebSocket, sockets } = fakeWebSockets();
  const signaling = new Signaling("ws://parley", { WebSocket, clock });
  const joining = signaling.join("garden");
  const socket = sockets[0].opens();
  await settle();
  const joined = { type: "joined", id: socket.last("join").id, roomId: "garden", clientId: "me", since: 1, resumeToken: "t", peers: [] };
  socket.says({ ...joined, iceServers: turn("1:me"), iceServersTtl: TTL });
  return { signaling, socket, clock, joined: await joining };
}

test("joined tells for how long its ICE servers work, and newer ones are asked for", async () => {
  const { signaling, socket, joined } = await seated();
  assert.equal(joined.iceServersTtl, TTL);
  const asking = signaling.iceServers("garden");
  const { id, roomId } = socket.last("ice-servers");
  assert.equal(roomId, "garden");
  socket.says({ type: "ice-servers", id, roomId, iceServers: turn("2:me"), iceServersTtl: TTL });
  assert.deepEqual(await asking, { iceServers: turn("2:me"), iceServersTtl: TTL });
  socket.says({ type: "ice-servers", id, roomId, iceServers: turn("2:me"), iceServersTtl: TTL });
});

test("a refusal, and a seat that is not there, reject", async () => {
  const { signaling, socket } = await seated();
  const asking = signaling.iceServers("garden");
  socket.says({ type: "error", id: socket.last("ice-servers").id, code: "unknown-type", message: "" });
  await assert.rejects(asking, { code: "unknown-type" });
  await assert.rejects(signaling.iceServers("attic"), { code: "offline" });
});

// ---- in a room

/** In a room with `zoe`, connected; what the path's own end is, the test says. */
async function connected(options = {}) {
  const clock = new FakeClock();
  const signaling = new FakeSignaling();
  const granted = [];
  /** @type {any} */ (signaling).iceServers = async () => ({ iceServers: turn(`n${granted.push(1)}`), iceServersTtl: TTL });
  const room = new Room(/** @type {any} */ (signaling), { RTCPeerConnection, clock, ...options });
  const joining = room.join("garden");
  const zoe = { clientId: "zoe", since: 50, metadata: {}, connected: true };
  const joined = { roomId: "garden", clientId: "me", since: 100, resumed: false, peers: [zoe] };
  signaling.admit({ ...joined, iceServers: turn("first"), iceServersTtl: TTL });
  await joining;
  await clock.advance(50);
  const connection = FakeConnection.made[0];
  connection.connects();
  return { clock, signaling, room, connection, granted };
}

const localEnd = (connection, candidateType) => {
  const entries = [
    { id: "T", type: "transport", selectedCandidatePairId: "P" },
    { id: "P", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R" },
    { id: "L", type: "local-candidate", candidateType },
    { id: "R", type: "remote-candidate", candidateType: "host" },
  ];
  connection.getStats = async () => new Map(entries.map((entry) => [entry.id, entry]));
};

/** Modules load in their own time. */
const loaded = async () => {
  await import("../../client/stats.js");
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test("a relayed connection looks for a path with the newer credentials", async () => {
  const { clock, connection } = await connected();
  localEnd(connection, "relay");
  await clock.advance(HOUR * 0.9);
  await loaded();
  await clock.advance(0);
  assert.deepEqual(connection.options.iceServers, turn("n1"));
  assert.equal(connection.restarts, 1);
  assert.equal(FakeConnection.made.length, 1);
});

test("a direct connection is told of them, and left in peace", async () => {
  const { clock, connection } = await connected();
  localEnd(connection, "host");
  await clock.advance(HOUR * 0.9);
  await loaded();
  await clock.advance(0);
  assert.deepEqual(connection.options.iceServers, turn("n1"));
  assert.equal(connection.restarts, undefined);
});

test("after the room nothing is asked for", async () => {
  const { clock, room, granted } = await connected();
  await room.leave();
  await clock.advance(HOUR * 3);
  assert.equal(granted.length, 0);
});

// ---- hiding one's address

test("a room that relays only never has a connection that may do otherwise", async () => {
  const { room, connection } = await connected({ iceTransportPolicy: "relay" });
  assert.equal(room.relayOnly, true);
  assert.equal(room.canRelay, true);
  assert.equal(connection.options.iceTransportPolicy, "relay");
});

test("hiding one's address makes every connection anew: a browser would go on with its direct path", async () => {
  const { room, connection } = await connected();
  room.relayOnly = true;
  assert.equal(connection.closed, true);
  const [, second] = FakeConnection.made;
  assert.equal(second.options.iceTransportPolicy, "relay");
  room.relayOnly = true;
  assert.equal(FakeConnection.made.length, 2);
});

test("without signaling, a hidden address is not shown until somebody can be introduced again", async () => {
  const { room, connection, signaling, clock } = await connected();
  signaling.turns("offline");
  room.relayOnly = true;
  await clock.advance(60_000);
  assert.equal(connection.closed, true);
  assert.equal(FakeConnection.made.length, 1);
  assert.deepEqual(room.peers.map(({ state }) => state), ["waiting"]);
});

test("showing it again looks for a direct path, on the same connection", async () => {
  const { room, connection, clock } = await connected({ iceTransportPolicy: "relay" });
  room.relayOnly = false;
  await clock.advance(0);
  assert.equal(connection.options.iceTransportPolicy, "all");
  assert.equal(connection.restarts, 1);
  assert.equal(connection.closed, false);
});
