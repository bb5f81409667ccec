import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { Sha256 } from "../../client/sha256.js";

const bytes = (length) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) % 256);
const expected = (data) => createHash("sha256").update(data).digest("hex");

test("the examples of FIPS 180-4", () => {
  const digest = (text) => new Sha256().update(new TextEncoder().encode(text)).digest();
  assert.equal(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("every length around the edges of blocks", () => {
  for (let length = 0; length <= 260; length += 1) {
    assert.equal(new Sha256().update(bytes(length)).digest(), expected(bytes(length)), String(length));
  }
});

test("in pieces of any size, also out of the middle of a buffer", () => {
  const data = bytes(10_000);
  for (const step of [1, 3, 63, 64, 65, 127, 1_000]) {
    const hash = new Sha256();
    for (let at = 0; at < data.length; at += step) hash.update(data.subarray(at, at + step));
    assert.equal(hash.digest(), expected(data), String(step));
  }
});

test("a clone goes its own way", () => {
  const hash = new Sha256().update(bytes(100));
  const twin = hash.clone().update(bytes(7));
  assert.equal(hash.digest(), expected(bytes(100)));
  assert.equal(twin.digest(), expected(Uint8Array.from([...bytes(100), ...bytes(7)])));
});

test("it can be asked in the middle, and goes on", () => {
  const data = bytes(1_000);
  const hash = new Sha256().update(data.subarray(0, 333));
  assert.equal(hash.digest(), expected(data.subarray(0, 333)));
  assert.equal(hash.update(data.subarray(333)).digest(), expected(data));
});
