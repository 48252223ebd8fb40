// A worker: offers the functions below to everybody, until it is ended.
//
//   node worker.mjs --url http://127.0.0.1:64209/coordinator --group workers --pid w1

import { connect, readArguments, say } from "./connect.mjs";

const { group, pid, ...options } = readArguments();
const resonate = connect({ group, pid, ...options });

// Remote calls go to the whole group: whoever is free takes them.
const anywhere = (ctx) => ctx.options({ target: group });

// Each result names the workers that had a part in it, so that a test sees who did the work.
const together = (value, ...parts) => ({
  value,
  by: [...new Set([pid, ...parts.flatMap((part) => part.by)])].sort(),
});

// A durable sleep: nobody holds the task while it lasts.
function* nap(ctx, ms) {
  const start = yield* ctx.date.now();
  yield* ctx.sleep(ms);
  const end = yield* ctx.date.now();
  return together(end - start);
}

// Recursion by remote calls: both halves are called before either is awaited, so several workers run at once, and every
// call that is not a leaf suspends and resumes.
function* fib(ctx, n) {
  if (n < 2) return together(n);
  const one = yield* ctx.beginRpc("fib", n - 1, anywhere(ctx));
  const two = yield* ctx.beginRpc("fib", n - 2, anywhere(ctx));
  const [a, b] = [yield* one, yield* two];
  return together(a.value + b.value, a, b);
}

// A promise that only a person settles. The SDK names what a workflow makes after the workflow, counting from 0: this one is
// `{id}:0`, and under a `journey` of that id, whose third call this is, `{id}:2.0`.
function* ask(ctx, question) {
  const answer = yield* ctx.promise({ data: question });
  return together(yield* answer);
}

// All of it in one tree: the sleep, the recursion and the question wait side by side, and the results come in any order.
function* journey(ctx, { ms, n, question }) {
  const parts = [
    yield* ctx.beginRpc("nap", ms, anywhere(ctx)),
    yield* ctx.beginRpc("fib", n, anywhere(ctx)),
    yield* ctx.beginRpc("ask", question, anywhere(ctx)),
  ];
  const done = [];
  for (const part of parts) done.push(yield* part);
  return together(done.map((part) => part.value), ...done);
}

// The caller gets what the function throws, as an error of the same message.
function* refuse(ctx, reason) {
  yield* ctx.run(() => reason);
  throw new Error(reason);
}

for (const workflow of [nap, fib, ask, journey, refuse]) resonate.register(workflow);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => resonate.stop().then(() => process.exit(0)));
}

say({ worker: pid, group });
