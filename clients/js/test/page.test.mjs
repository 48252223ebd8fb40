// The client in a page of the hub itself, as the hub serves it, in a real Chromium.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { router } from "../dist/router.js";
import { open } from "./browser.mjs";
import { Hub, item, refused, until } from "./hub.mjs";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** A page with the n-th code of the README pasted into its console. What it says, and what it is to say. */
async function paste(t, hub, n) {
  const [code] = README.split("```js\n")[n].split("```");
  const [printed] = README.split("```text\n")[n].split("```");
  const page = await open(t, `${hub.origin}/`);
  const said = [];
  page.on("console", (line) => line.type() === "log" && said.push(`${line.text()}\n`));
  await page.evaluate(`(async () => {${code.replaceAll("127.0.0.1:64209", hub.address)}})()`);
  return { code, said, printed };
}

test("the page code of the README works when it is pasted into the browser's console", async (t) => {
  const hub = await Hub.start(t);
  const { code, said, printed } = await paste(t, hub, 1);
  assert.ok(code.split("\n").length <= 11, "ten lines");
  await until("its first words", () => said.length);
  const ada = await hub.enter("ada");
  const news = await ada.serve("news");
  await until("the page follows", async () => (await ada.fetchService("news")).service.subscriber_count === 1);
  await news.broadcast("it rains");
  await until("all that it says", () => said.length === printed.split("\n").length - 1);
  assert.equal(said.join(""), printed);
});

test("a page puts a file with progress, waits for promises and works, and comes back when its hub was killed", async (t) => {
  const hub = await Hub.start(t);
  const page = await open(t, `${hub.origin}/`);
  await page.evaluate(async () => {
    const { connect, coordinator, files } = await import("/client.js");
    const backoff = { base: 20, spread: 100, cap: 200 };
    const hub = await connect(location.origin, { name: "page", tags: ["pages"], backoff });
    const told = [];
    const stored = await files(hub).put("a.bin", new Uint8Array(300_000), { onProgress: (progress) => told.push(progress) });
    const refused = await files(hub).of("nobody").put("a.bin", "no", { onProgress() {} }).catch(({ code }) => code);
    const { promises, worker } = await coordinator(hub);
    worker({ group: "pages" }, (ctx, n) => ctx.run(() => n + 1));
    const sum = await (await promises.create("sum", { data: 41, target: "any@pages" })).result();
    Object.assign(globalThis, { hub, seen: { stored, last: told.at(-1), refused, sum } });
    globalThis.outcome = (await promises.create("later")).result();
    globalThis.echo = await hub.serve("echo");
  });
  const { stored, last, refused, sum } = await page.evaluate("seen");
  assert.deepEqual([stored.path, stored.size, last, sum], ["a.bin", 300_000, { bytes: 300_000, total: 300_000 }, 42]);
  assert.match(refused, /NOT_FOUND|NOT_YOURS/);
  await hub.kill();
  await hub.restart();
  await until("the page is back", () => page.evaluate("hub.status.state === 'connected'"));
  const ada = await hub.enter("ada");
  const echo = await ada.subscribe("echo", { wait: true });
  await until("ada follows", () => echo.live);
  await page.evaluate(() => echo.broadcast("I am back"));
  assert.equal((await item(echo)).data, "I am back");
  const { coordinator } = await import("../dist/coordinator.js");
  await (await coordinator(ada)).promises.resolve("later", "here you are");
  assert.equal(await page.evaluate("outcome"), "here you are");
});

test("the README's page does what is asked over the router, and asks", async (t) => {
  const hub = await Hub.start(t);
  const { said, printed } = await paste(t, hub, 2);
  await until("all that it says", () => said.length === printed.split("\n").length - 1);
  assert.equal(said.join(""), printed);
  const { request } = await router(await hub.enter("ada"));
  assert.equal(await request("math/add", [20, 22]), 42);
});

test("a page handles what others ask for, knows when nobody wants it any more, and serves again when its hub was killed", async (t) => {
  const hub = await Hub.start(t);
  const page = await open(t, `${hub.origin}/`);
  await page.evaluate(async () => {
    const { connect, ConciergeError, router } = await import("/client.js");
    const hub = await connect(location.origin, { name: "page", backoff: { base: 20, spread: 100, cap: 200 } });
    const { handle, requestMany } = await router(hub);
    const ended = [];
    await handle("math/add", ([a, b]) => {
      if (typeof b !== "number") throw new ConciergeError("INVALID", "no number", { items: ["b"] });
      return a + b;
    });
    await handle("page/ticks", async function* (_, { signal }) {
      try {
        for (let n = 0; ; n++) {
          yield n;
          await new Promise((painted) => setTimeout(painted));
        }
      } finally {
        ended.push(signal.aborted);
      }
    });
    await handle("page/asks", async (to) => {
      const parts = [];
      for await (const part of requestMany("count/to", to)) parts.push(part);
      return parts;
    });
    Object.assign(globalThis, { hub, ended });
  });
  const { handle, request, requestMany } = await router(await hub.enter("ada"));
  await handle("count/to", async function* (n) {
    for (let i = 1; i <= n; i++) yield i;
  });
  const checks = async () => {
    assert.equal(await request("math/add", [1, 2]), 3);
    const { message, details } = await refused(request("math/add", [1]), "INVALID");
    assert.deepEqual([message, details.items], ["no number", ["b"]]);
    assert.deepEqual(await request("page/asks", 3), [1, 2, 3]);
    for await (const n of requestMany("page/ticks")) if (n === 3) break;
    await until("it ended", () => page.evaluate("ended.length === 1"));
    assert.deepEqual(await page.evaluate("ended.splice(0)"), [true]);
  };
  await checks();
  const ticks = requestMany("page/ticks");
  await ticks.next();
  await hub.kill();
  await until("the page knows", () => page.evaluate("ended.length === 1"));
  assert.deepEqual(await page.evaluate("ended.splice(0)"), [true]);
  await hub.restart();
  await until("the page serves", () => request("math/add", [1, 2]).catch(() => false));
  await until("ada serves", () => request("count/to", 1).catch(() => false));
  await checks();
});

test("what a listener throws is an error of the page, and nobody else's trouble", async (t) => {
  const hub = await Hub.start(t);
  const errors = [];
  const page = await open(t, `${hub.origin}/`, errors);
  const heard = await page.evaluate(async () => {
    const { connect } = await import("/client.js");
    const hub = await connect(location.origin, { name: "page" });
    const heard = [];
    hub.on("in", () => {
      throw new Error("a bug of the page");
    });
    hub.on("in", ({ type }) => heard.push(type));
    await hub.fetchSelf();
    return heard;
  });
  assert.deepEqual(heard, ["SELF_FETCH_RESULT"]);
  await until("the error is told", () => errors.some(({ message }) => message === "a bug of the page"));
});

test("a page of an origin that the hub does not list may import the client, and not connect", async (t) => {
  const [hub, other] = [await Hub.start(t), await Hub.start(t)];
  const page = await open(t, `${other.origin}/`);
  const code = await page.evaluate(async (origin) => {
    const { connect } = await import(`${origin}/client.js`);
    return connect(origin, { name: "page" }).catch(({ details }) => details.code);
  }, hub.origin);
  assert.equal(code, 1006);
});
