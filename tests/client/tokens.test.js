// Tokens: shown with each join, got anew before they end, and refused in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { renewIn } from "../../client/tokens.js";
import { joinedFrame, reopened, start } from "./scene.js";

/** A token, as far as a client looks into it. */
const ending = (at, name = "") => `h.${btoa(JSON.stringify({ exp: at / 1000, name }))}.s`;

async function entered(token) {
  const parts = start();
  const joining = parts.signaling.join("garden", { token });
  parts.socket().opens();
  await parts.clock.advance(0);
  const asked = parts.socket().last("join");
  parts.socket().says(joinedFrame(asked));
  await joining;
  parts.heard.length = 0;
  return { ...parts, asked };
}

test("a token travels in the join, and in each that follows", async () => {
  const parts = await entered("t.t.t");
  assert.equal(parts.asked.token, "t.t.t");
  parts.socket().drops();
  const again = await reopened(parts);
  assert.equal(again.last("join").token, "t.t.t");
});

test("where none is asked for, none is sent", async () => {
  const { asked } = await entered(undefined);
  assert.equal("token" in asked, false);
});

test("a short token is renewed on the same socket, and nobody hears of it", async () => {
  const parts = start();
  let given = 0;
  const token = () => ending(parts.clock.now() + 20_000, `n${(given += 1)}`);
  const joining = parts.signaling.join("garden", { token });
  parts.socket().opens();
  await parts.clock.advance(0);
  parts.socket().says(joinedFrame(parts.socket().last("join")));
  await joining;
  parts.heard.length = 0;
  const first = parts.socket().last("join");
  await parts.clock.advance(10_000);
  const renewal = parts.socket().last("join");
  assert.notEqual(renewal.token, first.token);
  assert.equal(renewal.resumeToken, "token");
  parts.socket().says(joinedFrame(renewal, { resumeToken: "newer" }));
  assert.equal(parts.signaling.storedSeat("garden")?.resumeToken, "newer");
  assert.deepEqual(parts.heard, []);
  await parts.clock.advance(10_000);
  assert.equal(given, 3);
});

test("a seat whose token has run out is taken again with a newer one", async () => {
  let given = 0;
  const parts = await entered(() => `h.e30.n${(given += 1)}`);
  parts.socket().says({ type: "error", code: "unauthorized", message: "", roomId: "garden" });
  await parts.clock.advance(0);
  assert.equal(parts.socket().last("join").token, "h.e30.n2");
});

test("who has no token to show is refused", async () => {
  const parts = start();
  const joining = parts.signaling.join("garden", { token: () => Promise.reject(new Error("out")) });
  parts.socket().opens();
  await assert.rejects(joining, { code: "unauthorized" });
});

test("a text is not renewed, nor is what cannot be read", () => {
  assert.equal(renewIn(ending(10_000), ending(10_000), 0), null);
  for (const text of [undefined, "", "x", "a.b.c", `a.${btoa("{}")}.c`]) {
    assert.equal(renewIn(() => "", text, 0), null);
  }
  assert.equal(renewIn(() => "", ending(3_600_000), 0), 3_540_000);
  assert.equal(renewIn(() => "", ending(20_000), 0), 10_000);
});
