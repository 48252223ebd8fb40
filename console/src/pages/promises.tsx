/** Promises: found, looked at, settled; what came of each, and when. @module */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { PromiseRecord } from "../../../clients/js/src/index.js";
import { decode } from "../../../clients/js/src/value.js";
import { Again } from "../again.js";
import { useAct, useAsked } from "../ask.js";
import { client, desk, searchPromises, SHOWN, targetOf } from "../coordinator.js";
import { useFollowed } from "../followed.js";
import { connected } from "../hub.js";
import type { Column } from "../list.js";
import { Objects } from "../objects.js";
import { narrow, route, to } from "../route.js";
import { at, count, plural, span } from "../text.js";
import { Copy, Detail, Facts, Json, Note, State, stateName, Text, useNow } from "../ui.js";

const NONE: readonly PromiseRecord[] = [];
const STATES = ["pending", "resolved", "rejected", "rejected_canceled", "rejected_timedout"] as const;
const ORIGIN = "resonate:origin";
const PARENT = "resonate:parent";

const COLUMNS: readonly Column<PromiseRecord>[] = [
  { name: "Promise", cell: ({ id }) => <Text>{id}</Text> },
  { name: "State", cell: ({ state }) => <State state={state} /> },
  { name: "Target", wide: true, cell: (promise) => <Text>{targetOf(promise) ?? ""}</Text> },
  { name: "Created", wide: true, figure: true, cell: ({ createdAt }) => at(createdAt) },
];

/** `kind=order shop=north`: tags, by name and value. */
function tagsOf(text: string): Record<string, string> {
  const pairs = text.split(/\s+/).filter((word) => word.includes("="));
  return Object.fromEntries(pairs.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
}

export function Promises() {
  const { query } = route.value;
  const [state, tags] = [query.get("state") ?? "", query.get("tags") ?? ""];
  const ready = connected.value ? client.value : undefined;
  const known = STATES.find((known) => known === state);
  const wanted = tagsOf(tags);
  const asked = useFollowed(
    "promises",
    (signal) => searchPromises(ready!, { state: known, tags: wanted }, signal),
    [ready, known ?? "", tags],
    (promise) => (!known || promise.state === known) && Object.entries(wanted).every(([name, value]) => promise.tags[name] === value),
  );
  const tools = (
    <>
      <label class="field">
        State
        <select value={state} onChange={(event) => narrow({ state: event.currentTarget.value })}>
          <option value="">any</option>
          {STATES.map((state) => (
            <option value={state} key={state}>
              {stateName(state)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Tags
        <input value={tags} placeholder="kind=order" onChange={(event) => narrow({ tags: event.currentTarget.value })} />
      </label>
      <Again click={asked.again}>Search again</Again>
    </>
  );
  return (
    <Objects
      title="Promises"
      kind="promises"
      items={asked.value?.items ?? NONE}
      columns={COLUMNS}
      id={({ id }) => id}
      text={({ id }) => id}
      filter="Filter by id, ⏎ opens it"
      direct
      about={(found) => asked.value && (asked.value.more ? `the first ${count(SHOWN)}, there are more` : plural(found.length, "promise"))}
      tools={() => tools}
      empty={() => (asked.waiting ? "Searching…" : "No promise fits.")}
      detail={(id, back) => <PromiseDetail key={id} id={id} back={back} changed={asked.again} />}
    >
      {asked.error && <NoCoordinator error={asked.error} />}
    </Objects>
  );
}

export function NoCoordinator({ error }: { error: string }) {
  if (error.includes("INVALID_SERVICE")) {
    return (
      <Note bad>
        This hub has no coordinator, so it keeps no promises and tasks. <code>coordinator.enabled = true</code> gives it one.
      </Note>
    );
  }
  return <Note bad>The coordinator did not answer: {error}</Note>;
}

function PromiseDetail({ id, back, changed }: { id: string; back: string; changed(): void }) {
  const ready = connected.value ? client.value : undefined;
  const asked = useAsked(async (signal) => (await (await desk(ready!)).promises.get(id, { signal })).record, [ready, id]);
  const promise = asked.value;
  const pending = promise?.state === "pending";
  // the coordinator tells its listeners when it is settled
  useEffect(() => {
    if (!ready || !pending) return;
    const over = new AbortController();
    const { signal } = over;
    const told = () => {
      if (signal.aborted) return;
      asked.again();
      changed();
    };
    desk(ready)
      .then(({ promises }) => promises.get(id, { signal }))
      .then((handle) => handle.result({ signal }))
      .then(told, told);
    return () => over.abort();
  }, [ready, id, pending]);
  if (!promise) {
    return (
      <Detail title={id} back={back} kind="promises">
        {asked.error ? <Note bad>{asked.error}</Note> : <Note>Looking…</Note>}
      </Detail>
    );
  }
  const { state, param, value, tags, createdAt, settledAt, timeoutAt } = promise;
  const target = targetOf(promise);
  const facts = [
    ["State", <State state={state} />],
    ["Created", at(createdAt)],
    ["Deadline", pending ? <Deadline at={timeoutAt} /> : at(timeoutAt)],
    ["Settled", settledAt === undefined ? "not yet" : `${at(settledAt)}, after ${span(settledAt - createdAt)}`],
    ["Task", target === undefined ? "none" : <a href={to("tasks", id)}>offered to {target}</a>],
  ] as const;
  const tools = (
    <>
      <Again click={asked.again}>Ask again</Again>
      <Copy text={() => JSON.stringify(promise, null, 2)}>Copy as JSON</Copy>
    </>
  );
  return (
    <Detail title={id} back={back} kind="promises" tools={tools}>
      <Facts facts={facts} />
      <Tree promise={promise} />
      <h3>Param</h3>
      <Json value={decode(param)} label="Param" />
      {!pending && (
        <>
          <h3>Value</h3>
          <Json value={decode(value)} label="Value" />
        </>
      )}
      {Object.keys(tags).length > 0 && (
        <>
          <h3>Tags</h3>
          <Facts facts={Object.entries(tags).map(([name, value]) => [name, <Text>{value}</Text>] as const)} />
        </>
      )}
      {pending && <Settle id={id} done={() => (asked.again(), changed())} />}
    </Detail>
  );
}

function Deadline({ at: deadline }: { at: number }) {
  const left = deadline - useNow();
  return <>{`${at(deadline)}, ${left > 0 ? `in ${span(left)}` : "now"}`}</>;
}

/** Whoever is first settles it; what this did, or somebody else before, is shown then. */
function Settle({ id, done }: { id: string; done(): void }) {
  const [text, set] = useState("");
  const [sure, setSure] = useState(false);
  const { busy, error, act } = useAct();
  const settle = (how: "resolve" | "reject" | "cancel") =>
    act(async () => {
      const { promises } = await desk(client.value!);
      let value: unknown = text || undefined;
      try {
        if (text) value = JSON.parse(text);
      } catch {
        // what is no JSON is a string
      }
      if (how === "cancel") await promises.cancel(id);
      else if (how === "resolve") await promises.resolve(id, value);
      else await promises.reject(id, new Error(typeof value === "string" ? value : JSON.stringify(value ?? "rejected in the console")));
      done();
    });
  return (
    <form class="settle" onSubmit={(event) => event.preventDefault()}>
      <h3>Settle it</h3>
      <label>
        Value
        <input value={text} onInput={(event) => set(event.currentTarget.value)} placeholder="JSON, or text" />
      </label>
      <div class="tools">
        <button type="button" disabled={busy} onClick={() => settle("resolve")}>
          Resolve
        </button>
        <button type="button" disabled={busy} onClick={() => settle("reject")}>
          Reject
        </button>
        {sure ? (
          <button type="button" class="danger" disabled={busy} onClick={() => settle("cancel")}>
            Cancel it for good
          </button>
        ) : (
          <button type="button" disabled={busy} onClick={() => setSure(true)}>
            Cancel…
          </button>
        )}
      </div>
      {error && <Note bad>{error}</Note>}
    </form>
  );
}

interface Branch {
  promise: PromiseRecord;
  depth: number;
}

/** A tree, each before what came of it, in the order of creation. */
function arrange(promises: readonly PromiseRecord[], root: string): Branch[] {
  const children = new Map<string, PromiseRecord[]>();
  const known = new Set(promises.map(({ id }) => id));
  for (const promise of promises) {
    const parent = promise.tags[PARENT];
    const above = promise.id === root || parent === promise.id ? "" : parent !== undefined && known.has(parent) ? parent : "";
    children.set(above, [...(children.get(above) ?? []), promise]);
  }
  const branches: Branch[] = [];
  const seen = new Set<string>();
  const walk = (above: string, depth: number) => {
    const next = (children.get(above) ?? []).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    for (const promise of next) {
      if (seen.has(promise.id)) continue;
      seen.add(promise.id);
      branches.push({ promise, depth });
      walk(promise.id, depth + 1);
    }
  };
  walk("", 0);
  return branches;
}

/** Who called whom, and when: all promises of the same origin. */
function Tree({ promise }: { promise: PromiseRecord }) {
  const origin = promise.tags[ORIGIN] ?? promise.id;
  const ready = connected.value ? client.value : undefined;
  const asked = useFollowed(
    "promises",
    async (signal) => {
      const { items, more } = await searchPromises(ready!, { tags: { [ORIGIN]: origin } }, signal);
      const all = new Map(items.map((item) => [item.id, item]));
      all.set(promise.id, promise);
      if (!all.has(origin)) {
        const { promises } = await desk(ready!);
        await promises.get(origin, { signal }).then(({ record }) => all.set(origin, record), () => {});
      }
      return { items: [...all.values()], more };
    },
    [ready, promise],
    ({ id, tags }) => tags[ORIGIN] === origin || id === origin,
  );
  const now = useNow();
  const found = asked.value?.items ?? NONE;
  const branches = useMemo(() => arrange(found, origin), [found, origin]);
  if (branches.length < 2) return <Note>{asked.waiting ? "Looking for what came of it…" : "Nothing came of it, and it came of nothing."}</Note>;
  const from = Math.min(...branches.map(({ promise }) => promise.createdAt));
  const open = branches.some(({ promise }) => promise.state === "pending");
  const until = Math.max(from + 1, ...branches.map(({ promise }) => promise.settledAt ?? 0), open ? now : 0);
  const share = (time: number) => `${(((time - from) / (until - from)) * 100).toFixed(2)}%`;
  return (
    <section class="tree" aria-label="Calls and their times">
      <div class="tools">
        <h3>Calls</h3>
        <span class="about">
          {plural(branches.length, "promise")} in {span(until - from)}
          {asked.value?.more && ", and more"}
        </span>
        <Again click={asked.again}>Look again</Again>
      </div>
      <ol>
        {branches.map(({ promise: { id, state, createdAt, settledAt }, depth }) => (
          <li key={id} class={id === promise.id ? "open" : ""}>
            <a href={to("promises", id)} style={{ paddingInlineStart: `${Math.min(depth, 8) * 12}px` }}>
              <Text>{id}</Text>
            </a>
            <State state={state} />
            <span class="track" aria-hidden="true">
              <span
                class={`span ${state}`}
                style={{ insetInlineStart: share(createdAt), width: `calc(${share(from + Math.max(0, (settledAt ?? until) - createdAt))} + 2px)` }}
              />
            </span>
            <span class="figure">{span(Math.max(0, (settledAt ?? until) - createdAt))}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
