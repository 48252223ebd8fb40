// Compiles the client and runs its tests against the hub in target/debug, or the one that TESTED_CONCIERGE names.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "./build.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
compile();
const files = readdirSync(`${ROOT}/test`).filter((name) => name.endsWith(".test.mjs"));
const paths = files.map((name) => `test/${name}`);
const args = ["--test", "--test-reporter=spec", "--test-concurrency=4", "--test-timeout=600000", ...process.argv.slice(2), ...paths];
process.exit(spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1);
