// The folders of clients on the real file server.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { files } from "../dist/files.js";
import { Hub, refused } from "./hub.mjs";

test("a file is put, listed, read by others and removed, and progress is told", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const mine = files(ada);
  const told = [];
  const content = "ü".repeat(300_000);
  const stored = await mine.put("notes/café one.txt", content, { onProgress: (progress) => told.push(progress) });
  assert.deepEqual([stored.path, stored.size], ["notes/café one.txt", 600_000]);
  assert.deepEqual(told.at(-1), { bytes: 600_000, total: 600_000 });
  assert.ok(told.every(({ bytes }, n) => n === 0 || bytes > told[n - 1].bytes), "it grows");
  const [entry] = await mine.list("notes/");
  assert.deepEqual([entry.path, entry.size, entry.etag], ["notes/café one.txt", 600_000, stored.etag]);
  assert.deepEqual((await mine.list()).map(({ path }) => path), ["notes/"]);

  const theirs = files(bob).of("ada");
  const response = await theirs.get("notes/café one.txt");
  assert.match(response.headers.get("content-disposition"), /caf/);
  assert.equal(await response.text(), content);
  const part = await theirs.get("notes/café one.txt", { headers: { range: "bytes=0-1" } });
  assert.deepEqual([part.status, await part.text()], [206, "ü"]);
  assert.equal((await refused(theirs.put("notes/mine.txt", "no"), "NOT_YOURS")).details, 403);

  assert.deepEqual(await mine.delete("notes/"), { path: "notes/", files: 1, bytes: 600_000 });
  await refused(mine.get("notes/café one.txt"), "NOT_FOUND");
});

test("what the server answers has the fields that the types say", async (t) => {
  const types = readFileSync(new URL("../dist/files.d.ts", import.meta.url), "utf8");
  const fields = (name, inherited = []) => {
    const [body] = types.split(`interface ${name} `)[1].split("\n}");
    return [...inherited, ...[...body.matchAll(/^ {4}(\w+):/gm)].map(([, field]) => field)].sort();
  };
  const hub = await Hub.start(t);
  const mine = files(await hub.enter("ada"));
  const stored = await mine.put("a/b", "c");
  assert.deepEqual(Object.keys(stored).sort(), fields("FileStored"));
  for (const [entry] of [await mine.list("a/"), await mine.list()]) {
    assert.deepEqual(Object.keys(entry).sort(), fields("FileEntry", fields("FileStored")));
  }
  assert.deepEqual(Object.keys(await mine.delete("a/b")).sort(), fields("FilesRemoved"));
});

test("bytes and blobs are files, uploads can be conditional, and no path leads into a folder of others", async (t) => {
  const hub = await Hub.start(t);
  const [mine] = [files(await hub.enter("ada")), await hub.enter("bob")];
  await mine.put("bytes", new Uint8Array([1, 2, 3]));
  await mine.put("blob", new Blob(["four"]));
  assert.equal((await (await mine.get("bytes")).arrayBuffer()).byteLength, 3);
  await refused(mine.put("blob", "five", { headers: { "if-none-match": "*" } }), "PRECONDITION");
  await refused(mine.put("../bob/blob", "no"), "NOT_YOURS");
  await refused(mine.get("a\\b"), "BAD_PATH");
});

test("a transfer ends with its signal, and leaves nothing behind", async (t) => {
  const hub = await Hub.start(t);
  const mine = files(await hub.enter("ada"));
  const stop = new AbortController();
  const options = { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) };
  await assert.rejects(mine.put("large", new Blob([new Uint8Array(4_000_000)]), options));
  assert.deepEqual(await mine.list(), []);
});

test("the file server may be elsewhere", async (t) => {
  const [hub, other] = [await Hub.start(t), await Hub.start(t)];
  const ada = await hub.enter("ada");
  assert.equal(files(ada).url("a b/ü"), `${hub.origin}/fs/ada/a%20b/%C3%BC`);
  assert.equal((await refused(files(ada, other.origin).list(), "UNKNOWN_KEY")).details, 401);
});
