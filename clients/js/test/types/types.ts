// What a program in TypeScript sees. Compiled, never run.

import { connect, type PayloadOut, type RouterHeaders } from "@concierge/client";
import { coordinator } from "@concierge/client/coordinator";
import { files } from "@concierge/client/files";
import { router } from "@concierge/client/router";
import WebSocket from "ws";

interface Report {
  celsius: number;
}

function who(headers: RouterHeaders): number {
  return (headers["Cg-Name"]?.length ?? 0) + (headers["Cg-Tags"]?.length ?? 0) + (headers["Cg-Deadline-Ms"] ?? 0);
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

  const { handle, push, request, requestMany } = await router(hub);
  const handling = await handle<[number, number]>("math/add", ([a, b], { cmd, headers, signal }) => (signal.aborted ? cmd : a + b + who(headers)));
  await handle("math/*", async function* (n: number) {
    yield n;
  }, { group: "eu", subjects: ["api"] });
  (await request<number>("math/add", [1, 2], { subject: "api", timeout: 1_000, signal })).toFixed();
  const kept = await request("math/add", [1, 2], { durable: true, promise: "sum", within: 60_000 });
  await (await promises.get<number>(kept.promise)).result();
  for await (const n of requestMany<number>("math/primes", { below: 6 }, { capacity: 8 })) n.toFixed();
  await push("math/thanks", undefined, { signal });
  await handling.stop();

  // @ts-expect-error: only a durable request has a promise
  await request("math/add", [1, 2], { promise: "sum" });
  // @ts-expect-error: a push has no answer
  (await push("math/thanks")).toFixed();
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
