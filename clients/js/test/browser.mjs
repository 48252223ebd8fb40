// A real Chromium without a window, and a server of files whose pages speak to a hub.

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { after } from "node:test";
import { chromium } from "playwright-core";

/** Where pages say that the hub is. */
const DOCUMENTED = "127.0.0.1:64209";

/** As the tests of the hub start it: `--no-sandbox`, since root has none; and pages may speak to this machine. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
];

let browser;
after(async () => (await browser)?.close());

function launch() {
  const places = process.env.PATH.split(":").map((folder) => `${folder}/chromium`);
  const executablePath = places.find((program) => existsSync(program));
  if (!executablePath) throw new Error("this test needs `chromium`: `cargo xtask test` installs it");
  // without a locale of its own Chromium cannot write the name of a file that is not ASCII
  return chromium.launch({ executablePath, args: ARGUMENTS, env: { ...process.env, LC_ALL: "C.UTF-8" } });
}

/** A page that is closed with the test. Its errors fail the test, unless `errors` takes them. */
export async function open(test, url, errors) {
  const page = await (await (browser ??= launch())).newPage();
  test.after(() => page.close());
  page.on("pageerror", (error) => {
    if (!errors) throw error;
    errors.push(error);
  });
  await page.goto(url);
  return page;
}

/** Serves these pages until the test ends, at the hub that is there once `meet` was called. */
export async function serve(test, read) {
  let address = DOCUMENTED;
  const server = createServer((request, response) => {
    const text = read(new URL(request.url, "http://pages").pathname.slice(1));
    response.writeHead(text === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    response.end(text?.replaceAll(DOCUMENTED, address));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, meet: (hub) => (address = hub.address) };
}
