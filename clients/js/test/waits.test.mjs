// Waits that end early, and what they leave behind: nothing.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";
import { coordinator } from "../dist/coordinator.js";
import { connect } from "../dist/index.js";
import { router } from "../dist/router.js";
import { ring } from "../dist/stream.js";
import { Hub, item, proxy, QUICK, refused, until } from "./hub.mjs";

const GIVEN_UP = { message: "enough" };

test("a signal that is aborted already ends every wait before anything is sent", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob", { tags: ["g"] })];
  await ada.serve("news");
  await bob.subscribe("news");
  const { ask, promises, worker } = await coordinator(bob);
  const promise = await promises.create("later");
  const { handle, push, request, requestMany } = await router(bob);
  const sent = [];
  bob.on("out", (text) => sent.push(text));
  const wait = { signal: AbortSignal.abort(new Error("enough")) };
  const waits = [
    bob.subscribe("news", wait),
    bob.subscribe("news", () => {}, wait),
    bob.subscribe("weather", { wait: true, ...wait }),
    bob.serve("mine", wait),
    bob.presence(wait),
    bob.send("all", 1, wait),
    bob.fetchSelf(wait),
    bob.request("text", wait),
    bob.inbox.next(wait),
    promises.create("other", wait),
    promise.result(wait),
    ask("promise.get", { id: "later" }, wait),
    request("math/add", 1, wait),
    requestMany("math/add", 1, wait).next(),
    push("math/add", 1, wait),
    handle("math/add", () => {}, wait),
    connect(hub.url, { name: "dee", WebSocket, ...wait }),
  ];
  for (const wait of waits) await assert.rejects(wait, GIVEN_UP);
  assert.throws(() => worker({ group: "g", ...wait }, () => {}), GIVEN_UP);
  assert.deepEqual(sent, []);
});

test("no listener stays at a signal that outlives what it was given to", async (t) => {
  const hub = await Hub.start(t);
  const { signal } = new AbortController();
  const ada = await hub.enter("ada", { signal, tags: ["g"] });
  const news = await ada.serve("news", { signal });
  for (let n = 0; n < 3; n++) await (await ada.subscribe("news", { signal })).return();
  await (await ada.presence({ signal })).return();
  await ada.subscribe("news", { signal });
  await ada.presence({ signal });
  await news.broadcast(1, { signal });
  await refused(ada.subscribe("weather", { signal }), "INVALID_SERVICE");
  const { handle, push, request, requestMany } = await router(ada);
  await handle("math/add", async function* ([a, b]) {
    yield a;
    return b;
  }, { signal });
  assert.equal(await request("math/add", [1, 2], { signal }), 2);
  for await (const a of requestMany("math/add", [1, 2], { signal })) if (a === 1) break;
  await refused(request("math/add", [1, 2], { signal, timeout: 0 }), "TIMED_OUT");
  await push("math/add", [1, 2], { signal });
  const { promises, worker } = await coordinator(ada);
  const order = await promises.create("order", { target: "any@g", signal });
  const { stop } = worker({ group: "g", signal }, () => "done");
  assert.equal(await order.result({ signal }), "done");
  await stop();
  await news.close();
  await ada.close();
  await until("no listener is left", () => getEventListeners(signal, "abort").length === 0);
});

test("a service that was given up before it was there is deleted again", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  const stop = new AbortController();
  const serving = ada.serve("news", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(serving, GIVEN_UP);
  const bob = await hub.enter("bob");
  await ada.fetchSelf();
  await until("it is bob's to create", () => bob.serve("news").catch(() => false));
});

test("a wait that is given up takes nothing, even of what comes in the same turn", async () => {
  const { stream, push } = ring(8);
  const stop = new AbortController();
  const given = stream.next({ signal: stop.signal });
  stop.abort(new Error("enough"));
  push(1);
  await assert.rejects(given, GIVEN_UP);
  assert.equal((await stream.next()).value, 1);
});

test("a reader that leaves drops what waits; when something else ends the stream, that is read first", async () => {
  let left = 0;
  const [one, two] = [ring(8, () => left++), ring(8, () => left++)];
  for (const { push } of [one, two]) push(1);
  await one.stream.return();
  two.end();
  two.push(2);
  assert.deepEqual(await one.stream.next(), { done: true, value: undefined });
  assert.deepEqual([(await two.stream.next()).value, (await two.stream.next()).done], [1, true]);
  await one.stream.return();
  two.end();
  assert.equal(left, 2, "each ends once");
});

test("who hears of what is sent may send, too, and each answer finds its request", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  let nested;
  ada.on("out", (text) => {
    if (text.includes("SELF_FETCH")) nested = ada.fetchServices();
  });
  assert.equal((await ada.fetchSelf()).type, "SELF_FETCH_RESULT");
  assert.equal((await nested).type, "SERVICE_FETCH_ALL_RESULT");
});

test("a hub that does not read is sent no more than 16 MiB", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  wire.silence();
  const data = "x".repeat(65_000);
  const sends = Array.from({ length: 2_000 }, () => ada.send("all", data));
  const refusal = await Promise.race(sends.map((send) => send.catch(({ code }) => code)));
  assert.equal(refusal, "BUSY");
  wire.cut();
  const codes = (await Promise.allSettled(sends)).map(({ reason }) => reason?.code);
  const taken = codes.indexOf("BUSY") * data.length;
  assert.ok(taken > 16e6 && taken < 40e6, `${taken} bytes were taken`);
  assert.equal((await ada.fetchSelf()).client.name, "ada", "there is room again");
});

test("a deadline may be none, and an address may be a URL", async (t) => {
  const hub = await Hub.start(t);
  const client = await connect(new URL(hub.origin), { name: "ada", WebSocket, timeout: Infinity });
  t.after(() => client.close());
  assert.equal((await client.fetchSelf()).client.name, "ada");
  assert.equal(client.url, hub.url);
});

test("what waits is told when the client is closed, and its signal is aborted", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada", { tags: ["g"] });
  const { promises, worker } = await coordinator(ada);
  const result = (await promises.create("later")).result();
  await ada.send({ name: "ada" }, "last words");
  await ada.close();
  await refused(result, "CLOSED");
  assert.equal(ada.signal.reason.code, "CLOSED");
  assert.throws(() => worker({ group: "g" }, () => {}), { code: "CLOSED" });
  assert.equal((await item(ada.inbox)).data, "last words", "what has come can be read");
  assert.equal((await ada.inbox.next()).done, true);
});
