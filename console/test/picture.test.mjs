// The picture on the README's first screen.

import { copyFileSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Hub } from "../../clients/js/test/hub.mjs";
import { bustle, drawn, populate, SCREENSHOTS, sees, visit } from "./world.mjs";

const PICTURE = fileURLToPath(new URL("../../docs/console.png", import.meta.url));

test("the picture of the README is of this console, at a hub with something going on", async (t) => {
  const hub = await Hub.start(t);
  const world = await populate(hub, "the corner table");
  await Promise.all(Array.from({ length: 100 }, (_, n) => hub.enter(`table_${n}`, { tags: ["tables"] })));
  const page = await visit(t, hub, "#/overview", { height: 624 });
  await sees(page, "the overview", ["Used of what there is", /Clients\s+1\d\d/]);
  await bustle(t, hub, world);
  await drawn(page, 12);
  await sees(page, "the overview", [/Messages\s+[1-9][\d,.]*\s+\/s/, /Deliveries\s+[1-9]/, /Commits\s+[1-9]/]);
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/readme.png` });
  if (process.env.UPDATE_EXPECT) copyFileSync(`${SCREENSHOTS}/readme.png`, PICTURE);
});
