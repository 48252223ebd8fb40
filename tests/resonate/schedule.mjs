// Creates a schedule through the SDK, which starts a workflow at every instant of a cron expression.
//
//   node schedule.mjs --url http://127.0.0.1:64209/coordinator --group clients --pid c1 workers hourly "0 * * * *" fib 10
//
// The words are the group of the workers, the schedule's id, the cron expression, the function and its arguments as JSON.

import { connect, readArguments, say } from "./connect.mjs";

const { positionals, ...options } = readArguments();
const [target, id, cron, workflow, ...values] = positionals;
const resonate = connect(options);

const args = values.map((value) => JSON.parse(value));
await resonate.schedule(id, cron, workflow, ...args, resonate.options({ target }));
say({ scheduled: id });
await resonate.stop();
