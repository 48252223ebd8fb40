/** What happened to a task, as far as the hub remembers. @module */

import type { ComponentChildren } from "preact";
import { access, historyOf, type Step } from "./admin.js";
import { AdminGate } from "./admin-parts.js";
import { useFollowing } from "./followed.js";
import { connected } from "./hub.js";
import { clientOf } from "./live.js";
import { to } from "./route.js";
import { at, count, plural, span } from "./text.js";
import { Note, State, Text } from "./ui.js";

/** What can happen, in words. */
const STEPS: Record<string, (step: Step) => ComponentChildren> = {
  created: ({ root }) => (typeof root === "string" ? <>created, came of {promise(root)}</> : "created"),
  offered: ({ to, taken_by, times }) => (
    <>
      offered to <Text>{String(to)}</Text>
      {Number(times) > 1 && ` ${times} times`}, {typeof taken_by === "string" ? <>taken by {who(taken_by)}</> : "nobody took it"}
    </>
  ),
  claimed: ({ pid, ttl, claims }) => (
    <>
      claimed by <Text>{String(pid)}</Text> for {span(Number(ttl))}, claim {count(Number(claims))}
    </>
  ),
  lease_over: ({ pid }) => (
    <>
      lease over: no heartbeat of <Text>{String(pid)}</Text> in time
    </>
  ),
  released: ({ pid }) => (
    <>
      given back by <Text>{String(pid)}</Text>
    </>
  ),
  suspended: ({ on, count: all }) => {
    const named = on as string[];
    return (
      <>
        waits for {named.map(promise)}
        {Number(all) > named.length && `and ${count(Number(all) - named.length)} more`}
      </>
    );
  },
  resumed: ({ by }) => <>woken by {promise(String(by))}</>,
  halted: () => "halted",
  continued: () => "continued",
  fulfilled: ({ state }) => (
    <>
      over: <State state={String(state)} />
    </>
  ),
};

function promise(id: string) {
  return (
    <a class="ref" href={to("promises", id)} key={id}>
      <Text>{id}</Text>
    </a>
  );
}

/** A client by its uuid, or a worker that polls by its pid. */
function who(name: string) {
  const client = clientOf(name);
  return client ? <a href={to("clients", name)}>{client.name}</a> : <Text>{name}</Text>;
}

/** What happened to a task. */
export function TaskHistory({ id }: { id: string }) {
  const open = access.value === "open" && connected.value;
  const asked = useFollowing("tasks", (task) => task.id === id, () => historyOf(id), [open || undefined, id]);
  if (!open) return <AdminGate what="Histories of tasks" />;
  const { steps, left_out, since } = asked.value ?? { steps: [], left_out: 0, since: 0 };
  return (
    <section class="history" aria-label="History">
      <h3>History</h3>
      {asked.error && <Note bad>{asked.error}</Note>}
      {asked.value && (
        <Note>
          {left_out > 0 ? `${plural(left_out, "earlier step")} not shown. ` : ""}The hub remembers since {at(since)}
          {steps.length === 0 && ", and nothing of this task"}.
        </Note>
      )}
      <ol>
        {steps.map((step, n) => (
          <li key={n}>
            <time>{at(step.at)}</time> <span>{STEPS[step.step]?.(step) ?? step.step}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
