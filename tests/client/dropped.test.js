import assert from "node:assert/strict";
import { test } from "node:test";

import { droppedFiles } from "../../client/page/dropped.js";

const file = (name) => ({ isDirectory: false, name, file: (found) => found(new File(["x"], name)) });

/** A folder tells its entries in batches, as browsers do. */
function folder(name, ...entries) {
  const createReader = () => {
    const left = [...entries];
    return { readEntries: (found) => found(left.splice(0, 2)) };
  };
  return { isDirectory: true, name, createReader };
}

const dropped = (...entries) => /** @type {any} */ ({
  items: entries.map((entry) => ({
    kind: "file",
    webkitGetAsEntry: () => entry,
    getAsFile: () => new File(["x"], entry.name),
  })),
});

const names = async (what, most = 100) => (await droppedFiles(what, most)).map(({ name }) => name);

test("files are taken as they are", async () => {
  assert.deepEqual(await names(dropped(file("a"), file("b"))), ["a", "b"]);
});

test("of folders, the files in them and below", async () => {
  const tree = folder("photos", file("1"), file("2"), file("3"), folder("more", file("4")), folder("empty"));
  assert.deepEqual(await names(dropped(file("0"), tree)), ["0", "1", "2", "3", "4"]);
});

test("a folder without end is not read to its end", async () => {
  const endless = folder("endless", ...Array.from({ length: 500 }, (_, at) => file(String(at))));
  const found = await names(dropped(endless), 10);
  assert.equal(found.length, 11, "one more, so that it can be said that there are more");
});

test("where a browser knows no entries, and where text was dropped along", async () => {
  const items = [
    { kind: "string", getAsFile: () => null },
    { kind: "file", getAsFile: () => new File(["x"], "plain") },
  ];
  assert.deepEqual(await names(/** @type {any} */ ({ items })), ["plain"]);
});
