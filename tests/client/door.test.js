// Rooms with a door: what a moderator does, what others hear, and what a closed door says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../client/room.js";
import { FakeConnection, hear, settle } from "./fakes.js";
import { enter, joinedFrame, reopened, start } from "./scene.js";

const door = (revision, more = {}) => ({ passcode: false, locked: false, capacity: 16, revision, ...more });
const refusal = ({ id, roomId }, code, more = {}) => ({ type: "error", id, code, message: code, roomId, ...more });

test("a passcode goes with the join, and with each one after", async () => {
  const { signaling, socket, clock } = start();
  const joining = signaling.join("garden", { passcode: "open sesame" });
  socket().opens();
  assert.equal(socket().sent[0].passcode, "open sesame");
  socket().says(joinedFrame(socket().sent[0]));
  await joining;
  socket().drops();
  await reopened({ clock, socket });
  const again = socket().last("join");
  assert.deepEqual([again.passcode, again.resumeToken], ["open sesame", "token"]);
});

test("a closed door rejects with its code, and so do limits, with the time to wait", async () => {
  const refusals = /** @type {[string, object][]} */ ([
    ["room-closed", {}],
    ["rate-limited", { retryAfter: 7 }],
  ]);
  for (const [code, more] of refusals) {
    const { signaling, socket } = start();
    const joining = signaling.join("garden");
    socket().opens();
    socket().says(refusal(socket().sent[0], code, more));
    await assert.rejects(joining, { name: "SignalingError", code, ...more });
  }
});

test("joined tells the role and the door; without them, as an older server, a plain member", async () => {
  const { joined } = await enter({ role: "moderator", door: door(3, { locked: true }) });
  assert.deepEqual([joined.role, joined.door], ["moderator", door(3, { locked: true })]);
  const older = await enter();
  assert.deepEqual([older.joined.role, older.joined.door.locked], ["member", false]);
});

test("setDoor sends what changes, and resolves with the door as it is then", async () => {
  const { signaling, socket } = await enter({ role: "moderator", door: door(0) });
  const heard = hear(signaling, "door");
  const setting = signaling.setDoor("garden", { passcode: null, locked: true });
  const { id, ...request } = socket().last("set-door");
  assert.deepEqual(request, { type: "set-door", roomId: "garden", passcode: null, locked: true });
  socket().says({ type: "door-set", id, roomId: "garden", door: door(1, { locked: true }), by: "me" });
  assert.deepEqual(await setting, door(1, { locked: true }));
  assert.deepEqual(heard, [["door", { roomId: "garden", door: door(1, { locked: true }), by: "me" }]]);
});

test("a refused change rejects", async () => {
  const { signaling, socket } = await enter();
  const setting = signaling.setDoor("garden", { locked: true });
  socket().says(refusal(socket().last("set-door"), "forbidden"));
  await assert.rejects(setting, { code: "forbidden" });
});

test("news of the door are told once each, and never an older one after a newer", async () => {
  const { signaling, socket } = await enter({ door: door(1) });
  const heard = hear(signaling, "door");
  for (const revision of [1, 3, 2, 3, 4]) {
    socket().says({ type: "door-set", roomId: "garden", door: door(revision), by: "ben" });
  }
  assert.deepEqual(heard.map(([, { door: { revision } }]) => revision), [3, 4]);
});

test("news that overtake the first joined wait for it", async () => {
  const { signaling, socket } = start();
  const heard = hear(signaling, "joined", "door");
  const joining = signaling.join("garden");
  socket().opens();
  socket().says({ type: "door-set", roomId: "garden", door: door(2, { locked: true }), by: "ben" });
  socket().says(joinedFrame(socket().sent[0], { door: door(1) }));
  await joining;
  assert.deepEqual(heard.map(([type]) => type), ["joined", "door"]);
});

test("remove resolves when they are gone, also if they had gone already", async () => {
  const { signaling, socket } = await enter({ role: "moderator" });
  for (const answer of ["removed", "peer-not-found"]) {
    const removing = signaling.remove("garden", "ben");
    const { id, ...request } = socket().last("remove");
    assert.deepEqual(request, { type: "remove", roomId: "garden", clientId: "ben" });
    if (answer === "removed") socket().says({ type: "removed", id, roomId: "garden", clientId: "ben" });
    else socket().says(refusal({ id, roomId: "garden" }, answer));
    await removing;
  }
  const forbidden = signaling.remove("garden", "ben");
  socket().says(refusal(socket().last("remove"), "forbidden"));
  await assert.rejects(forbidden, { code: "forbidden" });
});

test("who was removed while away is told so when they come back, and does not come as somebody new", async () => {
  const { signaling, socket, clock, heard } = await enter();
  socket().drops();
  await reopened({ clock, socket });
  const { id } = socket().last("join");
  socket().says({ type: "left", id, roomId: "garden", since: 900, reason: "removed" });
  assert.deepEqual(heard, [["left", { roomId: "garden", reason: "removed" }]]);
  assert.equal(socket().sent.filter(({ type }) => type === "join").length, 1);
  assert.equal(signaling.status, "offline");
});

test("a seat that is limited is taken again when the server said, not before", async () => {
  const { socket, clock } = await enter();
  clock.chance = 0;
  socket().drops();
  await reopened({ clock, socket });
  const before = socket().sent.length;
  socket().says(refusal(socket().last("join"), "rate-limited", { retryAfter: 30 }));
  await clock.advance(29_000);
  assert.equal(socket().sent.length, before);
  await clock.advance(2_000);
  assert.equal(socket().sent.at(-1).type, "join");
});

test("a room knows its role and its door, and passes on what a moderator wants", async () => {
  const { signaling, socket, clock } = start();
  const room = new Room(signaling, { RTCPeerConnection: /** @type {any} */ (FakeConnection), clock });
  const heard = hear(room, "door");
  const joining = room.join("garden");
  socket().opens();
  socket().says(joinedFrame(socket().sent[0], { role: "moderator", door: door(1) }));
  await joining;
  assert.deepEqual([room.role, room.door], ["moderator", door(1)]);
  const removing = room.remove("ben");
  const setting = room.setDoor({ capacity: 4 });
  assert.equal(socket().last("remove").clientId, "ben");
  socket().says({ type: "removed", id: socket().last("remove").id, roomId: "garden", clientId: "ben" });
  const changed = { type: "door-set", roomId: "garden", door: door(2, { capacity: 4 }), by: "me" };
  socket().says({ ...changed, id: socket().last("set-door").id });
  await Promise.all([removing, setting]);
  await settle();
  assert.equal(room.door?.capacity, 4);
  assert.deepEqual(heard.map(([, detail]) => detail.door.revision), [1, 2]);
});
