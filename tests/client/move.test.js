import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER_WITHIN } from "../../client/requests.js";
import { LIFETIME, PING_EVERY } from "../../client/signaling.js";
import { hear, settle } from "./fakes.js";
import { enter, joinedFrame, peer, peersOf, pong } from "./scene.js";

const MINUTE = 60_000;
const news = (clientId, since) => {
  return { type: "peer-joined", roomId: "garden", peer: peer(clientId, since), resumed: false };
};
const words = (heard) => heard.filter(([type]) => type === "broadcast").map(([, { data }]) => data);
const said = (socket) => socket.sent.filter(({ type }) => type === "broadcast").map(({ data }) => data);

/** In the garden for so long, with every ping answered. */
async function stay({ clock, sockets }, minutes) {
  for (let minute = 0; minute < minutes; minute += 1) {
    await clock.advance(MINUTE);
    const socket = sockets.findLast(({ readyState }) => readyState === 1);
    if (socket.last("ping")) pong(socket, { garden: { me: 100 } });
  }
}

/** The new socket is open, and the old one still has the seat. */
async function prepared() {
  const parts = await enter();
  await stay(parts, 110);
  const [old, spare] = parts.sockets;
  return { ...parts, old, spare };
}

/** The new socket has asked for the seat. */
async function moving() {
  const parts = await prepared();
  parts.spare.opens();
  await settle();
  return parts;
}

test("before two hours are over, at a random moment, another socket is opened", async () => {
  for (const [chance, minutes] of [[0, 100], [0.5, 105], [0.999, 110]]) {
    const parts = await enter();
    const { clock, sockets, socket } = parts;
    clock.chance = chance;
    socket().drops(); // the next socket's moment is drawn by this chance
    await clock.advance(1_000);
    socket().opens().says(joinedFrame(socket().last("join"), { since: 200 }));
    await stay(parts, minutes - 1);
    assert.equal(sockets.length, 2);
    await stay(parts, 1);
    assert.equal(sockets.length, 3);
  }
});

test("the lifetime and the time between pings can be set", async () => {
  const { clock, sockets, socket } = await enter({}, { lifetime: 6_000, pingEvery: 2_000 });
  await clock.advance(2_000);
  assert.equal(socket().count("ping"), 1);
  pong(socket(), { garden: { me: 100 } });
  await clock.advance(3_600);
  assert.equal(sockets.length, 2);
});

test("the seat moves when the new socket is open, and nobody notices", async () => {
  const { old, spare, signaling, heard, clock } = await prepared();
  const statuses = hear(signaling, "status");
  assert.equal(spare.sent.length, 0);
  assert.equal(old.readyState, 1);
  spare.opens();
  const { id, ...request } = spare.sent[0];
  assert.equal(request.type, "join");
  assert.deepEqual([request.clientId, request.resumeToken], ["me", "token"]);
  old.says({ type: "left", roomId: "garden", reason: "replaced" });
  old.drops();
  spare.says(joinedFrame({ id, roomId: "garden" }, { since: 200 }));
  assert.deepEqual(heard.map(([type, { resumed }]) => [type, resumed]), [["joined", true]]);
  assert.deepEqual(statuses, []);
  await clock.advance(MINUTE);
  assert.deepEqual(statuses, []);
});

test("what arrives on either socket in between is taken", async () => {
  const { old, spare, signaling, heard, clock } = await moving();
  const says = (socket, data) => socket.says({ type: "broadcast", roomId: "garden", from: "ben", data });
  says(old, 1);
  spare.says(news("kim", 150));
  says(spare, 2);
  spare.says(joinedFrame(spare.last("join"), { since: 200, peers: [peer("kim", 150)] }));
  says(old, 3);
  old.says({ type: "left", roomId: "garden", reason: "replaced" }, news("kim", 150), news("zoe", 160));
  says(old, 4);
  says(spare, 5);
  assert.deepEqual(words(heard), [1, 2, 3, 4, 5]);
  assert.deepEqual(peersOf(signaling), ["kim", "zoe"]);
  assert.equal(heard.filter(([type]) => type === "peer-joined").length, 2);
  await clock.advance(MINUTE);
  assert.equal(old.readyState, 3, "and in the end the old one is let go, whatever the server does");
});

test("what is said while the seat moves waits for the new socket, and goes out once", async () => {
  const { old, spare, signaling } = await moving();
  signaling.broadcast("garden", "one");
  signaling.signal("garden", "ben", "two");
  assert.equal(old.count("broadcast") + spare.count("broadcast"), 0);
  assert.throws(() => signaling.broadcast("garden", "x".repeat(40_000)), { code: "too-large" });
  spare.says(joinedFrame(spare.last("join"), { since: 200 }));
  signaling.broadcast("garden", "three");
  assert.deepEqual(said(spare), ["one", "three"]);
  assert.equal(spare.last("signal").data, "two");
  assert.equal(old.count("broadcast") + old.count("signal"), 0);
});

test("the move waits until the server has done with what was sent, and with what was asked", async () => {
  const { old, spare, signaling, clock } = await prepared();
  signaling.broadcast("garden", "just now");
  const leaving = signaling.leave("attic");
  const joining = signaling.join("cellar");
  spare.opens();
  await clock.advance(3_000);
  assert.equal(spare.sent.length, 0, "the join is unanswered");
  old.says(joinedFrame(old.last("join"), { clientId: "me-too" }));
  await Promise.all([leaving, joining]);
  await clock.advance(2_000);
  const taken = spare.sent.map(({ roomId, clientId }) => [roomId, clientId]);
  assert.deepEqual(taken, [["garden", "me"], ["cellar", "me-too"]]);
  assert.equal(old.count("join"), 2);
});

test("a seat that somebody else took, or was removed from, before it moved is lost", async () => {
  const taken = await prepared();
  taken.signaling.broadcast("garden", "just now");
  taken.spare.opens();
  taken.old.says({ type: "left", roomId: "garden", reason: "replaced" });
  assert.deepEqual(taken.heard, [["left", { roomId: "garden", reason: "replaced" }]]);
  assert.equal(taken.spare.sent.length, 0);

  const removed = await moving();
  removed.old.says({ type: "left", roomId: "garden", reason: "left" });
  assert.deepEqual(removed.heard, [["left", { roomId: "garden", reason: "left" }]]);

  const superseded = await moving();
  const { id } = superseded.spare.last("join");
  superseded.spare.says({ type: "left", id, roomId: "garden", reason: "replaced" });
  assert.deepEqual(superseded.heard, [["left", { roomId: "garden", reason: "replaced" }]]);
});

test("a message that the old socket's server refuses is told, and takes nobody's seat", async () => {
  const { old, spare, signaling, heard, clock } = await prepared();
  signaling.signal("garden", "ben", {});
  const { id } = old.last("signal");
  spare.opens();
  await clock.advance(2_000);
  spare.says(joinedFrame(spare.last("join"), { since: 200 }));
  old.says({ type: "error", id, code: "not-in-room", message: "", roomId: "garden" });
  old.says({ type: "error", code: "not-in-room", message: "", roomId: "garden" });
  const [[first], [second, error]] = heard;
  assert.deepEqual([first, second, error.code, error.to], ["joined", "error", "not-in-room", "ben"]);
  assert.equal(heard.length, 2);
  assert.equal(spare.count("join"), 1);
});

test("a new socket that cannot be had leaves everything as it is, and is tried again", async () => {
  const parts = await prepared();
  const { old, spare, sockets, signaling, heard, clock } = parts;
  signaling.broadcast("garden", "before");
  spare.opens();
  signaling.broadcast("garden", "meanwhile");
  spare.drops();
  assert.deepEqual(said(old), ["before", "meanwhile"]);
  assert.equal(signaling.status, "connected");
  await stay(parts, 2);
  assert.equal(sockets.length, 3);
  await clock.advance(11_000);
  assert.equal(sockets[2].readyState, 3, "one that does not open is given up");
  assert.deepEqual(heard, []);
});

test("both sockets lost in the middle: what waited has failed, and the seat is taken again", async () => {
  const { old, spare, signaling, heard, socket, clock } = await moving();
  signaling.signal("garden", "ben", "waiting");
  spare.drops();
  assert.deepEqual(heard.map(([type, { code, to }]) => [type, code, to]), [["error", "offline", "ben"]]);
  assert.throws(() => signaling.broadcast("garden", {}), { code: "offline" });
  old.says({ type: "broadcast", roomId: "garden", from: "ben", data: "still heard" });
  old.drops();
  await clock.advance(1_000);
  socket().opens().says(joinedFrame(socket().last("join"), { since: 300 }));
  assert.deepEqual(words(heard), ["still heard"]);
  assert.notEqual(signaling.storedSeat("garden"), null);
});

test("a move that is not answered gives the new socket up, one refused for a while is tried again", async () => {
  const silent = await moving();
  await silent.clock.advance(ANSWER_WITHIN);
  assert.equal(silent.spare.readyState, 3);
  assert.equal(silent.signaling.status, "connecting");

  const { spare, clock, signaling } = await moving();
  spare.says({ type: "error", id: spare.last("join").id, code: "internal", message: "" });
  assert.throws(() => signaling.broadcast("garden", {}), { code: "offline" });
  await clock.advance(1_000);
  spare.says(joinedFrame(spare.last("join"), { since: 200 }));
  signaling.broadcast("garden", "again");
  assert.deepEqual(said(spare), ["again"]);
});

test("leaving in the middle of a move leaves on the new socket too", async () => {
  const { spare, signaling, heard } = await moving();
  const request = spare.last("join");
  void signaling.leave("garden");
  spare.says({ type: "error", id: spare.last("leave").id, code: "not-in-room", message: "", roomId: "garden" });
  assert.equal(spare.readyState, 3, "nobody needs it");
  spare.says(joinedFrame(request, { since: 200 }));
  assert.deepEqual(heard, [["left", { roomId: "garden", reason: "left" }]]);
});

test("a machine that sleeps past the moment moves when it wakes", async () => {
  const { clock, sockets } = await enter();
  clock.sleep(LIFETIME);
  await clock.advance(1);
  assert.equal(sockets[0].count("ping"), 1);
  assert.equal(sockets.length, 2);
});

test("pings go on, on the new socket", async () => {
  const { spare, clock } = await moving();
  spare.says(joinedFrame(spare.last("join"), { since: 200 }));
  await clock.advance(PING_EVERY);
  assert.equal(spare.count("ping"), 1);
});
