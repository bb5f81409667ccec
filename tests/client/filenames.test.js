import assert from "node:assert/strict";
import { test } from "node:test";

import { safeName } from "../../client/filenames.js";

for (const [hostile, safe] of /** @type {[any, string][]} */ ([
  ["notes.txt", "notes.txt"],
  ["Ünïcödé – 写真 📷.jpg", "Ünïcödé – 写真 📷.jpg"],
  ["../../etc/passwd", "passwd"],
  ["..\\..\\Windows\\System32\\evil.dll", "evil.dll"],
  ["/absolute", "absolute"],
  ["C:\\autoexec.bat", "autoexec.bat"],
  ["C:evil.txt", "C_evil.txt"],
  ["a\u2215b\u2044c\uff0fd\u29f8e.txt", "e.txt"],
  ["a\0b.txt", "ab.txt"],
  ["line\nbreak\r\u2028\u2029\u0085.txt", "linebreak.txt"],
  ["photo\u202egpj.exe", "photogpj.exe"],
  ["\u2066hidden\u2069\u200b\u200f\ufeff.txt", "hidden.txt"],
  ["tag\u{e0041}\u{e007f}.txt", "tag.txt"],
  ["filler\u3164\u115f.exe", "filler.exe"],
  [".bashrc", "bashrc"],
  ["...", "file"],
  ["..", "file"],
  [".", "file"],
  ["", "file"],
  ["   ", "file"],
  ["dir/", "file"],
  [null, "file"],
  [undefined, "file"],
  [{ toString: () => "../x" }, "file"],
  ["trailing. . .", "trailing"],
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["Com1.tar.gz", "_Com1.tar.gz"],
  ["LPT¹", "_LPT¹"],
  ["aux .h", "_aux.h"],
  ["console.log", "console.log"],
  ["a:b*c?d\"e<f>g|h.txt", "a_b_c_d_e_f_g_h.txt"],
  ["%2e%2e%2fpasswd", "_2e_2e_2fpasswd"],
  ["~root", "_root"],
  ["$HOME`id`.sh", "_HOME_id_.sh"],
  ["lone\ud800.txt", "lone.txt"],
  ["a    b.txt", "a b.txt"],
])) {
  test(`${JSON.stringify(hostile)} becomes ${safe}`, () => assert.equal(safeName(hostile), safe));
}

test("a long name keeps its extension, and no letter is cut in two", () => {
  for (const letter of ["x", "é", "写", "📷"]) {
    const name = safeName(`${letter.repeat(5_000)}.jpeg`);
    assert.match(name, /\.jpeg$/);
    assert.ok(new TextEncoder().encode(name).length <= 255 - 40, name);
    assert.equal(name.isWellFormed(), true);
  }
});

test("whatever comes in, what comes out is one plain name, and stays it", () => {
  let state = 7;
  const letters = ["/", "\\", ".", " ", "\0", "\u202e", "a", "CON", ":", "\ud83d", "é", "\n", "~", "%"];
  const chance = () => (state = (state * 48_271) % 2_147_483_647);
  for (let round = 0; round < 5_000; round += 1) {
    const hostile = Array.from({ length: chance() % 12 }, () => letters[chance() % letters.length]).join("");
    const name = safeName(hostile);
    assert.match(name, /^[^./\\\p{C} ][^/\\\p{C}]*$/u, JSON.stringify(hostile));
    assert.equal(safeName(name), name, JSON.stringify(hostile));
  }
});
