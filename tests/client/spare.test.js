import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { KEPT, SETTLED, Spare } from "../../client/spare.js";
import { FakeClock, FakeConnection } from "./fakes.js";

beforeEach(() => (FakeConnection.made = []));

function make() {
  const clock = new FakeClock();
  return { clock, spare: new Spare(/** @type {any} */ (FakeConnection), clock) };
}

test("what was prepared is taken once, with the configuration of the moment", () => {
  const { spare } = make();
  spare.prepare({ iceServers: [] });
  spare.prepare({ iceServers: [] });
  const taken = spare.take({ iceServers: [{ urls: "stun:example.org" }] });
  assert.deepEqual(FakeConnection.made, [taken]);
  assert.deepEqual(/** @type {any} */ (taken).options.iceServers, [{ urls: "stun:example.org" }]);
  assert.equal(spare.take({}), undefined);
});

test("what nobody takes is closed, and not given to who comes later", async () => {
  const { clock, spare } = make();
  spare.prepare({});
  await clock.advance(KEPT);
  assert.equal(FakeConnection.made[0].closed, true);
  assert.equal(spare.take({}), undefined);
});

test("what was taken stays open, whatever becomes of the next one", async () => {
  const { clock, spare } = make();
  spare.prepare({});
  spare.take({});
  spare.prepare({});
  spare.drop();
  await clock.advance(KEPT);
  assert.deepEqual(FakeConnection.made.map(({ closed }) => closed), [false, true]);
});

test("its candidates are gathered from the beginning", () => {
  const { spare } = make();
  spare.prepare({});
  assert.equal(FakeConnection.made[0].options.iceCandidatePoolSize, 1);
});

test("an offer of theirs gets one that is settled, or none", async () => {
  const { clock, spare } = make();
  spare.prepare({ iceServers: [] });
  await clock.advance(SETTLED - 1);
  assert.equal(spare.takeSettled({ iceServers: [] }), undefined);
  assert.equal(FakeConnection.made[0].closed, true);
  spare.prepare({ iceServers: [] });
  await clock.advance(SETTLED);
  spare.prepare({ iceServers: [] });
  assert.equal(spare.takeSettled({ iceServers: [] }), FakeConnection.made[1]);
  assert.equal(FakeConnection.made[1].closed, false);
});

test("an offer of theirs gets none that would have to begin anew, with other servers", async () => {
  const { clock, spare } = make();
  spare.prepare({ iceServers: [] });
  await clock.advance(SETTLED);
  assert.equal(spare.takeSettled({ iceServers: [{ urls: "stun:example.org" }] }), undefined);
});
