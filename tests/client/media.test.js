import assert from "node:assert/strict";
import { test } from "node:test";

import { encodingFor } from "../../client/exchange.js";
import { LOUD, PAUSE } from "../../client/loudness.js";
import { LISTEN_EVERY, Media } from "../../client/media.js";
import { FakeDevices, FakeRoom } from "./fake-media.js";
import { FakeClock, hear, settle } from "./fakes.js";

/** We are `me`, here since 100, alone. */
function enter({ places = 8 } = {}) {
  const [room, devices, clock] = [new FakeRoom(), new FakeDevices(), new FakeClock()];
  const meters = [];
  const meter = () => {
    const made = { level: 0, closed: false, close: () => (made.closed = true) };
    meters.push(made);
    return made;
  };
  const parts = { places, devices, clock, meter };
  const media = new Media(/** @type {any} */ (room), /** @type {any} */ (parts));
  room.enters(100);
  const heard = hear(media, "own", "remote", "speaking", "places", "failure", "devices");
  return { room, devices, clock, media, meters, heard };
}

/** With `ada`, who came before us, connected. */
function call(options) {
  const parts = enter(options);
  const peer = parts.room.meets("ada", 50);
  peer.turns("connected");
  return { ...parts, peer };
}

const sending = ({ told }) => told.sending;
const eventsOf = (heard, type) => heard.filter(([each]) => each === type).map(([, detail]) => detail);

test("nothing is captured before it is asked for, and then all who are connected get it", async () => {
  const { media, devices, peer } = call();
  assert.deepEqual([devices.asked, peer.sends], [[], []]);
  assert.deepEqual(peer.told, { type: "media", arrived: 100, sending: {} });
  await media.start("camera");
  assert.deepEqual(peer.sends, ["video"]);
  assert.equal(peer.connection.transceivers[0].direction, "sendonly");
  assert.deepEqual(sending(peer), {});
  peer.connection.agrees();
  assert.deepEqual(sending(peer), { camera: { mid: "1" } });
});

test("a mid is not told while a negotiation may still take it back", async () => {
  const { media, peer } = call();
  await media.start("camera");
  peer.connection.transceivers[0].mid = "1";
  peer.connection.turns("have-local-offer");
  assert.deepEqual(sending(peer), {});
  peer.connection.transceivers[0].mid = "4";
  peer.connection.turns("stable");
  assert.deepEqual(sending(peer), { camera: { mid: "4" } });
});

test("off lets the device go, and on again takes the same way: no negotiation", async () => {
  const { media, devices, peer } = call();
  await media.start("camera");
  peer.connection.agrees();
  media.stop("camera");
  await settle();
  assert.equal(devices.given[0].readyState, "ended");
  assert.deepEqual([peer.sends, sending(peer)], [[], {}]);
  await media.start("camera");
  await settle();
  assert.deepEqual(sending(peer), { camera: { mid: "1" } });
  assert.equal(peer.connection.transceivers.length, 1);
  assert.equal(peer.connection.transceivers[0].sender.track, devices.given[1]);
});

test("a muted microphone stays open, is silent, and the others are told", async () => {
  const { media, devices, peer } = call();
  await media.start("microphone", { muted: true });
  peer.connection.agrees();
  const [track] = devices.given;
  assert.equal(track.enabled, false);
  assert.deepEqual(sending(peer), { microphone: { mid: "1", muted: true } });
  media.mute("microphone", false);
  assert.equal(track.enabled, true);
  assert.deepEqual(sending(peer), { microphone: { mid: "1" } });
  media.mute("microphone", true);
  assert.deepEqual([track.enabled, track.readyState], [false, "live"]);
});

test("stop while the browser still asks: what comes then is let go at once", async () => {
  const { media, devices, peer } = call();
  devices.patient = true;
  const starting = media.start("camera");
  await settle();
  assert.equal(media.own("camera").state, "starting");
  media.stop("camera");
  devices.answer();
  await starting;
  assert.equal(media.own("camera").state, "off");
  assert.deepEqual([devices.given[0].readyState, peer.sends], ["ended", []]);
});

test("leaving lets everything go, even what is still being asked for", async () => {
  const { room, media, devices } = call();
  await media.start("microphone");
  devices.patient = true;
  const starting = media.start("camera");
  await settle();
  room.emit("left", "left");
  devices.answer();
  await starting;
  assert.deepEqual(devices.given.map(({ readyState }) => readyState), ["ended", "ended"]);
});

test("another device takes the place of the one before", async () => {
  const { media, devices, peer } = call();
  await media.start("microphone", { deviceId: "desk" });
  await media.start("microphone", { deviceId: "headset" });
  await settle();
  assert.deepEqual(devices.given.map(({ deviceId, readyState }) => [deviceId, readyState]), [["desk", "ended"], ["headset", "live"]]);
  assert.equal(peer.connection.transceivers.length, 1);
  assert.equal(peer.connection.transceivers[0].sender.track.deviceId, "headset");
});

test("in place of a device that is not there now comes any other", async () => {
  const { media, devices } = call();
  devices.missing = ["headset"];
  await media.start("microphone", { deviceId: "headset" });
  assert.deepEqual(devices.given.map(({ deviceId }) => deviceId), ["any"]);
});

test("every refusal has a name, and nothing is on after it", async () => {
  const names = {
    NotAllowedError: "permission-refused",
    SecurityError: "permission-refused",
    NotFoundError: "device-missing",
    NotReadableError: "device-busy",
    AbortError: "device-busy",
    TypeError: "not-supported",
    OddError: "capture-failed",
  };
  for (const [refusal, code] of Object.entries(names)) {
    const { media, devices, peer } = call();
    devices.refusal = refusal;
    await assert.rejects(media.start("camera"), { name: "CaptureError", code, slot: "camera" });
    assert.deepEqual([media.own("camera").state, peer.sends], ["off", []]);
  }
});

test("a page that is not secure has no devices: said by name", async () => {
  const media = new Media(/** @type {any} */ (new FakeRoom()), { clock: new FakeClock() });
  await assert.rejects(media.start("camera"), { code: "not-supported" });
  assert.deepEqual(await media.devices().catch(() => []), []);
});

test("a device that is unplugged is off, said by name, and the rest goes on", async () => {
  const { media, devices, peer, heard } = call();
  await media.start("microphone");
  await media.start("camera");
  peer.connection.agrees();
  devices.given[1].isEnded();
  await settle();
  const [error] = eventsOf(heard, "failure");
  assert.deepEqual([error.name, error.code, error.slot], ["CaptureError", "device-unplugged", "camera"]);
  assert.deepEqual(Object.keys(sending(peer)), ["microphone"]);
  assert.deepEqual(peer.sends, ["audio"]);
});

test("a screen ended by the browser's bar is off, with its sound, and is no failure", async () => {
  const { media, devices, peer, heard } = call();
  await media.start("screen");
  peer.connection.agrees();
  assert.deepEqual(Object.keys(sending(peer)).sort(), ["screen", "screen-sound"]);
  assert.equal(devices.given[0].contentHint, "detail");
  devices.given[0].isEnded();
  await settle();
  assert.deepEqual([peer.sends, sending(peer), eventsOf(heard, "failure")], [[], {}, []]);
  assert.equal(devices.given[1].readyState, "ended");
});

test("who comes later gets all that is on, as soon as they are connected", async () => {
  const { room, media } = enter();
  await media.start("camera");
  const peer = room.meets("zoe", 200);
  assert.deepEqual(peer.sends, []);
  peer.turns("connected");
  assert.deepEqual(peer.sends, ["video"]);
});

test("a new connection with somebody gets all that is on, the old one nothing more", async () => {
  const { room, media, peer } = call();
  await media.start("camera");
  peer.turns("closed");
  const again = room.links("ada");
  again.turns("connected");
  assert.deepEqual(again.sends, ["video"]);
  await media.start("microphone");
  assert.deepEqual([peer.sends, again.sends], [["video"], ["video", "audio"]]);
});

test("in a room with a passphrase nothing goes to those who do not share it", async () => {
  const { room, media } = enter();
  await media.start("camera");
  const peer = room.meets("zoe", 200);
  peer.sealing = "checking";
  peer.turns("connected");
  assert.deepEqual(peer.sends, []);
  peer.sealing = "other-passphrase";
  peer.emit("sealing", peer.sealing);
  assert.deepEqual(peer.sends, []);
  peer.sealing = "sealed";
  peer.emit("sealing", peer.sealing);
  assert.deepEqual(peer.sends, ["video"]);
});

test("what comes is known by its mid, whichever comes first, and is off when it is not named", () => {
  const { room, media, peer } = call();
  room.hears("ada", { type: "media", arrived: 50, sending: { camera: { mid: "7" }, microphone: { mid: "8", muted: true } } });
  assert.equal(media.of("ada").size, 0);
  const picture = peer.connection.receives("7", "video");
  const voice = peer.connection.receives("8", "audio");
  assert.equal(media.of("ada").get("camera").track, picture);
  assert.deepEqual([media.of("ada").get("microphone").track, media.of("ada").get("microphone").muted], [voice, true]);
  room.hears("ada", { type: "media", arrived: 50, sending: {} });
  assert.equal(media.of("ada").size, 0);
});

test("our own transceivers are never taken for what comes, nor nonsense for news", async () => {
  const { room, media, peer } = call();
  await media.start("camera");
  peer.connection.agrees();
  for (const nonsense of [{ camera: { mid: "1" } }, null, "camera", [], { camera: 7 }, { camera: null }]) {
    room.hears("ada", { type: "media", arrived: "now", sending: nonsense });
    assert.equal(media.of("ada").size, 0);
  }
  room.hears("nobody", { type: "media", arrived: 1, sending: {} });
});

test("the more people, the less each gets: all shares together stay below one uplink", () => {
  for (const slot of /** @type {const} */ (["camera", "screen", "microphone"])) {
    const rates = [1, 2, 3, 4, 5, 6, 7].map((receivers) => encodingFor(slot, receivers).maxBitrate);
    assert.deepEqual(rates, [...rates].sort((a, b) => b - a));
    for (const [index, rate] of rates.entries()) assert.ok(rate * (index + 1) <= 5_000_000);
  }
  assert.equal(encodingFor("camera", 1).scaleResolutionDownBy, 1);
  assert.equal(encodingFor("camera", 7).scaleResolutionDownBy, 3);
});

test("the limits follow the number of people in the call", async () => {
  const { room, media, peer } = call();
  await media.start("camera");
  const rate = () => peer.connection.transceivers[0].sender.parameters.encodings[0].maxBitrate;
  const alone = rate();
  for (const name of ["bo", "cy", "di"]) room.meets(name, 200).turns("connected");
  await settle();
  assert.equal(rate(), encodingFor("camera", 4).maxBitrate);
  assert.ok(rate() < alone);
});

test("who comes after the last place takes part with data only, and all see it alike", async () => {
  const { room, media, heard } = enter({ places: 3 });
  await media.start("camera");
  const early = room.meets("ada", 50);
  early.turns("connected");
  const third = room.meets("bo", 200);
  third.turns("connected");
  const late = room.meets("cy", 300);
  late.turns("connected");
  assert.deepEqual([early.sends, third.sends, late.sends], [["video"], ["video"], []]);
  assert.deepEqual([media.dataOnly, media.isDataOnly("cy")], [false, true]);
  assert.equal(eventsOf(heard, "places").length, 1);
  room.loses("ada");
  assert.equal(media.isDataOnly("cy"), false);
  assert.deepEqual(late.sends, ["video"]);
});

test("without a place nothing starts; when somebody goes there is one", async () => {
  const { room, media } = enter({ places: 2 });
  room.meets("ada", 50).turns("connected");
  room.meets("bo", 60).turns("connected");
  assert.equal(media.dataOnly, true);
  await assert.rejects(media.start("camera"), { name: "CaptureError", code: "data-only" });
  room.loses("ada");
  assert.equal(media.dataOnly, false);
  await media.start("camera");
});

test("who resumes keeps the place of their first arrival, by their own word", async () => {
  const { room, media } = enter({ places: 2 });
  await media.start("camera");
  const ada = room.meets("ada", 900); // a new seat; they have been here since 50
  ada.turns("connected");
  room.meets("bo", 200).turns("connected");
  assert.equal(media.isDataOnly("ada"), true);
  room.hears("ada", { type: "media", arrived: 50, sending: {} });
  assert.deepEqual([media.isDataOnly("ada"), media.isDataOnly("bo")], [false, true]);
  room.enters(950);
  assert.equal(media.dataOnly, false);
  assert.equal(ada.told.arrived, 100);
});

test("who is pushed out by an earlier one lets go of everything", async () => {
  const { room, media, devices } = enter({ places: 2 });
  await media.start("camera");
  room.meets("ada", 50).turns("connected");
  room.meets("bo", 900).turns("connected");
  assert.equal(media.dataOnly, false);
  room.hears("bo", { type: "media", arrived: 60, sending: {} });
  assert.equal(media.dataOnly, true);
  assert.deepEqual([devices.given[0].readyState, media.own("camera").state], ["ended", "off"]);
});

test("who talks is told once when they begin and once when they have ended", async () => {
  const { room, clock, peer, heard, media } = call();
  peer.connection.receives("8", "audio");
  room.hears("ada", { type: "media", arrived: 50, sending: { microphone: { mid: "8" } } });
  await clock.advance(LISTEN_EVERY * 3);
  assert.deepEqual(eventsOf(heard, "speaking"), []);
  peer.connection.level = LOUD * 2;
  await clock.advance(LISTEN_EVERY * 3);
  assert.deepEqual(eventsOf(heard, "speaking"), [{ clientId: "ada", speaking: true }]);
  assert.equal(media.isSpeaking("ada"), true);
  peer.connection.level = 0;
  await clock.advance(PAUSE + LISTEN_EVERY * 2);
  assert.deepEqual(eventsOf(heard, "speaking").at(-1), { clientId: "ada", speaking: false });
  assert.equal(eventsOf(heard, "speaking").length, 2);
});

test("we are heard to talk too, but not while muted", async () => {
  const { clock, media, meters, heard } = call();
  await media.start("microphone");
  meters[0].level = 1;
  await clock.advance(LISTEN_EVERY * 2);
  media.mute("microphone", true);
  await clock.advance(LISTEN_EVERY * 2);
  const speaking = [true, false].map((speaking) => ({ clientId: "me", speaking }));
  assert.deepEqual(eventsOf(heard, "speaking"), speaking);
  media.stop("microphone");
  assert.equal(meters[0].closed, true);
});

test("who falls silent by a broken connection, or goes, is not talking any more", async () => {
  const { room, clock, peer, heard } = call();
  peer.connection.receives("8", "audio");
  peer.connection.level = 1;
  room.hears("ada", { type: "media", arrived: 50, sending: { microphone: { mid: "8" } } });
  await clock.advance(LISTEN_EVERY);
  peer.turns("interrupted");
  await clock.advance(LISTEN_EVERY * 2);
  assert.deepEqual(eventsOf(heard, "speaking").map(({ speaking }) => speaking), [true, false]);
});

test("devices that come and go are told, as long as we are in the room", () => {
  const { room, devices, heard } = enter();
  devices.dispatchEvent(new Event("devicechange"));
  room.emit("left", "left");
  devices.dispatchEvent(new Event("devicechange"));
  assert.equal(eventsOf(heard, "devices").length, 1);
});
