// The pages of administrators, by the hub's admin service; and what stands in their place at a hub that has none.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, Hub, item } from "../../clients/js/test/hub.mjs";
import { visit } from "./world.mjs";

const CONNECTED = { hasText: /^Connected$/ };

/** Whether there is such a service; without one, its pages say that. */
async function administered(t, hub, client) {
  const { services } = await client.fetchServices();
  if (services.some(({ name }) => name === "concierge.admin")) return true;
  for (const [hash, what] of [["#/overview", "Rates, limits"], ["#/events", "Events come"]]) {
    const page = await visit(t, hub, hash);
    await page.getByText(what, { exact: false }).filter({ hasText: "which this hub does not have" }).waitFor();
  }
  return false;
}

test("an administrator sees rates and limits, what happens as it happens, and ends a connection", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  if (!(await administered(t, hub, ada))) return;
  const bob = await hub.enter("bob");
  const weather = await ada.serve("weather");
  const news = await bob.subscribe("weather");
  const beat = setInterval(() => weather.broadcast("rain").catch(() => {}), 20);
  t.after(() => clearInterval(beat));
  await item(news);
  const page = await visit(t, hub, "#/overview");
  await page.getByRole("meter", { name: "Descriptors" }).waitFor();
  await page.locator(".figure-card").filter({ hasText: "Messages" }).filter({ hasText: /[1-9][\d.]* \/s/ }).waitFor();
  await page.evaluate(() => (location.hash = "#/events"));
  const row = (text) => page.getByRole("row").filter({ hasText: text });
  await row(/service created\s*ada\s*service weather/).waitFor();
  await hub.enter("carol");
  await row(/joined\s*carol/).waitFor();
  await page.evaluate((uuid) => (location.hash = `#/clients/${uuid}`), bob.hello.uuid);
  await page.getByText(/Messages to it [1-9]/).waitFor();
  await page.evaluate(() => (location.hash = "#/services/weather"));
  await page.getByRole("button", { name: "Overhear" }).click();
  const said = page.getByRole("list", { name: "Newest first" });
  await said.getByText('ada "rain"').first().waitFor();
  await bob.send({ service: "weather" }, "thanks");
  await said.getByText('bob "thanks"').waitFor();
  assert.equal((await ada.fetchService("weather")).service.subscriber_count, 1, "nobody is told that it is overheard");
  await page.evaluate((uuid) => (location.hash = `#/clients/${uuid}`), bob.hello.uuid);
  const closed = becomes(bob, "closed");
  await page.getByRole("button", { name: "End the connection…" }).click();
  await page.getByLabel("Reason").fill("<b>enough</b>");
  await page.getByRole("button", { name: "End it now" }).click();
  const { code, reason } = await closed;
  assert.deepEqual([code, reason], [4013, "<b>enough</b>"]);
  await page.getByText("This client has left.").waitFor();
  await page.evaluate(() => (location.hash = "#/events?kind=kicked"));
  await row("reason <b>enough</b>").waitFor();
  await hub.kill();
  await hub.restart();
  await page.evaluate(() => (location.hash = "#/events"));
  await hub.enter("dave");
  await row(/joined\s*dave/).waitFor();
  await row("<b>enough</b>").waitFor({ state: "detached" });
});

test("at a hub with an admin secret the pages ask for it, and this tab remembers it", async (t) => {
  const plain = await Hub.start(t);
  if (!(await administered(t, plain, await plain.enter("ada")))) return;
  const hub = await Hub.start(t, "admin_secret=swordfish-for-admins");
  const page = await visit(t, hub, "#/events");
  await page.getByLabel("Admin secret").fill("herring");
  await page.getByRole("button", { name: "Present it" }).click();
  await page.getByText("wrong", { exact: false }).waitFor();
  await page.getByLabel("Admin secret").fill("swordfish-for-admins");
  await page.getByRole("button", { name: "Present it" }).click();
  await page.getByRole("table", { name: "Events" }).waitFor();
  await page.reload();
  await page.getByRole("table", { name: "Events" }).waitFor();
  await page.getByRole("status").filter(CONNECTED).waitFor();
});
