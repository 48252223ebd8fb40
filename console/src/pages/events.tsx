/** What happened at the hub, the newest first. @module */

import { useMemo } from "preact/hooks";
import { access, events, EVENTS, useEvents, type Happening } from "../admin.js";
import { AdminGate } from "../admin-parts.js";
import { Filter, List, type Column } from "../list.js";
import { clientOf } from "../live.js";
import { narrow, route, to } from "../route.js";
import { at, count, plural } from "../text.js";
import { Copy, Detail, Json, Note, Page, Text } from "../ui.js";

const WORDS: Record<string, string> = {
  started: "the hub started",
  joined: "joined",
  left: "left",
  service_created: "service created",
  service_deleted: "service deleted",
  subscribed: "subscribed",
  unsubscribed: "unsubscribed",
  kicked: "was ended by an administrator",
  wrong_secret: "wrong secret",
  limited: "over a limit",
};

/** Everything that is not said by another column. */
function rest({ n: _n, at: _at, event: _event, client: _client, owner: _owner, ...rest }: Happening): string {
  return Object.entries(rest)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** Whom it is about. One that is told by its id has its name while it is here. */
function whoOf({ client, owner }: Happening): { name: string; uuid: string } | undefined {
  const who = client ?? owner ?? undefined;
  return typeof who === "string" ? { name: clientOf(who)?.name ?? who, uuid: who } : who;
}

const COLUMNS: readonly Column<Happening>[] = [
  { name: "When", cell: (event) => <time>{at(event.at)}</time> },
  { name: "What", cell: ({ event }) => <span class={`event ${event}`}>{WORDS[event] ?? event}</span> },
  {
    name: "Who",
    cell: (event) => {
      const who = whoOf(event);
      return who && <a href={to("clients", who.uuid)}>{who.name}</a>;
    },
  },
  { name: "With", wide: true, cell: (event) => <Text>{rest(event)}</Text> },
];

export function Events() {
  useEvents();
  const { id, query } = route.value;
  const [filter, kind] = [query.get("filter") ?? "", query.get("kind") ?? ""];
  const all = events.value;
  const found = useMemo(() => {
    const word = filter.toLowerCase();
    return all.filter(
      (event) => (!kind || event.event === kind) && (!word || JSON.stringify(event).toLowerCase().includes(word)),
    );
  }, [all, filter, kind]);
  if (access.value !== "open") {
    return (
      <Page title="Events">
        <AdminGate what="Events" />
      </Page>
    );
  }
  const keep = Object.fromEntries([...query].filter(([, value]) => value));
  const open = all.find(({ n }) => `${n}` === id);
  const tools = (
    <>
      <Filter value={filter} label="Filter events" onInput={(filter) => narrow({ filter })} />
      <label class="field">
        What
        <select value={kind} onChange={(event) => narrow({ kind: event.currentTarget.value })}>
          <option value="">anything</option>
          {Object.entries(WORDS).map(([kind, words]) => (
            <option value={kind} key={kind}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <Copy text={() => JSON.stringify(found, null, 2)}>Copy as JSON</Copy>
    </>
  );
  const about = all.length === EVENTS ? `the last ${count(EVENTS)}` : plural(found.length, "event");
  return (
    <Page title="Events" about={about} tools={tools}>
      <div class={id ? "split with-detail" : "split"}>
        <List
          label="Events"
          kind="events"
          items={found}
          columns={COLUMNS}
          id={({ n }) => `${n}`}
          href={({ n }) => to("events", `${n}`, keep)}
          current={id}
          empty="Nothing happened yet."
        />
        {id && (
          <Detail title={`Event ${id}`} back={to("events", undefined, keep)} kind="events" tools={open && <Copy text={() => JSON.stringify(open)}>Copy as JSON</Copy>}>
            {open ? <Json value={open} label="Event" /> : <Note>The hub remembers no event of this number, or has not told it yet.</Note>}
          </Detail>
        )}
      </div>
    </Page>
  );
}
