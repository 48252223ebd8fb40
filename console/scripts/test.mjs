// Runs the console's tests against the hub in target/debug, or the one that TESTED_CONCIERGE names. The clients behind it are those of
// clients/js, which is compiled first.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "../../clients/js/scripts/build.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
compile();
const files = readdirSync(`${ROOT}/test`).filter((name) => name.endsWith(".test.mjs"));
const paths = files.map((name) => `test/${name}`);
const args = ["--test", "--test-reporter=spec", "--test-concurrency=2", ...process.argv.slice(2), ...paths];
process.exit(spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1);
