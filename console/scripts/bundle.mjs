// The console as a hub serves it: one page, one script, one style sheet. Run alone, it writes them where cargo finds them.

import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { codes, examples } from "./schema.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ASSETS = new URL("../../concierge/assets/console/", import.meta.url);
export const NAMES = ["index.html", "console.js", "console.css", "icon.svg"];

export function committed(name) {
  return readFileSync(new URL(name, ASSETS), "utf8");
}

/** `schema:protocol` is what the editor knows of payloads, `schema:codes` the names of close codes. */
const schema = {
  name: "schema",
  setup(build) {
    const known = { "schema:protocol": examples, "schema:codes": codes };
    build.onResolve({ filter: /^schema:/ }, ({ path }) => ({ path, namespace: "schema" }));
    build.onLoad({ filter: /.*/, namespace: "schema" }, ({ path }) => ({ contents: JSON.stringify(known[path]()), loader: "json" }));
  },
};

/** The text of every file, by its name. */
export async function bundle() {
  const built = await build({
    absWorkingDir: ROOT,
    entryPoints: { console: "src/main.tsx", style: "src/style.css" },
    nodePaths: [`${ROOT}/node_modules`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    charset: "utf8",
    outdir: "out",
    write: false,
    logLevel: "warning",
    plugins: [schema],
  });
  const text = (end) => built.outputFiles.find(({ path }) => path.endsWith(end)).text;
  const source = (name) => readFileSync(`${ROOT}/src/${name}`, "utf8");
  return {
    "index.html": source("index.html"),
    "console.js": text("console.js"),
    "console.css": text("style.css"),
    "icon.svg": source("icon.svg"),
  };
}

/** Bytes of a text, as a server that compresses would send them. */
export function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(ASSETS, { recursive: true });
  const files = await bundle();
  for (const name of NAMES) writeFileSync(new URL(name, ASSETS), files[name]);
  const sizes = NAMES.map((name) => `${name} ${gzipped(files[name])}`);
  console.log(`gzip: ${sizes.join(", ")}, together ${NAMES.reduce((sum, name) => sum + gzipped(files[name]), 0)} bytes`);
}
