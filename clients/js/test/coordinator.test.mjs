// Promises and workers, against the coordinator of a real hub.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import WebSocket from "ws";
import { coordinator } from "../dist/coordinator.js";
import { connect } from "../dist/index.js";
import { decode, encode } from "../dist/value.js";
import { becomes, Hub, proxy, QUICK, refused, soon, until } from "./hub.mjs";

/** The coordinator of a client that ends with the hub. */
async function enter(hub, name, options) {
  return coordinator(await hub.enter(name, options));
}

test("a promise is created, settled once, and everybody who waits hears of it", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  const order = await ada.promises.create("order:7", { timeout: 60_000, data: { tea: "grün" }, tags: { shop: "north" } });
  assert.deepEqual([order.id, order.record.state, order.record.tags], ["order:7", "pending", { shop: "north" }]);
  const results = [order.result(soon()), order.result(soon()), (await bob.promises.get("order:7")).result(soon())];
  assert.equal((await bob.promises.resolve("order:7", { cups: 2 })).state, "resolved");
  assert.deepEqual(await Promise.all(results), [{ cups: 2 }, { cups: 2 }, { cups: 2 }]);
  assert.equal((await ada.promises.reject("order:7", new Error("late"))).state, "resolved", "the first outcome stays");
  assert.deepEqual(await (await ada.promises.create("order:7", { data: "other" })).result(), { cups: 2 });
  await refused(ada.promises.get("order:8"), "REFUSED");
});

test("a promise that ends badly fails with its state and what is known", async (t) => {
  const hub = await Hub.start(t);
  const { promises } = await enter(hub, "ada");
  for (const id of ["a", "b"]) await promises.create(id);
  const late = await promises.create("c", { timeout: 50 });
  await promises.reject("a", new TypeError("no milk"));
  await promises.cancel("b");
  const [a, b] = [await promises.get("a"), await promises.get("b")];
  const { message, details } = await refused(a.result(), "rejected");
  assert.deepEqual([message, details.name], ["no milk", "TypeError"]);
  await refused(b.result(), "rejected_canceled");
  await refused(late.result(soon()), "rejected_timedout");
  const stop = new AbortController();
  const waiting = (await promises.create("d")).result({ signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
});

test("a result arrives although the hub was killed meanwhile, and settled while nobody was connected", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const { promises } = await coordinator(ada);
  const result = (await promises.create("order:7")).result(soon());
  const lost = becomes(ada, "disconnected");
  await hub.kill();
  await lost;
  await hub.restart();
  const bob = await enter(hub, "bob");
  await bob.promises.resolve("order:7", "here you are");
  assert.equal(await result, "here you are");
});

test("a result arrives although what told of it was lost with the connection", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  const [{ promises }, bob] = [await coordinator(ada), await enter(hub, "bob")];
  const told = (await bob.promises.create("order:7")).result(soon());
  const result = (await promises.create("order:7")).result({ signal: AbortSignal.timeout(30_000) });
  await promises.create("order:8"); // what changes something is done in order: it is listened for
  wire.silence();
  await bob.promises.resolve("order:7", "here you are");
  await told;
  wire.cut();
  assert.equal(await result, "here you are", "and not a minute later");
});

test("a request whose answer was lost is repeated, if that does no harm", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  const { ask, promises } = await coordinator(ada);
  wire.silence();
  const asked = ask("promise.get", { id: "order:7" });
  const created = promises.create("order:7");
  wire.cut();
  await refused(asked, "DISCONNECTED");
  assert.equal((await created).record.state, "pending");
});

test("requests of every kind are asked and typed, and refusals have a status", async (t) => {
  const hub = await Hub.start(t);
  const { ask, promises } = await enter(hub, "ada");
  await promises.create("order:7", { tags: { shop: "north" } });
  const found = await ask("promise.search", { tags: { shop: "north" } });
  assert.deepEqual(found.promises.map(({ id }) => id), ["order:7"]);
  assert.equal((await refused(ask("task.get", { id: "order:7" }), "REFUSED")).details, 404);
  const schedule = { id: "tea", cron: "30 16 * * *", promiseId: "{{.id}}-{{.timestamp}}", promiseTimeout: 1_000 };
  assert.equal((await ask("schedule.create", schedule)).schedule.cron, "30 16 * * *");
  await ask("schedule.delete", { id: "tea" });
});

test("a worker resolves, rejects, and takes no more at once than it may", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob", { tags: ["kitchen"] })];
  let [now, most] = [0, 0];
  const doors = [];
  const worker = bob.worker({ group: "kitchen", concurrency: 2 }, async (ctx, data) => {
    most = Math.max(most, ++now);
    await new Promise((open) => doors.push(open));
    now--;
    if (data === 3) throw new RangeError("three is too many");
    return { id: ctx.id, twice: 2 * data };
  });
  const orders = [];
  for (const n of [1, 2, 3, 4]) orders.push(await ada.promises.create(`cup:${n}`, { data: n, target: "any@kitchen" }));
  const results = Promise.allSettled(orders.map((order) => order.result(soon())));
  for (let opened = 0; opened < 4; ) {
    await until("somebody works", () => doors.length);
    doors.shift()();
    opened++;
  }
  const [one, , three, four] = await results;
  assert.deepEqual([one.value, four.value.twice, most], [{ id: "cup:1", twice: 2 }, 8, 2]);
  assert.deepEqual([three.reason.code, three.reason.message], ["rejected", "three is too many"]);
  await worker.stop();
  assert.throws(() => ada.worker({ group: "kitchen" }, () => {}), { code: "NO_MEMBER" });
});

test("steps are done once, sleeps and calls suspend, and a person may answer, whatever restarts in between", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada");
  const clerk = await hub.enter("clerk", { tags: ["clerks"] });
  const cook = await enter(hub, "cook", { tags: ["kitchen"] });
  const done = [];
  let runs = 0;
  const work = async (ctx, order) => {
    runs++;
    const price = await ctx.run(() => done.push("price"));
    const failed = await ctx.run(() => Promise.reject(new Error("no stamps"))).catch(({ message }) => message);
    await ctx.sleep(30);
    const approved = await ctx.wait({ id: `${ctx.id}:approval` });
    const [tea, cake] = await Promise.all([ctx.rpc("any@kitchen", "tea"), ctx.rpc("any@kitchen", "cake")]);
    await ctx.run(() => done.push("served"));
    return { order, price, failed, approved, tea, cake };
  };
  // a claim whose answer is lost comes back when its lease ends
  (await coordinator(clerk)).worker({ group: "clerks", ttl: 5_000 }, work);
  cook.worker({ group: "kitchen", ttl: 5_000 }, (_, what) => `a ${what}`);
  const order = await ada.promises.create("order:7", { data: 7, target: "any@clerks" });
  const result = order.result(soon());
  await until("the question is asked", () => ada.promises.get("order:7:approval").catch(() => false));
  await until("the task is nobody's", async () => (await ada.ask("task.get", { id: "order:7" })).task.state === "suspended");
  await hub.kill();
  await hub.restart();
  await ada.promises.resolve("order:7:approval", "yes");
  const expected = { order: 7, price: 1, failed: "no stamps", approved: "yes", tea: "a tea", cake: "a cake" };
  assert.deepEqual(await result, expected);
  assert.deepEqual(done, ["price", "served"], "each once");
  assert.ok(runs >= 3, `it began anew after each suspension: ${runs}`);
  const { promise } = await ada.ask("promise.get", { id: "order:7.0" });
  const family = ({ tags }) => ["parent", "origin", "branch"].map((name) => tags[`resonate:${name}`]);
  assert.deepEqual(family(promise), ["order:7", "order:7", "order:7"], "a step is of its caller's branch");
  const { record } = await ada.promises.get("order:7.3");
  assert.deepEqual(family(record), ["order:7", "order:7", "order:7.3"], "a call begins a branch");
  assert.equal(record.timeoutAt, order.record.timeoutAt, "a child does not outlive its parent");
});

test("a worker that hears nothing of the hub gives up what it holds when its lease ends", async (t) => {
  const hub = await Hub.start(t, "coordinator.offer_every_ms=100");
  const wire = await proxy(t, hub);
  const cut = await connect(wire.url, { name: "cut", tags: ["g"], WebSocket, backoff: QUICK });
  t.after(() => cut.close());
  t.after(() => wire.cut());
  const ada = await enter(hub, "ada");
  let held;
  (await coordinator(cut)).worker({ group: "g", ttl: 400 }, ({ signal }) => new Promise(() => (held = signal)));
  const task = await ada.promises.create("task", { target: "any@g" });
  await until("it has it", () => held);
  wire.silence();
  await until("it is told", () => held.aborted);
  assert.equal(held.reason.details, 409);
  (await enter(hub, "two", { tags: ["g"] })).worker({ group: "g" }, () => "by two");
  assert.equal(await task.result(soon()), "by two");
});

test("a task that cannot go on is given back after a second, not in a circle", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada", { tags: ["g"] });
  const runs = [];
  const worker = ada.worker({ group: "g" }, (ctx) => (runs.push(Date.now()), ctx.wait({ id: "" })));
  await ada.promises.create("task", { target: "any@g" });
  await until("it begins anew", () => runs.length === 2);
  assert.ok(runs[1] - runs[0] >= 990, `after ${runs[1] - runs[0]} ms`);
  await worker.stop();
});

test("what the coordinator refuses because it has too much to do is asked again", async (t) => {
  const hub = await Hub.start(t, "coordinator.requests_in_flight=1");
  const { promises } = await enter(hub, "ada");
  const ids = Array.from({ length: 20 }, (_, n) => `p${n}`);
  const made = await Promise.all(ids.map((id) => promises.create(id)));
  assert.deepEqual(made.map(({ id }) => id), ids);
});

test("what a worker that stops or dies holds is done by another", async (t) => {
  const hub = await Hub.start(t, "coordinator.offer_every_ms=100");
  const ada = await enter(hub, "ada");
  const one = await hub.enter("one", { tags: ["g"] });
  const held = [];
  const never = ({ id, signal }) => new Promise((_, stop) => (held.push(id), signal.addEventListener("abort", stop)));
  const worker = (await coordinator(one)).worker({ group: "g", ttl: 6_000 }, never);
  const stopped = await ada.promises.create("stopped", { target: "any@g" });
  await until("one has it", () => held.includes("stopped"));
  await until("a heartbeat keeps it", async () => {
    const { task } = await ada.ask("task.get", { id: "stopped" });
    assert.deepEqual([task.state, task.version, task.pid], ["acquired", 1, "one"]);
    return Date.now() > stopped.record.createdAt + 7_500;
  });
  const two = await enter(hub, "two", { tags: ["g"] });
  const helper = two.worker({ group: "g" }, ({ id }) => `${id} by two`);
  await worker.stop();
  assert.equal(await stopped.result(soon()), "stopped by two");
  await helper.stop();

  const other = (await coordinator(one)).worker({ group: "g", ttl: 200 }, never);
  const died = await ada.promises.create("died", { target: "any@g" });
  await until("one has it", () => held.includes("died"));
  two.worker({ group: "g" }, ({ id }) => `${id} by two`);
  await one.close();
  assert.equal(await died.result(soon()), "died by two");
  await other.stop();
});

test("a worker that stops gives back at once what it holds, unsettled, whatever its work says to that", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada", { tags: ["g"] });
  const held = [];
  const protests = ({ id, signal }) => new Promise((_, fail) => (held.push(id), signal.addEventListener("abort", fail)));
  const worker = ada.worker({ group: "g", concurrency: 8 }, protests);
  const ids = ["a", "b", "c"];
  for (const id of ids) await ada.promises.create(id, { target: "any@g" });
  await until("it holds them", () => held.length === ids.length);
  await worker.stop();
  for (const id of ids) {
    const { task } = await ada.ask("task.get", { id });
    assert.deepEqual([task.state, (await ada.promises.get(id)).record.state], ["pending", "pending"], id);
  }
});

test("a result that cannot be kept rejects the promise", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada", { tags: ["g"] });
  ada.worker({ group: "g" }, () => "x".repeat(70_000));
  const large = await ada.promises.create("large", { target: "any@g" });
  assert.match((await refused(large.result(soon()), "rejected")).message, /over 65536 bytes/);
});

test("a worker is stopped by its signal, and by the end of its client", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada", { tags: ["g"] }), await hub.enter("bob", { tags: ["g"] })];
  const stop = new AbortController();
  let held = 0;
  const holds = ({ signal }) => new Promise((_, fail) => (held++, signal.addEventListener("abort", () => fail(signal.reason))));
  ada.worker({ group: "g", signal: stop.signal }, holds);
  await ada.promises.create("task", { target: "uni@g/ada" });
  await until("it holds the task", () => held);
  stop.abort();
  await until("it is given back", async () => (await ada.ask("task.get", { id: "task" })).task.state === "pending");
  let aborted;
  (await coordinator(bob)).worker({ group: "g" }, ({ signal }) => new Promise(() => (held++, (aborted = signal))));
  await ada.promises.create("other", { target: "uni@g/bob" });
  await until("bob holds it", () => aborted);
  await bob.close();
  assert.equal(aborted.aborted, true);
});

test("a run that is suspended is forgotten with all that it held", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada", { tags: ["g"] });
  let held;
  ada.worker({ group: "g" }, async (ctx) => {
    const large = { room: new Array(1_000) };
    held = new WeakRef(large);
    await ctx.wait({ id: `${ctx.id}:person` });
    return large.room.length;
  });
  await ada.promises.create("task", { target: "any@g" });
  await until("it is suspended", async () => (await ada.ask("task.get", { id: "task" })).task.state === "suspended");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  await until("it is collected", () => (collect(), held.deref() === undefined));
});

test("values are JSON in base64, whatever is in them, and what is none is left as it is", () => {
  for (const value of [0, "", null, false, "grün 🫖", "\ud800", { a: [1, "\u0000"] }]) assert.deepEqual(decode(encode(value)), value);
  assert.deepEqual([encode(undefined), encode(() => 1), encode("ü")], [{}, {}, { data: "IsO8Ig==" }]);
  for (const data of ["no base64!", btoa("no JSON"), btoa("\xff")]) assert.equal(decode({ data }), data);
  assert.equal(decode({}), undefined);
});
