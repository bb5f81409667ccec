import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { LONGEST_TEXT, Room, WATCHDOG } from "../../client/room.js";
import { SignalingError } from "../../client/signaling.js";
import { SETTLED } from "../../client/spare.js";
import { configured } from "../../client/webrtc.js";
import { FakeClock, FakeConnection, FakeSignaling, hear, settle } from "./fakes.js";

const RTCPeerConnection = /** @type {any} */ (FakeConnection);

beforeEach(() => (FakeConnection.made = []));

const info = (clientId, since, more = {}) => {
  return { clientId, since, metadata: { name: clientId }, connected: true, ...more };
};

const offerOf = (session, seq = 1, ufrag = "u") => {
  return { session, seq, description: { type: "offer", sdp: `offer\r\na=ice-ufrag:${ufrag}\r\n` } };
};

/** We are `me`, since 100: polite to `zoe`, impolite to `ada`. */
async function enter(peers = [], { clientId = "me" } = {}) {
  const clock = new FakeClock();
  const signaling = new FakeSignaling();
  const room = new Room(/** @type {any} */ (signaling), { RTCPeerConnection, clock });
  const heard = hear(room, "peer", "message", "status", "left", "error");
  const joining = room.join("garden", { metadata: { name: "Me" } });
  const admit = (list, more = {}) => {
    const ice = [{ urls: "stun:example.org" }];
    signaling.admit({ roomId: "garden", clientId, since: 100, resumed: false, peers: list, iceServers: ice, ...more });
  };
  admit(peers);
  await joining;
  await clock.advance(50);
  const peerEvents = () => {
    const events = heard.filter(([type]) => type === "peer").map(([, event]) => event);
    return events.map(({ change, peer }) => `${change} ${peer.clientId}`).filter((line) => !line.startsWith("changed"));
  };
  return { clock, signaling, room, heard, admit, peerEvents };
}

const latest = () => FakeConnection.made.at(-1);
const says = (signaling, type, detail) => signaling.emit(type, { roomId: "garden", ...detail });
const arrives = (signaling, peer, resumed = false) => says(signaling, "peer-joined", { peer, resumed });
const leaves = (signaling, clientId, reason, since = 0) => says(signaling, "peer-left", { clientId, since, reason });
const offers = (signaling, from, data) => says(signaling, "signal", { from, data });
const states = (room) => room.peers.map(({ clientId, state }) => `${clientId} ${state}`).sort();
const recipients = ({ signals }) => signals.map(({ to }) => to);

/** In the room with `who`, connected. */
async function connected(who = "zoe") {
  const parts = await enter([info(who, 50)]);
  const connection = latest();
  const answer = { type: "answer", sdp: "answer\r\na=ice-ufrag:w\r\n" };
  parts.signaling.emit("signal", { roomId: "garden", from: who, data: { session: "100-me", seq: 1, description: answer } });
  await settle();
  connection.connects();
  parts.signaling.signals.length = 0;
  return { ...parts, connection };
}

test("the newcomer offers to all who are listed and connected, with the ICE servers it was given", async () => {
  const { signaling, room } = await enter([info("ada", 50), info("zoe", 60), info("kim", 70, { connected: false })]);
  assert.deepEqual(recipients(signaling), ["ada", "zoe"]);
  assert.equal(signaling.signals[0].data.session, "100-me");
  assert.equal(signaling.signals[0].data.description.type, "offer");
  const given = /** @type {RTCConfiguration} */ ({ iceServers: [{ urls: "stun:example.org" }], iceTransportPolicy: "all" });
  for (const { options } of FakeConnection.made) {
    const { iceCandidatePoolSize, ...rest } = options;
    assert.deepEqual(rest, configured(given));
  }
  assert.deepEqual(states(room), ["ada connecting", "kim waiting", "zoe connecting"]);
});

test("a connection is being made while the answer, or an offer, is on its way", async () => {
  const { signaling, room, clock } = await enter();
  assert.equal(FakeConnection.made.length, 1);
  arrives(signaling, info("zoe", 200));
  const [first, second] = FakeConnection.made;
  assert.equal(first.closed, true, "made before the ICE servers were known");
  await clock.advance(SETTLED);
  offers(signaling, "zoe", { session: "200-zoe", seq: 1, description: { type: "offer", sdp: "offer" } });
  await settle();
  assert.equal(room.link("zoe")?.connection, second);
  arrives(signaling, info("kim", 300));
  assert.equal(FakeConnection.made.length, 3);
  await room.leave();
  assert.equal(FakeConnection.made[2].closed, true);
});

test("nobody offers on peer-joined; after ten seconds without an offer the polite side does", async () => {
  const { signaling, clock } = await enter();
  arrives(signaling, info("ada", 200));
  arrives(signaling, info("zoe", 210));
  await clock.advance(WATCHDOG - 100);
  assert.deepEqual(recipients(signaling), []);
  await clock.advance(1_000);
  assert.deepEqual(recipients(signaling), ["zoe"]);
  assert.equal(signaling.signals[0].data.session, "210-me");
});

test("an offer that comes in time calls the watchdog off", async () => {
  const { signaling, clock } = await enter();
  arrives(signaling, info("zoe", 210));
  offers(signaling, "zoe", offerOf("210-zoe"));
  await clock.advance(WATCHDOG + 1_000);
  assert.deepEqual(signaling.signals.map(({ data }) => data.description.type), ["answer"]);
  assert.equal(FakeConnection.made.filter(({ closed }) => !closed).length, 1);
});

test("an offer that overtook the news of its sender is answered, and the two are merged", async () => {
  const { signaling, room, clock, peerEvents } = await enter();
  offers(signaling, "zoe", offerOf("210-zoe"));
  arrives(signaling, info("zoe", 210));
  await clock.advance(50);
  assert.equal(signaling.signals[0].data.description.type, "answer");
  assert.deepEqual(peerEvents(), ["added zoe"]);
  assert.equal(room.peers[0].metadata.name, "zoe");
});

test("a newer session replaces the connection; an older one, or a late message of it, does nothing", async () => {
  const { signaling, room, clock, connection } = await connected();
  offers(signaling, "zoe", offerOf("300-zoe"));
  await clock.advance(50);
  assert.equal(connection.closed, true);
  assert.equal(FakeConnection.made.length, 2);
  assert.deepEqual(recipients(signaling), ["zoe"]);
  latest().getsChannel();
  latest().connects();
  offers(signaling, "zoe", offerOf("299-zoe"));
  offers(signaling, "zoe", { session: "100-me", seq: 9, candidates: [] });
  await clock.advance(50);
  assert.equal(FakeConnection.made.length, 2);
  assert.deepEqual(states(room), ["zoe connected"]);
});

test("session glare: the greater one stands, on both sides", async () => {
  const losing = await enter([info("zoe", 50)]); // ours is 100-me; at the same moment zoe made 100-zoe
  offers(losing.signaling, "zoe", offerOf("100-zoe"));
  await losing.clock.advance(50);
  assert.equal(FakeConnection.made[0].closed, true);
  assert.equal(losing.signaling.signals.at(-1).data.session, "100-zoe");
  assert.equal(losing.signaling.signals.at(-1).data.description.type, "answer");

  const winning = await enter([info("ada", 50)]);
  const ours = latest();
  const [offer] = winning.signaling.signals;
  offers(winning.signaling, "ada", offerOf("100-ada"));
  await winning.clock.advance(50);
  assert.equal(ours.closed, false);
  // Ours may have been lost: it is said again, word for word.
  assert.deepEqual(winning.signaling.signals, [offer, offer]);
});

test("a session can be started only by its sender", async () => {
  const { signaling, clock } = await connected();
  offers(signaling, "zoe", offerOf("900-ada"));
  offers(signaling, "zoe", offerOf("900-me"));
  for (const data of [null, "text", {}, { session: 7 }, []]) offers(signaling, "zoe", data);
  await clock.advance(50);
  assert.equal(FakeConnection.made.length, 1);
});

test("an ended session is not brought back by a late message", async () => {
  const { signaling, room, clock } = await connected();
  leaves(signaling, "zoe", "left");
  offers(signaling, "zoe", { session: "100-me", seq: 5, candidates: [] });
  offers(signaling, "zoe", offerOf("99-zoe"));
  await clock.advance(50);
  assert.deepEqual(room.peers, []);
  assert.equal(FakeConnection.made.length, 1);
});

test("left and removed close the connection at once", async () => {
  for (const reason of ["left", "removed"]) {
    const { signaling, room, connection, peerEvents } = await connected();
    leaves(signaling, "zoe", reason);
    assert.equal(connection.closed, true);
    assert.deepEqual(room.peers, []);
    assert.deepEqual(peerEvents(), ["added zoe", "removed zoe"]);
  }
});

test("disconnected and expired stay while ICE lives, and go when it fails", async () => {
  for (const reason of ["disconnected", "expired"]) {
    const { signaling, room, connection, peerEvents } = await connected();
    leaves(signaling, "zoe", reason);
    connection.turns("disconnected");
    assert.deepEqual(states(room), ["zoe reconnecting"]);
    assert.deepEqual(peerEvents(), ["added zoe"]);
    connection.turns("failed");
    assert.deepEqual(room.peers, []);
    assert.deepEqual(peerEvents(), ["added zoe", "removed zoe"]);
    assert.equal(connection.restarts, undefined);
  }
});

test("disconnected without a connection goes at once", async () => {
  const { signaling, peerEvents } = await enter([info("zoe", 50)]);
  leaves(signaling, "zoe", "disconnected");
  assert.deepEqual(peerEvents(), ["added zoe", "removed zoe"]);
});

test("bye closes at once, and the peer-left that follows tells nothing new", async () => {
  const { signaling, connection, peerEvents } = await connected();
  connection.channel.hears({ type: "bye" });
  assert.deepEqual(peerEvents(), ["added zoe", "removed zoe"]);
  leaves(signaling, "zoe", "left");
  assert.equal(connection.closed, true);
  assert.deepEqual(peerEvents(), ["added zoe", "removed zoe"]);
});

test("who resumes with a working connection keeps it", async () => {
  const { signaling, clock, connection, peerEvents } = await connected();
  arrives(signaling, info("zoe", 200), true);
  await clock.advance(WATCHDOG * 2);
  assert.equal(FakeConnection.made.length, 1);
  assert.equal(connection.closed, false);
  assert.deepEqual(signaling.signals, []);
  assert.deepEqual(peerEvents(), ["added zoe"]);
});

test("the server forgot the room: both resume into an empty one and stay connected, told once", async () => {
  const { signaling, room, clock, admit, peerEvents } = await connected();
  signaling.turns("connecting");
  signaling.turns("connected");
  admit([], { since: 500, resumed: true });
  leaves(signaling, "zoe", "expired", 50);
  arrives(signaling, info("zoe", 510), true);
  await clock.advance(WATCHDOG * 2);
  assert.deepEqual(states(room), ["zoe connected"]);
  assert.deepEqual(peerEvents(), ["added zoe"]);
  assert.deepEqual(signaling.signals, []);
  leaves(signaling, "zoe", "disconnected", 510);
  assert.deepEqual(states(room), ["zoe connected"]);
});

test("after our own resume we offer to those without a connection, and repeat what may be lost", async () => {
  const { signaling, clock, admit } = await enter([info("ada", 50)]);
  const [offer] = signaling.signals;
  admit([info("ada", 50), info("zoe", 80)], { since: 500, resumed: true });
  await clock.advance(50);
  assert.deepEqual(signaling.signals[1], offer);
  assert.equal(signaling.signals[2].to, "zoe");
  assert.equal(signaling.signals[2].data.session, "500-me");
  assert.equal(signaling.signals.length, 3);
});

test("what could not be sent while signaling was away is sent after the resume", async () => {
  const { signaling, clock, admit, connection } = await connected("ada");
  signaling.away = new SignalingError("offline", "");
  signaling.turns("offline");
  connection.turns("failed");
  await clock.advance(50);
  assert.equal(connection.restarts, 1);
  assert.deepEqual(signaling.signals, []);
  signaling.away = null;
  signaling.turns("connected");
  admit([info("ada", 50)], { since: 500, resumed: true });
  assert.deepEqual(signaling.signals.map(({ data }) => [data.session, data.seq]), [["100-me", 2]]);
});

test("an undeliverable message is repeated a little later, one for nobody is not", async () => {
  const { signaling, clock } = await enter([info("zoe", 50)]);
  const failure = (code) => new SignalingError(code, "", { roomId: "garden", to: "zoe" });
  signaling.emit("error", failure("peer-not-found"));
  await clock.advance(3_000);
  assert.equal(signaling.signals.length, 1);
  signaling.emit("error", failure("undeliverable"));
  await clock.advance(3_000);
  assert.equal(signaling.signals.length, 2);
});

test("a connection that ends while its peer is still listed is made anew, with ever longer waits", async () => {
  const { signaling, clock, room, connection } = await connected();
  connection.channel.closes();
  assert.deepEqual(states(room), ["zoe waiting"]);
  await clock.advance(3_100);
  assert.deepEqual(signaling.signals.map(({ data }) => data.session), ["101-me"]);
  await clock.advance(20_000 + 5_000); // not answered: given up
  assert.equal(signaling.signals.length, 1);
  await clock.advance(1_200); // and tried once more
  assert.deepEqual(signaling.signals.map(({ data }) => data.session), ["101-me", "102-me"]);
});

test("while signaling is away nothing is tried in vain", async () => {
  const { signaling, clock, connection } = await connected();
  signaling.turns("offline");
  connection.channel.closes();
  await clock.advance(60_000);
  assert.equal(FakeConnection.made.length, 1);
});

test("an id not our own any more means new connections to all", async () => {
  const { signaling, clock, admit, connection, room } = await connected();
  admit([info("zoe", 50)], { clientId: "new", since: 500 });
  await clock.advance(50);
  assert.equal(connection.closed, true);
  assert.equal(room.clientId, "new");
  assert.equal(signaling.signals.at(-1).data.session, "500-new");
});

test("chat goes to all open channels, and comes with its sender", async () => {
  const { room, heard, connection, signaling, clock } = await connected();
  arrives(signaling, info("ada", 300));
  assert.equal(room.send("hello"), 1);
  assert.deepEqual(connection.channel.sent.at(-1), { type: "chat", text: "hello" });
  connection.channel.hears({ type: "chat", text: "you too", from: "forged" });
  connection.channel.hears({ type: "chat", text: 7 });
  const messages = heard.filter(([type]) => type === "message").map(([, message]) => message);
  assert.deepEqual(messages, [{ from: "zoe", text: "you too", at: clock.now() }]);
});

test("a text too long is refused by name", async () => {
  const { room } = await connected();
  assert.throws(() => room.send("ü".repeat(LONGEST_TEXT / 2 + 1)), { name: "RoomError", code: "text-too-long" });
  assert.equal(room.send("ü".repeat(LONGEST_TEXT / 2)), 1);
});

test("leave says bye to the others and leave to the server, and ends the stay", async () => {
  const { room, signaling, connection, heard } = await connected();
  const leaving = room.leave();
  assert.deepEqual(connection.channel.sent.at(-1), { type: "bye" });
  assert.deepEqual(signaling.left, ["garden"]);
  await leaving;
  assert.deepEqual(heard.at(-1), ["left", "left"]);
  assert.equal(room.status, "offline");
  const count = heard.length;
  arrives(signaling, info("kim", 900));
  assert.equal(heard.length, count);
});

test("replaced ends the stay without a bye: the seat lives on elsewhere", async () => {
  const { signaling, connection, heard } = await connected();
  says(signaling, "left", { reason: "replaced" });
  assert.equal(connection.closed, true);
  assert.deepEqual(connection.channel.sent, []);
  assert.deepEqual(heard.at(-1), ["left", "replaced"]);
});

test("a refused join rejects and leaves nothing behind", async () => {
  const signaling = new FakeSignaling();
  const room = new Room(/** @type {any} */ (signaling), { RTCPeerConnection, clock: new FakeClock() });
  const heard = hear(room, "peer");
  const joining = room.join("garden");
  signaling.refuse(new SignalingError("room-full", ""));
  await assert.rejects(joining, { code: "room-full" });
  arrives(signaling, info("zoe", 1));
  assert.deepEqual(heard, []);
});

test("the status is connected only with a seat", async () => {
  const { signaling, heard, admit } = await enter();
  signaling.turns("offline");
  signaling.turns("connected");
  admit([], { since: 300, resumed: true });
  const statuses = heard.filter(([type]) => type === "status").map(([, status]) => status);
  assert.deepEqual(statuses, ["connecting", "connected", "offline", "connecting", "connected"]);
});

test("news of other rooms is not ours", async () => {
  const { signaling, room } = await enter();
  signaling.emit("peer-joined", { roomId: "attic", peer: info("zoe", 300), resumed: false });
  signaling.emit("signal", { roomId: "attic", from: "zoe", data: offerOf("300-zoe") });
  assert.deepEqual(room.peers, []);
});

test("each connection is announced, so that others can attach themselves to it", async () => {
  const { signaling, room } = await enter();
  const heard = hear(room, "link");
  offers(signaling, "zoe", offerOf("200-zoe"));
  assert.deepEqual(heard.map(([, { clientId }]) => clientId), ["zoe"]);
  assert.equal(room.link("zoe"), heard[0][1].peer);
  assert.equal(room.link("ada"), null);
});

test("what is said on the data channel and not the room's own is handed on", async () => {
  const { room, connection } = await connected();
  const heard = hear(room, "envelope");
  connection.channel.hears({ type: "media", muted: true });
  assert.deepEqual(heard, [["envelope", { from: "zoe", envelope: { type: "media", muted: true } }]]);
});

test("another network makes every connection look for its path anew", async () => {
  const { signaling, clock, connection } = await connected();
  signaling.emit("rerouted", undefined);
  await clock.advance(0);
  assert.equal(connection.restarts, 1);
});
