import assert from "node:assert/strict";
import { createDecipheriv, hkdfSync, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";

import { ROUNDS, Sealer } from "../../client/sealing.js";
import { nameCertificates } from "../../client/certificates.js";
import { fakeDtls, hear } from "./fakes.js";
import { quiet } from "./quiet.js";

const GARDEN = await Sealer.from("correct horse", "garden");
const OTHER = await Sealer.from("wrong horse", "garden");

const chat = (text) => ({ type: "chat", text });
const texts = (heard) => heard.filter(([type]) => type === "envelope").map(([, { text }]) => text);
const states = (heard) => heard.filter(([type]) => type === "state").map(([, state]) => state);

/** One end: `wire` keeps what it has written. */
function end(sealer, own, other) {
  const link = sealer.link(own, other);
  const wire = [];
  const open = (connection = null) => link.open((envelope) => wire.push(envelope), connection);
  return { link, wire, heard: hear(link, "envelope", "state"), open };
}

/** Carries what `from` has written to `to`, once. */
function carry(from, to) {
  for (const envelope of from.wire.splice(0)) to.link.receive(envelope);
}

/** Two who have met, with nothing on the wire. */
async function pair(sealer = GARDEN, others = GARDEN, names = ["ada", "ben"], connections = []) {
  const [ada, ben] = [end(sealer, names[0], names[1]), end(others, names[1], names[0])];
  for (const [index, side] of [ada, ben].entries()) side.open(connections[index]);
  for (let round = 0; round < 3; round += 1) {
    carry(ada, ben);
    carry(ben, ada);
    await quiet();
  }
  return { ada, ben };
}

/** What `ada` writes when she says these. */
async function written(ada, ...said) {
  for (const text of said) ada.link.send(chat(text));
  await quiet();
  return ada.wire.splice(0);
}

test("two with the same passphrase understand each other, both ways, in order", async () => {
  const { ada, ben } = await pair();
  for (const text of ["one", "two", "three ü"]) ada.link.send(chat(text));
  ben.link.send(chat("hello"));
  await quiet();
  carry(ada, ben);
  carry(ben, ada);
  await quiet();
  assert.deepEqual(texts(ben.heard), ["one", "two", "three ü"]);
  assert.deepEqual(texts(ada.heard), ["hello"]);
  assert.deepEqual([states(ada.heard), states(ben.heard)], [["sealed"], ["sealed"]]);
});

test("a passphrase is the same however its letters were composed", async () => {
  const [composed, decomposed] = [await Sealer.from("gr\u00fcn", "r"), await Sealer.from("gru\u0308n", "r")];
  const { ada } = await pair(composed, decomposed);
  assert.equal(ada.link.state, "sealed");
});

test("what is said before the other side is known waits, and goes in order", async () => {
  const [ada, ben] = [end(GARDEN, "ada", "ben"), end(GARDEN, "ben", "ada")];
  ada.open();
  assert.equal(ada.link.send(chat("early")), true);
  await quiet();
  assert.deepEqual(ada.wire.map(({ type }) => type), ["seal"]);
  ben.open();
  for (let round = 0; round < 3; round += 1) {
    carry(ben, ada);
    carry(ada, ben);
    await quiet();
  }
  assert.deepEqual(texts(ben.heard), ["early"]);
});

test("nothing on the wire says what was said", async () => {
  const { ada } = await pair();
  const lines = JSON.stringify(await written(ada, "the secret garden", "the secret garden"));
  assert.equal(lines.includes("secret"), false);
  const [first, second] = JSON.parse(lines).map(({ record }) => atob(record));
  assert.equal((first + second).includes("secret"), false);
  assert.notEqual(first.slice(4), second.slice(4), "the same words look different each time");
});

test("the format is as documented: keys, salts, number, IV and additional data", async () => {
  const [ada, ben] = [end(GARDEN, "ada", "ben"), end(GARDEN, "ben", "ada")];
  const connection = await fakeDtls(1, 2);
  const certificates = await nameCertificates(connection);
  for (const side of [ada, ben]) side.open(connection);
  const salts = [ada, ben].map(({ wire }) => Buffer.from(wire[0].salt, "base64"));
  carry(ben, ada);
  await quiet();
  const record = Buffer.from(ada.wire[1].record, "base64");
  const roomKey = pbkdf2Sync("correct horse", "parley sealed room 1\0garden", ROUNDS, 32, "sha256");
  const info = Buffer.from('["parley sealed stream 1","ada","ben",""]');
  const key = Buffer.from(hkdfSync("sha256", roomKey, Buffer.concat(salts), info, 32));
  const decipher = createDecipheriv("aes-256-gcm", key, record.subarray(4, 16));
  decipher.setAAD(Buffer.concat([info, Buffer.from([0, 0, 0, 0])]));
  decipher.setAuthTag(record.subarray(-16));
  const plain = decipher.update(record.subarray(16, -16), null, "utf8") + decipher.final("utf8");
  assert.deepEqual(JSON.parse(plain), { type: "check", certificates });
  assert.match(certificates, /^[0-9a-f]{64} [0-9a-f]{64}$/);
  assert.ok(ROUNDS >= 600_000);
});

test("another passphrase, or another room, is noticed on both sides before anything is said", async () => {
  for (const stranger of [OTHER, await Sealer.from("correct horse", "garden2")]) {
    const { ada, ben } = await pair(GARDEN, stranger);
    assert.deepEqual([states(ada.heard), states(ben.heard)], [["other-passphrase"], ["other-passphrase"]]);
    for (const { link, wire } of [ada, ben]) {
      assert.equal(link.send(chat("anybody?")), false);
      assert.deepEqual(wire, []);
    }
  }
});

test("what waited for a check that fails is never sent", async () => {
  const [ada, ben] = [end(GARDEN, "ada", "ben"), end(OTHER, "ben", "ada")];
  for (const side of [ada, ben]) side.open();
  ada.link.send(chat("early"));
  const all = [];
  for (let round = 0; round < 3; round += 1) {
    all.push(...ada.wire.map(({ type }) => type));
    carry(ada, ben);
    carry(ben, ada);
    await quiet();
  }
  assert.deepEqual(all, ["seal", "sealed"], "the salt and the check");
  assert.deepEqual(texts(ben.heard), []);
});

test("somebody without a passphrase is noticed: by their answer, or by what they say", async () => {
  for (const said of [{ type: "unsealed" }, chat("hello"), { type: "file" }]) {
    const ada = end(GARDEN, "ada", "ben");
    ada.open();
    ada.link.receive(said);
    await quiet();
    assert.deepEqual(ada.heard, [["state", "they-have-none"]]);
    assert.equal(ada.link.send(chat("secret")), false);
    assert.deepEqual(ada.wire.map(({ type }) => type), ["seal"]);
  }
});

test("once sealed, what comes unsealed is not shown and ends the talk", async () => {
  const { ada, ben } = await pair();
  ben.link.receive(chat("pay here"));
  for (const envelope of await written(ada, "later")) ben.link.receive(envelope);
  await quiet();
  assert.deepEqual(texts(ben.heard), []);
  assert.equal(ben.link.state, "broken");
});

test("a record repeated, left out, overtaken or changed is not shown, nor is anything after it", async () => {
  const flip = (record, at) => {
    const bytes = Buffer.from(record, "base64");
    bytes[at] ^= 1;
    return { type: "sealed", record: bytes.toString("base64") };
  };
  const attacks = {
    repeated: ([a, b, c]) => [[a, a, b, c], ["a"]],
    "left out": ([a, , c]) => [[a, c], ["a"]],
    overtaken: ([a, b, c]) => [[b, a, c], []],
    "changed in its number": ([a, b]) => [[flip(a.record, 3), b], []],
    "changed in its IV": ([a, b]) => [[flip(a.record, 5), b], []],
    "changed in its text": ([a, b]) => [[flip(a.record, 20), b], []],
    "cut short": ([a, b]) => [[{ type: "sealed", record: a.record.slice(0, 12) }, b], []],
    "no record": ([, b]) => [[{ type: "sealed", record: "%" }, { type: "sealed" }, b], []],
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const { ada, ben } = await pair();
    const [arriving, shown] = attack(await written(ada, "a", "b", "c"));
    for (const envelope of arriving) ben.link.receive(envelope);
    await quiet();
    assert.deepEqual(texts(ben.heard), shown, name);
    assert.equal(ben.link.state, "broken", name);
    assert.equal(ben.link.send(chat("still?")), false, name);
  }
});

test("one's own words sent back are not taken for the other's", async () => {
  const { ada } = await pair();
  for (const envelope of await written(ada, "mine")) ada.link.receive(envelope);
  await quiet();
  assert.deepEqual(texts(ada.heard), []);
  assert.equal(ada.link.state, "broken");
});

test("a whole conversation sent back to its author passes for nobody", async () => {
  const ada = end(GARDEN, "ada", "ben");
  ada.open();
  for (let round = 0; round < 2; round += 1) {
    for (const envelope of ada.wire.splice(0)) ada.link.receive(envelope);
    await quiet();
  }
  assert.equal(ada.link.state, "broken");
});

test("words of one member are not taken for those of another, nor are they read by whom they were not sent to", async () => {
  const withBen = await pair();
  const [toBen] = await written(withBen.ada, "for Ben");
  for (const names of [["kim", "ben"], ["ada", "kim"]]) {
    const { ben: receiver } = await pair(GARDEN, GARDEN, names);
    receiver.link.receive(toBen);
    await quiet();
    assert.deepEqual(texts(receiver.heard), [], names.join());
  }
});

test("what was recorded when the two met before opens nothing when they meet again", async () => {
  const [ada, ben] = [end(GARDEN, "ada", "ben"), end(GARDEN, "ben", "ada")];
  for (const side of [ada, ben]) side.open();
  const recording = [];
  for (let round = 0; round < 3; round += 1) {
    if (round === 2) recording.push(...(await written(ada, "yesterday")));
    recording.push(...ada.wire);
    carry(ada, ben);
    carry(ben, ada);
    await quiet();
  }
  const today = end(GARDEN, "ben", "ada");
  today.open();
  for (const envelope of recording) today.link.receive(envelope);
  await quiet();
  assert.deepEqual([texts(today.heard), today.link.state], [[], "other-passphrase"]);
});

test("who sits between two with the same passphrase is noticed by the certificates", async () => {
  const same = await pair(GARDEN, GARDEN, ["ada", "ben"], [await fakeDtls(1, 2), await fakeDtls(2, 1)]);
  assert.equal(same.ada.link.state, "sealed");
  const untold = await pair(GARDEN, GARDEN, ["ada", "ben"], [await fakeDtls(1, 2), null]);
  assert.deepEqual([untold.ada.link.state, untold.ben.link.state], ["sealed", "sealed"]);
  const { ada, ben } = await pair(GARDEN, GARDEN, ["ada", "ben"], [await fakeDtls(1, 9), await fakeDtls(2, 9)]);
  for (const { link } of [ada, ben]) {
    assert.equal(link.state, "intercepted");
    assert.equal(link.send(chat("hello")), false);
  }
});

test("a second beginning is refused", async () => {
  const { ben } = await pair();
  ben.link.receive({ type: "seal", salt: btoa("0123456789abcdef") });
  await quiet();
  assert.equal(ben.link.state, "broken");
});

test("a good-bye comes after what was said before it", async () => {
  const { ada, ben } = await pair();
  ada.link.send(chat("last words"));
  ada.link.send({ type: "bye" });
  await quiet();
  assert.deepEqual(ada.wire.map(({ type }) => type), ["sealed", "bye"]);
  carry(ada, ben);
  await quiet();
  assert.deepEqual(ben.heard.filter(([type]) => type === "envelope").map(([, { type }]) => type), ["chat", "bye"]);
  ada.link.send({ type: "bye" });
  assert.deepEqual(ada.wire, [{ type: "bye" }], "at once, as a page that closes needs it");
});

test("streams have keys of their own, both ways, and each name is used once", async () => {
  const { ada, ben } = await pair();
  const bytes = crypto.getRandomValues(new Uint8Array(1000));
  const [one, two] = [await ada.link.stream("file 1"), await ada.link.stream("file 2")];
  const [same, other] = [await ben.link.stream("file 1"), await ben.link.stream("file 2")];
  const records = await Promise.all([one.seal(bytes), one.seal(bytes), two.seal(bytes)]);
  assert.equal(records[0].length, bytes.length + 32);
  assert.deepEqual(await same.open(records[0]), bytes);
  assert.deepEqual(await same.open(records[1]), bytes);
  assert.deepEqual(await ada.link.stream("3") && (await one.open(await same.seal(bytes))), bytes);
  await assert.rejects(other.open(records[0]), { name: "SealingError", code: "not-authentic" });
  await assert.rejects(other.open(records[2]), { code: "out-of-order" }, "nothing after a refusal");
  await assert.rejects(same.open(records[1]), { code: "out-of-order" });
  await assert.rejects(ada.link.stream("file 1"), { code: "stream-used" });
});

test("a stream waits for the check, and is refused when there is nobody to share it with", async () => {
  const ada = end(GARDEN, "ada", "ben");
  ada.open();
  const waiting = ada.link.stream("file");
  ada.link.receive({ type: "unsealed" });
  await assert.rejects(waiting, { name: "SealingError", code: "not-sealed" });
});

test("an empty passphrase, and a browser that cannot seal, are refused by name", async () => {
  await assert.rejects(Sealer.from("", "garden"), { name: "SealingError", code: "no-passphrase" });
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    await assert.rejects(Sealer.from("x", "garden"), { code: "unavailable" });
  } finally {
    Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
  }
});
