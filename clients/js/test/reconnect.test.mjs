// What a client does when its connection is lost: to a hub that is killed, on a wire that falls silent, by its own name.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket, { WebSocketServer } from "ws";
import { attempts } from "../dist/backoff.js";
import { connect } from "../dist/index.js";
import { becomes, Hub, item, proxy, QUICK, refused, until } from "./hub.mjs";

test("after kill -9 and a restart services, subscriptions and presence are back, and what was asked meanwhile is done", async (t) => {
  const hub = await Hub.start(t, "coordinator.enabled=false", "router.enabled=false", "admin=false");
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

test("services are there again before anything else is said, however many they are", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const ada = await connect(wire.url, { name: "ada", WebSocket, backoff: QUICK });
  t.after(() => ada.close());
  const services = [];
  for (let n = 0; n < 40; n++) services.push(await ada.serve(`s${n}`));
  const said = new Promise((resolve) => {
    ada.on("status", ({ state }) => {
      if (state === "connected") setImmediate(() => resolve(Promise.all(services.map(({ broadcast }) => broadcast(1)))));
    });
  });
  wire.cut();
  assert.equal((await said).length, 40);
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

/** A server that lets everybody in, and then closes with this code. */
async function doorkeeper(t, code) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => server.close());
  await once(server, "listening");
  server.on("connection", (socket) => {
    socket.once("message", () => {
      socket.send('{"type":"HELLO","uuid":"ada00000-0000-4000-8000-000000000001","version":"0.2.0"}');
      socket.close(code, `code ${code}`);
    });
  });
  return `http://127.0.0.1:${server.address().port}`;
}

test("a server that says nothing is given up after ten seconds", async (t) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => server.close());
  await once(server, "listening");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const attempt = connect(`http://127.0.0.1:${server.address().port}`, { name: "ada", WebSocket });
  const refusal = refused(attempt, "CLOSED");
  const [socket] = await once(server, "connection");
  await once(socket, "message");
  t.mock.timers.tick(9_999);
  assert.equal(socket.readyState, WebSocket.OPEN);
  t.mock.timers.tick(1);
  assert.match((await refusal).message, /no HELLO/);
  await once(socket, "close");
});

test("a client that is in and is closed with a code ends, or comes back, as that code says", async (t) => {
  const ends = async (code) => {
    const { promise, resolve } = deferred();
    const statuses = [];
    const onStatus = (status) => {
      statuses.push({ ...status, at: performance.now() });
      if (status.state === "closed" || statuses.filter(({ state }) => state === "connected").length === 3) resolve();
    };
    const client = await connect(await doorkeeper(t, code), { name: "ada", WebSocket, backoff: QUICK, onStatus });
    t.after(() => client.close());
    await promise;
    const { state, code: last, reason } = statuses.at(-1);
    if (state === "closed") assert.deepEqual([last, reason, client.signal.aborted], [code, `code ${code}`, true]);
    else assert.deepEqual([statuses[2].state, statuses[2].code, statuses[2].againIn <= QUICK.cap * 2], ["disconnected", code, true]);
    for (const [n, { againIn = 0, at }] of statuses.slice(0, -1).entries()) {
      assert.ok(statuses[n + 1].at >= at + againIn - 2, `${code}: it waits as long as it says`);
    }
    return state === "closed" ? code : undefined;
  };
  const codes = [1001, 1002, 1003, 1007, 1008, 1009, 1011, ...Array.from({ length: 15 }, (_, n) => 4000 + n)];
  const final = (await Promise.all(codes.map(ends))).filter(Boolean);
  assert.deepEqual(final, [1003, 1008, 4002, 4003, 4006, 4007, 4012, 4013]);
});

function deferred() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

test("what is subscribed to and given up while nothing is connected is so when it is again", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const [ada, bob] = [await hub.enter("ada"), await connect(wire.url, { name: "bob", WebSocket, backoff: QUICK })];
  t.after(() => bob.close());
  for (const name of ["a", "b", "c"]) await ada.serve(name);
  const [a, b] = [await bob.subscribe("a"), await bob.subscribe("b")];
  const mine = await bob.serve("mine");
  const lost = becomes(bob, "disconnected");
  wire.refuse();
  wire.cut();
  await lost;
  const c = bob.subscribe("c");
  await a.return();
  const again = bob.subscribe("a");
  await b.return();
  const deleted = mine.close();
  const order = [1, 2, 3].map((n) => bob.send({ name: "ada" }, n));
  wire.accept();
  await Promise.all([c, again, deleted, ...order]);
  for (const n of [1, 2, 3]) assert.equal((await item(ada.inbox)).data, n);
  const { subscriptions } = await bob.fetchSelf();
  assert.deepEqual(subscriptions.map(({ name }) => name).sort(), ["a", "c"]);
  await refused(bob.fetchService("mine"), "INVALID_SERVICE");
});

test("a program whose client is closed on a dead wire ends by itself, within seconds", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const program = `
    import WebSocket from "ws";
    import { connect } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};
    import { coordinator } from ${JSON.stringify(new URL("../dist/coordinator.js", import.meta.url))};
    const hub = await connect(process.argv[1], { name: "ada", tags: ["g"], WebSocket, timeout: 120_000 });
    const { promises, worker } = await coordinator(hub);
    worker({ group: "g" }, (ctx) => new Promise(() => {}));
    await promises.create("task", { target: "any@g" });
    const waits = [(await promises.create("later")).result(), hub.inbox.next(), (await hub.presence()).next()];
    await hub.serve("mine");
    const stream = await hub.subscribe("mine");
    console.log("ready");
    process.stdin.once("data", async () => {
      waits.push(stream.next(), hub.fetchSelf());
      await hub.close();
      const ends = await Promise.allSettled(waits);
      console.log(hub.status.state, ends.map(({ status, reason, value }) => reason?.code ?? value.done ?? status).join());
      process.stdin.unref();
    });`;
  const args = ["--input-type=module", "-e", program, wire.url];
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL("..", import.meta.url)), stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const said = createInterface(child.stdout)[Symbol.asyncIterator]();
  assert.equal((await said.next()).value, "ready");
  wire.silence();
  const [began, ended] = [Date.now(), once(child, "exit")];
  child.stdin.write("close\n");
  assert.equal((await said.next()).value, "closed CLOSED,true,true,true,DISCONNECTED");
  const closed = Date.now();
  assert.deepEqual(await ended, [0, null]);
  const took = [closed - began, Date.now() - closed];
  t.diagnostic(`closed after ${took[0]} ms, ended ${took[1]} ms later`);
  assert.ok(took[0] < 20_000, "the library alone waits for 30 s");
  assert.ok(took[1] < 4_000, "nothing keeps it alive");
});

test("a secret is fetched anew for each connection, and intents are said in each", async (t) => {
  const hub = await Hub.start(t, "secret=swordfish-for-the-tests");
  const ada = await hub.enter("ada", { secret: "swordfish-for-the-tests" });
  const wire = await proxy(t, hub);
  let asked = 0;
  const secret = () => (asked++, "swordfish-for-the-tests");
  const bob = await connect(wire.url, { name: "bob", WebSocket, backoff: QUICK, secret, intents: ["CLIENTS"] });
  t.after(() => bob.close());
  const heard = [];
  bob.on("in", ({ type }) => heard.push(type));
  const lost = becomes(bob, "disconnected");
  wire.cut();
  await lost;
  await bob.fetchSelf();
  await ada.send("all", "no message for bob");
  await (await hub.enter("dee", { secret })).close();
  await until("news of dee", () => heard.at(-1) === "CLIENT_LEFT");
  assert.deepEqual([asked, heard], [3, ["HELLO", "SELF_FETCH_RESULT", "CLIENT_JOINED", "CLIENT_LEFT"]]);
});

test("a secret that never comes is no connection, and one that is late is not used by a client that is closed", async (t) => {
  const hub = await Hub.start(t);
  const never = hub.enter("ada", { secret: () => new Promise(() => {}), timeout: 50 });
  assert.match((await refused(never, "CLOSED")).message, /TIMED_OUT/);
  const stop = new AbortController();
  const late = deferred();
  const entering = hub.enter("bob", { secret: () => late.promise, signal: stop.signal });
  late.resolve("swordfish");
  await Promise.resolve(); // between the secret and the connection
  stop.abort(new Error("enough"));
  await assert.rejects(entering, { message: "enough" });
  const dee = await hub.enter("dee");
  assert.ok((await dee.fetchClients()).clients.every(({ name }) => name !== "bob"));
});

test("which close codes come back is what PROTOCOL.md advises", () => {
  const document = readFileSync(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");
  const section = document.split("\n## Close codes\n")[1].split("\n## ")[0];
  const rows = section.split("\n").filter((line) => /^\| \d{4} /.test(line)).map((line) => line.split(" | "));
  assert.equal(rows.length, 16);
  for (const row of rows) {
    const code = Number(row[0].slice(2));
    const advice = row.at(-1).replace(/ \|$/, "");
    const [first, later] = [attempts(), attempts()];
    const again = later(code, 60_000, 0, 0.5);
    const wait = { yes: (ms) => ms <= 8_000, no: (ms) => ms === undefined, "yes, not soon": (ms) => ms >= 30_000 };
    wait["only to get a name back that you had"] = wait.yes;
    assert.ok(wait[advice](again), `${code}: ${advice}, and not ${again}`);
    assert.equal(first(code, undefined), undefined, `${code} of a first connection`);
    if (code !== 4005) continue;
    assert.notEqual(later(code, undefined, 89_999, 0.5), undefined);
    assert.equal(later(code, undefined, 90_000, 0.5), undefined, "the name stays taken");
  }
});

test("waits double up to their bound, are random below it, and begin anew after a long life", () => {
  const next = attempts();
  assert.equal(next(1006, 100, 0, 1), 8_000, "it did not live for long");
  assert.deepEqual([1, 2, 3].map(() => next(1006, undefined, 0, 1)), [16_000, 30_000, 30_000]);
  assert.equal(next(1006, undefined, 0, 0.25), 7_500);
  assert.equal(next(1006, 30_000, 0, 1), 50, "a single broken connection: at once");
  assert.deepEqual([1, 2].map(() => next(4000, undefined, 0, 1)), [500, 1_000]);
  assert.equal(next(4010, 60_000, 0, 0), 30_000);
  const few = attempts({ attempts: 2 });
  assert.deepEqual([few(4000, 0, 0, 0), few(4000, undefined, 0, 0), few(4000, undefined, 0, 0)], [0, 0, undefined]);
});
