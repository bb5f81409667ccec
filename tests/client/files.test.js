import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { DepotError } from "../../client/depot.js";
import { WINDOW } from "../../client/transfers.js";
import { file, person, quiet, two } from "./filescene.js";

const MIB = 1024 * 1024;
const FILM = 5 * MIB;

const sha256 = async (blob) => createHash("sha256").update(new Uint8Array(await blob.arrayBuffer())).digest("hex");
const states = (...people) => people.map(({ transfer }) => transfer()?.state).join();

/** Ben has been offered a file. */
async function offered(sent, options) {
  const scene = two(options);
  const { ada, ben, until } = scene;
  ada.files.send(sent, "ben");
  await until(() => ben.transfer());
  return scene;
}

/** … has accepted it, and some of it has come. */
async function underWay(sent, options) {
  const scene = await offered(sent, options);
  const { ben, until } = scene;
  void ben.files.accept(ben.transfer().key);
  await until(() => ben.transfer().moved > sent.size / 10);
  assert.equal(ben.transfer().state, "moving", "all of it has come too soon");
  return scene;
}

async function arrives(sent, { ada, ben, until }) {
  await until(() => states(ada, ben) === "done,done");
  const arrived = await ben.files.file(ben.transfer().key);
  assert.equal(await sha256(arrived), await sha256(sent));
  assert.equal(ben.transfer().sha256, await sha256(sent));
}

// ---- how it goes

test("nothing is written, and nothing sent, before it is accepted", async () => {
  const sent = file("notes.txt", 100_000);
  const scene = await offered(sent);
  await quiet(scene.road);
  assert.equal(states(scene.ada, scene.ben), "offered,offered");
  assert.equal(scene.ben.depot.places.size, 0);
  assert.ok(scene.road.sent.every(({ data }) => typeof data === "string"));
  void scene.ben.files.accept(scene.ben.transfer().key);
  await arrives(sent, scene);
});

for (const size of [0, 1, 15 * 1024, MIB - 1, MIB, MIB + 1, 3 * MIB + 77]) {
  test(`a file of ${size} bytes arrives as it is`, async () => {
    const sent = file("some.bin", size);
    const scene = await offered(sent);
    void scene.ben.files.accept(scene.ben.transfer().key);
    await arrives(sent, scene);
    assert.equal(scene.ada.transfer().moved, size);
  });
}

test("who receives sees whose it is, and how much", async () => {
  const { ben } = await offered(file("notes.txt", 4));
  const { direction, clientId, from, name, size, moved, timeLeft } = ben.transfer();
  assert.deepEqual({ direction, clientId, from, name, size, moved, timeLeft }, {
    direction: "in", clientId: "ada", from: "Ada", name: "notes.txt", size: 4, moved: 0, timeLeft: Infinity,
  });
});

test("several at once, both ways, the same name twice: each arrives as it is", async () => {
  const { ada, ben, until } = two();
  const sent = [1, 2, 3].map((seed) => file("same.bin", 300_000, { seed }));
  for (const one of sent) ada.files.send(one, "ben");
  ben.files.send(sent[0], "ada");
  await until(() => ben.files.transfers.length === 4 && ada.files.transfers.length === 4);
  for (const side of [ada, ben]) {
    for (const { key, direction } of side.files.transfers) if (direction === "in") void side.files.accept(key);
  }
  await until(() => [...ada.files.transfers, ...ben.files.transfers].every(({ state }) => state === "done"));
  const arrived = ben.files.transfers.filter(({ direction }) => direction === "in").map(({ sha256 }) => sha256);
  assert.deepEqual(arrived.sort(), (await Promise.all(sent.map(sha256))).sort());
});

test("however many are accepted, a few go at a time, and all arrive", async () => {
  const { ada, ben, until } = two();
  for (let seed = 0; seed < 9; seed += 1) ada.files.send(file(`${seed}.bin`, 300_000, { seed }), "ben");
  await until(() => ben.files.transfers.length === 9);
  for (const { key } of ben.files.transfers) void ben.files.accept(key);
  let most = 0;
  await until(() => {
    most = Math.max(most, ada.files.transfers.filter(({ state }) => state === "moving").length);
    return ben.files.transfers.every(({ state }) => state === "done");
  });
  assert.ok(most > 1 && most < 9, `${most} at once`);
});

test("progress, speed and time left are told on both sides", async () => {
  const sent = file("film.bin", 8 * MIB);
  const { road, ada, ben, until } = await underWay(sent);
  road.paused = true;
  await quiet(road);
  for (const side of [ada, ben]) await side.clock.advance(1_000);
  road.paused = false;
  await until(() => ben.transfer().speed > 0 && ada.transfer().speed > 0);
  for (const side of [ada, ben]) {
    const { moved, speed, timeLeft } = side.transfer();
    assert.equal(timeLeft, (sent.size - moved) / speed);
  }
});

test("a file can be written where the receiver chose", async () => {
  const sent = file("film.bin", 200_000);
  const { ben, until } = await offered(sent);
  const handle = /** @type {any} */ ({ name: "chosen.bin" });
  void ben.files.accept(ben.transfer().key, handle);
  await until(() => ben.transfer().state === "done");
  assert.equal(await sha256(new Blob([ben.depot.places.get(handle)])), await sha256(sent));
  assert.equal(await ben.files.file(ben.transfer().key), null);
  assert.equal(ben.depot.records.size, 0, "nothing is kept of it");
});

test("what was received is forgotten when it is taken off the list, not before", async () => {
  const { ben, until } = await offered(file("a.bin", 10));
  const { key } = ben.transfer();
  await ben.files.forget(key);
  assert.equal(ben.files.transfers.length, 1, "it is not over");
  void ben.files.accept(key);
  await until(() => ben.transfer().state === "done");
  assert.equal(ben.depot.places.size, 1);
  await ben.files.forget(key);
  assert.deepEqual([ben.files.transfers.length, ben.depot.places.size, ben.depot.records.size], [0, 0, 0]);
});

// ---- pace

test("no message is larger than the other side takes", async () => {
  const sent = file("film.bin", 2 * MIB);
  const scene = two({ largest: 64 * 1024 });
  for (const peer of scene.road.ends) peer.connection.sctp.maxMessageSize = 64 * 1024;
  scene.ada.files.send(sent, "ben");
  await scene.until(() => scene.ben.transfer());
  void scene.ben.files.accept(scene.ben.transfer().key);
  await arrives(sent, scene);
});

test("a channel that takes nothing away is not filled", async () => {
  const { road, ada } = await underWay(file("film.bin", 24 * MIB));
  road.paused = true;
  await quiet(road);
  const most = Math.max(...road.channels.map(({ mostBuffered }) => mostBuffered));
  assert.ok(most > 0 && most < 5 * MIB, `${most} bytes waited`);
  assert.equal(ada.transfer().state, "moving");
});

test("a receiver that writes slowly is not run over", async () => {
  const sent = file("film.bin", 24 * MIB);
  const scene = await underWay(sent);
  const { road, ben } = scene;
  let goOn = () => {};
  ben.depot.slow = new Promise((resolve) => (goOn = () => resolve(undefined)));
  for (let turn = 0; turn < 20; turn += 1) await quiet(road);
  const bytes = road.sent.reduce((sum, { data }) => sum + (typeof data === "string" ? 0 : data.byteLength), 0);
  assert.ok(bytes - ben.transfer().moved <= WINDOW + MIB, `${bytes - ben.transfer().moved} bytes ahead`);
  assert.ok(bytes < sent.size);
  goOn();
  await arrives(sent, scene);
});

// ---- how it ends otherwise

test("a refused file is not sent, and the sender hears it", async () => {
  const { road, ada, ben, until } = await offered(file("a.bin", 1_000));
  ben.files.refuse(ben.transfer().key);
  await until(() => states(ada, ben) === "ended,ended");
  assert.deepEqual([ada.transfer().reason, ada.transfer().byThem], ["refused", true]);
  assert.equal(ben.transfer().byThem, false);
  assert.ok(road.sent.every(({ data }) => typeof data === "string"));
});

for (const [who, whom] of /** @type {const} */ ([["ada", "ben"], ["ben", "ada"]])) {
  test(`cancelled by ${who}, nothing of it stays`, async () => {
    const scene = await underWay(file("film.bin", FILM));
    scene[who].files.cancel(scene[who].transfer().key);
    await scene.until(() => states(scene.ada, scene.ben) === "ended,ended");
    await quiet(scene.road);
    assert.deepEqual([scene[who].transfer().byThem, scene[whom].transfer().byThem], [false, true]);
    assert.deepEqual([scene.ben.depot.places.size, scene.ben.depot.records.size], [0, 0]);
    assert.ok(scene.road.channels.every(({ readyState }) => readyState === "closed"));
  });
}

test("cancelled while the place is being made, nothing of it stays", async () => {
  const { ada, ben, road, until } = await offered(file("a.bin", 1_000));
  void ben.files.accept(ben.transfer().key);
  ben.files.cancel(ben.transfer().key);
  await until(() => states(ada, ben) === "ended,ended");
  await quiet(road);
  assert.deepEqual([ben.depot.places.size, ben.depot.records.size], [0, 0]);
});

test("leaving the room ends all that is under way", async () => {
  const { road, ada, ben, until } = await underWay(file("film.bin", FILM));
  ben.room.emit("leaving", { mayReturn: false });
  road.breaks(); // the good-bye may overtake what was said on the channels of files
  await until(() => states(ada, ben) === "ended,ended");
  await quiet(road);
  assert.equal(ada.transfer().reason, "left");
  assert.equal(ben.depot.places.size, 0);
});

test("a file with a wrong digest is thrown away", async () => {
  const scene = await offered(file("a.bin", 50_000));
  const { road, ada, ben, until } = scene;
  const channel = road.channels.find((end) => road.names.get(end) === "ada");
  const { send } = channel;
  channel.send = (data) => {
    const sent = typeof data === "string" ? data : data.slice();
    if (typeof sent !== "string") sent[sent.length - 1] ^= 1; // one bit, on its way
    send.call(channel, sent);
  };
  void ben.files.accept(ben.transfer().key);
  await until(() => states(ada, ben) === "ended,ended");
  assert.deepEqual([ada.transfer().reason, ben.transfer().reason], ["checksum", "checksum"]);
  await quiet(road);
  assert.equal(ben.depot.places.size, 0);
});

test("a file that cannot be read any more ends with that reason", async () => {
  const sent = file("a.bin", 3 * MIB);
  const { ada, ben, road, until } = await offered(sent);
  sent.slice = () => /** @type {any} */ ({ arrayBuffer: () => Promise.reject(new Error("changed")) });
  void ben.files.accept(ben.transfer().key);
  await until(() => states(ada, ben) === "ended,ended");
  assert.deepEqual([ada.transfer().reason, ben.transfer().reason], ["unreadable", "unreadable"]);
  await quiet(road);
  assert.equal(ben.depot.places.size, 0);
});

test("a disk that fails in the middle ends it, on both sides", async () => {
  const { ada, ben, road, until } = await underWay(file("film.bin", FILM));
  ben.depot.broken = Object.assign(new Error("full"), { name: "QuotaExceededError" });
  await until(() => states(ada, ben) === "ended,ended");
  assert.deepEqual([ada.transfer().reason, ben.transfer().reason], ["no-space", "no-space"]);
  await quiet(road);
  assert.equal(ben.depot.places.size, 0);
});

test("no room for it is said before anything comes, and it can be accepted again", async () => {
  const sent = file("a.bin", 1_000);
  const scene = await offered(sent);
  const { ben } = scene;
  ben.depot.full = new DepotError("no-space", "There is not enough space left on this device.");
  await assert.rejects(() => ben.files.accept(ben.transfer().key), { name: "DepotError", code: "no-space" });
  assert.equal(ben.transfer().state, "offered");
  ben.depot.full = null;
  void ben.files.accept(ben.transfer().key);
  await arrives(sent, scene);
});

// ---- broken and resumed

/** How many bytes of files went over the road. */
const bytesSent = (road) => road.sent.reduce((sum, { data }) => sum + (typeof data === "string" ? 0 : data.byteLength), 0);

test("a broken transfer goes on when the two are connected again, behind what has arrived", async () => {
  const sent = file("film.bin", FILM);
  const scene = await underWay(sent);
  const { road, ada, ben, until } = scene;
  road.breaks();
  assert.equal(states(ada, ben), "waiting,waiting");
  const before = ben.transfer().moved;
  road.sent.length = 0;
  road.connect(ada, ben);
  await arrives(sent, scene);
  await until(() => true);
  assert.ok(before > 0 && bytesSent(road) <= sent.size - before, "it began anew");
  assert.equal(road.said("ben", "accept")[0].offset, sent.size - bytesSent(road));
});

test("it may break again and again, at any point", async () => {
  const sent = file("film.bin", 6 * MIB + 5);
  const scene = await offered(sent);
  const { road, ada, ben, until } = scene;
  for (let round = 0; round < 10; round += 1) {
    for (let turn = 0; turn < round; turn += 1) {
      road.carry();
      await new Promise((resolve) => setImmediate(resolve));
    }
    road.breaks();
    road.connect(ada, ben);
    if (round === 3) await until(() => ben.transfer().state === "offered");
    if (round === 3) void ben.files.accept(ben.transfer().key);
  }
  await arrives(sent, scene);
});

test("an offer that nobody has answered is made again, once", async () => {
  const { road, ada, ben } = await offered(file("a.bin", 1_000));
  road.breaks();
  road.connect(ada, ben);
  await quiet(road);
  assert.equal(ben.files.transfers.length, 1);
  assert.equal(states(ada, ben), "offered,offered");
});

test("a channel that breaks though the connection holds is opened again after a while", async () => {
  const sent = file("film.bin", FILM);
  const scene = await underWay(sent);
  scene.road.channels[0].breaks();
  await scene.until(() => states(scene.ada, scene.ben) === "waiting,waiting");
  await scene.ada.clock.advance(2_000);
  await arrives(sent, scene);
});

test("the receiver's page is reloaded: a new one goes on where the old one stopped", async () => {
  const sent = file("film.bin", FILM);
  const { road, ada, ben, until } = await underWay(sent);
  ben.room.emit("leaving", { mayReturn: true });
  road.breaks();
  await quiet(road);
  const reloaded = person("ben", { depot: ben.depot });
  await until(() => reloaded.transfer()?.state === "waiting");
  road.sent.length = 0;
  road.connect(ada, reloaded);
  await arrives(sent, { ada, ben: reloaded, until });
  assert.ok(bytesSent(road) < sent.size, "it began anew");
});

test("what is not of this room stays where it is; what is done is offered for saving", async () => {
  const { ben, until } = await offered(file("a.bin", 1_000));
  void ben.files.accept(ben.transfer().key);
  await until(() => ben.transfer().state === "done");
  const [kept] = ben.depot.records.values();
  ben.depot.records.set("other", { ...kept, key: "other", sha256: "", roomId: "elsewhere" });
  const reloaded = person("ben", { depot: ben.depot });
  await until(() => reloaded.files.transfers.length > 0);
  assert.deepEqual(reloaded.files.transfers.map(({ name, state, from }) => [name, state, from]), [["a.bin", "done", "Ada"]]);
});

test("the sender's page is reloaded: the same file, sent again, goes on without being asked for", async () => {
  const sent = file("film.bin", FILM);
  const { road, ada, ben, until } = await underWay(sent);
  ada.files.suspend();
  road.breaks();
  await quiet(road);
  const reloaded = person("ada");
  road.sent.length = 0;
  road.connect(reloaded, ben);
  reloaded.files.send(file("film.bin", FILM), "ben");
  await arrives(sent, { ada: reloaded, ben, until });
  assert.equal(ben.files.transfers.length, 1);
  assert.ok(bytesSent(road) < sent.size, "it began anew");
});

test("another file of the same name, size and date begins anew", async () => {
  const { road, ada, ben, until } = await underWay(file("film.bin", FILM));
  ada.files.suspend();
  road.breaks();
  await quiet(road);
  const reloaded = person("ada");
  road.connect(reloaded, ben);
  const other = file("film.bin", FILM, { seed: 2 });
  reloaded.files.send(other, "ben");
  await arrives(other, { ada: reloaded, ben, until });
});

test("cancelled by the receiver while away: the sender hears it when they meet again", async () => {
  const { road, ada, ben, until } = await underWay(file("film.bin", FILM));
  road.breaks();
  ben.files.cancel(ben.transfer().key);
  road.connect(ada, ben);
  await until(() => states(ada, ben) === "ended,ended");
  await quiet(road);
  assert.equal(ben.depot.places.size, 0);
});

test("cancelled by the sender while away: the receiver hears it when they meet again", async () => {
  const { road, ada, ben, until } = await underWay(file("film.bin", FILM));
  road.breaks();
  ada.files.cancel(ada.transfer().key);
  road.connect(ada, ben);
  await until(() => states(ada, ben) === "ended,ended");
  await quiet(road);
  assert.equal(ben.depot.places.size, 0);
  assert.equal(ben.transfer().reason, "cancelled");
});

test("done is said again to a sender who did not hear it", async () => {
  const sent = file("a.bin", 1_000);
  const { road, ada, ben, until } = await offered(sent);
  const channel = road.channels.find((end) => road.names.get(end) === "ben");
  const { send } = channel;
  channel.send = (data) => (data.includes("done") ? road.breaks() : send.call(channel, data));
  void ben.files.accept(ben.transfer().key);
  await until(() => ben.transfer().state === "done");
  await until(() => channel.readyState === "closed");
  assert.equal(ada.transfer().state, "waiting");
  road.connect(ada, ben);
  await until(() => ada.transfer().state === "done");
});

// ---- with a passphrase

test("with a passphrase nothing goes over the channel as it is", async () => {
  const sent = file("secret plans.txt", 2 * MIB);
  // Not a cipher: it only shows whether everything passes through.
  const masked = (bytes) => bytes.map((byte) => byte ^ 0xa5);
  const names = new Set();
  const streams = (name) => {
    names.add(name);
    return { seal: async (bytes) => masked(bytes), open: async (bytes) => masked(bytes) };
  };
  const scene = await offered(sent, { streams });
  void scene.ben.files.accept(scene.ben.transfer().key);
  await arrives(sent, scene);
  const all = Buffer.concat(scene.road.sent.map(({ data }) => Buffer.from(data)));
  assert.ok(all.length > sent.size);
  assert.equal(all.includes("secret plans"), false);
  assert.equal(all.includes(Buffer.from(await sent.slice(0, 1_000).arrayBuffer())), false);
  assert.deepEqual([...names], [scene.road.channels[0].label]);
});

test("without a passphrase in common a file is not sent, and the sender hears why", async () => {
  const streams = async () => {
    throw new Error("not-sealed");
  };
  const { ada, road, until } = two({ streams });
  ada.files.send(file("a.bin", 1_000), "ben");
  await until(() => ada.transfer().state === "ended");
  assert.equal(ada.transfer().reason, "not-sealed");
  assert.deepEqual(road.sent, []);
});

test("whoever has no passphrase does not send to somebody who has one", async () => {
  const { ada, road, until } = two();
  road.ends[0].sealing = "we-have-none";
  ada.files.send(file("a.bin", 1_000), "ben");
  await until(() => ada.transfer().state === "ended");
  assert.equal(ada.transfer().reason, "not-sealed");
  assert.deepEqual(road.sent, []);
});

// ---- wicked people

/** Says something in Ada's place, on a channel of its own. */
async function say({ road }, ...messages) {
  const channel = road.ends[0].openChannel("parley-file:wicked");
  await new Promise((resolve) => setImmediate(resolve));
  for (const message of messages) {
    const isBytes = message instanceof Uint8Array;
    channel.send(isBytes || typeof message === "string" ? message : JSON.stringify(message));
  }
  await quiet(road);
  return channel;
}

const offer = (more = {}) => ({ type: "offer", id: "wicked-offer", name: "a.bin", size: 10, modified: 0, ...more });

for (const [what, ...messages] of /** @type {any[][]} */ ([
  ["no JSON", "{"],
  ["no offer", { type: "begin", offset: 0 }],
  ["bytes first", new Uint8Array(10)],
  ["an offer without an id", offer({ id: undefined })],
  ["an id that is a path", offer({ id: "../../../etc" })],
  ["a negative size", offer({ size: -1 })],
  ["a size that is no number", offer({ size: "10" })],
  ["a size beyond what a number can count", offer({ size: 2 ** 60 })],
])) {
  test(`${what}: the channel is closed, and nobody is bothered`, async () => {
    const scene = two();
    const channel = await say(scene, ...messages);
    assert.equal(channel.readyState, "closed");
    assert.equal(scene.ben.files.transfers.length, 0);
  });
}

for (const [what, ...messages] of /** @type {any[][]} */ ([
  ["bytes before it was accepted", new Uint8Array(10)],
  ["a beginning before it was accepted", { type: "begin", offset: 0 }],
  ["an end before it was accepted", { type: "end", sha256: "" }],
])) {
  test(`${what} end the transfer, and nothing is written`, async () => {
    const scene = two();
    await say(scene, offer(), ...messages);
    assert.equal(scene.ben.transfer().state, "ended");
    assert.equal(scene.ben.depot.places.size, 0);
  });
}

test("more bytes than were offered end the transfer, and nothing stays", async () => {
  const scene = two();
  const channel = await say(scene, offer());
  void scene.ben.files.accept(scene.ben.transfer().key);
  await quiet(scene.road);
  channel.send(JSON.stringify({ type: "begin", offset: 0 }));
  channel.send(new Uint8Array(11));
  await quiet(scene.road);
  assert.deepEqual([scene.ben.transfer().state, scene.ben.transfer().reason], ["ended", "bad-message"]);
  assert.equal(scene.ben.depot.places.size, 0);
});

for (const [what, ...messages] of /** @type {any[][]} */ ([
  ["an end too many", { type: "end", sha256: "" }],
  ["bytes after the end", new Uint8Array(1)],
])) {
  test(`${what} harms nobody`, async () => {
    const scene = two();
    const channel = await say(scene, offer());
    void scene.ben.files.accept(scene.ben.transfer().key);
    await quiet(scene.road);
    let goOn = () => {};
    scene.ben.depot.slow = new Promise((resolve) => (goOn = () => resolve(undefined)));
    const bytes = new Uint8Array(10);
    const digest = await sha256(new Blob([bytes]));
    channel.send(JSON.stringify({ type: "begin", offset: 0 }));
    channel.send(bytes);
    channel.send(JSON.stringify({ type: "end", sha256: digest }));
    for (const message of messages) channel.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    await quiet(scene.road);
    goOn();
    await quiet(scene.road);
    assert.deepEqual([scene.ben.transfer().state, scene.ben.transfer().reason], ["ended", "bad-message"]);
    assert.deepEqual([scene.ben.depot.places.size, scene.ben.depot.records.size], [0, 0]);
  });
}

test("accepted twice, a file is not sent twice", async () => {
  const { road, ada, ben, until } = await underWay(file("film.bin", FILM));
  const theirs = road.channels.find((end) => road.names.get(end) === "ben");
  theirs.send(JSON.stringify({ type: "accept", offset: 0, sha256: "" }));
  await until(() => states(ada, ben) === "ended,ended");
  assert.equal(ada.transfer().reason, "bad-message");
});

test("an accept that claims more than there is ends the transfer", async () => {
  const { road, ada, ben, until } = await offered(file("a.bin", 1_000));
  const theirs = road.channels.find((end) => road.names.get(end) === "ben");
  theirs.send(JSON.stringify({ type: "accept", offset: 2_000, sha256: "" }));
  await until(() => states(ada, ben) === "ended,ended");
  assert.equal(ada.transfer().reason, "bad-message");
});

test("nobody can fill the page with offers", async () => {
  const scene = two();
  for (let n = 0; n < 70; n += 1) await say(scene, offer({ id: `wicked-offer-${n}` }));
  assert.equal(scene.ben.files.transfers.length, 64);
});
