// What the console lets a person copy, pasted where it belongs: it does the same there.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { dirname } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { coordinator } from "../../clients/js/dist/coordinator.js";
import { files } from "../../clients/js/dist/files.js";
import { open } from "../../clients/js/test/browser.mjs";
import { BINARY, Hub, item, until } from "../../clients/js/test/hub.mjs";
import { HOSTILE, visit } from "./world.mjs";

/** A shell in which `concierge` is the one that is tested. */
const SHELL = { env: { ...process.env, PATH: `${dirname(BINARY)}:${process.env.PATH}` } };
const shell = async (command) => (await promisify(execFile)("bash", ["-c", command], SHELL)).stdout;

/** The console, where a person may copy; `copies` is what the button of this name puts into the clipboard. */
async function copying(t, hub, hash) {
  const page = await visit(t, hub, hash);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  const copies = async (name) => {
    await page.evaluate(() => navigator.clipboard.writeText("nothing"));
    await page.getByRole("button", { name }).click();
    await page.getByRole("button", { name }).filter({ hasText: "Copied" }).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  return { page, copies };
}

const to = (target, data) => ({ type: "MESSAGE", target, data });

test("a message that is copied as a command is sent by it, whatever is said", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const weather = await ada.serve("weather");
  const { page, copies } = await copying(t, hub, "#/try");
  const sends = async (payload, stream) => {
    await page.getByLabel("Payload as JSON").fill(JSON.stringify(payload));
    const command = await copies("Copy as CLI");
    await shell(command);
    assert.deepEqual((await item(stream)).data, payload.data, command);
  };
  const name = { type: "NAME", name: "ada" };
  for (const data of ["hello", HOSTILE, "5", "-5", "-", -5, null, "", "--help", { a: ["'", '"', "$HOME", "\n"] }]) await sends(to(name, data), ada.inbox);
  await sends(to({ type: "UUID", uuid: ada.hello.uuid }, 1), ada.inbox);
  await sends(to({ type: "SERVICE", service: "weather" }, { thanks: true }), weather.inbox);
  await sends(to({ type: "ALL" }, "to all"), ada.inbox);
});

test("what is asked is asked by the command, and what has no command says so and does nothing", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  await ada.serve("weather");
  const { promises } = await coordinator(ada);
  await promises.create("order:7", { target: "any@nobody" });
  const { page, copies } = await copying(t, hub, "#/try");
  const prints = async (payload, wanted) => {
    await page.getByLabel("Payload as JSON").fill(JSON.stringify(payload));
    assert.match(await shell(await copies("Copy as CLI")), wanted);
  };
  await prints({ type: "CLIENT_FETCH_ALL" }, /ada/);
  await prints({ type: "CLIENT_FETCH", uuid: ada.hello.uuid }, /ada/);
  await prints({ type: "SERVICE_FETCH_ALL" }, /weather/);
  await prints({ type: "SERVICE_FETCH", service: "weather" }, /weather/);
  const request = (kind) => ({ kind, head: { corrId: "1", version: "2026-04-01" }, data: { id: "order:7" } });
  const asks = (kind) => to({ type: "SERVICE", service: "coordinator" }, request(kind));
  await prints(asks("promise.get"), /order:7/);
  await prints(asks("task.halt"), /halted/);
  await prints(asks("task.get"), /halted/);
  await prints({ type: "SELF_FETCH" }, /^$/);
});

test("what is copied as JavaScript runs in a page of the hub, as often as it is pasted", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const { page, copies } = await copying(t, hub, "#/try");
  const paste = async (code) => {
    const fresh = await open(t, `${hub.origin}/`);
    const said = [];
    fresh.on("console", async (line) => said.push(await line.args()[0].jsonValue()));
    await fresh.evaluate(`(async () => {${code}\n})()`);
    return until("it is answered", () => said[0]);
  };
  const payload = to({ type: "NAME", name: "ada" }, HOSTILE);
  await page.getByLabel("Payload as JSON").fill(JSON.stringify(payload));
  const code = await copies("Copy as JavaScript");
  for (let n = 0; n < 2; n++) {
    assert.equal((await paste(code)).type, "OK");
    assert.equal((await item(ada.inbox)).data, HOSTILE);
  }
  await page.getByLabel("Payload as JSON").fill("no JSON `${1}");
  assert.equal((await paste(await copies("Copy as JavaScript"))).type, "ERROR_PROTOCOL");
});

test("the command of a service hears it, and that of a file fetches it", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const weather = await ada.serve("weather");
  await files(ada).put("it's a <b>.txt", "here be ships");
  const { page, copies } = await copying(t, hub, "#/services/weather");
  const listener = spawn("bash", ["-c", `exec ${await copies("Copy as CLI")}`], { ...SHELL, stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => listener.kill());
  let heard = "";
  listener.stdout.on("data", (text) => (heard += text));
  await until("it subscribes", async () => (await ada.fetchService("weather")).service.subscriber_count === 1);
  await weather.broadcast({ celsius: 19 });
  await until("it prints what is said", () => heard.includes('{"celsius":19}'));
  await page.evaluate((path) => (location.hash = `#/files/${encodeURIComponent(path)}`), "ada/it's a <b>.txt");
  await page.getByText("Etag").waitFor();
  assert.equal(await shell(await copies("Copy as CLI")), "here be ships");
});
