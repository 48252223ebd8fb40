// What the hub tells administrators as it happens: nobody has to ask again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { coordinator } from "../../clients/js/dist/coordinator.js";
import { files } from "../../clients/js/dist/files.js";
import { Hub, item, until } from "../../clients/js/test/hub.mjs";
import { HOSTILE, visit } from "./world.mjs";

const CONNECTED = { hasText: /^Connected$/ };

/** The console there, once it is told of changes; `go` leads elsewhere in it. */
async function watching(t, hub, hash) {
  const page = await visit(t, hub, hash);
  await page.getByRole("status").filter(CONNECTED).waitFor();
  const go = (hash) => page.evaluate((hash) => (location.hash = hash), hash);
  const row = (text) => page.getByRole("table").getByRole("row").filter({ hasText: text });
  return { page, go, row };
}

test("promises come, settle and leave a search before the eyes of an administrator, who has nothing to press for it", async (t) => {
  const hub = await Hub.start(t);
  const { promises } = await coordinator(await hub.enter("ada"));
  await promises.create("order:1", { tags: { kind: "order" } });
  const { page, go, row } = await watching(t, hub, "#/promises");
  await row("order:1").waitFor();
  assert.equal(await page.getByRole("button", { name: "Search again" }).count(), 0);
  await promises.create(`order:2 ${HOSTILE}`, { tags: { kind: "order" } });
  await row(`order:2 ${HOSTILE}`).filter({ hasText: "pending" }).waitFor();
  await promises.resolve("order:1", { ok: true });
  await row("order:1").filter({ hasText: "resolved" }).waitFor();
  await go("#/promises?state=pending&tags=kind%3Dorder");
  await row("order:1").waitFor({ state: "detached" });
  await promises.create("letter:1", { tags: { kind: "letter" } });
  await promises.create("order:3", { tags: { kind: "order" } });
  await row("order:3").waitFor();
  assert.equal(await row("letter:1").count(), 0, "it does not fit");
  await promises.cancel("order:3");
  await row("order:3").waitFor({ state: "detached" });
  assert.deepEqual(await page.locator(".promises .rows a").allInnerTexts(), [`order:2 ${HOSTILE}`]);
});

test("the calls of a promise appear as they are made", async (t) => {
  const hub = await Hub.start(t);
  const { promises } = await coordinator(await hub.enter("ada"));
  const origin = { "resonate:origin": "order:1" };
  await promises.create("order:1", { tags: origin });
  const { page } = await watching(t, hub, "#/promises/order%3A1");
  await page.getByText("Nothing came of it").waitFor();
  await promises.create("order:1.0", { tags: { ...origin, "resonate:parent": "order:1" } });
  const calls = page.getByRole("region", { name: "Calls and their times" });
  await calls.getByRole("listitem").filter({ hasText: "order:1.0" }).filter({ hasText: "pending" }).waitFor();
  await promises.resolve("order:1.0", 1);
  await calls.getByRole("listitem").filter({ hasText: "order:1.0" }).filter({ hasText: "resolved" }).waitFor();
});

test("a task comes into its queue, is claimed, given back and done, and its history says so", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const { promises, ask } = await coordinator(ada);
  const { page, go, row } = await watching(t, hub, "#/tasks");
  await page.getByText("No open task.").waitFor();
  await promises.create("order:1", { target: "any@kitchen" });
  await row("order:1").filter({ hasText: "pending" }).filter({ hasText: "kitchen" }).waitFor();
  await page.getByRole("list", { name: "Groups" }).getByRole("button", { name: /kitchen.*pending 1/ }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Look again" }).count(), 0);
  await ask("task.acquire", { id: "order:1", version: 0, pid: "ada", ttl: 60_000 });
  await row("order:1").filter({ hasText: "acquired" }).filter({ hasText: "ada" }).waitFor();
  await go("#/tasks/order%3A1");
  const history = page.getByRole("region", { name: "History" });
  const step = (text) => history.getByRole("listitem").filter({ hasText: text }).first().waitFor();
  await step("created");
  await step("offered to any@kitchen");
  await step("claimed by ada for 1 min, claim 1");
  await ask("task.release", { id: "order:1", version: 1 });
  await step("given back by ada");
  await page.getByRole("button", { name: "Halt", exact: true }).click();
  await step("halted");
  await page.getByRole("button", { name: "Continue" }).click();
  await step("continued");
  await ask("task.acquire", { id: "order:1", version: 1, pid: "ada", ttl: 60_000 });
  const action = { kind: "promise.settle", head: { corrId: "1", version: "2026-04-01" }, data: { id: "order:1", state: "resolved", value: {} } };
  await ask("task.fulfill", { id: "order:1", version: 2, action });
  await step("over: ● resolved");
  await page.getByRole("definition").filter({ hasText: "fulfilled" }).waitFor();
  await row("order:1").waitFor({ state: "detached" });
});

test("files come and go in the folder that is open", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const { page, row } = await watching(t, hub, "#/files/ada%2F");
  await page.getByText("This folder is empty.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Look again" }).count(), 0);
  await files(ada).put("maps/harbour.txt", "here be ships");
  await row("maps/").waitFor();
  await files(ada).put("notes.txt", "x".repeat(5_000));
  await row("notes.txt").filter({ hasText: "4.9 KiB" }).waitFor();
  await files(ada).delete("notes.txt");
  await row("notes.txt").waitFor({ state: "detached" });
});

test("frames of a client are shown in both directions once somebody asks for them, and what is in them is text", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const { page } = await watching(t, hub, `#/clients/${ada.hello.uuid}`);
  await ada.send({ name: "bob" }, "before anybody asked");
  await item(bob.inbox);
  await page.getByRole("button", { name: "Show frames" }).click();
  const frames = page.getByRole("region", { name: "Frames of ada" });
  await frames.getByText("Nothing passed yet.").waitFor();
  await ada.send({ name: "bob" }, HOSTILE);
  const said = frames.getByRole("listitem").filter({ hasText: "MESSAGE" });
  await said.filter({ hasText: "from it" }).waitFor();
  await frames.getByRole("listitem").filter({ hasText: "to it" }).filter({ hasText: "OK" }).waitFor();
  await said.locator("summary").click();
  await said.locator("pre").getByText(JSON.stringify(HOSTILE)).waitFor();
  await bob.send({ name: "ada" }, "back");
  await frames.getByRole("listitem").filter({ hasText: "to it" }).filter({ hasText: '"back"' }).waitFor();
  assert.equal(await frames.getByText("before anybody asked").count(), 0, "nothing was recorded before");
  assert.equal(await page.evaluate("globalThis.owned"), undefined);
  await ada.close();
  await page.getByText("This client has left.").waitFor();
});

test("the overview counts promises and tasks by their states", async (t) => {
  const hub = await Hub.start(t);
  const { promises } = await coordinator(await hub.enter("ada"));
  await promises.create("order:1");
  await promises.create("order:2");
  await promises.resolve("order:2", 1);
  const { page } = await watching(t, hub, "#/overview");
  const counted = page.getByRole("table", { name: "Promises by state" });
  await counted.getByRole("row").filter({ hasText: /pending\s*1$/ }).waitFor();
  await counted.getByRole("row").filter({ hasText: /resolved\s*1$/ }).waitFor();
  await promises.reject("order:1", new Error("no"));
  await counted.getByRole("row").filter({ hasText: /pending\s*0$/ }).waitFor();
  await counted.getByRole("row").filter({ hasText: /✕ rejected\s*1$/ }).waitFor();
});

test("a client that is throttled and a connection that is refused are events, and are found by what they are", async (t) => {
  const hub = await Hub.start(t, "limits.messages_per_second=20");
  const ada = await hub.enter("ada");
  const { page, go, row } = await watching(t, hub, "#/events?kind=throttled");
  await page.getByText("No event fits.").waitFor();
  await Promise.all(Array.from({ length: 60 }, () => ada.send({ name: "ada" }, "again")));
  await row(/throttled\s*ada\s*limit messages/).first().waitFor();
  assert.equal(await row("joined").count(), 0, "others are not of this kind");
  const refused = await fetch(`${hub.origin}/ws`, { headers: { "sec-websocket-version": "12" } });
  assert.ok(refused.status >= 400, `${refused.status}`);
  await go("#/events?kind=refused");
  await row(/connection refused\s*127\.0\.0\.1\s*reason handshake/).first().waitFor();
  await page.getByRole("searchbox", { name: "Filter events" }).fill("origin");
  await row("handshake").waitFor({ state: "detached" });
});
