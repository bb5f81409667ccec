import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER_WITHIN } from "../../client/requests.js";
import { PING_EVERY } from "../../client/signaling.js";
import { hear, settle } from "./fakes.js";
import { enter, joinedFrame, peer, peersOf, pong, reopened, start } from "./scene.js";

test("the client speaks first, and the answer finds its request", async () => {
  const { signaling, socket, heard } = start();
  const joining = signaling.join("garden", { metadata: { name: "Ada" } });
  assert.deepEqual(socket().sent, []);
  socket().opens();
  const { id, ...request } = socket().sent[0];
  assert.deepEqual(request, { type: "join", roomId: "garden", metadata: { name: "Ada" } });
  socket().says(joinedFrame({ id: "another", roomId: "elsewhere" }));
  socket().says(joinedFrame({ id, roomId: "garden" }, { peers: [peer("me", 100), peer("ben", 90)] }));
  const joined = await joining;
  assert.equal(joined.clientId, "me");
  assert.deepEqual(joined.peers, [peer("ben", 90)]);
  assert.deepEqual(joined.iceServers, [{ urls: "stun:example.org" }]);
  assert.deepEqual(heard.map(([type]) => type), ["joined"]);
});

test("a new room gets its id from the server", async () => {
  const { signaling, socket } = start();
  const joining = signaling.join();
  socket().opens();
  assert.equal("roomId" in socket().sent[0], false);
  socket().says(joinedFrame(socket().sent[0]));
  assert.equal((await joining).roomId, "made-by-server");
  assert.deepEqual(signaling.storedSeat("made-by-server"), {
    roomId: "made-by-server",
    clientId: "me",
    resumeToken: "token",
  });
});

test("a refusal rejects with the server's code, and the idle socket is closed", async () => {
  const { signaling, socket } = start();
  const joining = signaling.join("garden");
  socket().opens();
  const { id } = socket().sent[0];
  socket().says({ type: "error", id, code: "room-full", message: "full", roomId: "garden" });
  await assert.rejects(joining, { name: "SignalingError", code: "room-full" });
  assert.equal(signaling.status, "offline");
  assert.equal(socket().readyState, 3);
});

test("a join that is never answered times out after ten seconds", async () => {
  const { signaling, socket, clock } = start();
  const joining = signaling.join("garden");
  const rejection = assert.rejects(joining, { code: "timeout" });
  socket().opens();
  await clock.advance(ANSWER_WITHIN - 1);
  assert.equal(signaling.status, "connected");
  await clock.advance(1);
  await rejection;
  assert.equal(signaling.status, "offline");
});

test("joining the same room twice is refused", async () => {
  const { signaling } = await enter();
  await assert.rejects(signaling.join("garden"), { code: "already-joined" });
});

test("the waits between tries grow, are drawn by chance, and never exceed 15 s", async () => {
  const { clock, socket, sockets } = await enter();
  const waits = [];
  for (let round = 0; round < 9; round += 1) {
    const [before, count] = [clock.now(), sockets.length];
    socket().drops();
    while (sockets.length === count) await clock.advance(10);
    waits.push(clock.now() - before);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000]);
  clock.chance = 0.1;
  socket().drops();
  const count = sockets.length;
  await clock.advance(1_490);
  assert.equal(sockets.length, count);
  await clock.advance(20);
  assert.equal(sockets.length, count + 1);
});

test("after an answer the waits begin anew", async () => {
  const { clock, socket, sockets } = await enter();
  for (let round = 0; round < 3; round += 1) {
    const count = sockets.length;
    socket().drops();
    while (sockets.length === count) await clock.advance(100);
  }
  socket().opens().says(joinedFrame(socket().last("join"), { since: 200 }));
  const count = sockets.length;
  socket().drops();
  await clock.advance(1_000);
  assert.equal(sockets.length, count + 1);
});

test("only an answer ends the backing off: sockets that open and close at once do not", async () => {
  const { clock, socket, sockets } = await enter();
  for (let round = 0; round < 6; round += 1) {
    socket().drops();
    await clock.advance(15_000);
    socket().opens();
  }
  const count = sockets.length;
  socket().drops();
  await clock.advance(14_000);
  assert.equal(sockets.length, count);
});

test("a socket that does not open within ten seconds is given up", async () => {
  const { clock, socket, sockets } = await enter();
  socket().drops();
  await clock.advance(1_000);
  assert.equal(sockets.length, 2);
  await clock.advance(12_000);
  assert.equal(sockets[1].readyState, 3);
  assert.equal(sockets.length, 3);
});

test("the network's return and a look at the page end the wait at once", async () => {
  for (const type of ["online", "visibilitychange"]) {
    const { page, socket, sockets } = await enter();
    socket().drops();
    assert.equal(sockets.length, 1);
    page.dispatchEvent(new Event(type));
    assert.equal(sockets.length, 2);
  }
});

test("the status does not flicker with every try", async () => {
  const { signaling, clock, socket, sockets } = await enter();
  const heard = hear(signaling, "status");
  for (let round = 0; round < 4; round += 1) {
    const count = sockets.length;
    socket().drops();
    while (sockets.length === count) await clock.advance(100);
  }
  socket().opens();
  assert.deepEqual(heard.map(([, status]) => status), ["connecting", "offline", "connected"]);
});

test("a new socket resumes every room with id, token and metadata", async () => {
  const { signaling, socket, clock, heard } = await enter({ peers: [peer("ben", 90)] });
  socket().drops();
  const again = await reopened({ clock, socket });
  const { id, ...request } = again.sent[0];
  assert.deepEqual(request, {
    type: "join",
    roomId: "garden",
    clientId: "me",
    resumeToken: "token",
    metadata: { name: "Ada" },
  });
  again.says(joinedFrame({ id, roomId: "garden" }, { since: 200, peers: [peer("ben", 90)] }));
  assert.deepEqual(heard.map(([type]) => type), ["joined"]);
  assert.equal(heard[0][1].resumed, true);
  assert.deepEqual(peersOf(signaling), ["ben"]);
});

test("a pong that takes longer than the pings are apart does not end the heartbeat", async () => {
  const { socket, clock } = await enter({}, { pingEvery: 2_000 });
  await clock.advance(2_000);
  assert.equal(socket().count("ping"), 1);
  await clock.advance(3_000);
  assert.equal(socket().count("ping"), 1, "one at a time");
  pong(socket(), { garden: { me: 100 } });
  await clock.advance(2_000);
  assert.equal(socket().count("ping"), 2);
});

test("an abandoned socket is not listened to: its `left: replaced` is not meant for us", async () => {
  const { signaling, socket, sockets, clock, heard } = await enter();
  const old = sockets[0];
  await clock.advance(PING_EVERY + ANSWER_WITHIN); // the ping stays unanswered
  old.says({ type: "left", roomId: "garden", reason: "replaced" });
  await clock.advance(1_000);
  socket().opens();
  assert.equal(socket().count("join"), 1);
  assert.deepEqual(heard.map(([type, { code }]) => [type, code]), [["error", "timeout"]]);
  assert.notEqual(signaling.storedSeat("garden"), null);
});

test("a resume settles who left and who came, each told once", async () => {
  const { socket, clock, heard, signaling } = await enter({ peers: [peer("ben", 90), peer("eve", 95)] });
  socket().drops();
  const again = await reopened({ clock, socket });
  const roster = [peer("ben", 90), peer("kim", 150)];
  again.says(joinedFrame(again.last("join"), { since: 200, peers: roster }));
  const told = heard.map(([type, detail]) => [type, detail.clientId ?? detail.peer?.clientId, detail.reason]);
  assert.deepEqual(told, [
    ["joined", "me", undefined],
    ["peer-left", "eve", "expired"],
    ["peer-joined", "kim", undefined],
  ]);
  assert.deepEqual(peersOf(signaling), ["ben", "kim"]);
});

test("who arrives while we resume is not taken for gone, however old their `since`", async () => {
  const { socket, clock, signaling, heard } = await enter();
  socket().drops();
  const again = await reopened({ clock, socket });
  again.says({ type: "peer-joined", roomId: "garden", peer: peer("kim", 150), resumed: false });
  again.says(joinedFrame(again.last("join"), { since: 200, peers: [] }));
  assert.deepEqual(peersOf(signaling), ["kim"]);
  assert.deepEqual(heard.map(([type]) => type), ["peer-joined", "joined"]);
});

test("a refused token leads to a join as somebody new", async () => {
  const { socket, clock, heard, signaling } = await enter();
  socket().drops();
  const again = await reopened({ clock, socket });
  const first = again.last("join");
  again.says({ type: "error", id: first.id, code: "unauthorized", message: "", roomId: "garden" });
  const second = again.last("join");
  assert.notEqual(second.id, first.id);
  assert.equal("clientId" in second || "resumeToken" in second, false);
  again.says(joinedFrame(second, { clientId: "new", since: 300 }));
  assert.equal(heard[0][1].clientId, "new");
  assert.equal(heard[0][1].resumed, false);
  assert.equal(signaling.storedSeat("garden").clientId, "new");
});

test("unauthorized without a token is a refusal, not a loop", async () => {
  const { signaling, socket } = start();
  const joining = signaling.join("garden");
  socket().opens();
  const { id } = socket().last("join");
  socket().says({ type: "error", id, code: "unauthorized", message: "" });
  await assert.rejects(joining, { code: "unauthorized" });
  assert.equal(socket().count("join"), 1);
});

test("a resume refused for a passing reason is tried again, one refused for good ends the seat", async () => {
  const { page, socket, clock, heard } = await enter();
  socket().drops();
  const again = await reopened({ clock, socket });
  again.says({ type: "error", id: again.last("join").id, code: "internal", message: "" });
  await clock.advance(1_000);
  assert.equal(again.count("join"), 2);
  again.says({ type: "error", id: again.last("join").id, code: "internal", message: "" });
  again.drops(); // the next socket joins at once: the try that was due is not needed any more
  page.dispatchEvent(new Event("online"));
  const third = socket().opens();
  await clock.advance(4_000);
  assert.equal(third.count("join"), 1);
  third.says(joinedFrame(third.last("join"), { since: 200 }));
  heard.length = 0;
  third.says({ type: "error", code: "not-in-room", message: "", roomId: "garden" });
  heard.length = 0;
  third.says({ type: "error", id: third.last("join").id, code: "room-full", message: "" });
  assert.deepEqual(heard, [["left", { roomId: "garden", reason: "room-full" }]]);
});

test("a resume that stays unanswered gives the socket up", async () => {
  const { socket, sockets, clock } = await enter();
  socket().drops();
  const again = await reopened({ clock, socket });
  const count = sockets.length;
  await clock.advance(ANSWER_WITHIN);
  assert.equal(again.readyState, 3);
  await clock.advance(15_000);
  assert.equal(sockets.length, count + 1);
});

test("replaced stays out: nothing brings the seat back", async () => {
  const { signaling, socket, sockets, clock, page, heard } = await enter();
  socket().says({ type: "left", roomId: "garden", reason: "replaced" });
  assert.deepEqual(heard, [["left", { roomId: "garden", reason: "replaced" }]]);
  page.dispatchEvent(new Event("online"));
  await clock.advance(3_600_000);
  assert.equal(sockets.length, 1);
  assert.equal(socket().count("join"), 1);
  assert.equal(signaling.storedSeat("garden"), null);
});

test("a left that is late or doubled does not end a newer stay", async () => {
  const { signaling, socket, heard } = await enter();
  const removed = { type: "left", roomId: "garden", since: 100, reason: "left" };
  socket().says(removed);
  assert.deepEqual(heard.splice(0), [["left", { roomId: "garden", reason: "left" }]]);
  const joining = signaling.join("garden");
  socket().opens();
  socket().says(removed);
  socket().says(joinedFrame(socket().last("join"), { since: 300 }), removed);
  assert.equal((await joining).since, 300);
  assert.deepEqual(heard.map(([type]) => type), ["joined"]);
  socket().says({ ...removed, since: 300 });
  assert.deepEqual(heard.map(([type]) => type), ["joined", "left"]);
});

test("a left that comes before the first joined waits for it", async () => {
  const { signaling, socket, heard } = start();
  const joining = signaling.join("garden");
  socket().opens();
  socket().says({ type: "left", roomId: "garden", since: 100, reason: "left" });
  assert.deepEqual(heard, []);
  socket().says(joinedFrame(socket().last("join"), { since: 100 }));
  await joining;
  assert.deepEqual(heard.map(([type]) => type), ["joined", "left"]);
  assert.equal(signaling.storedSeat("garden"), null);
});

test("leave is answered, told, and closes the socket that nobody needs", async () => {
  const { signaling, socket, heard } = await enter();
  const leaving = signaling.leave("garden");
  assert.deepEqual(heard, [["left", { roomId: "garden", reason: "left" }]]);
  const { id } = socket().last("leave");
  assert.equal(socket().readyState, 1);
  socket().says({ type: "left", id, roomId: "garden", reason: "left" });
  await leaving;
  assert.equal(socket().readyState, 3);
  assert.equal(heard.length, 1);
});

test("the answer to a leave does not end a seat taken since", async () => {
  const { signaling, socket, heard } = await enter();
  void signaling.leave("garden");
  const { id } = socket().last("leave");
  void signaling.join("garden");
  const answer = { type: "left", id, roomId: "garden", reason: "left" };
  assert.equal(socket().count("join"), 1, "the two frames could overtake each other");
  socket().says(answer);
  socket().says(joinedFrame(socket().last("join"), { since: 300 }), answer);
  assert.notEqual(signaling.storedSeat("garden"), null);
  assert.deepEqual(heard.map(([type]) => type), ["left", "joined"]);
});

test("a leave that is not answered is repeated, told, and ends with the socket", async () => {
  const { signaling, socket, clock, heard } = await enter();
  const leaving = signaling.leave("garden");
  heard.length = 0;
  await clock.advance(ANSWER_WITHIN);
  await leaving;
  assert.equal(socket().count("leave"), 2);
  assert.deepEqual(heard.map(([type, { code }]) => [type, code]), [["error", "timeout"]]);
  assert.equal(socket().readyState, 3);
});

test("a request is repeated once on the same socket, and answered once", async () => {
  const { signaling, socket, clock, heard } = start();
  const joining = signaling.join();
  socket().opens();
  await clock.advance(ANSWER_WITHIN / 2);
  const [first, second] = socket().sent;
  assert.deepEqual(first, second);
  const answers = ["one", "two"].map((roomId) => joinedFrame(first, { roomId }));
  socket().says(...answers);
  assert.equal((await joining).roomId, "one");
  assert.equal(socket().last("leave").roomId, "two", "a new room each time: the second is given back");
  assert.deepEqual(heard.map(([type]) => type), ["joined"]);
  assert.equal(signaling.storedSeat("two"), null);
});

test("a seat in the pong that nobody wants is given back", async () => {
  const { signaling, socket, clock } = await enter();
  await clock.advance(PING_EVERY);
  pong(socket(), { garden: { me: 100 }, attic: { me: 50 } });
  assert.equal(socket().last("leave").roomId, "attic");
  assert.notEqual(signaling.storedSeat("garden"), null);
});

test("an error that comes twice is told once", async () => {
  const { signaling, socket, heard } = await enter({ peers: [peer("ben", 90)] });
  signaling.signal("garden", "ben", {});
  const error = { type: "error", id: socket().last("signal").id, code: "undeliverable", message: "", roomId: "garden" };
  socket().says(error, error);
  assert.equal(heard.length, 1);
});

test("leaving before being let in rejects the join, and gives a late seat back", async () => {
  const { signaling, socket } = await enter();
  const joining = signaling.join("attic");
  const request = socket().last("join");
  void signaling.leave("attic");
  await assert.rejects(joining, { code: "left" });
  socket().says(joinedFrame(request));
  assert.equal(socket().sent.filter(({ type, roomId }) => type === "leave" && roomId === "attic").length, 2);
});

test("a ping goes out every eight minutes; an unanswered one gives the socket up", async () => {
  const { socket, sockets, clock } = await enter();
  await clock.advance(PING_EVERY - 1);
  assert.equal(socket().count("ping"), 0);
  await clock.advance(1);
  assert.equal(socket().count("ping"), 1);
  pong(socket(), { garden: { me: 100 } });
  await clock.advance(PING_EVERY);
  assert.equal(socket().count("ping"), 2);
  assert.equal(sockets.length, 1);
  await clock.advance(ANSWER_WITHIN + 1_000);
  assert.equal(sockets.length, 2);
});

test("a pong repairs the view: who is unknown is added, who is missing has expired", async () => {
  const { signaling, socket, clock, heard } = await enter({ peers: [peer("ben", 90), peer("eve", 95)] });
  await clock.advance(PING_EVERY);
  socket().says({ type: "peer-joined", roomId: "garden", peer: peer("kim", 99), resumed: false });
  pong(socket(), { garden: { me: 100, ben: 90, zoe: 97 } });
  assert.deepEqual(peersOf(signaling), ["ben", "kim", "zoe"]); // kim came after the ping was sent
  const [, left, zoe] = heard.map(([, detail]) => detail);
  assert.deepEqual(left, { roomId: "garden", clientId: "eve", since: 95, reason: "expired" });
  assert.equal(zoe.peer.metadata, null);
  socket().says({ type: "peer-joined", roomId: "garden", peer: peer("zoe", 97, { name: "Zoe" }) });
  assert.equal(heard.at(-1)[0], "peer-changed");
  assert.deepEqual(heard.at(-1)[1].peer.metadata, { name: "Zoe" });
});

test("a pong that tells of a newer seat keeps what is known of its holder", async () => {
  const { signaling, socket, clock, heard } = await enter({ peers: [peer("ben", 90, { name: "Ben" })] });
  await clock.advance(PING_EVERY);
  pong(socket(), { garden: { me: 100, ben: 150 } });
  const [[type, detail]] = heard;
  assert.equal(type, "peer-resumed");
  assert.equal(detail.peer.since, 150);
  assert.deepEqual(signaling.peers("garden")[0].metadata, { name: "Ben" });
});

test("news of ourselves is not news of a peer", async () => {
  const { signaling, socket, heard } = await enter();
  socket().says({ type: "peer-joined", roomId: "garden", peer: peer("me", 200), resumed: true });
  socket().says({ type: "peer-left", roomId: "garden", clientId: "me", since: 50, reason: "left" });
  assert.deepEqual(heard, []);
  assert.deepEqual(peersOf(signaling), []);
});

test("an echo of a pong is not believed", async () => {
  const { signaling, socket, clock } = await enter({ peers: [peer("ben", 90)] });
  await clock.advance(PING_EVERY);
  const { id } = socket().last("ping");
  pong(socket(), { garden: { me: 100, ben: 90 } });
  socket().says({ type: "pong", id, rooms: { garden: { me: 100 } } });
  assert.deepEqual(peersOf(signaling), ["ben"]);
  socket().says({ type: "peer-joined", roomId: "garden", peer: peer("kim", 150), resumed: false });
  await clock.advance(PING_EVERY);
  socket().says({ type: "pong", id, rooms: { garden: { me: 100, ben: 90 } } });
  assert.deepEqual(peersOf(signaling), ["ben", "kim"], "nor as the answer to the next ping");
});

test("a pong does not bring back who left meanwhile", async () => {
  const { signaling, socket, clock } = await enter({ peers: [peer("ben", 90)] });
  await clock.advance(PING_EVERY);
  socket().says({ type: "peer-left", roomId: "garden", clientId: "ben", since: 90, reason: "left" });
  pong(socket(), { garden: { me: 100, ben: 90 } });
  assert.deepEqual(peersOf(signaling), []);
});

test("a room missing from the pong, and an error not-in-room, lead to a join with the token", async () => {
  const missing = await enter();
  await missing.clock.advance(PING_EVERY);
  pong(missing.socket(), {});
  assert.equal(missing.socket().count("join"), 2);
  assert.equal(missing.socket().last("join").resumeToken, "token");

  const told = await enter();
  await told.clock.advance(PING_EVERY);
  told.socket().says({ type: "error", code: "not-in-room", message: "", roomId: "garden" });
  assert.equal(told.socket().count("join"), 2);
  pong(told.socket(), {});
  assert.equal(told.socket().count("join"), 2);
  assert.deepEqual(told.heard, [], "what is being repaired is no concern of the page");
});

test("since orders the news about one member", async () => {
  const { signaling, socket, heard } = await enter();
  const says = (type, since, more = {}) => {
    const about = type === "peer-joined" ? { peer: peer("ben", since) } : { clientId: "ben", since };
    socket().says({ type, roomId: "garden", ...about, ...more });
  };
  says("peer-left", 150, { reason: "left" }); // overtook the arrival that it ends
  says("peer-joined", 150);
  assert.deepEqual(peersOf(signaling), []);
  says("peer-joined", 160);
  says("peer-joined", 160); // twice
  says("peer-left", 150, { reason: "left" }); // late: of the seat before
  says("peer-joined", 170, { resumed: true });
  says("peer-left", 160, { reason: "disconnected" }); // slow, overtaken by the resume
  assert.deepEqual(peersOf(signaling), ["ben"]);
  says("peer-left", 170, { reason: "left" });
  says("peer-left", 170, { reason: "left" });
  assert.deepEqual(
    heard.map(([type, { resumed, reason }]) => [type, resumed ?? reason]),
    [["peer-joined", false], ["peer-resumed", undefined], ["peer-left", "left"]],
  );
});

test("offers and arrivals that overtake our own joined wait for it, and are merged", async () => {
  const { signaling, socket, heard } = start();
  void signaling.join("garden");
  socket().opens();
  socket().says(
    { type: "peer-joined", roomId: "garden", peer: peer("kim", 110), resumed: false },
    { type: "signal", roomId: "garden", from: "kim", data: { n: 1 } },
    { type: "peer-left", roomId: "garden", clientId: "ben", since: 90, reason: "left" },
  );
  assert.deepEqual(heard, []);
  socket().says(joinedFrame(socket().last("join"), { peers: [peer("ben", 90), peer("eve", 95)] }));
  assert.deepEqual(heard.map(([type]) => type), ["joined", "peer-joined", "signal", "peer-left"]);
  assert.deepEqual(peersOf(signaling), ["eve", "kim"]);
});

test("an echo of joined neither ends nor repeats anything", async () => {
  const { signaling, socket, heard } = await enter({ peers: [peer("ben", 90)] });
  const { id } = socket().last("join");
  socket().says({ type: "peer-joined", roomId: "garden", peer: peer("kim", 110), resumed: false });
  socket().says({ type: "peer-left", roomId: "garden", clientId: "ben", since: 90, reason: "left" });
  heard.length = 0;
  socket().says(joinedFrame({ id, roomId: "garden" }, { peers: [peer("ben", 90)] }));
  assert.deepEqual(heard, []);
  assert.deepEqual(peersOf(signaling), ["kim"]);
  socket().says(joinedFrame({ id, roomId: "garden" }, { peers: [peer("zoe", 95)] }));
  assert.deepEqual(peersOf(signaling), ["kim", "zoe"], "whom we had not heard of is no harm");
});

test("signals go out quietly, and what the server refuses names the recipient", async () => {
  const { signaling, socket, heard } = await enter({ peers: [peer("ben", 90)] });
  signaling.signal("garden", "ben", { secret: 1 });
  const { id, ...message } = socket().last("signal");
  assert.deepEqual(message, { type: "signal", roomId: "garden", to: "ben", data: { secret: 1 } });
  socket().says({ type: "error", id, code: "undeliverable", message: "", roomId: "garden" });
  assert.equal(heard[0][0], "error");
  assert.equal(heard[0][1].code, "undeliverable");
  assert.equal(heard[0][1].to, "ben");
});

test("peer-not-found asks for the roster at once", async () => {
  const { signaling, socket } = await enter({ peers: [peer("ben", 90)] });
  signaling.signal("garden", "ben", {});
  const { id } = socket().last("signal");
  socket().says({ type: "error", id, code: "peer-not-found", message: "", roomId: "garden" });
  assert.equal(socket().count("ping"), 1);
});

test("nothing is lost in silence: offline, not-in-room and too-large are thrown", async () => {
  const { signaling, socket, clock } = await enter();
  assert.throws(() => signaling.signal("attic", "ben", {}), { code: "not-in-room" });
  assert.throws(() => signaling.signal("garden", "ben", "ü".repeat(16 * 1024)), { code: "too-large" });
  signaling.broadcast("garden", "x".repeat(30 * 1024));
  assert.equal(socket().count("broadcast"), 1);
  socket().drops();
  assert.throws(() => signaling.broadcast("garden", {}), { code: "offline" });
  await reopened({ clock, socket });
  assert.throws(() => signaling.signal("garden", "ben", {}), { code: "offline" }, "not yet resumed");
});

test("metadata that is too large rejects the join", async () => {
  const { signaling } = await enter();
  const joining = signaling.join("attic", { metadata: { name: "x".repeat(40_000) } });
  await assert.rejects(joining, { code: "too-large" });
});

test("frames that are none of ours do no harm", async () => {
  const { signaling, socket, heard } = await enter({ peers: [peer("ben", 90)] });
  socket().says(
    "not json",
    "[1]",
    "null",
    "42",
    { message: "Internal server error", connectionId: "x=", requestId: "y" },
    { type: "tomorrow", roomId: "garden" },
    { type: "peer-left", roomId: "elsewhere", clientId: "ben", since: 999, reason: "left" },
    { type: 7 },
  );
  assert.deepEqual(heard, []);
  assert.deepEqual(peersOf(signaling), ["ben"]);
});

test("one socket carries several rooms, and news stays in its room", async () => {
  const { signaling, socket, sockets, heard } = await enter();
  const joining = signaling.join("attic");
  socket().says(joinedFrame(socket().last("join"), { clientId: "other" }));
  await joining;
  socket().says({ type: "peer-joined", roomId: "attic", peer: peer("ben", 200), resumed: false });
  assert.equal(sockets.length, 1);
  assert.deepEqual(peersOf(signaling), []);
  assert.equal(heard.at(-1)[1].roomId, "attic");
  void signaling.leave("attic");
  await settle();
  assert.equal(socket().readyState, 1);
});

test("a socket that was opened ahead takes the join at once; nobody joins, and it is closed", async () => {
  const { signaling, socket, sockets, clock } = start();
  signaling.prepare();
  socket().opens();
  assert.deepEqual(socket().sent, []);
  void signaling.join("garden");
  assert.equal(socket().last("join").roomId, "garden");
  await clock.advance(5_000);
  assert.equal(sockets.length, 1);
  const idle = start();
  idle.signaling.prepare();
  idle.socket().opens();
  await idle.clock.advance(60_000);
  assert.equal(idle.socket().readyState, 3);
});

test("a join does not wait for the next try of a socket that could not be opened ahead", async () => {
  const { signaling, socket, sockets } = start();
  signaling.prepare();
  socket().drops();
  signaling.prepare(); // looking at the button once more is no reason to hurry
  assert.equal(sockets.length, 1);
  void signaling.join("garden").catch(() => {});
  assert.equal(sockets.length, 2);
});
