import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  BATCH, CONNECT_WITHIN, GATHER_WITHIN, LULL, OVERTAKEN, POLITE_PAUSE, Peer, RESTART_WITHIN, RIDE, configured,
} from "../../client/webrtc.js";
import { FakeClock, FakeConnection, hear, settle } from "./fakes.js";

beforeEach(() => (FakeConnection.made = []));

/** @param {any} options */
function make({ polite = true, session = "1-ada", clock = new FakeClock(), ...more } = {}) {
  const sent = [];
  const send = (message) => void sent.push(structuredClone(message));
  const RTCPeerConnection = /** @type {any} */ (FakeConnection);
  const peer = new Peer({ polite, session, send, RTCPeerConnection, clock, ...more });
  const connection = FakeConnection.made.at(-1);
  return { peer, connection, clock, sent, heard: hear(peer, "state", "envelope") };
}

/** Two sides; `carry` brings over what either has sent, in order, until both are quiet. */
function pair() {
  const clock = new FakeClock();
  const ada = make({ polite: true, clock });
  const ben = make({ polite: false, clock });
  const carry = async () => {
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(RIDE);
      const [fromAda, fromBen] = [ada.sent.splice(0), ben.sent.splice(0)];
      for (const message of fromAda) ben.peer.receive(message);
      for (const message of fromBen) ada.peer.receive(message);
      await settle();
    }
  };
  return { ada, ben, clock, carry };
}

async function connectedPair() {
  const both = pair();
  both.ada.peer.start();
  await both.carry();
  both.ben.connection.getsChannel();
  for (const { connection } of [both.ada, both.ben]) connection.connects();
  await settle();
  return both;
}

/** @returns {RTCSessionDescriptionInit} */
const offer = (generation) => ({ type: "offer", sdp: `offer\r\na=ice-ufrag:${generation}\r\n` });
const candidate = (name, usernameFragment) => ({ candidate: name, usernameFragment });

test("an offer waits for the first candidates until no more are coming: one message carries them", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  await clock.advance(LULL);
  connection.finds("a");
  await clock.advance(LULL - 1);
  connection.finds("b");
  await clock.advance(LULL - 1);
  assert.equal(sent.length, 0);
  await clock.advance(1);
  assert.equal(sent.length, 1);
  assert.equal(sent[0].session, "1-ada");
  assert.equal(sent[0].seq, 1);
  assert.equal(sent[0].description.type, "offer");
  assert.deepEqual(sent[0].candidates.map(({ candidate }) => candidate), ["a", "b"]);
});

test("an offer waits a moment at most, however many candidates are coming", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  for (let time = 1; time < RIDE; time += 1) {
    await clock.advance(1);
    connection.finds(`c${time}`);
  }
  assert.equal(sent.length, 0);
  await clock.advance(1);
  assert.equal(sent[0].candidates.length, RIDE - 1);
});

test("late candidates keep waiting for the channel, even when there are no more to come", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  await clock.advance(RIDE);
  sent.length = 0;
  connection.finds("late");
  connection.gathersAll();
  peer.receive({ session: "1-ada", seq: 1, description: { type: "answer", sdp: "answer" } });
  connection.channel.opens();
  connection.connects();
  await clock.advance(BATCH);
  assert.deepEqual(sent, []);
  assert.deepEqual(connection.channel.sent[0].data.candidates.map(({ candidate }) => candidate), ["late"]);
});

test("until the channel is open nothing but one offer and one answer is negotiated", async () => {
  const { ada, ben, carry } = pair();
  ada.peer.start();
  ben.connection.needsNegotiation();
  await settle();
  assert.deepEqual(ben.sent, []);
  await carry();
  ben.connection.needsNegotiation();
  ada.connection.needsNegotiation();
  await carry();
  assert.deepEqual([ada.connection.offers, ben.connection.offers], [1, undefined]);
  ben.connection.getsChannel();
  for (const { connection } of [ada, ben]) connection.connects();
  await settle();
  assert.equal(ben.connection.offers, 1);
});

test("later candidates go in batches", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  await clock.advance(RIDE);
  for (let n = 0; n < 8; n += 1) {
    connection.finds(`c${n}`);
    await clock.advance(BATCH / 10);
  }
  await clock.advance(BATCH);
  assert.equal(sent.length, 2);
  assert.equal("candidates" in sent[0], false);
  assert.equal(sent[1].candidates.length, 8);
  assert.deepEqual([sent[1].seq, "description" in sent[1]], [2, false]);
});

test("two wishes to negotiate at once make one offer", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  connection.needsNegotiation();
  await clock.advance(RIDE);
  assert.equal(sent.length, 1);
  assert.match(sent[0].description.sdp, new RegExp(`:${connection.ufrag}\r`));
  assert.equal(connection.offers, 1);
});

test("nothing is waited for once all candidates are there", async () => {
  const { peer, connection, sent } = make();
  peer.start();
  await settle();
  connection.finds("a");
  connection.gathersAll();
  assert.equal(sent.length, 1);
});

test("who did not start makes no offer, and answers", async () => {
  const { peer, connection, clock, sent } = make();
  await clock.advance(1_000);
  assert.equal(sent.length, 0);
  peer.receive({ session: "1-ada", seq: 1, description: offer("x"), candidates: [candidate("a", "x")] });
  await clock.advance(RIDE);
  assert.equal(sent[0].description.type, "answer");
  assert.deepEqual(connection.candidates, ["a"]);
});

test("candidates that come before their description wait for it", async () => {
  const { peer, connection, clock } = make();
  peer.receive({ session: "1-ada", seq: 2, candidates: [candidate("early", "x")] });
  await clock.advance(60);
  assert.deepEqual(connection.candidates, []);
  peer.receive({ session: "1-ada", seq: 1, description: offer("x") });
  await settle();
  assert.deepEqual(connection.candidates, ["early"]);
});

test("candidates of a description yet to come wait, those of the present one do not", async () => {
  const { peer, connection } = make();
  peer.receive({ session: "1-ada", seq: 1, description: offer("x") });
  peer.receive({ session: "1-ada", seq: 3, candidates: [candidate("later", "y"), candidate("now", "x")] });
  await settle();
  assert.deepEqual(connection.candidates, ["now"]);
  peer.receive({ session: "1-ada", seq: 2, description: offer("y") });
  await settle();
  assert.deepEqual(connection.candidates, ["now", "later"]);
});

test("a repeated message does nothing", async () => {
  const { peer, connection, clock, sent } = make();
  const message = { session: "1-ada", seq: 1, description: offer("x"), candidates: [candidate("a", "x")] };
  for (let n = 0; n < 3; n += 1) peer.receive(message);
  await clock.advance(RIDE);
  peer.receive(message);
  await clock.advance(RIDE);
  assert.equal(sent.length, 1);
  assert.deepEqual(connection.candidates, ["a"]);
});

test("a description that overtook another waits for it", async () => {
  const { peer, connection } = make();
  peer.receive({ session: "1-ada", seq: 2, description: offer("second") });
  await settle();
  assert.equal(connection.remoteDescription, null);
  peer.receive({ session: "1-ada", seq: 1, description: offer("first") });
  await settle();
  assert.match(connection.remoteDescription.sdp, /second/);
});

test("it waits three seconds at most, and what comes still later is dropped", async () => {
  const { peer, connection, clock } = make();
  peer.receive({ session: "1-ada", seq: 2, description: offer("second") });
  await clock.advance(OVERTAKEN);
  assert.match(connection.remoteDescription.sdp, /second/);
  peer.receive({ session: "1-ada", seq: 1, description: offer("first") });
  await settle();
  assert.match(connection.remoteDescription.sdp, /second/);
});

test("messages without a number are dropped", async () => {
  const { peer, connection } = make();
  for (const seq of /** @type {any[]} */ ([undefined, "1", 1.5, null])) peer.receive({ session: "1-ada", seq, description: offer("x") });
  await settle();
  assert.equal(connection.remoteDescription, null);
});

test("what signaling may have lost can be said again, until the two are connected", async () => {
  const { peer, connection, clock, sent } = make();
  peer.start();
  await clock.advance(RIDE);
  connection.finds("late");
  await clock.advance(BATCH);
  const [first, second] = sent.splice(0);
  peer.repeat();
  assert.deepEqual(sent, [first, second]);
  connection.connects();
  sent.length = 0;
  peer.repeat();
  assert.deepEqual(sent, []);
});

test("glare: when both negotiate at once, the impolite side's offer stands and both end well", async () => {
  const { ada, ben, carry } = await connectedPair();
  for (const { connection } of [ada, ben]) connection.turns("disconnected"); // back to signaling
  for (let round = 0; round < 5; round += 1) {
    ada.connection.needsNegotiation();
    ben.connection.needsNegotiation();
    await settle();
    assert.deepEqual(
      [ada.connection.signalingState, ben.connection.signalingState],
      ["have-local-offer", "have-local-offer"],
    );
    const standing = ben.connection.localDescription.sdp;
    await carry();
    assert.deepEqual([ada.connection.signalingState, ben.connection.signalingState], ["stable", "stable"]);
    // The polite side's own wish was not forgotten: its offer came after.
    assert.notEqual(ben.connection.localDescription.sdp, standing);
    assert.equal(ada.connection.remoteDescription.sdp, ben.connection.localDescription.sdp);
    assert.equal(ben.connection.remoteDescription.sdp, ada.connection.localDescription.sdp);
  }
});

test("once connected, negotiation travels through the data channel", async () => {
  const { ada, ben } = await connectedPair();
  ada.connection.needsNegotiation();
  await ada.clock.advance(RIDE);
  assert.deepEqual(ada.sent, []);
  const [envelope] = ada.connection.channel.sent;
  assert.equal(envelope.type, "signal");
  assert.equal(envelope.data.seq, 2);
  ada.peer.repeat();
  assert.equal(ada.connection.channel.sent.length, 1, "a channel loses nothing");
  ben.connection.channel.hears(envelope);
  await settle();
  assert.equal(ben.connection.remoteDescription.sdp, ada.connection.localDescription.sdp);
});

test("when the path is gone, negotiation goes back to signaling though the channel says open", async () => {
  const { ada } = await connectedPair();
  ada.connection.turns("disconnected");
  assert.equal(ada.connection.channel.readyState, "open");
  ada.connection.needsNegotiation();
  await ada.clock.advance(RIDE);
  assert.equal(ada.sent.length, 1);
});

test("states follow connection and channel", async () => {
  const { ada } = await connectedPair();
  ada.connection.turns("disconnected");
  ada.connection.turns("connected");
  ada.connection.turns("failed");
  ada.connection.turns("connecting");
  ada.connection.turns("connected");
  ada.connection.channel.closes();
  const states = ada.heard.map(([, state]) => state);
  assert.deepEqual(states, [
    "connected", "interrupted", "connected", "failed", "interrupted", "connected", "closed",
  ]);
  assert.equal(ada.connection.closed, true);
});

test("after failed, the impolite side restarts ICE at once, the polite one a little later", async () => {
  const { ada, ben, clock } = await connectedPair();
  for (const { connection, peer } of [ada, ben]) {
    connection.turns("failed");
    peer.restart();
  }
  await clock.advance(POLITE_PAUSE - 1);
  assert.deepEqual([ada.connection.restarts, ben.connection.restarts], [undefined, 1]);
  await clock.advance(1);
  assert.equal(ada.connection.restarts, 1);
});

test("the polite side does not restart when the other's offer came first", async () => {
  const { ada, clock } = await connectedPair();
  ada.connection.turns("failed");
  ada.peer.restart();
  ada.connection.turns("connecting"); // what the other side's restart does
  await clock.advance(POLITE_PAUSE);
  assert.equal(ada.connection.restarts, undefined);
});

test("a restart that finds no path in time ends the session, however often ICE fails meanwhile", async () => {
  const { ben, clock } = await connectedPair();
  ben.connection.turns("failed");
  ben.peer.restart();
  await clock.advance(RESTART_WITHIN - 5_000);
  ben.connection.turns("connecting");
  ben.connection.turns("failed");
  assert.notEqual(ben.peer.state, "closed");
  await clock.advance(5_000);
  assert.equal(ben.peer.state, "closed");
});

test("a session that does not connect in time, or fails at once, is closed", async () => {
  const slow = make();
  slow.peer.start();
  await slow.clock.advance(CONNECT_WITHIN);
  assert.equal(slow.peer.state, "closed");
  const blocked = make();
  blocked.peer.start();
  blocked.connection.turns("failed");
  assert.equal(blocked.peer.state, "closed");
});

test("a farewell is said before the connection closes", async () => {
  const { ada, clock } = await connectedPair();
  ada.peer.close({ farewell: true });
  assert.deepEqual(ada.connection.channel.sent, [{ type: "bye" }]);
  assert.equal(ada.peer.state, "closed");
  assert.equal(ada.connection.closed, false);
  await clock.advance(1_000);
  assert.equal(ada.connection.closed, true);
});

test("a closed session is deaf and dumb", async () => {
  const { ada } = await connectedPair();
  ada.peer.close();
  const count = ada.heard.length;
  ada.connection.channel.hears({ type: "chat", text: "late" });
  ada.peer.receive({ session: "1-ada", seq: 9, description: offer("z") });
  await settle();
  assert.equal(ada.heard.length, count);
  assert.doesNotMatch(ada.connection.remoteDescription.sdp, /z/);
});

test("envelopes are handed on, and what is none does no harm", async () => {
  const { ada } = await connectedPair();
  assert.equal(ada.peer.send({ type: "chat", text: "hello" }), true);
  assert.deepEqual(ada.connection.channel.sent, [{ type: "chat", text: "hello" }]);
  for (const noise of ["not json", "null", "[]", '{"type":1}', '{"type":"signal"}']) {
    ada.connection.channel.hears(noise);
  }
  ada.connection.channel.hears({ type: "chat", text: "you too" });
  const envelopes = ada.heard.filter(([type]) => type === "envelope");
  assert.deepEqual(envelopes, [["envelope", { type: "chat", text: "you too" }]]);
});

test("without an open channel, send says no", () => {
  const { peer } = make();
  assert.equal(peer.send({ type: "chat", text: "hello" }), false);
});

test("another network is reason to restart ICE on a connection that still seems well", async () => {
  const { ada, clock } = await connectedPair();
  ada.peer.restart();
  await clock.advance(0);
  assert.equal(ada.connection.restarts, 1);
});

test("while a session is connecting, or closed, there is nothing to restart", async () => {
  const { peer, connection, clock } = make();
  peer.start();
  peer.restart();
  peer.close();
  peer.restart();
  await clock.advance(POLITE_PAUSE);
  assert.equal(connection.restarts, undefined);
});

test("a complete description goes out once all candidates are known, in one message, without a deadline", async () => {
  const { peer, connection, clock, sent } = make({ trickle: false });
  peer.start();
  await clock.advance(GATHER_WITHIN - 1_000);
  connection.finds("a", "b");
  assert.deepEqual(sent, []);
  connection.gathersAll();
  assert.deepEqual(sent.map(({ seq, description, candidates }) => [seq, description.type, candidates]), [
    [1, "offer", undefined],
  ]);
  await clock.advance(CONNECT_WITHIN);
  assert.equal(sent.length, 1);
  assert.notEqual(peer.state, "closed");
});

test("a server that never answers does not hold a complete description up for ever", async () => {
  const { peer, clock, sent } = make({ trickle: false });
  peer.start();
  await clock.advance(GATHER_WITHIN + RIDE);
  assert.equal(sent.length, 1);
});

test("channels that the other side opens are handed on, but for the one of the session", async () => {
  const { peer, connection } = make();
  const heard = hear(peer, "channel");
  connection.getsChannel();
  connection.getsChannel("files");
  assert.deepEqual(heard.map(([, { label }]) => label), ["files"]);
});

test("everything goes over one transport, and ICE servers can be changed as long as the session lasts", () => {
  const certificates = [/** @type {any} */ ({})];
  const { peer, connection } = make({ configuration: { certificates } });
  assert.equal(connection.options.bundlePolicy, "max-bundle");
  peer.configure({ iceTransportPolicy: "relay" });
  peer.close();
  peer.configure({ iceTransportPolicy: "all" });
  const { iceCandidatePoolSize, ...options } = connection.options;
  assert.deepEqual(options, configured({ certificates, iceTransportPolicy: "relay" }));
  assert.equal(iceCandidatePoolSize, undefined);
});

test("a connection that was made before keeps its pool of candidates: a browser would not let it change", () => {
  const connection = new FakeConnection({ iceCandidatePoolSize: 1 });
  const { peer } = make({ connection });
  peer.configure({ iceTransportPolicy: "relay" });
  assert.equal(connection.options.iceCandidatePoolSize, 1);
});

test("who finds no candidate is stranded, and hears of it once all have been looked for", async () => {
  const { peer, connection, clock } = make();
  const heard = hear(peer, "stranded");
  peer.start();
  await clock.advance(RIDE);
  assert.equal(heard.length, 0);
  connection.gathersAll();
  assert.equal(heard.length, 1);
  await clock.advance(GATHER_WITHIN);
  assert.equal(heard.length, 1);
});

test("a browser that goes on looking and finds nothing is stranded after a while", async () => {
  const { peer, clock } = make();
  const heard = hear(peer, "stranded");
  peer.start();
  await clock.advance(GATHER_WITHIN - 1);
  assert.equal(heard.length, 0);
  await clock.advance(1);
  assert.equal(heard.length, 1);
});

test("one candidate is enough not to be stranded", async () => {
  const { peer, connection, clock } = make();
  const heard = hear(peer, "stranded");
  peer.start();
  await clock.advance(LULL);
  connection.finds("a");
  connection.gathersAll();
  await clock.advance(GATHER_WITHIN);
  assert.equal(heard.length, 0);
});
