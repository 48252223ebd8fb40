// Files that a person puts: dropped, and seen on their way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { files } from "../../clients/js/dist/files.js";
import { Hub, until } from "../../clients/js/test/hub.mjs";
import { visit } from "./world.mjs";

async function own(page) {
  await page.getByRole("status").filter({ hasText: /^Connected$/ }).waitFor();
  return page.locator(".crumbs a").first().innerText().then((text) => text.replace(" (this console)", ""));
}

test("files that are dropped on the page are put into the folder that is open", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const page = await visit(t, hub, "#/files");
  await page.getByText("Put files here").waitFor();
  const name = await own(page);
  await page.evaluate((name) => (location.hash = `#/files/${name}%2Fmaps%2F`), name);
  await page.getByRole("navigation", { name: "Folder" }).getByText("maps").waitFor();
  const dropped = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["here be ships"], "harbour.txt", { type: "text/plain" }));
    transfer.items.add(new File(["here be dragons"], "sea.txt", { type: "text/plain" }));
    return transfer;
  });
  const taken = await page.locator(".upload").evaluate((element, dataTransfer) => {
    const event = new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true });
    element.dispatchEvent(event);
    return event.defaultPrevented;
  }, dropped);
  assert.equal(taken, true, "a browser drops only where it is told that it may");
  await page.locator(".upload").dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByRole("link", { name: "sea.txt" }).waitFor();
  await page.getByRole("link", { name: "harbour.txt" }).waitFor();
  const stored = await files(ada).of(name).get("maps/sea.txt");
  assert.equal(await stored.text(), "here be dragons");
  assert.equal(page.url(), `${hub.origin}/console/#/files/${name}%2Fmaps%2F`, "the browser did not go to what was dropped");
});

test("a file on its way is seen with its name and how much of it is there", async (t) => {
  const hub = await Hub.start(t);
  const page = await visit(t, hub, "#/files");
  await page.getByText("Put files here").waitFor();
  await page.evaluate(() => {
    globalThis.seen = [];
    const look = () => {
      const bar = document.querySelector("progress");
      if (bar) seen.push({ share: bar.value / bar.max, said: bar.labels[0].innerText });
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  const slow = await page.context().newCDPSession(page);
  await slow.send("Network.enable");
  const [latency, downloadThroughput] = [0, -1];
  await slow.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput, uploadThroughput: 8_000_000 });
  const buffer = Buffer.alloc(3_000_000, "ships ");
  await page.getByLabel("Put files here").setInputFiles({ name: "fleet.bin", mimeType: "text/plain", buffer });
  await page.getByText("fleet.bin is there").waitFor();
  const seen = await page.evaluate("seen");
  const between = seen.filter(({ share }) => share > 0 && share < 1);
  assert.ok(between.length > 0, `seen: ${JSON.stringify(seen.slice(0, 5))}`);
  for (const { said } of between) assert.match(said, /fleet\.bin\s*[\d.]+ [KM]iB of 2\.9 MiB/);
  await until("it is over", async () => (await page.locator("progress").count()) === 0);
});
