// The client as a page loads it: entry points in one minified file. Run alone, it writes the one that the hub serves.

import { build } from "esbuild";
import { minify } from "terser";
import { gzipSync } from "node:zlib";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What the hub serves as /client.js: all that there is. */
const ASSET = new URL("../../../concierge/assets/client.js", import.meta.url);
export const EVERYTHING = ["index", "files", "coordinator", "router"];

export function asset() {
  return readFileSync(ASSET, "utf8");
}

/** The text of one file that exports what these entry points do. */
export async function bundle(...entries) {
  const contents = entries.map((entry) => `export * from "./src/${entry}.ts";`).join("\n");
  const built = await build({
    stdin: { contents, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    minifySyntax: true,
    write: false,
    logLevel: "warning",
  });
  const compress = { passes: 3, ecma: 2022, unsafe_arrows: true, pure_getters: true, hoist_funs: true };
  return (await minify(built.outputFiles[0].text, { module: true, compress })).code + "\n";
}

/** Bytes of it, as a server that compresses would send them. */
export function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ASSET, await bundle(...EVERYTHING));
