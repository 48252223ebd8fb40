// Starts a workflow and waits for its result; a workflow of that id that is there already is waited for, not started twice.
//
//   node client.mjs --url http://127.0.0.1:64209/coordinator --group clients --pid c1 workers fib-10 fib 10
//
// The words are the group of the workers, the workflow's id, the function and its arguments as JSON. The client's own group
// is another than theirs, or it would be offered their tasks, which it cannot run.

import { connect, readArguments, say } from "./connect.mjs";

const { positionals, ...options } = readArguments();
const [target, id, workflow, ...values] = positionals;
const resonate = connect(options);

try {
  const args = values.map((value) => JSON.parse(value));
  const handle = await resonate.beginRpc(id, workflow, ...args, resonate.options({ target }));
  say({ id, started: true });
  say({ id, result: await handle.result() });
} catch (error) {
  say({ id, error: String(error?.message ?? error) });
  process.exitCode = 1;
}
await resonate.stop();
