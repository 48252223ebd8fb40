// Every page, with real clients behind it: what is seen, in both colour schemes and widths; and what axe-core says of it.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { Hub } from "../../clients/js/test/hub.mjs";
import { bustle, drawn, HOSTILE, populate, SCREENSHOTS, sees, visit } from "./world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What is seen on each page, once everything is there. */
function views({ ada, mallory }, administered) {
  return [
    ["clients", "#/clients", [/\d+ clients/, "ada", "pilot", "mallory"]],
    ["client", `#/clients/${ada.hello.uuid}`, ["Ada Lovelace", ada.hello.uuid, "weather", "Folder of ada"]],
    ["client-hostile", `#/clients/${mallory.hello.uuid}`, [HOSTILE, "news.tabloid", "\\u202egnp.exe"]],
    ["services", "#/services", ["weather", "ada", "chess:lobby", "coordinator"]],
    ["service", "#/services/weather", ["The weather", "bob", "clerk_1", "Watch live"]],
    ["router", "#/router", (administered ? [/3 workers,\s+3 categories/, /ada, bob|bob, ada/, "tides", "mallory", /Requests\s+[1-9]/, /≤ \d+ ms|< 1 ms/, "3 INVALID", "2 UNAVAILABLE", "stars/count", HOSTILE.slice(0, 40), "every one"] : [/concierge\.admin/])],
    ["category", "#/router/math", [/bob\s+none\s+every one/, /Results\s+\d/, "Ask"]],
    ["promises", "#/promises", [/\d+ promises/, "order:7", "● resolved", "✕ rejected", HOSTILE]],
    ["promise", "#/promises/order%3A7", ["any@clerks", "order:7.0", /5 promises in/, '"tea": 2', "Settle it"]],
    ["tasks", "#/tasks", ["order:8", "kitchen", "◌ pending", "▶ acquired", "‖ suspended", "clerks"]],
    ["task", "#/tasks/order%3A9", ["any@bakers", "clerk_1", /≤ 9 min|≤ 10 min/, "Halt"]],
    ["files", "#/files/ada%2F", ["maps/", "notes.txt", /4\.9 KiB/]],
    ["file", "#/files/ada%2Fnotes.txt", ["notes.txt", "Download", "Etag"]],
    ["try", "#/try", ["SERVICE_FETCH_ALL_RESULT", "Copy as CLI", "Frames"]],
    ["nowhere", "#/nowhere/at/all", ["Nothing is here"]],
    // these two last: what they show takes a while to happen
    ["events", "#/events", administered ? ["joined", "left", "guest_1", /events/] : [/concierge\.admin/]],
    ["overview", "#/overview", [/Clients\s+\d\d/, /Services\s+[4-9]/, ...(administered ? [/Messages\s+[1-9][\d,.]*\s+\/s/, /Sent\s+[1-9]/, "Descriptors", "by the client", "4005 DUPLICATE_AUTH", /Commits\s+[1-9]/] : [/concierge\.admin/])]],
  ];
}

/** What a screen reader calls each control; a placeholder, which goes as soon as one types, is no name. */
async function unlabelled(page) {
  return page.evaluate(() => {
    const words = (label) => {
      const copy = label.cloneNode(true);
      copy.querySelectorAll("[aria-hidden], input, select, textarea").forEach((part) => part.remove());
      return copy.textContent.trim();
    };
    const named = (control) => [...control.labels].some((label) => words(label) !== "") || control.ariaLabel;
    const controls = document.querySelectorAll("main input, main select, main textarea");
    return [...controls].filter((control) => control.checkVisibility() && !named(control)).map((control) => control.outerHTML);
  });
}

async function complaints(page) {
  if (!(await page.evaluate("typeof axe === 'object'"))) await page.evaluate(AXE);
  const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`every page shows what there is, ${colorScheme}, at 1280 and 390 px, and axe-core finds nothing`, async (t) => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const hub = await Hub.start(t);
    const world = await populate(hub);
    const { services } = await world.ada.fetchServices();
    await bustle(t, hub, world);
    const administered = services.some(({ name }) => name === "concierge.admin");
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      const page = await visit(t, hub, "", { width, height, colorScheme });
      for (const [name, hash, wanted] of views(world, administered)) {
        await page.evaluate((hash) => (location.hash = hash), hash);
        if (administered && name === "client") {
          await page.getByRole("button", { name: "Show frames" }).click();
          await page.getByRole("region", { name: "Frames of ada" }).getByRole("listitem").filter({ hasText: "MESSAGE" }).first().waitFor();
        }
        if (name === "try") await page.getByRole("button", { name: "Send" }).click();
        await sees(page, `${name} at ${width} px`, wanted);
        if (administered && name === "overview") await drawn(page, 5);
        assert.deepEqual(await unlabelled(page), [], `${name} at ${width} px`);
        await page.screenshot({ path: `${SCREENSHOTS}/${name}-${colorScheme}-${width}.png` });
        assert.deepEqual(await complaints(page), [], `${name}, ${colorScheme}, ${width} px`);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assert.ok(wide <= width, `${name} is ${wide} px wide`);
      }
      assert.equal(await page.evaluate("globalThis.owned"), undefined, "what a client wrote ran");
      assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length"), 0, "what a client wrote became markup");
    }
  });
}
