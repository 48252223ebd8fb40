// What the hub serves: that it is made of these sources, what it weighs, and that it is what the policy allows.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle, committed, gzipped, NAMES } from "../scripts/bundle.mjs";
import { Hub } from "../../clients/js/test/hub.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

test("what the hub serves is made of these sources", async (t) => {
  const [files, hub] = [await bundle(), await Hub.start(t)];
  for (const name of NAMES) {
    assert.equal(committed(name), files[name], `${name}: \`npm run asset\` writes it anew, and cargo builds it into the hub`);
    const served = await fetch(`${hub.origin}/console/${name.replace("index.html", "")}`);
    assert.equal(await served.text(), files[name], `${name}: the hub that is tested was built before it was written`);
    const policy = served.headers.get("content-security-policy");
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  }
});

test("the console weighs at most 60 KB, as a server that compresses would send it", (t) => {
  const sizes = NAMES.map((name) => [name, gzipped(committed(name))]);
  const sum = sizes.reduce((sum, [, size]) => sum + size, 0);
  t.diagnostic(`gzip: ${sizes.map((entry) => entry.join(" ")).join(", ")}; together ${sum} bytes`);
  assert.ok(sum <= 61_440, `it weighs ${sum} bytes`);
});

test("its types hold", () => {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"], { cwd: ROOT, stdio: "pipe" });
});

test("the page has no script and no style of its own", () => {
  const page = committed("index.html");
  assert.doesNotMatch(page, /<style|style=|<script(?! type="module" src="console.js"><\/script>)|\son\w+=/);
});

test("the picture in the README weighs at most 200 KB", () => {
  const { length } = readFileSync(new URL("../../docs/console.png", import.meta.url));
  assert.ok(length <= 204_800, `it weighs ${length} bytes`);
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(readFileSync(`${ROOT}/package-lock.json`, "utf8"), /"resolved"/);
});
