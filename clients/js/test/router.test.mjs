// Requests, pushes and handlers, against the router of a real hub.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { coordinator } from "../dist/coordinator.js";
import { connect, ConciergeError } from "../dist/index.js";
import { router } from "../dist/router.js";
import { becomes, Hub, item, proxy, QUICK, refused, soon, until } from "./hub.mjs";

/** The router of a client that ends with the hub. */
async function enter(hub, name, options) {
  return router(await hub.enter(name, options));
}

/** A handler that answers when it is told to, and what it was asked. */
function held() {
  const asked = [];
  return { asked, handler: (body, request) => new Promise((answer, fail) => asked.push({ body, request, answer, fail })) };
}

/** How often a client has said that it wants no answer any more. */
function cancels(client) {
  let said = 0;
  client.on("out", (text) => (said += text.includes("sys/cancel")));
  return () => said;
}

/** A worker by hand: what it gets, and how it speaks. */
async function byHand(hub, name, ...categories) {
  const client = await hub.enter(name);
  const got = await client.subscribe("router");
  const say = (data, subject = "api") => client.send({ service: "router" }, { subject, data });
  await say({ type: "p", cmd: "router/serve", data: { categories } }, "router");
  return { client, say, next: async () => (await item(got)).data.data };
}

test("a request is answered by whoever handles it, with JSON of every kind", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  await bob.handle("math/add", ([a, b]) => a + b);
  await bob.handle("math/echo", async (body) => body);
  assert.equal(await ada.request("math/add", [1, 2]), 3);
  assert.equal(await bob.request("math/add", [3, 4]), 7, "of itself, too");
  for (const body of [0, "", false, [], {}, { a: "grün 🫖" }]) assert.deepEqual(await ada.request("math/echo", body), body);
  for (const nothing of [undefined, null]) assert.deepEqual(await ada.request("math/echo", nothing), {}, "nothing is an empty object");
  await bob.handle("math/nothing", () => {});
  assert.deepEqual(await ada.request("math/nothing"), {});
  const sums = Array.from({ length: 60 }, (_, n) => ada.request("math/add", [n, n]));
  assert.deepEqual(await Promise.all(sums), Array.from({ length: 60 }, (_, n) => 2 * n));
});

test("a handler knows what is asked, and one for a category does what has no handler", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  const seen = (_, { cmd, subject, signal }) => [cmd, subject, signal.aborted];
  await bob.handle("math/*", seen);
  await bob.handle("math/add", () => "its own");
  await bob.handle("news/a", () => "a");
  assert.deepEqual(await ada.request("math/sub/deep", 1, { subject: "api.v2" }), ["math/sub/deep", "api.v2", false]);
  assert.equal(await ada.request("math/add"), "its own");
  assert.deepEqual((await refused(ada.request("news/b"), "NOT_IMPLEMENTED")).details, { items: ["cmd"] });
});

test("a handler knows who asks, as the hub says, and for how long an answer is waited for", async (t) => {
  const hub = await Hub.start(t, "router.within_ms=7000");
  const ada = await hub.enter("ada", { tags: ["staff"] });
  const bob = await enter(hub, "bob");
  const pushed = [];
  await bob.handle("who/*", (_, { cmd, headers }) => (pushed.push([cmd, headers]), headers));
  const { request, push } = await router(ada);
  const { "Cg-Node": node, "Cg-Deadline-Ms": deadline, ...headers } = await request("who/asks");
  assert.equal(typeof node, "string");
  assert.ok(deadline > 0 && deadline <= 7_000, `${deadline}`);
  const who = { "Cg-Client": ada.hello.uuid, "Cg-Name": "ada", "Cg-Tags": ["staff"] };
  assert.deepEqual(headers, who);
  await push("who/says");
  await until("it is heard", () => pushed.length === 2);
  assert.deepEqual(pushed[1], ["who/says", { ...who, "Cg-Node": node }]);
  const dee = await byHand(hub, "dee");
  const answer = dee.say({ type: "q", cmd: "who/asks", _reqid: "1", headers: { "Cg-Name": "root" } });
  assert.equal((await dee.next()).data["Cg-Name"], "dee", "and nobody says it of themselves");
  await answer;
});

test("of the workers of a group a push goes to one, and to each that has none", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob, cas, dee] = await Promise.all(["ada", "bob", "cas", "dee"].map((name) => enter(hub, name)));
  const heard = [];
  const hear = (name) => (n) => void heard.push([name, n]);
  await bob.handle("news/*", hear("group"), { group: "eu" });
  await bob.handle("news/other", hear("never")); // the group is the category's
  await cas.handle("news/*", hear("group"), { group: "eu" });
  await dee.handle("news/*", hear("dee"));
  for (let n = 0; n < 4; n++) await ada.push("news/rain", n);
  await until("all is heard", () => heard.length === 8);
  const of = (name) => heard.filter(([who]) => who === name).map(([, n]) => n).sort();
  assert.deepEqual([of("group"), of("dee")], [[0, 1, 2, 3], [0, 1, 2, 3]]);
});

test("a client whose handlers all name subjects serves those only", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  await bob.handle("math/add", ([a, b]) => a + b, { subjects: ["api", "api.v2"] });
  const other = await bob.handle("news/*", () => "news", { subjects: ["weather"] });
  const ask = (cmd, subject) => ada.request(cmd, [1, 2], { subject }).catch(({ code }) => code);
  assert.deepEqual([await ask("math/add"), await ask("math/add", "api.v2"), await ask("math/add", "api.v3")], [3, 3, "UNAVAILABLE"]);
  assert.equal(await ask("news/rain", "weather"), "news");
  const any = await bob.handle("any/*", () => "any");
  assert.deepEqual([await ask("any/thing", "api.v3"), await ask("math/add", "api.v3")], ["any", 3]);
  await any.stop();
  await other.stop();
  assert.deepEqual([await ask("math/add", "weather"), await ask("news/rain", "weather")], ["UNAVAILABLE", "UNAVAILABLE"]);
  const subjects = Array.from({ length: 15 }, (_, n) => `s${n}`);
  assert.deepEqual((await refused(bob.handle("a/a", () => {}, { subjects }), "LIMIT")).details, { items: ["subjects"] });
  await bob.handle("a/a", () => "a", { subjects: subjects.slice(1) });
  assert.deepEqual([await ask("a/a", "s14"), await ask("a/a", "s0")], ["a", "UNAVAILABLE"]);
});

test("errors have the protocol's name, and handlers throw them as they are", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  assert.deepEqual((await refused(ada.request("math/add"), "UNAVAILABLE")).details, { items: ["subject"] });
  assert.deepEqual((await refused(ada.request("nonsense"), "INVALID")).details, { items: ["cmd"] });
  const names = "GENERIC FORBIDDEN UNAVAILABLE INVALID INCOMPLETE DUPLICATE LIMIT TIMEOUT SESSION NOT_IMPLEMENTED".split(" ");
  await bob.handle("fail/typed", (code) => {
    throw new ConciergeError(code, "as it is", { items: ["a"], more: 1 });
  });
  for (const code of names) {
    const { message, details } = await refused(ada.request("fail/typed", code), code);
    assert.deepEqual([message, details], ["as it is", { message: "as it is", items: ["a"], more: 1 }]);
  }
  await bob.handle("fail/passed", () => bob.request("nobody/does"));
  assert.deepEqual((await refused(ada.request("fail/passed"), "UNAVAILABLE")).details, { items: ["subject"] }, "as it came");
  await bob.handle("fail/else", async (what) => {
    throw { bug: new TypeError("a bug"), text: "a text", other: new ConciergeError("BUSY", "too much", { a: 1 }), none: undefined }[what];
  });
  for (const [what, message] of Object.entries({ bug: "a bug", text: "a text", other: "too much", none: "undefined" })) {
    const error = await refused(ada.request("fail/else", what), "GENERIC");
    assert.deepEqual([error.message, error.details], [message, { message }]);
  }
});

test("an answer comes in parts, and the value of a generator is the last one", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  await bob.handle("count/to", async function* (n) {
    for (let i = 1; i <= n; i++) yield i;
  });
  await bob.handle("count/value", async function* () {
    yield 1;
    return 2;
  });
  await bob.handle("count/fail", async function* () {
    yield 1;
    throw new ConciergeError("LIMIT", "enough", { items: ["parts"] });
  });
  await bob.handle("count/one", () => 1);
  const read = async (...request) => {
    const parts = [];
    for await (const part of ada.requestMany(...request)) parts.push(part);
    return parts;
  };
  assert.deepEqual(await read("count/to", 3), [1, 2, 3]);
  assert.deepEqual(await read("count/to", 1_000), Array.from({ length: 1_000 }, (_, n) => n + 1), "however many");
  assert.deepEqual(await read("count/value"), [1, 2]);
  assert.deepEqual(await read("count/one"), [1]);
  assert.equal(await ada.request("count/value"), 2, "who asks for one gets the last one");
  const failing = ada.requestMany("count/fail");
  assert.equal((await failing.next()).value, 1);
  assert.deepEqual((await refused(failing.next(), "LIMIT")).message, "enough");
});

test("whoever leaves the loop, or gives up, cancels: the generator ends, and what comes late is ignored", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  const ended = [];
  const { asked, handler } = held();
  await bob.handle("count/up", async function* (name, { signal }) {
    try {
      for (let n = 0; ; n++) {
        yield n;
        await new Promise((turn) => setTimeout(turn));
      }
    } finally {
      ended.push([name, signal.aborted]);
      throw new Error("nobody hears it");
    }
  });
  await bob.handle("wait/for", handler);
  for await (const n of ada.requestMany("count/up", "left")) if (n === 3) break;
  await until("it ended", () => ended.length === 1);
  const stop = new AbortController();
  const parts = ada.requestMany("count/up", "aborted", { signal: stop.signal });
  await parts.next();
  stop.abort(new Error("enough"));
  await assert.rejects(async () => {
    for (;;) await parts.next();
  }, { message: "enough" });
  await until("it ended, too", () => ended.length === 2);
  assert.deepEqual(ended, [["left", true], ["aborted", true]]);

  const given = new AbortController();
  const waiting = ada.request("wait/for", 1, { signal: given.signal });
  const other = ada.request("wait/for", 2);
  await until("both are asked", () => asked.length === 2);
  given.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  await until("the handler knows", () => asked[0].request.signal.aborted);
  assert.equal(asked[1].request.signal.aborted, false, "and nobody else is disturbed");
  await refused(ada.request("wait/for", 3, { timeout: 50 }), "TIMED_OUT");
  await until("the handler knows again", () => asked[2].request.signal.aborted);
  asked[0].answer("late");
  asked[2].answer("late");
  asked[1].answer("in time");
  assert.equal(await other, "in time");
});

test("a stream is an answer in parts, and ends with the wish for them", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob, cas] = [await enter(hub, "ada"), await hub.enter("bob"), await hub.enter("cas")];
  const weather = await cas.serve("weather");
  await (await router(bob)).handle("weather/follow", () => bob.subscribe("weather"));
  const followed = async (count) => until(count, async () => (await cas.fetchService("weather")).service.subscriber_count === count);
  const parts = ada.requestMany("weather/follow");
  await followed(1);
  await weather.broadcast("rain");
  assert.equal((await parts.next()).value.data, "rain");
  await parts.return();
  await followed(0);
});

test("nothing is cancelled but what was asked and is open", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await enter(hub, "bob")];
  const { request, requestMany } = await router(ada);
  const said = cancels(ada);
  const { asked, handler } = held();
  await bob.handle("wait/for", handler);
  await bob.handle("math/add", ([a, b]) => a + b);
  await request("math/add", [1, 2]);
  await refused(request("math/sub"), "NOT_IMPLEMENTED");
  for await (const sum of requestMany("math/add", [1, 2])) assert.equal(sum, 3);
  await refused(request("math/add", "x".repeat(70_000)), "TOO_BIG");
  const lost = refused(request("wait/for"), "DISCONNECTED");
  await until("it is asked", () => asked.length);
  await hub.kill();
  await lost;
  await hub.restart();
  await until("bob serves", () => request("math/add", [1, 2]).catch(() => false));
  assert.equal(said(), 0);
  await refused(request("wait/for", 1, { timeout: 1 }), "TIMED_OUT");
  assert.equal(said(), 1);
});

test("a push reaches every worker, is answered by none, and what its handler throws is told and ends nothing", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob, dee] = [await enter(hub, "ada"), await enter(hub, "bob"), await enter(hub, "dee")];
  const heard = [];
  const told = t.mock.method(console, "error", () => {});
  for (const [name, { handle }] of Object.entries({ bob, dee })) {
    await handle("news/*", (body, { cmd }) => {
      heard.push([name, cmd, body]);
      if (name === "dee") throw new Error("a bug of the program");
    });
  }
  await ada.push("news/rain", { mm: 3 }, { subject: "weather" });
  await until("both hear it", () => heard.length === 2);
  assert.deepEqual(heard.sort(), [["bob", "news/rain", { mm: 3 }], ["dee", "news/rain", { mm: 3 }]]);
  await until("the error is told", () => told.mock.callCount() === 1);
  assert.equal(told.mock.calls[0].arguments[0].message, "a bug of the program");
  await bob.handle("some/a", () => {});
  for (const cmd of ["some/b", "nobody/does"]) await ada.push(cmd, 1);
  await bob.request("some/a"); // what was said before was heard before
  assert.equal(told.mock.callCount(), 1, "what nobody handles is nobody's error");
});

test("a durable request says so, whose promise it is, and how long that waits", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await enter(hub, "bob")];
  await bob.handle("math/add", ([a, b]) => a + b);
  const { request } = await router(ada);
  const said = [];
  ada.on("out", (text) => said.push(JSON.parse(text).data.data));
  await request("math/add", [1, 2], { durable: true });
  await request("math/add", [1, 2], { durable: true, promise: "sum", within: 60_000 });
  await request("math/add", [1, 2], { durable: false });
  const packet = { type: "q", cmd: "math/add", data: [1, 2] };
  const durable = { ...packet, reply: "durable" };
  assert.deepEqual(said.map(({ _reqid, ...rest }) => rest), [durable, { ...durable, promise: "sum", within_ms: 60_000 }, packet]);
});

test("when the connection is lost waits end, handlers are told, and serve again when the hub is back", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const [asker, worker] = [await router(ada), await router(bob)];
  const { asked, handler } = held();
  await worker.handle("wait/for", handler);
  await worker.handle("math/add", ([a, b]) => a + b);
  let done;
  await worker.handle("math/sub", ([a, b], { signal }) => ((done = signal), a - b));
  assert.equal(await asker.request("math/sub", [3, 2]), 1);
  const waits = [asker.request("wait/for", 1), asker.requestMany("wait/for", 2).next()].map((wait) => refused(wait, "DISCONNECTED"));
  await until("both are asked", () => asked.length === 2);
  const lost = [becomes(ada, "disconnected"), becomes(bob, "disconnected")];
  await hub.kill();
  await Promise.all([...waits, ...lost]);
  assert.deepEqual([...asked.map(({ request }) => request.signal), done].map(({ aborted }) => aborted), [true, true, false]);
  const sent = [];
  bob.on("out", (text) => sent.push(text));
  // waits for the connection; whoever is back first decides whether it is served then
  const early = asker.request("wait/for", 3).catch(({ code }) => code);
  asked.forEach(({ answer }) => answer("too late"));
  await hub.restart();
  assert.equal(await until("bob serves", () => asker.request("math/add", [1, 2]).catch(() => false)), 3);
  assert.ok(!sent.join().includes("too late"), "an answer goes nowhere but where its question came from");
  asked[2]?.answer("UNAVAILABLE");
  assert.equal(await early, "UNAVAILABLE");
});

test("a worker whose hub was too busy to hear what it serves says it a moment later", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const bob = await connect(wire.url, { name: "bob", WebSocket, backoff: QUICK });
  t.after(() => bob.close());
  const worker = await router(bob);
  await worker.handle("math/add", ([a, b]) => a + b);
  const lost = becomes(bob, "disconnected");
  wire.refuse();
  wire.cut();
  await lost;
  const waiting = Array.from({ length: 4_096 }, () => bob.fetchSelf());
  wire.accept();
  await Promise.all(waiting);
  const ada = await enter(hub, "ada");
  assert.equal(await until("bob serves", () => ada.request("math/add", [1, 2]).catch(() => false)), 3);
});

test("close ends every wait, and what a handler does", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await hub.enter("ada"), await hub.enter("bob")];
  const [asker, worker] = [await router(ada), await router(bob)];
  const { asked, handler } = held();
  await worker.handle("wait/for", handler);
  const waits = [asker.request("wait/for"), asker.requestMany("wait/for").next()].map((wait) => wait.catch(({ code }) => code));
  await until("both are asked", () => asked.length === 2);
  await ada.close();
  for (const code of await Promise.all(waits)) assert.match(code, /^(CLOSED|DISCONNECTED)$/);
  for (const wait of [asker.request("a/b"), asker.requestMany("a/b").next(), asker.push("a/b"), asker.handle("a/b", handler)]) {
    await refused(wait, "CLOSED");
  }
  const dee = await enter(hub, "dee");
  const last = refused(dee.request("wait/for"), "UNAVAILABLE");
  await until("it is asked again", () => asked.length === 3);
  await bob.close();
  assert.deepEqual((await last).details, { items: ["subject"] });
  assert.ok(asked[2].request.signal.aborted);
});

test("responses to nothing, and after the final one, are ignored, and a strange error is GENERIC", async (t) => {
  const hub = await Hub.start(t);
  const ada = await enter(hub, "ada");
  const bob = await byHand(hub, "bob", "math");
  const answered = async (...datagrams) => {
    const answer = ada.request("math/add").then((data) => ({ data }), ({ code, details }) => ({ code, details }));
    const { _reqid } = await bob.next();
    for (const datagram of datagrams) await bob.say({ type: "r", _reqid, ...datagram });
    return answer;
  };
  await bob.say({ type: "r", _reqid: "77", status: "ok", data: "nobody asked" });
  assert.deepEqual(await answered({ status: "ok", data: 1 }, { status: "ok", data: 2 }), { data: 1 });
  assert.deepEqual(await answered({ status: "ok", more: true, data: 1 }, { status: "ok", data: 2 }), { data: 2 });
  assert.deepEqual(await answered({ status: "odd", data: { code: 99, data: 1 } }), { code: "GENERIC", details: {} });
  assert.deepEqual(await answered({ status: "err", data: { code: 3 } }), { code: "INVALID", details: { items: [] } });
});

test("what is not read in time, or is too large for the hub, ends an answer with an error", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  let signal;
  await bob.handle("count/up", async function* (_, request) {
    ({ signal } = request);
    for (let n = 0; ; n++) yield n;
  });
  const parts = ada.requestMany("count/up", null, { capacity: 8 });
  await until("it is too much", () => signal?.aborted);
  assert.deepEqual((await refused(parts.next(), "LIMIT")).details, { items: ["parts"] });
  await bob.handle("large/one", () => "x".repeat(70_000));
  let ended = false;
  await bob.handle("large/part", async function* () {
    yield "x".repeat(70_000);
  });
  await bob.handle("large/parts", async function* () {
    try {
      for (;;) yield "x".repeat(70_000);
    } finally {
      ended = true;
    }
  });
  await refused(ada.request("large/parts"), "GENERIC");
  assert.ok(ended);
  for (const cmd of ["large/one", "large/part"]) {
    assert.match((await refused(ada.requestMany(cmd).next(), "GENERIC")).message, /over 65536 bytes/);
  }
  await refused(ada.request("large/one", "x".repeat(70_000)), "TOO_BIG");
});

test("what is no command, group or subject is refused, and so is a second handler, until the first one stops", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  const nothing = () => {};
  for (const cmd of ["", "math", "Math/add", "math/", "/add", "math/*/a", "router/serve", "sys/cancel", `a/${"b".repeat(127)}`]) {
    assert.deepEqual((await refused(bob.handle(cmd, nothing), "INVALID")).details, { items: ["cmd"] });
    assert.deepEqual((await refused(bob.push(cmd), "INVALID")).details, { items: ["cmd"] });
  }
  await refused(bob.push("math/*"), "INVALID");
  for (const group of ["", "a b", "x".repeat(65)]) {
    assert.deepEqual((await refused(bob.handle("math/add", nothing, { group }), "INVALID")).details, { items: ["group"] });
  }
  for (const subject of ["", "a..b", "$SYS", "a.*", Array(17).fill("a").join(".")]) {
    assert.deepEqual((await refused(bob.handle("a/b", nothing, { subjects: ["api", subject] }), "INVALID")).details, { items: ["subjects"] });
  }
  const first = await bob.handle("math/add", () => "first");
  await refused(bob.handle("math/add", nothing), "EXISTS");
  await first.stop();
  await refused(ada.request("math/add"), "UNAVAILABLE");
  await bob.handle("math/add", () => "second");
  await first.stop();
  assert.equal(await ada.request("math/add"), "second", "who stopped already stops nothing");
  await Promise.all(Array.from({ length: 63 }, (_, n) => bob.handle(`c${n}/a`, nothing)));
  assert.deepEqual((await refused(bob.handle("c63/a", nothing), "LIMIT")).details, { items: ["categories"] });
  assert.equal(await ada.request("math/add"), "second", "and the others are served still");
});

test("a client has one router, whoever asks for it, and a hub may have none", async (t) => {
  const hub = await Hub.start(t);
  const bob = await hub.enter("bob");
  const [one, two] = await Promise.all([router(bob), router(bob)]);
  await one.handle("a/a", () => "one");
  await two.handle("b/b", () => "two");
  const ada = await enter(hub, "ada");
  assert.deepEqual([await ada.request("a/a"), await ada.request("b/b")], ["one", "two"]);
  const without = await Hub.start(t, "router.enabled=false");
  const dee = await without.enter("dee");
  await refused(router(dee), "INVALID_SERVICE");
});

test("a router that could not be reached is there when it can be", async (t) => {
  const hub = await Hub.start(t);
  const wire = await proxy(t, hub);
  const bob = await connect(wire.url, { name: "bob", WebSocket, backoff: QUICK });
  t.after(() => bob.close());
  wire.silence();
  const lost = refused(router(bob), "DISCONNECTED");
  wire.cut();
  await lost;
  await (await router(bob)).handle("math/add", ([a, b]) => a + b);
  assert.equal(await (await enter(hub, "ada")).request("math/add", [1, 2]), 3);
});

test("a worker's error whose message is no text is an error like others", async (t) => {
  const hub = await Hub.start(t);
  const [ada, bob] = [await enter(hub, "ada"), await enter(hub, "bob")];
  const message = { toString: 1 };
  await bob.handle("some/a", () => {
    throw new ConciergeError("GENERIC", "GENERIC", { message });
  });
  assert.deepEqual((await refused(ada.request("some/a"), "GENERIC")).details, { message });
});

test("a durable request is kept: its result is its promise's, whoever restarts before there is a worker", async (t) => {
  const hub = await Hub.start(t);
  const ada = await hub.enter("ada");
  const [{ request }, { promises }] = [await router(ada), await coordinator(ada)];
  const kept = await request("math/add", [1, 2], { durable: true });
  const again = [];
  for (let n = 0; n < 2; n++) again.push((await request("math/add", [3, 4], { durable: true, promise: "sum" })).promise);
  assert.deepEqual(again, ["sum", "sum"], "the same id asks no second time");
  const failing = await request("math/sub", [1], { durable: true });
  await hub.kill();
  await hub.restart();
  const bob = await enter(hub, "bob");
  const done = [];
  await bob.handle("math/add", ([a, b], { headers }) => (done.push(headers["Cg-Promise"]), a + b));
  await bob.handle("math/sub", () => {
    throw new ConciergeError("INCOMPLETE", "one is missing", { items: ["b"] });
  });
  const result = async (id) => (await promises.get(id)).result(soon());
  assert.deepEqual([await result(kept.promise), await result("sum")], [3, 7]);
  assert.deepEqual(done.sort(), [kept.promise, "sum"].sort(), "each once");
  const { details } = await refused(result(failing.promise), "rejected");
  assert.deepEqual(details, { code: 4, data: { message: "one is missing", items: ["b"] } });
});

test("a durable request that nobody does in time fails, and a hub without a coordinator keeps none", async (t) => {
  const [hub, without] = [await Hub.start(t), await Hub.start(t, "coordinator.enabled=false")];
  const ada = await hub.enter("ada");
  const [{ request }, { promises }] = [await router(ada), await coordinator(ada)];
  const { promise } = await request("nobody/does", 1, { durable: true, within: 50 });
  await refused((await promises.get(promise)).result(soon()), "rejected_timedout");
  const refusals = { promise: { promise: "" }, within_ms: { within: -1 } };
  for (const [item, how] of Object.entries(refusals)) {
    assert.deepEqual((await refused(request("a/a", 1, { durable: true, ...how }), "INVALID")).details, { items: [item] });
  }
  const bob = await enter(without, "bob");
  assert.deepEqual((await refused(bob.request("a/a", 1, { durable: true }), "UNAVAILABLE")).details, { items: ["coordinator"] });
});
