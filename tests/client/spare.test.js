import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { KEPT, Spare } from "../../client/spare.js";
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
