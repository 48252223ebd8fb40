// A hub with something going on: clients, services, promises, tasks and files, all of them real; and the console in Chromium.

import { fileURLToPath } from "node:url";
import { open } from "../../clients/js/test/browser.mjs";
import { Hub, until } from "../../clients/js/test/hub.mjs";
import { coordinator } from "../../clients/js/dist/coordinator.js";
import { files } from "../../clients/js/dist/files.js";

export const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

/** The console of a hub, in a page of this width. What breaks the policy or throws fails the test. */
export async function visit(t, hub, hash = "", { width = 1280, height = 800, colorScheme = "light" } = {}) {
  const page = await open(t, "about:blank");
  page.setDefaultTimeout(60_000);
  const complaints = [];
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  t.after(() => {
    const own = complaints.filter((text) => !/Failed to load resource|WebSocket connection/.test(text));
    if (own.length) throw new Error(`the page complained: ${own.join("\n")}`);
  });
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.goto(`${hub.origin}/console/${hash}`);
  return page;
}

/** What an attacker would write. */
export const HOSTILE = '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>"\'`${1}javascript:alert(1)';

/** Makes a worker of the router of a client: `answer` gets a command and data, and what it throws is the error's data. */
export async function works(client, categories, answer) {
  const say = (subject, data) => client.send({ service: "router" }, { subject, data });
  const respond = (subject, response) => say(subject, { type: "r", ...response }).catch(() => {});
  await client.subscribe("router", async ({ data: { subject, data: asked } }) => {
    if (asked.type !== "q") return;
    const { _reqid } = asked;
    try {
      const [data, ...parts] = [await answer(asked.cmd, asked.data)].flat().reverse();
      for (const part of parts.reverse()) respond(subject, { status: "ok", _reqid, more: true, data: part });
      respond(subject, { status: "ok", _reqid, data });
    } catch (error) {
      respond(subject, { status: "err", _reqid, data: error });
    }
  });
  await say("router", { type: "p", cmd: "router/serve", data: { categories } });
}

let asked = 0;

/** Asks the router; who asks is subscribed to it. Nobody waits for the answer. */
export function asks(client, cmd, data = {}) {
  return client.send({ service: "router" }, { subject: "api", data: { type: "q", cmd, _reqid: `${++asked}`, data } });
}

/** Everybody and everything that the pages show; `hostile`: some of it is written by an attacker. */
export async function populate(hub, hostile = HOSTILE) {
  const ada = await hub.enter("ada", { nickname: "Ada Lovelace", tags: ["pilot", "north"] });
  const bob = await hub.enter("bob", { nickname: "Bob", tags: ["observer"] });
  const clerk = await hub.enter("clerk_1", { nickname: "The clerk", tags: ["clerks"] });
  const mallory = await hub.enter("mallory", { nickname: hostile, tags: [hostile.slice(0, 60), "\u202Egnp.exe"] });
  const sensors = [];
  for (let n = 1; n <= 24; n++) sensors.push(await hub.enter(`sensor_${String(n).padStart(2, "0")}`, { tags: ["sensor", n % 2 ? "north" : "south"] }));
  const weather = await ada.serve("weather", { nickname: "The weather" });
  await mallory.serve("news.tabloid", { nickname: hostile });
  await bob.serve("chess:lobby");
  await bob.subscribe("weather");
  await clerk.subscribe("weather");
  const desk = await coordinator(clerk);
  const { promises } = desk;
  desk.worker({ group: "clerks" }, async (ctx, order) => {
    const price = await ctx.run(() => ({ tea: order.tea, pence: 120 * order.tea }));
    await ctx.sleep(200);
    await ctx.run(() => "written down");
    const answer = await ctx.wait({ timeout: 3_600_000 });
    return { price, answer };
  });
  await promises.create("order:7", { data: { tea: 2, for: hostile }, target: "any@clerks", tags: { kind: "order", "resonate:origin": "order:7" } });
  await promises.create("order:8", { data: { tea: 1 }, target: "any@kitchen", tags: { kind: "order" } });
  await promises.create(`greeting ${hostile}`, { data: hostile, tags: { kind: hostile } });
  await promises.create("approved");
  await promises.resolve("approved", { by: "ada" });
  await promises.create("refused");
  await promises.reject("refused", new Error("too expensive"));
  await until("the order waits for its answer", async () => {
    const { tasks } = await desk.ask("task.search", { state: "suspended" });
    if (!tasks.some(({ id }) => id === "order:7")) return false;
    return promises.get("order:7.3").then(() => true, () => false);
  });
  await promises.create("order:9", { data: { tea: 3 }, target: "any@bakers", tags: { kind: "order" } });
  await desk.ask("task.acquire", { id: "order:9", version: 0, pid: "clerk_1", ttl: 600_000 });
  const add = (_, numbers) => numbers.reduce((sum, n) => sum + n, 0);
  await works(ada, ["math", "tides"], add);
  await works(bob, ["math"], add);
  await works(mallory, ["news"], () => {
    throw { code: 3, data: { items: [hostile], message: hostile } };
  });
  await clerk.subscribe("router", () => {});
  for (const numbers of [[1, 2], [3, 4], [5]]) await asks(clerk, "math/add", numbers);
  await asks(clerk, "news/read");
  await asks(clerk, "stars/count");
  await files(ada).put("maps/harbour.txt", "here be ships");
  await files(ada).put("notes.txt", "x".repeat(5_000));
  return { ada, bob, clerk, mallory, weather, sensors, promises };
}

/** Traffic that rises and falls, until the test ends: what is said and answered, what nobody gets, promises, and people who pass by. */
export async function bustle(t, hub, { bob, clerk, weather, sensors, promises }) {
  for (const sensor of sensors.slice(0, 12)) await sensor.subscribe("weather", () => {});
  const ignored = () => {};
  const begun = Date.now();
  const talk = setInterval(() => {
    const loud = Math.round(6 + 5 * Math.sin((Date.now() - begun) / 900));
    for (let n = 0; n < loud; n++) weather.broadcast({ celsius: 12 + n, at: "the harbour" }).catch(ignored);
    for (let n = 0; n < loud; n++) asks(clerk, "math/add", [n, 1]).catch(ignored);
    sensors[loud % 12].send({ service: "weather" }, { celsius: 11 }).catch(ignored);
  }, 50);
  let visits = 0;
  const live = setInterval(async () => {
    const n = visits++;
    try {
      await promises.create(`visit:${n}`, { data: { n } });
      if (n % 3) await promises.resolve(`visit:${n}`, "seen");
      await bob.send({ name: "nobody" }, "hello?").catch(ignored);
      // somebody has that name, and the other one is none: 4005, 4002
      if (n % 3 === 0) await hub.enter("ada").catch(ignored);
      if (n % 7 === 0) await hub.enter("no name").catch(ignored);
      const guest = await hub.enter(`guest_${n}`, { tags: ["guest"] });
      if (n % 2) await guest.close();
      // nobody obeys it: it reads nothing that is JSON
      else guest.request("no JSON").catch(ignored).finally(() => guest.close());
    } catch {
      // the hub went first
    }
  }, 400);
  t.after(() => [talk, live].forEach(clearInterval));
}

/** Waits until the page shows all of this. */
export async function sees(page, name, wanted) {
  let text = "";
  const missing = () => wanted.filter((part) => (typeof part === "string" ? !text.includes(part) : !part.test(text)));
  await until(`${name} shows it`, async () => {
    // what inputs hold is seen, too
    text = await page.evaluate(() => [document.body.innerText, ...[...document.querySelectorAll("textarea")].map((area) => area.value)].join("\n"));
    return missing().length === 0;
  }).catch((error) => {
    throw new Error(`${name}: ${missing()} is not in\n${text}`, { cause: error });
  });
}

/** Waits until every sparkline has so many seconds. */
export async function drawn(page, seconds) {
  const points = () => page.evaluate(() => [...document.querySelectorAll(".figure-card polyline")].map(({ points }) => points.numberOfItems));
  await until("the sparklines have a shape", async () => (await points()).length === 6 && (await points()).every((count) => count >= seconds));
}
