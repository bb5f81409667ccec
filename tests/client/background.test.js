import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWER_WITHIN } from "../../client/requests.js";
import { LIFETIME, PING_EVERY, PROMPT } from "../../client/signaling.js";
import { FakeClock, hear } from "./fakes.js";
import { enter, pong, start } from "./scene.js";
import { FakeServer, chanceFrom } from "./server.js";

const MINUTE = 60_000;

test("a page in the background, with timers once a minute, keeps its seat for a day", async () => {
  const clock = new FakeClock();
  const server = new FakeServer(clock, chanceFrom(7));
  const { signaling, heard } = start({ clock, WebSocket: server.WebSocket });
  const joining = signaling.join("garden");
  await clock.advance(10_000);
  const { clientId } = await joining;
  const statuses = hear(signaling, "status");
  clock.throttle = MINUTE;
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    await clock.advance(MINUTE);
    assert.deepEqual(Object.keys(server.roster("garden")), [clientId]);
    assert.ok(server.idle < 10 * MINUTE, "API Gateway would have cut it");
  }
  assert.deepEqual(statuses, []);
  assert.ok(server.sockets.length > 12, "it has moved every two hours");
  assert.deepEqual(heard.map(([type]) => type), server.sockets.map(() => "joined"));
});

test("a verdict that comes late waits for an answer that may stand in line behind it", async () => {
  for (const frozen of [ANSWER_WITHIN / 2 - 1, ANSWER_WITHIN - 1]) {
    const { socket, sockets, clock } = await enter();
    await clock.advance(PING_EVERY + frozen);
    clock.sleep(30_000);
    await clock.advance(0); // the timers run first
    pong(socket(), { garden: { me: 100 } });
    await clock.advance(MINUTE);
    assert.equal(sockets.length, 1);
  }
});

test("a socket that opened while the page was frozen is not given up", async () => {
  const { signaling, socket, sockets, clock } = start();
  void signaling.join("garden").catch(() => {});
  clock.sleep(MINUTE);
  await clock.advance(0);
  socket().opens();
  assert.equal(sockets.length, 1);
  assert.equal(signaling.status, "connected");
});

test("late or not, in the end silence is a verdict", async () => {
  const { sockets, clock } = await enter();
  clock.throttle = MINUTE;
  await clock.advance(PING_EVERY + 5 * MINUTE);
  assert.ok(sockets.length > 1);
});

test("after a long sleep the socket is tried with a ping, and soon given up when it is silent", async () => {
  const { clock, page, socket, sockets } = await enter();
  clock.sleep(5 * MINUTE); // less than the heartbeat's eight minutes: only the sleep can be the reason
  await clock.advance(1);
  assert.equal(socket().count("ping"), 1);
  page.dispatchEvent(new Event("online"));
  assert.equal(socket().count("ping"), 1, "one at a time");
  await clock.advance(PROMPT);
  assert.equal(socket().count("ping"), 2, "and once more for certainty");
  assert.equal(sockets[0].readyState, 3);
  await clock.advance(1_000);
  assert.equal(sockets.length, 2);
});

test("another address, or the network's return, is worth a ping at once", async () => {
  const { clock, page, network, signaling, socket } = await enter();
  const rerouted = hear(signaling, "rerouted");
  page.dispatchEvent(new Event("online"));
  assert.equal(socket().count("ping"), 1);
  pong(socket(), { garden: { me: 100 } });
  network.dispatchEvent(new Event("change"));
  assert.equal(socket().count("ping"), 1, "only its quality has changed");
  assert.equal(rerouted.length, 1);
  network.type = "cellular";
  network.dispatchEvent(new Event("change"));
  assert.equal(socket().count("ping"), 2);
  assert.equal(rerouted.length, 2);
  pong(socket(), { garden: { me: 100 } });
  page.dispatchEvent(new Event("visibilitychange"));
  assert.equal(socket().count("ping"), 2, "a glance is not worth one, so soon after");
  await clock.advance(MINUTE);
  page.dispatchEvent(new Event("visibilitychange"));
  assert.equal(socket().count("ping"), 3);
});

test("a lifetime that ran out in sleep ends in a seat taken again", async () => {
  const { clock, socket, sockets, signaling } = await enter();
  clock.sleep(LIFETIME + MINUTE);
  socket().drops();
  await clock.advance(1_000);
  assert.equal(sockets.length, 2);
  assert.equal(socket().opens().last("join").clientId, "me");
  assert.equal(signaling.status, "connected");
});
