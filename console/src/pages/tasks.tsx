/** Work: what waits in which group, and who holds what. @module */

import { useMemo, useRef } from "preact/hooks";
import type { PromiseRecord, TaskRecord } from "../../../clients/js/src/index.js";
import { Again } from "../again.js";
import { useAct } from "../ask.js";
import { client, desk, groupOf, searchPromises, searchTasks, SHOWN, targetOf } from "../coordinator.js";
import { useFollowed, useFollowing } from "../followed.js";
import { TaskHistory } from "../history.js";
import { connected } from "../hub.js";
import type { Column } from "../list.js";
import { clientNamed, clients } from "../live.js";
import { Objects } from "../objects.js";
import { narrow, route, to } from "../route.js";
import { at, count, plural, span } from "../text.js";
import { Detail, Facts, Note, State, Text, useNow } from "../ui.js";
import { NoCoordinator } from "./promises.js";

const OPEN = ["pending", "acquired", "suspended", "halted"] as const;

interface Row {
  task: TaskRecord;
  promise: PromiseRecord | undefined;
  group: string;
  /** When it was looked at: a lease ends at most its length after that. */
  seen: number;
}

const NO_TASKS: readonly TaskRecord[] = [];

const COLUMNS: readonly Column<Row>[] = [
  { name: "Task", cell: ({ task }) => <Text>{task.id}</Text> },
  { name: "State", cell: ({ task }) => <State state={task.state} /> },
  { name: "Group", cell: ({ group }) => <Text>{group}</Text> },
  { name: "Held by", wide: true, cell: ({ task }) => task.pid && <Holder pid={task.pid} /> },
  { name: "Lease", wide: true, figure: true, cell: (row) => <Lease row={row} /> },
  { name: "Claims", wide: true, figure: true, cell: ({ task }) => count(task.version) },
];

function Holder({ pid }: { pid: string }) {
  const holder = clientNamed(pid);
  return holder ? <a href={to("clients", holder.uuid)}>{pid}</a> : <Text>{pid}</Text>;
}

function Lease({ row: { task, seen } }: { row: Row }) {
  const now = useNow();
  if (task.state !== "acquired" || task.ttl === undefined) return null;
  const left = seen + task.ttl - now;
  return <span title="Unless a heartbeat renews it">{left > 0 ? `≤ ${span(left)}` : "over or renewed"}</span>;
}

type Ready = NonNullable<typeof client.value>;
const isOpen = ({ state }: TaskRecord) => OPEN.some((open) => open === state);

async function openTasks(ready: Ready, signal: AbortSignal) {
  const lists = await Promise.all(OPEN.map((state) => searchTasks(ready, state, signal)));
  return { items: lists.flatMap(({ items }) => items), more: lists.some(({ more }) => more) };
}

/** Tasks with their promises, which say whose they are. */
function useRows(ready: Ready | undefined) {
  const tasks = useFollowed("tasks", (signal) => openTasks(ready!, signal), [ready], isOpen);
  const pending = (promise: PromiseRecord) => promise.state === "pending";
  const promises = useFollowed("promises", (signal) => searchPromises(ready!, { state: "pending" }, signal), [ready], pending);
  const seen = useMemo(() => new WeakMap<TaskRecord, number>(), []);
  const [all, known] = [tasks.value?.items ?? NO_TASKS, promises.value?.items];
  const rows = useMemo(() => {
    const of = new Map(known?.map((promise) => [promise.id, promise]));
    const place = (task: TaskRecord) => OPEN.findIndex((open) => open === task.state);
    const sorted = [...all].sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1));
    return sorted.map((task): Row => {
      const promise = of.get(task.id);
      const target = promise && targetOf(promise);
      if (!seen.has(task)) seen.set(task, Date.now());
      return { task, promise, group: target === undefined ? "?" : groupOf(target), seen: seen.get(task)! };
    });
  }, [all, known]);
  return { tasks, rows };
}

export function Tasks() {
  const group = route.value.query.get("group") ?? "";
  const ready = connected.value ? client.value : undefined;
  const { tasks: asked, rows } = useRows(ready);
  const fit = useMemo(() => (group ? rows.filter((row) => row.group === group) : rows), [rows, group]);
  return (
    <Objects
      title="Tasks"
      kind="tasks"
      items={fit}
      columns={COLUMNS}
      id={({ task }) => task.id}
      text={({ task }) => task.id}
      filter="Filter by id"
      about={() => asked.value && `${plural(rows.length, "open task")}${asked.value.more ? `, more than ${count(SHOWN)} of a state` : ""}`}
      tools={() => <Again click={asked.again}>Look again</Again>}
      empty={(filtered) => (asked.waiting ? "Looking…" : filtered || group ? "No open task fits." : "No open task.")}
      detail={(id, back) => <TaskDetail key={id} id={id} back={back} changed={asked.again} />}
    >
      {asked.error && <NoCoordinator error={asked.error} />}
      <Queues rows={rows} group={group} />
    </Objects>
  );
}

/** What waits, is held and sleeps in each group, and how many are there to do it. */
function Queues({ rows, group }: { rows: readonly Row[]; group: string }) {
  const groups = useMemo(() => {
    const queues = new Map<string, Record<string, number>>();
    for (const { group, task } of rows) {
      const queue = queues.get(group) ?? {};
      queue[task.state] = (queue[task.state] ?? 0) + 1;
      queues.set(group, queue);
    }
    return [...queues].sort(([a], [b]) => (a < b ? -1 : 1));
  }, [rows]);
  const members = (group: string) => clients.value.filter(({ tags }) => tags.includes(group)).length;
  if (groups.length === 0) return null;
  return (
    <ul class="queues" aria-label="Groups">
      {groups.map(([name, queue]) => (
        <li key={name}>
          <button type="button" aria-pressed={name === group} onClick={() => narrow({ group: name === group ? "" : name })}>
            <strong>
              <Text>{name}</Text>
            </strong>
            <span class="about">{plural(members(name), "client")}</span>
            {OPEN.filter((state) => queue[state]).map((state) => (
              <span key={state}>
                <State state={state} /> <span class="figure">{count(queue[state] ?? 0)}</span>
              </span>
            ))}
          </button>
        </li>
      ))}
    </ul>
  );
}

function TaskDetail({ id, back, changed }: { id: string; back: string; changed(): void }) {
  const ready = connected.value ? client.value : undefined;
  const { busy, error, act } = useAct();
  const first = useRef(0);
  const asked = useFollowing(
    "tasks",
    (task) => task.id === id,
    async (signal) => {
      const { ask, promises } = await desk(ready!);
      const [{ task }, { record }] = await Promise.all([ask("task.get", { id }, { signal }), promises.get(id, { signal })]);
      first.current = Date.now();
      return { task, promise: record };
    },
    [ready, id],
  );
  if (!asked.value) {
    return (
      <Detail title={id} back={back} kind="tasks">
        {asked.error ? <Note bad>{asked.error}</Note> : <Note>Looking…</Note>}
      </Detail>
    );
  }
  const { task, promise } = asked.value;
  const row: Row = { task, promise, group: "", seen: first.current };
  const order = (kind: "task.halt" | "task.continue") =>
    act(async () => {
      const { ask } = await desk(client.value!);
      await ask(kind, { id });
      asked.again();
      changed();
    });
  const facts = [
    ["State", <State state={task.state} />],
    ["Offered to", <Text>{targetOf(promise) ?? "nobody"}</Text>],
    ["Held by", task.pid === undefined ? "nobody" : <Holder pid={task.pid} />],
    ["Lease", task.ttl === undefined ? "none" : <Lease row={row} />],
    ["Lease length", task.ttl === undefined ? "none" : span(task.ttl)],
    ["Claims so far", count(task.version)],
    ["Woken by", task.resumes.length ? task.resumes.map((id) => <a class="ref" href={to("promises", id)}><Text>{id}</Text></a>) : "nothing"],
    ["Created", at(promise.createdAt)],
    ["Promise", <a href={to("promises", id)}>{promise.state}, with its calls and times</a>],
  ] as const;
  const tools = (
    <>
      <Again click={asked.again}>Ask again</Again>
      {task.state === "halted" ? (
        <button type="button" disabled={busy} onClick={() => order("task.continue")}>
          Continue
        </button>
      ) : (
        task.state !== "fulfilled" && (
          <button type="button" disabled={busy} onClick={() => order("task.halt")}>
            Halt
          </button>
        )
      )}
    </>
  );
  return (
    <Detail title={id} back={back} kind="tasks" tools={tools}>
      {error && <Note bad>{error}</Note>}
      <Facts facts={facts} />
      <TaskHistory id={id} />
    </Detail>
  );
}
