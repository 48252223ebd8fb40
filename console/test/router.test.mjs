// The page of the router: who serves what, what becomes of what is asked, and a request by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../../clients/js/test/browser.mjs";
import { Hub, until } from "../../clients/js/test/hub.mjs";
import { asks, HOSTILE, visit, works } from "./world.mjs";

const add = (_, numbers) => numbers.reduce((sum, n) => sum + n, 0);
const region = (page, name) => page.getByRole("region", { name, exact: true });

test("workers, rates, times and errors are shown as they come and go", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob, eve] = await Promise.all(["ada", "bob", "eve"].map((name) => hub.enter(name)));
  await bob.subscribe("router", () => {});
  const page = await visit(t, hub, "#/router");
  await page.getByText("Nobody serves anything yet.").waitFor();
  await page.getByText("No request failed yet.").waitFor();
  await works(ada, ["math"], add);
  await works(eve, ["math", "news"], () => {
    throw { code: 3, data: { items: ["when"], message: "no such day" } };
  });
  const row = page.getByRole("row").filter({ hasText: /^math/ });
  await row.getByRole("link", { name: "ada" }).waitFor();
  await page.getByText("2 workers, 2 categories").waitFor();
  await row.filter({ hasText: /–$/ }).waitFor();
  const beat = setInterval(() => asks(bob, "math/add", [1, 2]).catch(() => {}), 20);
  t.after(() => clearInterval(beat));
  await page.locator(".figure-card").filter({ hasText: "Requests" }).filter({ hasText: /[1-9][\d.]* \/s/ }).waitFor();
  await row.filter({ hasText: /(< 1|≤ \d+) ms$/ }).waitFor();
  await asks(bob, "news/read");
  const faults = page.getByRole("list", { name: "Errors, the newest first" });
  const fault = faults.getByRole("listitem").filter({ hasText: /bob news\/read 3 INVALID when, no such day/ });
  await fault.waitFor();
  await row.getByRole("link", { name: "math" }).click();
  await page.getByRole("heading", { name: "math", level: 2 }).waitFor();
  await region(page, "Workers of math").getByRole("row").filter({ hasText: /eve\s*none\s*every one/ }).waitFor();
  await eve.close();
  await region(page, "Workers of math").getByRole("row").filter({ hasText: /^eve/ }).waitFor({ state: "detached" });
  await ada.close();
  await page.getByText("Nobody serves it now", { exact: false }).waitFor();
  assert.equal(await fault.count(), 0, "that was another category");
  await faults.first().getByText("2 UNAVAILABLE").first().waitFor();
});

test("a request by hand is answered with what the worker says, its parts, or its error", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  await works(ada, ["math"], (cmd, data) => {
    if (cmd === "math/count") return [1, 2, 3];
    if (cmd === "math/echo") return data;
    throw { code: 9, data: { items: ["cmd"], message: HOSTILE } };
  });
  const page = await visit(t, hub, "#/router/math");
  const form = region(page, "Ask");
  const ask = async (cmd, data) => {
    await form.getByLabel("Command").fill(cmd);
    await form.getByLabel("Data").fill(data);
    await form.getByRole("button", { name: "Ask" }).click();
  };
  const said = async (about, json) => {
    await form.getByText(about).waitFor();
    assert.deepEqual(JSON.parse(await region(page, "Answer").innerText()), json);
  };
  assert.equal(await form.getByLabel("Command").inputValue(), "math/");
  await ask("math/echo", '{"a":[1]}');
  await said(/^Answered, after/, { a: [1] });
  await ask("math/count", "{}");
  await said(/^The last of 3 parts/, [1, 2, 3]);
  await ask("math/none", "{}");
  await said(/^9 NOT_IMPLEMENTED/, { items: ["cmd"], message: HOSTILE });
  await ask("stars/count", "{}");
  await said(/^2 UNAVAILABLE/, { items: ["subject"] });
  await ask("no command", "{}");
  await said(/^3 INVALID/, { items: ["cmd"] });
  await ask("math/echo", "{no JSON");
  await form.getByRole("alert").waitFor();
  await form.getByLabel("Subject").fill("$SYS");
  await ask("math/echo", "{}");
  await said(/^3 INVALID/, { items: ["subject"] });
  assert.equal(await page.evaluate("globalThis.owned"), undefined);
});

test("an empty router says how something is served, and the code beside it serves it", async (t) => {
  const hub = await Hub.start(t);
  const page = await visit(t, hub, "#/router");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("heading", { name: "How something is served" }).waitFor();
  await page.getByRole("button", { name: "Copy as JavaScript" }).click();
  await page.getByRole("button").filter({ hasText: "Copied" }).waitFor();
  const code = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(await region(page, "Code of a worker").innerText(), code);
  const fresh = await open(t, `${hub.origin}/`);
  await fresh.evaluate(`(async () => {${code}\n})()`);
  await page.getByRole("row").filter({ hasText: /^math\s*adder_/ }).waitFor();
  const form = region(page, "Ask");
  await form.getByLabel("Command").fill("math/add");
  await form.getByLabel("Data").fill("[19, 23]");
  await form.getByRole("button", { name: "Ask" }).click();
  await form.getByText("Answered", { exact: false }).waitFor();
  assert.equal(await region(page, "Answer").innerText(), "42");
  await form.getByLabel("Command").fill("math/none");
  await form.getByRole("button", { name: "Ask" }).click();
  await form.getByText("9 NOT_IMPLEMENTED", { exact: false }).waitFor();
});

test("a request that waits when the connection is lost says so, and one that waits when the page is left is forgotten", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const told = [];
  await works(ada, ["math"], () => new Promise(() => {}));
  await ada.subscribe("router", ({ data }) => told.push(data.data));
  const page = await visit(t, hub, "#/router/math");
  const form = region(page, "Ask");
  await form.getByLabel("Command").fill("math/slow");
  await form.getByRole("button", { name: "Ask" }).click();
  await form.getByRole("button", { name: "Waiting…" }).waitFor();
  await until("the worker has it", () => told.at(-1)?.cmd === "math/slow");
  await page.evaluate(() => (location.hash = "#/overview"));
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await until("the worker is told that nobody waits", () => told.at(-1)?.cmd === "sys/cancel");
  await page.evaluate(() => (location.hash = "#/router/math"));
  await form.getByLabel("Command").fill("math/slow");
  await form.getByRole("button", { name: "Ask" }).click();
  await until("the worker has it", () => told.at(-1)?.cmd === "math/slow");
  await hub.kill();
  await form.getByRole("alert").filter({ hasText: "DISCONNECTED" }).waitFor();
});

test("after the hub began anew the page counts from nothing", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  await works(ada, ["math"], add);
  await bob.subscribe("router", () => {});
  for (let n = 0; n < 100; n++) await asks(bob, "math/add", [n]);
  const page = await visit(t, hub, "#/router");
  const requests = (n) => page.getByRole("row", { name: `Requests ${n}`, exact: true });
  await requests(100).waitFor();
  await hub.kill();
  await hub.restart();
  await requests(0).waitFor();
  await page.getByText("How something is served").waitFor();
  await until("it subscribed again", () => asks(bob, "math/add").then(() => true, () => false));
  await requests(1).waitFor();
});

test("a hub without a router says so", async (t) => {
  const hub = await Hub.start(t, "router.enabled=false");
  const page = await visit(t, hub, "#/router");
  await page.getByText("This hub has no router", { exact: false }).waitFor();
});

test("whoever is no administrator is told nothing of the router, and may ask", async (t) => {
  const hub = await Hub.start(t, "admin_secret=swordfish-for-admins");
  const ada = await hub.enter("ada");
  await works(ada, ["math"], add);
  const page = await visit(t, hub, "#/router");
  await page.getByLabel("Admin secret").waitFor();
  assert.doesNotMatch(await page.locator("main").innerText(), /ada/);
  const form = region(page, "Ask");
  await form.getByLabel("Command").fill("math/add");
  await form.getByLabel("Data").fill("[2, 3]");
  await form.getByRole("button", { name: "Ask" }).click();
  await form.getByText("Answered", { exact: false }).waitFor();
  assert.equal(await region(page, "Answer").innerText(), "5");
  await page.getByLabel("Admin secret").fill("swordfish-for-admins");
  await page.getByRole("button", { name: "Present it" }).click();
  await page.getByRole("row").filter({ hasText: /^math\s*ada/ }).waitFor();
});
