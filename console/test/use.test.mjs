// What a person does in the console, and what comes of it at the hub.

import assert from "node:assert/strict";
import { test } from "node:test";
import { coordinator } from "../../clients/js/dist/coordinator.js";
import { Hub, item, until } from "../../clients/js/test/hub.mjs";
import { populate, visit } from "./world.mjs";

const focused = (page) => page.evaluate("document.activeElement.innerText");

test("everything is reached by the keyboard: the page, its filter, a row far down, its detail, and back", async (t) => {
  const hub = await Hub.start(t);
  await populate(hub);
  const page = await visit(t, hub, "#/clients");
  await page.getByText("sensor_03").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the page");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("document.activeElement.id"), "main");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate("document.activeElement.matches('[data-filter]')"), true);
  await page.keyboard.type("sensor north");
  await page.getByText("12 of").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "sensor_01");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
  assert.equal(await focused(page), "sensor_23");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(page), "sensor_03");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "sensor_03", level: 2 }).waitFor();
  await until("the heading is focused", async () => (await focused(page)) === "sensor_03");
  assert.match(page.url(), /#\/clients\/[0-9a-f-]{36}\?filter=sensor\+north$/, "the address leads here again");
  await page.goBack();
  await page.getByRole("heading", { name: "sensor_03", level: 2 }).waitFor({ state: "detached" });
});

test("the focus stays with the client that it is on while others leave before it, and goes to nobody else", async (t) => {
  const hub = await Hub.start(t);
  const crowd = [];
  for (let n = 10; n < 90; n++) crowd.push(await hub.enter(`client_${n}`));
  const page = await visit(t, hub, "#/clients?filter=client_");
  await page.getByText("80 of").waitFor();
  await page.getByRole("link", { name: "client_15" }).focus();
  await crowd[2].close();
  await crowd[3].close();
  await page.getByText("78 of").waitFor();
  assert.equal(await focused(page), "client_15");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused(page), "client_14");
  await page.evaluate(() => (document.querySelector(".clients .rows").scrollTop = 1_500));
  await page.getByRole("link", { name: "client_60" }).waitFor();
  assert.match(await page.evaluate("document.activeElement.tagName"), /BODY/, "its row became nobody else's");
  await page.getByRole("link", { name: "client_60" }).focus();
  await page.evaluate(() => (document.querySelector(".clients .rows").scrollTop += 32));
  await until("a row is gone", async () => !(await page.getByRole("link", { name: "client_14" }).count()));
  assert.equal(await focused(page), "client_60");
});

test("a hub with a secret is entered with it, it is asked for again when it was wrong, and is nowhere but in this tab", async (t) => {
  const hub = await Hub.start(t, "secret=swordfish");
  const page = await visit(t, hub, "#/clients");
  await page.getByLabel("Secret").fill("herring");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("That was not it.").waitFor();
  await page.getByLabel("Secret").fill("swordfish");
  await page.keyboard.press("Enter");
  await page.getByRole("table", { name: "Clients" }).waitFor();
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  assert.deepEqual(await page.evaluate("[localStorage.length, document.cookie, location.href.includes('swordfish')]"), [0, "", false]);
  await page.reload();
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You have left the hub.").waitFor();
  assert.equal(await page.evaluate("sessionStorage.length"), 0);
});

test("when the hub is killed the page says so, and shows what is there when it is back", async (t) => {
  const hub = await Hub.start(t);
  const page = await visit(t, hub, "#/services");
  const ada = await hub.enter("ada");
  await ada.serve("weather");
  await page.getByRole("link", { name: "weather" }).waitFor();
  await hub.kill();
  await page.getByText("Lost; again in").or(page.getByText("Connecting…")).first().waitFor();
  await hub.restart();
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  const bob = await hub.enter("bob");
  await bob.serve("chess");
  await page.getByRole("link", { name: "chess" }).waitFor();
  await page.getByRole("link", { name: "weather" }).waitFor();
});

test("a service is watched as it is said, answered, and left", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const weather = await ada.serve("weather");
  const page = await visit(t, hub, "#/services/weather");
  await page.getByRole("button", { name: "Watch live" }).click();
  await until("the console subscribes", async () => (await ada.fetchService("weather")).service.subscriber_count === 1);
  await weather.broadcast({ celsius: 19, by: "<b>ada</b>" });
  await page.getByText('{"celsius":19,"by":"<b>ada</b>"}').waitFor();
  await page.getByLabel("Send a message").fill('{"thanks":true}');
  await page.getByRole("button", { name: "Send" }).click();
  assert.deepEqual((await item(weather.inbox)).data, { thanks: true });
  await page.getByRole("button", { name: "Stop watching" }).click();
  await until("the console leaves", async () => (await ada.fetchService("weather")).service.subscriber_count === 0);
});

test("a promise is settled by a person, and one that somebody else settles changes before their eyes", async (t) => {
  const hub = await Hub.start(t);
  const { promises } = await coordinator(await hub.enter("ada"));
  await promises.create("mine");
  await promises.create("theirs");
  await promises.create("nobody's");
  const page = await visit(t, hub, "#/promises/mine");
  await page.getByLabel("Value", { exact: true }).fill('{"ok":true}');
  await page.getByRole("button", { name: "Resolve" }).click();
  await page.getByRole("definition").filter({ hasText: "resolved" }).waitFor();
  assert.deepEqual(await (await promises.get("mine")).result(), { ok: true });
  await page.evaluate(() => (location.hash = "#/promises/theirs"));
  await page.getByText("Settle it").waitFor();
  await promises.reject("theirs", new Error("no"));
  await page.getByRole("definition").filter({ hasText: "rejected" }).waitFor();
  await page.evaluate(() => (location.hash = "#/promises/nobody's"));
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("button", { name: "Cancel it for good" }).click();
  await page.getByRole("definition").filter({ hasText: "canceled" }).waitFor();
});

test("a task is halted and continued", async (t) => {
  const hub = await Hub.start(t);
  const { promises, ask } = await coordinator(await hub.enter("ada"));
  await promises.create("order:1", { target: "any@nobody" });
  const page = await visit(t, hub, "#/tasks/order%3A1");
  const stateOf = async () => (await ask("task.get", { id: "order:1" })).task.state;
  await page.getByRole("button", { name: "Halt", exact: true }).click();
  await page.getByRole("button", { name: "Continue" }).waitFor();
  assert.equal(await stateOf(), "halted");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Halt", exact: true }).waitFor();
  assert.equal(await stateOf(), "pending");
});

test("a file is put into the console's folder, fetched, and deleted", async (t) => {
  const hub = await Hub.start(t);
  const page = await visit(t, hub, "#/files");
  const content = Buffer.from("here be ships");
  await page.getByLabel("Put files here").setInputFiles({ name: "a <b> & 'c'.txt", mimeType: "text/plain", buffer: content });
  await page.getByText("a <b> & 'c'.txt is there").waitFor();
  await page.getByRole("link", { name: "a <b> & 'c'.txt" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), content);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("This folder is empty.").waitFor();
});

test("the editor suggests what the schema and the hub know, sends what stands there, and shows both directions", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  await ada.serve("weather");
  const page = await visit(t, hub, "#/try");
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  const area = page.getByLabel("Payload as JSON");
  const suggests = async (wanted) => {
    let seen;
    const look = async () => (seen = (await page.getByRole("option").locator("code").allTextContents()).join(" ")) === wanted;
    await until(`it suggests ${wanted}`, look).catch((error) => assert.fail(`${error.message}, but ${seen}`));
  };
  await area.fill("");
  await area.pressSequentially('{"');
  await suggests('"type"');
  await page.keyboard.press("Enter");
  await page.keyboard.type('"MESS');
  await suggests('"MESSAGE"');
  await page.keyboard.press("Enter");
  await page.keyboard.type(', "');
  await suggests('"target" "data"');
  await page.keyboard.press("Enter");
  await page.keyboard.type('{"type": "NAME", "name": "');
  await page.keyboard.type("ada");
  await suggests('"ada"');
  await page.keyboard.press("Enter");
  await page.keyboard.type('}, "data": {"hello": 1}}');
  assert.equal(await area.inputValue(), '{"type": "MESSAGE", "target": {"type": "NAME", "name": "ada"}, "data": {"hello": 1}}');
  await page.keyboard.press("Control+Enter");
  assert.deepEqual((await item(ada.inbox)).data, { hello: 1 });
  const frames = page.getByRole("region", { name: "Frames" });
  await frames.getByText("OK", { exact: true }).first().waitFor();
  await page.getByLabel("Example").selectOption("task.acquire");
  await page.getByRole("button", { name: "Send" }).click();
  await frames.getByText('"task.acquire"', { exact: false }).first().waitFor();
  await area.fill("no JSON");
  await page.keyboard.press("Control+Enter");
  await frames.getByText("ERROR_PROTOCOL", { exact: true }).waitFor();
  assert.match(await frames.innerText(), /sent\s+[\d:]+\s+no payload/);
});
