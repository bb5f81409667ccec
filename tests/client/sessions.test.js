import assert from "node:assert/strict";
import { test } from "node:test";

import { compareSessions, isPolite, nextSession, parseSession } from "../../client/sessions.js";

const newer = (a, b) => compareSessions(parseSession(a), parseSession(b)) > 0;

test("a next session is newer than the latest, and than both seats", () => {
  assert.equal(nextSession("ada", [100, 200], null), "200-ada");
  assert.equal(nextSession("ada", [100, 200], "200-ben"), "201-ada");
  assert.equal(nextSession("ada", [100, 300], "200-ben"), "300-ada");
});

test("sessions are ordered by number, not by text, and then by their starter", () => {
  assert.ok(newer("1000-ada", "999-zoe"));
  assert.ok(newer("100-zoe", "100-ada"));
  assert.ok(!newer("100-ada", "100-zoe"));
  assert.equal(compareSessions(parseSession("7-ada"), parseSession("7-ada")), 0);
});

test("what names no session is told apart", () => {
  for (const name of [undefined, null, 7, "", "ada", "-ada", "7-", "99999999999999999999-ada"]) {
    assert.equal(parseSession(name), null);
  }
});

test("exactly one of two is polite", () => {
  assert.notEqual(isPolite("ada", "ben"), isPolite("ben", "ada"));
});
