// The examples, as they lie there: the pages in a real Chromium, the program under a hub that is killed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { coordinator } from "../dist/coordinator.js";
import { open, serve } from "./browser.mjs";
import { Hub, PATIENCE, soon, until } from "./hub.mjs";

const EXAMPLES = new URL("../examples/", import.meta.url);
const example = (name) => readFileSync(new URL(name, EXAMPLES), "utf8");

/** A hub that lets pages of the examples in. */
async function stage(t) {
  const pages = await serve(t, (name) => (name.endsWith(".html") ? example(name) : undefined));
  const hub = await Hub.start(t, `allowed_origins=${pages.origin}`);
  pages.meet(hub);
  return { hub, show: (page) => open(t, `${pages.origin}/${page}`) };
}

test("two pages chat, see who is there, and go on when the hub was killed and is there again", async (t) => {
  const { hub, show } = await stage(t);
  const ada = await show("chat.html?name=Ada");
  const bob = await show("chat.html?name=%3Cb%3EBob");
  const here = (page) => page.locator("#here li").allTextContents();
  const said = (page) => page.locator("#said li").allTextContents();
  const say = async (page, text) => {
    await page.getByLabel("Say").fill(text);
    await page.keyboard.press("Enter");
  };
  await until("each sees both", async () => (await here(ada)).join() === "Ada,<b>Bob" && (await here(bob)).length === 2);
  await say(ada, "hello");
  await until("bob hears it", async () => (await said(bob)).join() === "Ada: hello");
  await hub.kill();
  const are = async (state) => {
    for (const page of [ada, bob]) await until(state, async () => (await page.locator("#status").textContent()) === state);
  };
  await are("disconnected");
  await hub.restart();
  await are("connected");
  await until("each sees both again", async () => (await here(ada)).length === 2 && (await here(bob)).length === 2);
  await say(bob, "still here");
  await until("ada hears it", async () => (await said(ada)).join() === "Ada: hello,<b>Bob: still here");
});

test("positions come 30 times a second, and whoever leaves disappears", async (t) => {
  const { show } = await stage(t);
  const [ada, bob] = [await show("positions.html"), await show("positions.html")];
  await ada.locator(".pointer").waitFor();
  await bob.locator(".pointer").waitFor();
  await bob.mouse.move(320, 240);
  const transform = () => ada.locator(".pointer").evaluate((pointer) => pointer.style.transform);
  await until("ada sees where bob points", async () => /^translate\(320(\.\d+)?px, 240(\.\d+)?px\)$/.test(await transform()));
  const updates = () => ada.locator(".pointer").evaluate((pointer) => Number(pointer.dataset.updates));
  const [began, first] = [Date.now(), await updates()];
  await until("30 more", async () => (await updates()) >= first + 30);
  const rate = (30 / (Date.now() - began)) * 1_000;
  t.diagnostic(`${rate.toFixed(1)} positions a second`);
  assert.ok(rate < 40, `it is not said oftener: ${rate}`);
  await bob.close();
  await until("bob is gone", async () => (await ada.locator(".pointer").count()) === 0);
});

test("a file that is dropped on one page is saved from another", async (t) => {
  const { show } = await stage(t);
  const [ada, bob] = [await show("files.html"), await show("files.html")];
  await bob.waitForFunction(() => performance.getEntriesByType("resource").length > 0);
  const buffer = Buffer.alloc(300_000, "tea ");
  await until("both are connected, and the file is offered", async () => {
    await ada.locator("input").setInputFiles([{ name: "tea ü.txt", mimeType: "text/plain", buffer }]);
    return (await bob.locator("#files li").count()) > 0;
  });
  assert.equal(await ada.locator("progress").evaluate(({ value }) => value), 1);
  assert.match(await bob.locator("#files li").first().textContent(), /tea ü\.txt \(300000 bytes\)/);
  const saving = bob.waitForEvent("download", { timeout: PATIENCE });
  await bob.getByRole("button", { name: "Save" }).first().click();
  const download = await saving;
  assert.equal(download.suggestedFilename(), "tea ü.txt");
  assert.deepEqual(readFileSync(await download.path()), buffer);
});

test("an order is done once, although the hub and the worker were killed", async (t) => {
  const hub = await Hub.start(t);
  const program = fileURLToPath(new URL("order.mjs", EXAMPLES));
  const start = () => {
    const child = spawn(process.execPath, [program, "order:7", hub.url], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    const said = [];
    createInterface(child.stdout).on("line", (line) => said.push(line));
    return { child, said, says: (line) => until(line, () => said.includes(line)) };
  };
  const first = start();
  await first.says("waiting for the approval");
  await hub.kill();
  await first.says("disconnected");
  const gone = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await gone;
  await hub.restart();
  const second = start();
  const { promises } = await coordinator(await hub.enter("boss"));
  await until("the question is there", () => promises.get("order:7:approval", soon()).catch(() => false));
  await promises.resolve("order:7:approval", "yes");
  await second.says('{"cups":2,"price":6}');
  assert.deepEqual(second.said.filter((line) => line === "looking up the price" || line === "sending the tea"), ["sending the tea"]);
});

test("every example has fewer than 100 lines", () => {
  for (const name of ["chat.html", "positions.html", "files.html", "order.mjs"]) {
    assert.ok(example(name).split("\n").length < 100, name);
  }
});
