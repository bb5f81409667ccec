import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ManualError, ManualSignaling, pack, unpack } from "../../client/manual.js";
import { Room } from "../../client/room.js";
import { FakeClock, FakeConnection, hear, settle } from "./fakes.js";

beforeEach(() => (FakeConnection.made = []));

/** @param {"A" | "B"} side */
async function begin(side, { name = "", now = () => 1_000 } = {}) {
  const clock = new FakeClock();
  const signaling = new ManualSignaling(side, { iceServers: [{ urls: "stun:example.org" }], now });
  const RTCPeerConnection = /** @type {any} */ (FakeConnection);
  const room = new Room(/** @type {any} */ (signaling), { trickle: false, RTCPeerConnection, clock });
  const codes = [];
  signaling.on("code", (code) => codes.push(code));
  const heard = hear(room, "peer", "left");
  await room.join("manual", { metadata: name ? { name } : {} });
  await clock.advance(50);
  return { clock, signaling, room, codes, heard, connection: () => FakeConnection.made.at(-1) };
}

/** A's offer, with all candidates in it. The fake's SDP is made to look like one. */
async function offered(options) {
  const ada = await begin("A", options);
  gather(ada.connection());
  return { ...ada, offer: ada.codes[0] };
}

function gather(connection) {
  connection.localDescription.sdp = `v=0\r\n${connection.localDescription.sdp}`;
  connection.gathersAll();
}

async function answered(offer, options) {
  const ben = await begin("B", options);
  ben.signaling.accept("manual", offer);
  await ben.clock.advance(50);
  gather(ben.connection());
  return { ...ben, answer: ben.codes[0] };
}

const refused = (signaling, text) => {
  try {
    signaling.accept("manual", text);
  } catch (error) {
    assert.ok(error instanceof ManualError);
    return error.code;
  }
  return "taken";
};

test("A makes one complete offer: the JSON of a description, with session, number and name", async () => {
  const { codes } = await offered({ name: "Ada" });
  assert.equal(codes.length, 1);
  const { sdp, ...rest } = JSON.parse(codes[0]);
  assert.deepEqual(rest, { type: "offer", session: "1000-A", seq: 1, name: "Ada" });
  assert.match(sdp, /^v=0/);
});

test("B answers, A takes the answer, and each knows the other's name", async () => {
  const ada = await offered({ name: "Ada" });
  const ben = await answered(ada.offer, { name: "Ben" });
  assert.deepEqual(JSON.parse(ben.answer).type, "answer");
  ada.signaling.accept("manual", ben.answer);
  await settle();
  assert.equal(ada.connection().signalingState, "stable");
  assert.equal(ada.room.peers[0].metadata.name, "Ben");
  assert.equal(ben.room.peers[0].metadata.name, "Ada");
});

test("once introduced, who is lost is gone, and nothing is tried behind people's backs", async () => {
  const ada = await offered();
  const ben = await answered(ada.offer);
  ada.signaling.accept("manual", ben.answer);
  await settle();
  const connection = FakeConnection.made[0];
  connection.connects();
  ada.signaling.introduced("manual");
  assert.equal(ada.room.peers.length, 1);
  connection.turns("failed");
  await ada.clock.advance(60_000);
  assert.deepEqual(ada.room.peers, []);
  assert.equal(ada.codes.length, 1);
});

test("who answers waits as long as it takes, though ICE has given up meanwhile", async () => {
  const ada = await offered();
  const ben = await answered(ada.offer);
  ben.connection().turns("failed");
  await ben.clock.advance(600_000);
  assert.equal(ben.room.peers[0].state, "connecting");
  ben.connection().getsChannel();
  ben.connection().connects();
  assert.equal(ben.room.peers[0].state, "connected");
});

test("what is no code, or not the one that is waited for, is refused by name and changes nothing", async () => {
  const ada = await offered();
  const ben = await answered(ada.offer);
  const other = await offered({ now: () => 2_000 });
  for (const text of ["", "hello", "null", "{}", '{"type":"answer"}', ada.offer.replace("v=0", "x"),
    ada.offer.replace("1000-A", "A"), "x".repeat(100_000), ada.offer.slice(0, -9)]) {
    assert.equal(refused(ada.signaling, text), "not-a-code", text.slice(0, 40));
  }
  assert.equal(refused(ada.signaling, ada.offer), "answer-expected");
  assert.equal(refused(ben.signaling, ben.answer), "offer-expected");
  assert.equal(refused(other.signaling, ben.answer), "other-offer");
  assert.equal(refused(ada.signaling, ben.answer), "taken");
});

test("a code fits into a link and comes out of it as it was; a damaged link is refused", async () => {
  const { offer } = await offered({ name: "Ådä 🎉" });
  const packed = await pack(offer);
  assert.match(packed, /^[\w-]+$/);
  assert.equal(await unpack(packed), offer);
  await assert.rejects(unpack(packed.slice(5)), { name: "ManualError", code: "not-a-code" });
  await assert.rejects(unpack("-"), { code: "not-a-code" });
});

test("a link cannot blow up the page: what unpacks to more than 64 KB is refused", async () => {
  await assert.rejects(unpack(await pack("x".repeat(10_000_000))), { code: "not-a-code" });
});
