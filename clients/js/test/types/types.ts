// What a program in TypeScript sees. Compiled, never run.

import { connect, type PayloadOut } from "@concierge/client";
import { coordinator } from "@concierge/client/coordinator";
import { files } from "@concierge/client/files";
import WebSocket from "ws";

interface Report {
  celsius: number;
}

export async function program(signal: AbortSignal): Promise<void> {
  await using hub = await connect("ws://localhost:64209/ws", { name: "ada", WebSocket, secret: async () => "swordfish", backoff: { cap: 1_000 } });
  await using news = await hub.serve<string>("news", { nickname: "The news" });
  for await (const { origin, data } of news.inbox) {
    const question: string = data;
    await news.to(origin.uuid, question.length, { signal });
  }
  const weather = await hub.subscribe<Report>("weather", { wait: true });
  const celsius: number | undefined = (await weather.next({ signal })).value?.data.celsius;
  await hub.subscribe<Report>("weather", ({ data }) => data.celsius + (celsius ?? 0));
  await hub.send({ service: "weather", uuid: hub.hello.uuid }, null);
  const answer: PayloadOut = await hub.request({ type: "SERVICE_FETCH", service: "news" });
  if (answer.type === "SERVICE_FETCH_RESULT") answer.service.subscriber_count.toFixed();
  hub.on("status", (status) => (status.state === "disconnected" ? status.againIn : 0));
  for (const client of (await hub.presence()).clients.values()) client.tags.includes("pilot");

  const { size } = await files(hub).put("a.txt", new Blob(["a"]), { onProgress: ({ bytes, total }) => bytes / total, signal });
  const text: string = await (await files(hub).of("bob").get("b.txt")).text();

  const { ask, promises, worker } = await coordinator(hub);
  worker<Report>({ group: "pilots", concurrency: size, signal }, async (ctx, { celsius }) => {
    const doubled: number = await ctx.run(() => 2 * celsius);
    await ctx.sleep(1_000);
    return ctx.rpc<string>("any@kitchen", doubled);
  });
  const order = await promises.create<Report>("order:7", { timeout: 1_000, target: "any@pilots", data: text });
  (await order.result({ signal })).celsius.toFixed();
  (await ask("promise.search", { state: "pending" })).promises.map(({ id }) => id.length);

  // @ts-expect-error: there is no such request
  await ask("promise.tickle", {});
  // @ts-expect-error: a message needs a target
  await hub.send({}, 1);
  // @ts-expect-error: there is no such payload
  await hub.request({ type: "MAKE_TEA" });
  // @ts-expect-error: a client has a name
  await connect("ws://localhost:64209/ws", {});
  // @ts-expect-error: these two come and go, nobody else
  (await hub.presence()).each(({ type }) => type === "CLIENT_CAME");
}
