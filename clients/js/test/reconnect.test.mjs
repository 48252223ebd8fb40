// What a client does when its connection is lost: to a hub that is killed, on a wire that falls silent, by its own name.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { attempts, BACKOFF } from "../dist/backoff.js";
import { connect } from "../dist/index.js";
import { becomes, Hub, item, proxy, QUICK, refused, until } from "./hub.mjs";

test("after kill -9 and a restart services, subscriptions and presence are back, and what was asked meanwhile is done", async (t) => {
  const hub = await Hub.start(t, "coordinator.enabled=false", "admin=false");
  const statuses = [];
  const ada = await hub.enter("ada", { onStatus: ({ state }) => statuses.push(state) });
  const bob = await hub.enter("bob");
  const weather = await ada.serve("weather", { nickname: "The weather" });
  const reports = await bob.subscribe("weather");
  const presence = await ada.presence();
  const before = ada.hello;
  const lost = becomes(ada, "disconnected");
  await hub.kill();
  const { code, againIn } = await lost;
  assert.deepEqual([code, againIn <= QUICK.spread], [1006, true]);
  await until("bob has lost it, too", () => !reports.live);
  const meanwhile = ada.send({ name: "ada" }, "to myself");
  await hub.restart();
  await meanwhile;
  assert.equal((await item(ada.inbox)).data, "to myself");
  assert.notEqual(ada.hello.uuid, before.uuid);
  assert.notEqual(ada.hello.fs_key, before.fs_key);
  await until("bob follows again", () => reports.live);
  assert.equal((await ada.fetchService("weather")).service.nickname, "The weather");
  await weather.broadcast({ celsius: 19 });
  assert.deepEqual((await item(reports)).data, { celsius: 19 });
  await bob.send({ service: "weather" }, "thank you");
  assert.equal((await item(weather.inbox)).data, "thank you");
  await until("both are new", () => [...presence.clients.keys()].sort().join() === [ada.hello.uuid, bob.hello.uuid].sort().join());
  assert.deepEqual([statuses[0], statuses.at(-1)], ["connecting", "connected"]);
});

test("what was sent fails when the connection is lost, for nobody knows whether the hub acted", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  wire.silence();
  const asked = ada.fetchSelf();
  wire.cut();
  await refused(asked, "DISCONNECTED");
  assert.equal((await ada.fetchSelf()).client.name, "ada");
});

test("a service that somebody else has taken meanwhile is lost, and its inbox ends", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: { ...QUICK, base: 5_000, spread: 5_000 } });
  t.after(() => ada.close());
  const bob = await hub.enter("bob");
  const weather = await ada.serve("weather");
  let lost;
  ada.on("lost", (service) => (lost = service));
  wire.refuse();
  wire.cut();
  await until("the name of the service is free", () => bob.serve("weather").catch(() => false));
  wire.accept();
  assert.equal((await until("it is told", () => lost)).owner_uuid, bob.hello.uuid);
  assert.equal((await weather.inbox.next()).done, true);
});

test("a wire that falls silent is given up, and one on which only nothing happens is not", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK, silence: 50, timeout: 500 });
  t.after(() => ada.close());
  let asked = 0;
  const lost = becomes(ada, "disconnected");
  ada.on("out", () => asked++);
  await until("it has asked three times", () => asked >= 3);
  assert.equal(ada.status.state, "connected");
  wire.silence();
  assert.equal((await lost).reason, "silence");
  wire.cut(); // else the hub believes in the old connection for half a minute
  await until("it is back", () => ada.status.state === "connected");
});

test("a client that is closed while it waits for the hub connects no more", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada", { backoff: { base: 60_000, spread: 60_000, cap: 60_000 } });
  const lost = becomes(ada, "disconnected");
  await hub.kill();
  await lost;
  const asked = ada.fetchSelf();
  const closed = ada.close();
  await refused(asked, "CLOSED");
  await closed;
  assert.equal(ada.status.state, "closed");
});

test("without backoff the first loss is the end", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada", { backoff: false });
  const closed = becomes(ada, "closed");
  await hub.kill();
  assert.equal((await closed).code, 1006);
});

test("a client may wait for its hub from the start", async (t) => {
  const hub = await Hub.start(t);
  await hub.kill();
  const entering = hub.enter("ada", { backoff: { ...QUICK, fromTheStart: true } });
  await hub.restart();
  assert.equal((await entering).status.state, "connected");
});

test("a server that speaks something else is no hub", async (t) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => server.close());
  await once(server, "listening");
  server.on("connection", (socket) => socket.send("good morning"));
  const attempt = connect(`http://127.0.0.1:${server.address().port}`, { name: "ada", WebSocket });
  assert.match((await refused(attempt, "CLOSED")).message, /no payload/);
});

test("which close codes come back is what PROTOCOL.md advises", () => {
  const document = readFileSync(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");
  const section = document.split("\n## Close codes\n")[1].split("\n## ")[0];
  const rows = section.split("\n").filter((line) => /^\| \d{4} /.test(line)).map((line) => line.split(" | "));
  assert.equal(rows.length, 16);
  for (const row of rows) {
    const code = Number(row[0].slice(2));
    const advice = row.at(-1).replace(/ \|$/, "");
    const [first, later] = [attempts(BACKOFF), attempts(BACKOFF)];
    const again = later(code, 60_000, 0, 0.5);
    const wait = { yes: (ms) => ms <= 8_000, no: (ms) => ms === undefined, "yes, not soon": (ms) => ms >= BACKOFF.cap };
    wait["only to get a name back that you had"] = wait.yes;
    assert.ok(wait[advice](again), `${code}: ${advice}, and not ${again}`);
    assert.equal(first(code, undefined), undefined, `${code} of a first connection`);
    if (code !== 4005) continue;
    assert.notEqual(later(code, undefined, BACKOFF.nameTakenWithin - 1, 0.5), undefined);
    assert.equal(later(code, undefined, BACKOFF.nameTakenWithin, 0.5), undefined, "the name stays taken");
  }
});

test("waits double up to their bound, are random below it, and begin anew after a long life", () => {
  const next = attempts(BACKOFF);
  assert.equal(next(1006, 100, 0, 1), 8_000, "it did not live for long");
  assert.deepEqual([1, 2, 3].map(() => next(1006, undefined, 0, 1)), [16_000, 30_000, 30_000]);
  assert.equal(next(1006, undefined, 0, 0.25), 7_500);
  assert.equal(next(1006, 30_000, 0, 1), 50, "a single broken connection: at once");
  assert.deepEqual([1, 2].map(() => next(4000, undefined, 0, 1)), [500, 1_000]);
  assert.equal(next(4010, 60_000, 0, 0), 30_000);
  const few = attempts({ ...BACKOFF, attempts: 2 });
  assert.deepEqual([few(4000, 0, 0, 0), few(4000, undefined, 0, 0), few(4000, undefined, 0, 0)], [0, 0, undefined]);
});
