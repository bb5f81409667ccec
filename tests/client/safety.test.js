import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { Emitter } from "../../client/emitter.js";
import { SYMBOLS, SafetyCodes, SafetyRun } from "../../client/safety.js";
import { der, fakeDtls, fingerprint, hear } from "./fakes.js";
import { quiet } from "./quiet.js";

const bytes = (value) => new Uint8Array(32).fill(value);
const [ADA, BEN, MIM] = [bytes(0xaa), bytes(0xbb), bytes(0x33)];
const words = ({ symbols }) => symbols.map(({ name }) => name).join(" ");

/** One end: `sent` keeps what it has sent. */
function end(own, theirs, number) {
  const sent = [];
  const run = new SafetyRun({ own, theirs }, (envelope) => sent.push(envelope), number);
  return { run, sent };
}

async function carry(one, other) {
  await quiet();
  for (let round = 0; round < 4; round += 1) {
    for (const envelope of one.sent.splice(0)) await other.run.receive(envelope);
    for (const envelope of other.sent.splice(0)) await one.run.receive(envelope);
  }
}

async function meet(one, other) {
  await Promise.all([one.run.start(), other.run.start()]);
  await carry(one, other);
  return [one.run, other.run];
}

test("two who are directly connected see the same six pictures", async () => {
  const [ada, ben] = await meet(end(ADA, BEN), end(BEN, ADA));
  assert.deepEqual([ada.state, ben.state], ["ready", "ready"]);
  assert.equal(ada.symbols.length, 6);
  assert.equal(words(ada), words(ben));
});

test("each run has another code, with the same certificates", async () => {
  const [first] = await meet(end(ADA, BEN), end(BEN, ADA));
  const [second] = await meet(end(ADA, BEN), end(BEN, ADA));
  assert.notEqual(words(first), words(second));
});

test("64 pictures, each with a name, no two alike", () => {
  assert.equal(SYMBOLS.length, 64);
  assert.equal(new Set(SYMBOLS.map(({ picture }) => picture)).size, 64);
  assert.equal(new Set(SYMBOLS.map(({ name }) => name)).size, 64);
  assert.ok(SYMBOLS.every(({ name }) => /^[a-z]+$/.test(name)));
});

test("commitment and code are as documented", async () => {
  const sha = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
  const [n1, n2] = [bytes(1), bytes(2)];
  const [ada, ben] = [end(ADA, BEN, n1), end(BEN, ADA, n2)];
  await Promise.all([ada.run.start(), ben.run.start()]);
  const first = sha("parley safety commitment 1", [0], n1, ADA, BEN).toString("base64");
  const second = sha("parley safety commitment 1", [1], n2, ADA, BEN).toString("base64");
  assert.deepEqual([ada.sent[0].commitment, ben.sent[0].commitment], [first, second]);
  await carry(ada, ben);
  const code = sha("parley safety code 1", ADA, BEN, n1, n2);
  assert.deepEqual(ben.run.symbols, [...code.subarray(0, 6)].map((byte) => SYMBOLS[byte & 63]));
});

test("somebody in the middle, who runs with both, gives them different codes", async () => {
  const [ada] = await meet(end(ADA, MIM), end(MIM, ADA));
  const [ben] = await meet(end(BEN, MIM), end(MIM, BEN));
  assert.deepEqual([ada.state, ben.state], ["ready", "ready"]);
  assert.notEqual(words(ada), words(ben));
});

test("somebody in the middle, who passes on what the two say, is noticed without any comparing", async () => {
  const [ada, ben] = await meet(end(ADA, MIM), end(BEN, MIM));
  assert.deepEqual([ada.state, ben.state], ["broken", "broken"]);
  assert.deepEqual(ada.symbols, []);
});

test("nobody gets to see a number before committing to one's own", async () => {
  const { run, sent } = end(ADA, MIM);
  await run.start();
  assert.deepEqual(sent.map((envelope) => Object.keys(envelope)), [["type", "commitment"]]);
  await run.receive({ type: "safety", number: btoa("x".repeat(32)) });
  assert.equal(run.state, "broken", "a number without a commitment");
  assert.equal(sent.length, 1, "and still ours was not told");
});

test("a number chosen after the other's was seen is refused, even if it would make the codes match", async () => {
  // The attacker wants Ada to see what Ben sees, and searches for a number that does it. Here the
  // search has succeeded by decree: any number but the one committed to is refused.
  const ada = end(ADA, MIM);
  const attacker = end(MIM, ADA, bytes(7));
  await Promise.all([ada.run.start(), attacker.run.start()]);
  const [{ commitment }] = attacker.sent;
  await ada.run.receive({ type: "safety", commitment });
  assert.equal(ada.sent.length, 2, "Ada has told her number");
  await ada.run.receive({ type: "safety", number: Buffer.from(bytes(8)).toString("base64") });
  assert.deepEqual([ada.run.state, ada.run.symbols], ["broken", []]);
});

test("one guess per connection: a second commitment, or a second number, ends the run", async () => {
  for (const again of [0, 1]) {
    const [ada, ben] = [end(ADA, BEN), end(BEN, ADA)];
    await Promise.all([ada.run.start(), ben.run.start()]);
    const [commitment] = ben.sent;
    await ben.run.receive(ada.sent[0]);
    const number = ben.sent[1];
    await ada.run.receive(commitment);
    await ada.run.receive(number);
    assert.equal(ada.run.state, "ready");
    await ada.run.receive([commitment, number][again]);
    assert.deepEqual([ada.run.state, ada.run.symbols], ["broken", []]);
  }
});

test("what one has said oneself, sent back, is refused", async () => {
  const { run, sent } = end(ADA, BEN);
  await run.start();
  await run.receive(sent[0]);
  await run.receive(sent[1]);
  assert.equal(run.state, "broken");
});

test("what makes no sense is refused", async () => {
  for (const nonsense of [{}, { commitment: "%" }, { commitment: null }, { number: btoa("short") }, { number: 7 }]) {
    const ada = end(ADA, BEN);
    await ada.run.start();
    await ada.run.receive({ type: "safety", ...nonsense });
    await ada.run.receive({ type: "safety", number: btoa("x".repeat(32)) });
    assert.equal(ada.run.state, "broken", JSON.stringify(nonsense));
  }
});

// ---- in a room

/** Somebody with certificate `theirs`, seen by us with certificate `own`. */
async function fakePeer(own, theirs, more = {}) {
  const connection = await fakeDtls(own, theirs, more);
  const { transport } = connection.sctp;
  const peer = /** @type {any} */ (Object.assign(new Emitter(), { connection, state: "connecting", sent: [] }));
  peer.send = (envelope) => peer.sent.push(envelope) > 0;
  peer.connects = async () => {
    peer.state = "connected";
    peer.emit("state", "connected");
    await quiet();
  };
  return { peer, transport };
}

/** We, with certificate 1, are in a room. */
function enter() {
  const room = /** @type {any} */ (new Emitter());
  const codes = new SafetyCodes(room);
  const heard = hear(codes, "code");
  const says = async (envelope) => {
    room.emit("envelope", { from: "zoe", envelope });
    await quiet();
  };
  return { room, codes, heard, says };
}

/** Zoe, with certificate `theirs`, connects and goes through with it. */
async function comes({ room, says }, theirs = 2, more = {}) {
  const parts = await fakePeer(1, theirs, more);
  room.emit("link", { clientId: "zoe", peer: parts.peer });
  await parts.peer.connects();
  const [own, zoes] = [await fingerprint(1), await fingerprint(theirs)];
  const zoe = end(zoes, own);
  await zoe.run.start();
  for (let round = 0; round < 3; round += 1) {
    for (const envelope of parts.peer.sent.splice(0)) await zoe.run.receive(envelope);
    for (const envelope of zoe.sent.splice(0)) await says(envelope);
  }
  return { ...parts, zoe };
}

test("a code comes about with each connection, of the certificates that DTLS uses", async () => {
  const stay = enter();
  assert.deepEqual(stay.codes.code("zoe"), { state: "waiting", symbols: [], verdict: null });
  const { zoe } = await comes(stay);
  assert.equal(words(stay.codes.code("zoe")), words(zoe.run));
  assert.equal(zoe.run.state, "ready");
});

test("what was found holds for a new connection of the same two certificates, and is lost with another", async () => {
  const stay = enter();
  await comes(stay);
  stay.codes.judge("zoe", "match");
  assert.equal(stay.codes.code("zoe").verdict, "match");
  await comes(stay);
  assert.equal(stay.codes.code("zoe").verdict, "match");
  assert.deepEqual(stay.heard.filter(([, { lost }]) => lost), []);
  await comes(stay, 3);
  assert.equal(stay.codes.code("zoe").verdict, null);
  assert.equal(stay.heard.filter(([, { lost }]) => lost).length, 1, "told once");
});

test("a certificate that changes in the middle of a connection is noticed", async () => {
  const stay = enter();
  const { transport } = await comes(stay);
  stay.codes.judge("zoe", "match");
  transport.getRemoteCertificates = () => [der(9)];
  transport.dispatchEvent(new Event("statechange"));
  await quiet();
  assert.deepEqual(stay.codes.code("zoe"), { state: "broken", symbols: [], verdict: null });
});

test("media that leads to another certificate than the data channel is noticed", async () => {
  const stay = enter();
  const { peer } = await comes(stay);
  const elsewhere = { state: "connected", getRemoteCertificates: () => [der(9)] };
  peer.connection.getTransceivers = () => [{ sender: { transport: elsewhere }, receiver: { transport: elsewhere } }];
  peer.connection.dispatchEvent(new Event("signalingstatechange"));
  await quiet();
  assert.equal(stay.codes.code("zoe").state, "broken");
});

test("a transport that is said to be connected a little later than its channel is waited for", async () => {
  const stay = enter();
  const { peer } = await fakePeer(1, 2, { state: "connecting" });
  stay.room.emit("link", { clientId: "zoe", peer });
  await peer.connects();
  assert.deepEqual([peer.sent, stay.codes.code("zoe").state], [[], "waiting"]);
  peer.connection.sctp.transport.state = "connected";
  peer.connection.sctp.transport.dispatchEvent(new Event("statechange"));
  await quiet();
  assert.deepEqual(peer.sent.map((envelope) => Object.keys(envelope)), [["type", "commitment"]]);
});

test("a connection that ends is no cause for alarm", async () => {
  const stay = enter();
  const { transport } = await comes(stay);
  transport.state = "closed";
  transport.getRemoteCertificates = () => [];
  transport.dispatchEvent(new Event("statechange"));
  await quiet();
  assert.equal(stay.codes.code("zoe").state, "ready");
});

test("where the browser does not tell the certificates, both sides are told that there is no code", async () => {
  const stay = enter();
  const { peer } = await fakePeer(1, 2, { getRemoteCertificates: undefined });
  stay.room.emit("link", { clientId: "zoe", peer });
  await peer.connects();
  assert.equal(stay.codes.code("zoe").state, "unavailable");
  assert.deepEqual(peer.sent, [{ type: "safety", unavailable: true }]);
  const other = enter();
  const capable = await fakePeer(1, 2);
  other.room.emit("link", { clientId: "zoe", peer: capable.peer });
  await capable.peer.connects();
  await other.says({ type: "safety", unavailable: true });
  assert.equal(other.codes.code("zoe").state, "unavailable");
});
