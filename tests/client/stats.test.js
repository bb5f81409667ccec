import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { EVERY, KEPT, Sampler, digest, pathOf } from "../../client/stats.js";
import { facts, inBits, inMilliseconds, report, trackFacts } from "../../client/page/report.js";
import { FakeClock, settle } from "./fakes.js";

// Recorded in Chromium: two moments each of a data channel through coturn, of a camera and a
// microphone that send, and of the side that receives them.
const recorded = JSON.parse(readFileSync(new URL("reports.json", import.meta.url), "utf8"));

/** @returns {RTCStatsReport} */
const statsOf = (entries) => /** @type {any} */ (new Map(entries.map((entry) => [entry.id, entry])));
const digested = (name) => {
  const [before, after] = recorded[name].map(statsOf);
  return digest(after, digest(before));
};

test("a path through a TURN server is told from a direct one", () => {
  const { route, local, remote } = pathOf(statsOf(recorded.relayed[0]));
  assert.equal(route, "relayed");
  assert.equal(local.type, "relay");
  assert.equal(local.relayProtocol, "udp");
  assert.equal(remote.type, "host");
  assert.equal(pathOf(statsOf(recorded.sending[0])).route, "direct");
});

test("a path is relayed by the other side's TURN server too", () => {
  const turned = recorded.relayed[0].map((entry) => {
    if (entry.type !== "candidate-pair") return entry;
    return { ...entry, localCandidateId: entry.remoteCandidateId, remoteCandidateId: entry.localCandidateId };
  });
  const { route, local, remote } = pathOf(statsOf(turned));
  assert.deepEqual([route, local.type, remote.type], ["relayed", "host", "relay"]);
});

test("before there is a path, nothing is made up", () => {
  const sample = digest(statsOf([]));
  const { route, local, remote, roundTrip, sending, receiving, ice, dtls } = sample;
  assert.deepEqual({ route, local, remote, roundTrip, sending, receiving }, {
    route: "none", local: null, remote: null, roundTrip: null, sending: null, receiving: null,
  });
  assert.deepEqual([ice, dtls], ["new", "new"]);
});

test("Firefox, which has no transports, marks the pair", () => {
  const entries = recorded.relayed[0].filter(({ type }) => type !== "transport");
  const marked = entries.map((entry) => (entry.type === "candidate-pair" ? { ...entry, selected: true } : entry));
  const sample = digest(statsOf(marked));
  assert.equal(sample.route, "relayed");
  assert.equal(sample.sent, 2521);
});

test("states, ciphers and the round trip are those of the transport", () => {
  const sample = digested("relayed");
  assert.deepEqual([sample.ice, sample.dtls], ["connected", "connected"]);
  assert.deepEqual([sample.tls, sample.cipher], ["DTLS 1.3", "TLS_AES_128_GCM_SHA256"]);
  assert.equal(sample.roundTrip, 1);
});

test("bitrates are what was counted between two samples", () => {
  const at = (timestamp, bytesSent, bytesReceived) => {
    return statsOf([{ id: "T", type: "transport", timestamp, bytesSent, bytesReceived }]);
  };
  const first = digest(at(1_000, 500, 0));
  assert.deepEqual([first.sending, first.receiving], [null, null]);
  const second = digest(at(3_000, 1_500, 250), first);
  assert.deepEqual([second.sending, second.receiving], [4_000, 1_000]);
  const anew = digest(at(5_000, 10, 10), second);
  assert.deepEqual([anew.sending, anew.receiving], [null, null], "a new path counts from zero");
});

test("tracks tell both directions, with loss as the receiver sees it", () => {
  const sent = digested("sending").tracks;
  assert.deepEqual(sent.map(({ direction, kind, codec }) => `${direction} ${kind} ${codec}`), ["out audio opus", "out video VP8"]);
  assert.equal(sent[1].size, "320×240");
  assert.ok(sent[1].bitrate > 1_000);
  assert.ok(sent[1].jitter > 0, "from the receiver's report");
  const received = digested("receiving").tracks;
  assert.deepEqual(received.map(({ direction, kind }) => `${direction} ${kind}`), ["in audio", "in video"]);
  assert.equal(received[0].jitter, 10);
});

// ---- the sampler

function sampled() {
  const clock = new FakeClock();
  let asked = 0;
  const connection = { connectionState: "connected", getStats: async () => {
    asked += 1;
    return statsOf([{ id: "T", type: "transport", timestamp: clock.now(), bytesSent: asked * 1_000 }]);
  } };
  const sampler = new Sampler(/** @type {any} */ (connection), { clock });
  return { clock, connection, sampler, asked: () => asked };
}

test("a sampler asks at its interval and keeps a window", async () => {
  const { clock, sampler } = sampled();
  const heard = [];
  sampler.on("sample", ({ sending }) => heard.push(sending));
  sampler.start();
  await clock.advance(EVERY * 3);
  assert.deepEqual(heard, [null, 4_000, 4_000, 4_000]);
  await clock.advance(EVERY * KEPT * 2);
  assert.equal(sampler.samples.length, KEPT);
});

test("a sampler stops when it is told to, and when the connection is closed", async () => {
  const { clock, connection, sampler, asked } = sampled();
  sampler.start();
  await clock.advance(EVERY);
  sampler.stop();
  const before = asked();
  await clock.advance(EVERY * 5);
  assert.equal(asked(), before);
  sampler.start();
  await settle();
  connection.connectionState = "closed";
  await clock.advance(EVERY * 5);
  assert.equal(asked(), before + 2);
});

// ---- in words

test("the facts name the path without addresses, and with them only when asked", () => {
  const sample = digested("relayed");
  const plain = Object.fromEntries(facts(sample));
  assert.equal(plain.Route, "Relayed");
  assert.equal(plain["This side"], "TURN relay (relay), udp, reached by udp");
  assert.equal(plain["Round trip"], "1.0 ms");
  assert.equal(plain.DTLS, "connected, DTLS 1.3, TLS_AES_128_GCM_SHA256");
  const addressed = Object.fromEntries(facts(sample, { addresses: true }));
  assert.match(addressed["This side"], /, 127\.0\.0\.1:\d+$/);
});

test("a report holds no address, no TURN server's address and no name fragment unless asked", () => {
  const samples = [digested("relayed")];
  const about = { clientId: "k3J9aQ", state: "connected", browser: "Chromium" };
  const text = report(samples, about);
  const entries = recorded.relayed.flat();
  const private_ = entries.flatMap(({ address, url, usernameFragment }) => [address, url, usernameFragment]);
  for (const one of private_.filter(Boolean)) assert.ok(!text.includes(one), one);
  assert.match(text, /^Route: Relayed$/m);
  assert.match(text, /^Connection with k3J9aQ: connected$/m);
  assert.match(report(samples, { ...about, addresses: true }), /192\.0\.2\.2:\d+/);
  assert.match(report([], about), /Nothing was measured yet/);
});

test("tracks are told in words", () => {
  const [, video] = digested("sending").tracks;
  const [name, ...cells] = trackFacts(video);
  assert.equal(name, "From you: video");
  assert.match(cells.join(", "), /^VP8, 320×240, 7 fps, [\d.]+ kbit\/s, 0 lost, jitter \d+ ms$/);
});

test("figures come with their unit", () => {
  assert.deepEqual([null, 0.4, 12.6].map(inMilliseconds), ["–", "0.4 ms", "13 ms"]);
  assert.deepEqual([null, 0, 2_500, 250_000, 2_500_000].map(inBits), ["–", "0.0 kbit/s", "2.5 kbit/s", "250 kbit/s", "2.5 Mbit/s"]);
});
