// The package itself: what it weighs, what it holds, and that its types are those of the hub.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { asset, bundle, EVERYTHING, gzipped } from "../scripts/bundle.mjs";
import { committed, fromSchema } from "../scripts/payloads.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);
const tool = (name, ...args) => run(process.execPath, [`node_modules/${name}`, ...args], { cwd: ROOT });

test("the types of the payloads are those of the hub's schema", () => {
  assert.equal(committed(), fromSchema(), "`npm run payloads` writes them anew");
});

test("what a page loads has its bounds: 4 KB the core, 6 KB with files and the coordinator, and the router 1.3 KB more", async (t) => {
  const bounds = [
    [["index"], 4_096],
    [["index", "files", "coordinator"], 6_144],
    [EVERYTHING, 7_488],
  ];
  for (const [entries, bound] of bounds) {
    const bytes = gzipped(await bundle(...entries));
    t.diagnostic(`gzip: ${entries.join(", ")}: ${bytes} bytes`);
    assert.ok(bytes <= bound, `${entries.join(", ")} weigh ${bytes} bytes, and ${bound} were meant`);
  }
});

test("what the hub serves as /client.js is made of these sources", async () => {
  assert.equal(asset(), await bundle(...EVERYTHING), "`npm run asset` writes it anew, and cargo builds it into the hub");
});

test("the package has no dependency, and what it holds is found by every kind of resolution for modules", async (t) => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
  assert.deepEqual([dependencies, peerDependencies], [undefined, undefined]);
  const packed = JSON.parse((await run("npm", ["pack", "--json", "--ignore-scripts"], { cwd: ROOT })).stdout);
  const archive = `${ROOT}/${Object.values(packed)[0].filename}`;
  t.after(() => rmSync(archive));
  await tool("publint/src/cli.js", archive, "--strict");
  await tool("@arethetypeswrong/cli/dist/index.js", archive, "--profile", "esm-only");
});

test("what the examples of the types promise compiles, and what they forbid does not", async () => {
  await tool("typescript/bin/tsc", "-p", "test/types");
  await tool("typescript/bin/tsc", "-p", "test/types/node.tsconfig.json");
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(readFileSync(`${ROOT}/package-lock.json`, "utf8"), /"resolved"/);
});
