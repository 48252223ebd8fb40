// What the client weighs: everything of an entry point in one minified file, as a page would load it.

import { build } from "esbuild";
import { minify } from "terser";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The text of one file that exports what these entry points do. */
export async function bundle(...entries) {
  const contents = entries.map((entry) => `export * from "./src/${entry}.ts";`).join("\n");
  const built = await build({
    stdin: { contents, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  const compress = { passes: 3, ecma: 2022, unsafe_arrows: true, pure_getters: true };
  return (await minify(built.outputFiles[0].text, { module: true, compress })).code + "\n";
}

/** Bytes of it, as a server that compresses would send them. */
export function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}
