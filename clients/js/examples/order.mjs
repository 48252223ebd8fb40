// An order that is done, whatever dies meanwhile: `node examples/order.mjs ID [URL]`.
//
// Kill the hub with `kill -9` while this waits for the approval, start it again, and approve:
// `concierge promise resolve ID:approval --json-value '"yes"'`. Kill this program, too, and start it again with the same ID:
// what was done is not done again.

import WebSocket from "ws"; // Node has a WebSocket of its own from version 22 on
import { connect } from "@concierge/client";
import { coordinator } from "@concierge/client/coordinator";

const [id = "order:7", url = "ws://127.0.0.1:64209/ws"] = process.argv.slice(2);

const clerk = await connect(url, { name: "clerk", tags: ["clerks"], WebSocket });
clerk.on("status", ({ state }) => console.log(state));
const { promises, worker } = await coordinator(clerk);

// a second after this program dies its work is offered to others
worker({ group: "clerks", ttl: 1_000 }, async (ctx, order) => {
  // a step is done once, and its result is kept
  const price = await ctx.run(() => {
    console.log("looking up the price");
    return 3 * order.cups;
  });
  // a clock that no restart resets
  await ctx.sleep(100);
  // a person; nobody holds the task meanwhile
  console.log("waiting for the approval");
  const approved = await ctx.wait({ id: `${ctx.id}:approval` });
  if (approved !== "yes") throw new Error(`the order was not approved: ${approved}`);
  return ctx.run(() => {
    console.log("sending the tea");
    return { ...order, price };
  });
});

// whoever orders waits for the result, across lost connections and restarts of the hub
const order = await promises.create(id, { timeout: 86_400_000, data: { cups: 2 }, target: "any@clerks" });
try {
  console.log(JSON.stringify(await order.result()));
} catch ({ message }) {
  console.log(message);
  process.exitCode = 1;
}
await clerk.close();
