import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Room } from "../../client/room.js";
import { Sealer } from "../../client/sealing.js";
import { FakeClock, FakeConnection, FakeSignaling, hear, settle } from "./fakes.js";
import { quiet } from "./quiet.js";

const RTCPeerConnection = /** @type {any} */ (FakeConnection);
const GARDEN = await Sealer.from("correct horse", "garden");
const OTHER = await Sealer.from("wrong horse", "garden");

beforeEach(() => (FakeConnection.made = []));

const chat = (text) => ({ type: "chat", text });

/** As `me` in a room with `zoe`, who is connected. */
async function enter(sealer) {
  const signaling = new FakeSignaling();
  const clock = new FakeClock();
  const room = new Room(/** @type {any} */ (signaling), { RTCPeerConnection, clock, sealer });
  const heard = hear(room, "message", "envelope", "peer");
  const joining = room.join("garden");
  const zoe = { clientId: "zoe", since: 50, metadata: null, connected: true };
  signaling.admit({ roomId: "garden", clientId: "me", since: 100, peers: [zoe], iceServers: [] });
  await joining;
  await clock.advance(50);
  const [connection] = FakeConnection.made;
  const answer = { type: "answer", sdp: "answer\r\na=ice-ufrag:w\r\n" };
  signaling.emit("signal", { roomId: "garden", from: "zoe", data: { session: "100-me", seq: 1, description: answer } });
  await settle();
  connection.connects();
  const { channel } = connection;
  const told = (type) => heard.filter(([kind]) => kind === type).map(([, detail]) => detail);
  return { room, channel, told, sealing: () => room.peers.map(({ sealing }) => sealing) };
}

/** Zoe's end, with a passphrase of hers. */
async function meet(channel, sealer) {
  const link = sealer.link("zoe", "me");
  const heard = hear(link, "envelope");
  link.open((envelope) => channel.hears(envelope));
  const carry = async () => {
    for (let round = 0; round < 5; round += 1) {
      for (const envelope of channel.sent.splice(0)) link.receive(envelope);
      await quiet();
    }
  };
  await carry();
  return { link, carry, heard };
}

test("with a passphrase, chat and all other envelopes go sealed and come out again", async () => {
  const { room, channel, told, sealing } = await enter(GARDEN);
  assert.deepEqual(sealing(), ["checking"]);
  const zoe = await meet(channel, GARDEN);
  assert.deepEqual(sealing(), ["sealed"]);
  assert.equal(room.send("hello"), 1);
  room.link("zoe")?.send({ type: "media", muted: true });
  await quiet();
  assert.deepEqual(channel.sent.map(({ type }) => type), ["sealed", "sealed"]);
  await zoe.carry();
  assert.deepEqual(zoe.heard.map(([, envelope]) => envelope), [chat("hello"), { type: "media", muted: true }]);
  zoe.link.send(chat("you too"));
  zoe.link.send({ type: "media", muted: false });
  await zoe.carry();
  assert.deepEqual(told("message").map(({ from, text }) => [from, text]), [["zoe", "you too"]]);
  assert.deepEqual(told("envelope"), [{ from: "zoe", envelope: { type: "media", muted: false } }]);
  assert.equal(told("peer").at(-1).peer.sealing, "sealed");
});

test("files get streams of their own, and none where there is no passphrase", async () => {
  const sealed = await enter(GARDEN);
  const zoe = await meet(sealed.channel, GARDEN);
  const [ours, theirs] = await Promise.all([sealed.room.link("zoe")?.sealedStream("file 1"), zoe.link.stream("file 1")]);
  const bytes = new Uint8Array([1, 2, 3]);
  assert.deepEqual(ours && (await theirs.open(await ours.seal(bytes))), bytes);
  const plain = await enter();
  assert.equal(await plain.room.link("zoe")?.sealedStream("file 1"), null);
});

test("with different passphrases nothing is sent or shown", async () => {
  const { room, channel, told, sealing } = await enter(GARDEN);
  await meet(channel, OTHER);
  assert.deepEqual(sealing(), ["other-passphrase"]);
  assert.equal(room.send("hello"), 0);
  channel.hears(chat("unsealed"));
  await settle();
  assert.deepEqual([channel.sent, told("message")], [[], []]);
});

test("somebody without a passphrase is not talked to unsealed, nor heard", async () => {
  const { room, channel, told, sealing } = await enter(GARDEN);
  channel.hears(chat("anybody?"));
  await settle();
  assert.deepEqual(sealing(), ["they-have-none"]);
  assert.equal(room.send("secret"), 0);
  assert.deepEqual([channel.sent.map(({ type }) => type), told("message")], [["seal"], []]);
});

test("without a passphrase, those who have one are told so, and nothing is said to them", async () => {
  const { room, channel, sealing } = await enter();
  assert.deepEqual(sealing(), [null]);
  channel.hears({ type: "seal", salt: "" });
  assert.deepEqual(channel.sent, [{ type: "unsealed" }]);
  assert.deepEqual(sealing(), ["we-have-none"]);
  assert.equal(room.send("hello"), 0);
  await room.leave();
  assert.deepEqual(channel.sent.at(-1), { type: "bye" });
});

test("leaving says what was said before, sealed, and then good-bye", async () => {
  const { room, channel } = await enter(GARDEN);
  await meet(channel, GARDEN);
  room.send("last words");
  await room.leave();
  await quiet();
  assert.deepEqual(channel.sent.map(({ type }) => type), ["sealed", "bye"]);
});

test("a passphrase for another room is refused by name", async () => {
  const room = new Room(/** @type {any} */ (new FakeSignaling()), { sealer: GARDEN });
  await assert.rejects(room.join("meadow"), { name: "RoomError", code: "wrong-sealer" });
  await assert.rejects(room.join(), { code: "wrong-sealer" });
});
