/** What happened at the hub, the newest first. @module */

import { useMemo } from "preact/hooks";
import { access, events, EVENTS, useEvents, type Happening } from "../admin.js";
import { AdminGate } from "../admin-parts.js";
import type { Column } from "../list.js";
import { clientOf } from "../live.js";
import { Objects } from "../objects.js";
import { narrow, route, to } from "../route.js";
import { clock, count, day, plural } from "../text.js";
import names from "schema:codes";
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
  throttled: "throttled",
  refused: "connection refused",
};

/** Everything that is not said by another column. */
function rest({ n: _n, at: _at, event, client: _client, owner: _owner, ...rest }: Happening): string {
  const words = Object.entries(rest).map(([name, value]) => {
    if (value === null || value === "" || (name === "times" && value === 1)) return "";
    if (name === "times") return `${count(Number(value))} times`;
    if (name === "code") return `code ${value} ${names[String(value)] ?? ""}`.trim();
    if (name === "by_hub") return value ? "by the hub" : "by the client";
    if (name === "admin" && event === "wrong_secret") return value ? "for administrators" : "of the hub";
    if (name === "by") return `by ${clientOf(String(value))?.name ?? value}`;
    return `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`;
  });
  return words.filter(Boolean).join(", ");
}

/** Whom it is about. One that is told by its id has its name while it is here. */
function whoOf({ client, owner }: Happening): { name: string; uuid: string } | undefined {
  const who = client ?? owner ?? undefined;
  return typeof who === "string" ? { name: clientOf(who)?.name ?? who, uuid: who } : who;
}

const COLUMNS: readonly Column<Happening>[] = [
  {
    name: "When",
    cell: (event) => (
      <time>
        <span class="wide">{day(event.at)} </span>
        {clock(event.at)}
      </time>
    ),
  },
  { name: "What", cell: ({ event }) => <span class={`event ${event}`}>{WORDS[event] ?? event}</span> },
  {
    name: "Who",
    cell: (event) => {
      const who = whoOf(event);
      if (who) return <a href={to("clients", who.uuid)}>{who.name}</a>;
      return typeof event.address === "string" && <Text>{event.address}</Text>;
    },
  },
  { name: "With", wide: true, cell: (event) => <Text>{rest(event)}</Text> },
];

export function Events() {
  useEvents();
  const kind = route.value.query.get("kind") ?? "";
  const all = events.value;
  const fit = useMemo(() => (kind ? all.filter(({ event }) => event === kind) : all), [all, kind]);
  if (access.value !== "open") {
    return (
      <Page title="Events">
        <AdminGate what="Events" />
      </Page>
    );
  }
  return (
    <Objects
      title="Events"
      kind="events"
      items={fit}
      columns={COLUMNS}
      id={({ n }) => `${n}`}
      text={(event) => `${WORDS[event.event] ?? ""} ${whoOf(event)?.name ?? ""} ${JSON.stringify(event)}`}
      filter="Filter events"
      about={(found) => (all.length === EVENTS ? `the last ${count(EVENTS)}` : plural(found.length, "event"))}
      tools={(found) => (
        <>
          <Kinds kind={kind} />
          <Copy text={() => JSON.stringify(found, null, 2)}>Copy as JSON</Copy>
        </>
      )}
      empty={(filtered) => (filtered || kind ? "No event fits." : "Nothing happened yet.")}
      detail={(id, back) => <EventDetail key={id} id={id} back={back} event={all.find(({ n }) => `${n}` === id)} />}
    />
  );
}

function Kinds({ kind }: { kind: string }) {
  return (
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
  );
}

function EventDetail({ id, back, event }: { id: string; back: string; event: Happening | undefined }) {
  const tools = event && <Copy text={() => JSON.stringify(event)}>Copy as JSON</Copy>;
  return (
    <Detail title={`Event ${id}`} back={back} kind="events" tools={tools}>
      {event ? <Json value={event} label="Event" /> : <Note>The hub remembers no event of this number, or has not told it yet.</Note>}
    </Detail>
  );
}
