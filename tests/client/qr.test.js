import assert from "node:assert/strict";
import { test } from "node:test";

import { qrCode } from "../../client/qr.js";

// Whether scanners can read them is shown in tests/e2e/test_qr.py.

test("a code is as small as its text allows", () => {
  const side = (length) => qrCode("x".repeat(length)).length;
  assert.deepEqual([side(1), side(17), side(18), side(2953)], [21, 21, 25, 177]);
});

test("a text too long for any code is refused", () => {
  assert.throws(() => qrCode("x".repeat(2954)), RangeError);
  assert.throws(() => qrCode("ü".repeat(1500)), RangeError);
});

test("the three finders stand in their corners", () => {
  const rows = qrCode("garden");
  const finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"];
  const corner = (x, y) => finder.map((_, dy) => {
    return rows[y + dy].slice(x, x + 7).map(Number).join("");
  });
  for (const [x, y] of [[0, 0], [rows.length - 7, 0], [0, rows.length - 7]]) {
    assert.deepEqual(corner(x, y), finder);
  }
});
