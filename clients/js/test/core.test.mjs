// The client against a real hub: what it says, hears and refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { connect } from "../dist/index.js";
import { ring } from "../dist/stream.js";
import { becomes, Hub, item, refused, soon, until } from "./hub.mjs";

test("the owner of a service speaks to its subscribers and they answer the owner", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada", { nickname: "Ada", tags: ["pilot"] }), await hub.enter("bob")];
  const weather = await ada.serve("weather", { nickname: "The weather" });
  const reports = await bob.subscribe("weather");
  assert.equal(reports.live, true);
  await weather.broadcast({ celsius: 21.5 });
  const report = await item(reports);
  assert.deepEqual(report.data, { celsius: 21.5 });
  assert.deepEqual([report.origin.nickname, report.origin.tags, report.origin.service.nickname], ["Ada", ["pilot"], "The weather"]);
  await bob.send({ service: "weather" }, "and tomorrow?");
  const question = await item(weather.inbox);
  assert.deepEqual([question.origin.uuid, question.data], [bob.hello.uuid, "and tomorrow?"]);
  await weather.to(question.origin.uuid, "rain");
  assert.equal((await item(reports)).data, "rain");
  await weather.close();
  assert.equal((await weather.inbox.next()).done, true);
  await until("the subscription is off", () => !reports.live);
});

test("messages by name, by id and to everybody arrive in the inbox, in order", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  await Promise.all([ada.send({ name: "bob" }, 1), ada.send({ uuid: bob.hello.uuid }, [2]), ada.send("all", null)]);
  assert.deepEqual([(await item(bob.inbox)).data, (await item(bob.inbox)).data, (await item(bob.inbox)).data], [1, [2], null]);
  assert.deepEqual((await item(ada.inbox)).target, { type: "ALL" }, "to everybody is to oneself, too");
});

test("a callback gets what waits and what comes", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const news = await ada.serve("news");
  const heard = [];
  await bob.subscribe("news", ({ data }) => heard.push(data));
  for (const n of [1, 2, 3]) await news.broadcast(n);
  await until("three", () => heard.length === 3);
  await ada.send({ name: "bob" }, 4);
  bob.inbox.each(({ data }) => heard.push(data));
  await until("four", () => heard.length === 4);
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test("a subscription that is not read loses its oldest messages, and counts them", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const news = await ada.serve("news");
  const [slow, quick] = [await bob.subscribe("news", { capacity: 3 }), await bob.subscribe("news")];
  for (let n = 0; n < 10; n++) await news.broadcast(n);
  for (let n = 0; n < 10; n++) assert.equal((await item(quick)).data, n);
  assert.deepEqual([(await item(slow)).data, slow.dropped, quick.dropped], [7, 7, 0]);
  const dee = await hub.enter("dee", { capacity: 2 });
  for (let n = 0; n < 5; n++) await ada.send({ name: "dee" }, n);
  await dee.fetchSelf();
  assert.deepEqual([(await item(dee.inbox)).data, dee.inbox.dropped], [3, 3]);
});

test("two items that come at once are for one reader, one after the other", async () => {
  const { stream, push } = ring(8);
  const first = stream.next();
  push(1);
  push(2);
  assert.deepEqual([(await first).value, (await stream.next()).value], [1, 2]);
});

test("the end of the last subscription unsubscribes", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const news = await ada.serve("news");
  const [one, two] = [await bob.subscribe("news"), await bob.subscribe("news")];
  const stop = new AbortController();
  await bob.subscribe("news", () => {}, { signal: stop.signal });
  await one.return();
  stop.abort();
  assert.equal((await ada.fetchService("news")).service.subscriber_count, 1);
  await news.broadcast("still here");
  for await (const { data } of two) {
    assert.equal(data, "still here");
    break;
  }
  await until("nobody", async () => (await ada.fetchService("news")).service.subscriber_count === 0);
  assert.deepEqual((await bob.fetchSelf()).subscriptions, []);
});

test("a subscription may wait for its service, and outlives it", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  await refused(bob.subscribe("news"), "INVALID_SERVICE");
  const news = await bob.subscribe("news", { wait: true });
  for (const n of [1, 2]) {
    const service = await ada.serve("news");
    await until("a subscriber", async () => (await ada.fetchService("news")).service.subscriber_count === 1);
    await service.broadcast(n);
    assert.equal((await item(news)).data, n);
    await service.close();
  }
});

test("what the hub refuses is an error with its word", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  await ada.serve("news");
  assert.equal((await refused(bob.serve("news"), "EXISTS")).details.owner_uuid, ada.hello.uuid);
  await refused(bob.send({ service: "news" }, 1), "BAD");
  await refused(bob.send({ name: "dee" }, 1), "INVALID_NAME");
  await refused(bob.send({ uuid: "00000000-0000-4000-8000-000000000000" }, 1), "INVALID_UUID");
  await refused(bob.fetchService("wether"), "INVALID_SERVICE");
  const { message } = await refused(bob.subscribe("the weather"), "ERROR_PROTOCOL");
  assert.equal(message, "service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -");
  await refused(bob.send("all", "ü".repeat(32_768)), "TOO_BIG");
  assert.equal((await bob.fetchClients()).clients.length >= 2, true, "the connection stays");
});

test("the hub tells who and what is there", async (t) => {
  const hub = await Hub.start(t, "coordinator.enabled=false", "router.enabled=false", "admin=false");
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob", { tags: ["sensor"] })];
  await ada.serve("news");
  await bob.subscribe("news");
  assert.deepEqual((await ada.fetchClients()).clients.map(({ name }) => name), ["ada", "bob"]);
  assert.deepEqual((await ada.fetchServices()).services.map(({ name }) => name), ["news"]);
  const { client, subscriptions } = await ada.fetchClient(bob.hello.uuid);
  assert.deepEqual([client.tags, subscriptions[0].name], [["sensor"], "news"]);
  assert.deepEqual((await bob.fetchSelf()).client, client);
});

test("presence knows who is there, and tells who comes and goes", async (t) => {
  const hub = await Hub.start(t, "coordinator.enabled=false", "router.enabled=false", "admin=false");
  const ada = await hub.enter("ada");
  const presence = await ada.presence();
  assert.deepEqual([...presence.clients.values()].map(({ name }) => name), ["ada"]);
  const bob = await hub.enter("bob");
  let { type, client } = await item(presence);
  assert.deepEqual([type, client.name, presence.clients.size], ["CLIENT_JOINED", "bob", 2]);
  await bob.close();
  ({ type, client } = await item(presence));
  assert.deepEqual([type, client.name, presence.clients.size], ["CLIENT_LEFT", "bob", 1]);
});

test("any payload and any text can be sent, and everything that passes is seen", async (t) => {
  const hub = await Hub.start(t);
  const seen = [];
  const ada = await hub.enter("ada");
  ada.on("in", (payload) => seen.push(payload.type));
  ada.on("out", (text) => seen.push(text));
  assert.deepEqual(await ada.request({ type: "SELF_SET_SEQ", seq: 100 }), { type: "OK", seq: 100 });
  assert.equal((await ada.request('{"type":"MAKE_TEA"}')).type, "ERROR_UNSUPPORTED");
  assert.equal((await ada.request("good morning")).type, "ERROR_PROTOCOL");
  assert.equal((await ada.request({ type: "SELF_FETCH" })).seq, 103);
  assert.deepEqual(seen.slice(0, 4), ['{"type":"SELF_SET_SEQ","seq":100}', "OK", '{"type":"MAKE_TEA"}', "ERROR_UNSUPPORTED"]);
});

test("a service that is deleted by a payload of one's own ends, too", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const news = await ada.serve("news");
  await ada.request({ type: "SERVICE_DELETE", service: "news" });
  assert.equal((await news.inbox.next(soon())).done, true);
});

test("every wait ends with its signal", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const stop = new AbortController();
  const news = await ada.subscribe("news", { wait: true, signal: stop.signal });
  const waits = [ada.inbox.next({ signal: stop.signal }), ada.fetchSelf({ signal: stop.signal }), news.next()];
  stop.abort(new Error("enough"));
  for (const wait of waits) await assert.rejects(wait, { message: "enough" });
  await assert.rejects(ada.send("all", 1, { signal: stop.signal }), { message: "enough" });
  await ada.send("all", "after");
  assert.equal((await item(ada.inbox)).data, "after", "a wait that was given up takes nothing");
  await assert.rejects(connect(hub.url, { name: "bob", WebSocket, signal: stop.signal }), { message: "enough" });
});

test("requests wait for a connection, 4,096 of them, and the next is refused", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada", { backoff: { base: 60_000, spread: 60_000, cap: 60_000 }, timeout: 500 });
  const lost = becomes(ada, "disconnected");
  await hub.kill();
  await lost;
  const waiting = Array.from({ length: 4_096 }, () => ada.fetchSelf());
  const late = Promise.allSettled(waiting);
  await refused(ada.fetchSelf(), "BUSY");
  assert.ok((await late).every(({ reason }) => reason.code === "TIMED_OUT"));
  const again = ada.fetchSelf(); // there is room again
  await refused(again, "TIMED_OUT");
});

test("an address that is none is refused", async () => {
  await assert.rejects(connect("not an address", { name: "ada", WebSocket }), TypeError);
  await assert.rejects(connect("ws://127.0.0.1:1", { name: "ada", WebSocket }), { code: "CLOSED" });
});

test("a client closes by its signal, at the end of its block, or when it is told to", async (t) => {
  const hub = await Hub.start(t);
  const stop = new AbortController();
  const ada = await hub.enter("ada", { signal: stop.signal });
  const bob = await hub.enter("bob");
  stop.abort();
  assert.equal((await becomes(ada, "closed")).code, 1000);
  assert.equal((await ada.inbox.next()).done, true);
  await refused(ada.send("all", 1), "CLOSED");
  await bob[Symbol.asyncDispose]();
  assert.equal(bob.status.state, "closed");
  const dee = await hub.enter("dee");
  await until("dee is alone", async () => !(await dee.fetchClients()).clients.some(({ name }) => name === "ada" || name === "bob"));
});

test("a secret is given as it is, or fetched for each connection", async (t) => {
  const hub = await Hub.start(t, "secret=swordfish-for-the-tests");
  await hub.enter("ada", { secret: "swordfish-for-the-tests" });
  let asked = 0;
  const secret = async () => (asked++, "swordfish-for-the-tests");
  await hub.enter("bob", { secret });
  assert.equal(asked, 1);
  const { details } = await refused(hub.enter("dee", { secret: "herring" }), "CLOSED");
  assert.equal(details.code, 4006);
  const denied = hub.enter("dee", { secret: () => Promise.reject(new Error("no vault")) });
  assert.match((await refused(denied, "CLOSED")).message, /no vault/);
});

test("the first connection is tried once: a name that is taken, a hub that is not there", async (t) => {
  const hub = await Hub.start(t);
  await hub.enter("ada");
  assert.equal((await refused(hub.enter("ada"), "CLOSED")).details.code, 4005);
  await hub.kill();
  const statuses = [];
  const { details } = await refused(hub.enter("bob", { onStatus: ({ state }) => statuses.push(state) }), "CLOSED");
  assert.deepEqual([details.code, statuses], [1006, ["connecting", "closed"]]);
});
