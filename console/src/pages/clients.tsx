/** Who is there. @module */

import { useState } from "preact/hooks";
import type { ClientInfo } from "../../../clients/js/src/index.js";
import { records } from "../admin.js";
import { KickForm, Rates } from "../admin-parts.js";
import { ClientFrames } from "../client-frames.js";
import { useAct, useAsked } from "../ask.js";
import { connected, hub } from "../hub.js";
import type { Column } from "../list.js";
import { clientOf, clients, services } from "../live.js";
import { Objects } from "../objects.js";
import { to } from "../route.js";
import { count, plural } from "../text.js";
import { Copy, Detail, Facts, Note, Tags, Text } from "../ui.js";

const COLUMNS: readonly Column<ClientInfo>[] = [
  { name: "Name", cell: ({ name }) => name },
  { name: "Nickname", wide: true, cell: ({ nickname }) => nickname && <Text>{nickname}</Text> },
  { name: "Tags", cell: ({ tags }) => <Tags tags={tags} /> },
  { name: "Id", wide: true, cell: ({ uuid }) => <code>{uuid}</code> },
];

export function Clients() {
  const all = clients.value;
  return (
    <Objects
      title="Clients"
      kind="clients"
      items={all}
      columns={COLUMNS}
      id={({ uuid }) => uuid}
      text={({ name, nickname, uuid, tags }) => [name, nickname, uuid, ...tags].join("\n")}
      filter="Filter by name, tag or id"
      about={(found) => (found.length === all.length ? plural(all.length, "client") : `${count(found.length)} of ${plural(all.length, "client")}`)}
      empty={(filtered) => (filtered ? "Nobody fits this filter." : "Nobody is here yet.")}
      detail={(uuid, back) => <ClientDetail key={uuid} uuid={uuid} back={back} />}
    />
  );
}

function ClientDetail({ uuid, back }: { uuid: string; back: string }) {
  const client = clientOf(uuid);
  const [seen] = useState<{ client?: ClientInfo }>({});
  if (client) seen.client = client;
  const known = client ?? seen.client;
  const ready = connected.value ? hub.value : undefined;
  const asked = useAsked((signal) => ready!.fetchClient(uuid, { signal }), [ready, uuid]);
  if (!known) {
    return (
      <Detail title={uuid} back={back} kind="clients">
        <Note>Nobody of this id is connected. A client gets a new id with every connection.</Note>
      </Detail>
    );
  }
  const own = services.value.filter(({ owner_uuid }) => owner_uuid === uuid);
  const mine = hub.value?.hello.uuid === uuid;
  // an administrator is told; others ask
  const record = records.value.get(uuid);
  const asks = record ? undefined : asked.value?.subscriptions.map(({ name }) => name);
  const subscriptions = record?.subscriptions ?? asks ?? [];
  const more = (record?.subscribed ?? 0) - (record?.subscriptions.length ?? 0);
  const facts = [
    ["Nickname", known.nickname === null ? "none" : <Text>{known.nickname}</Text>],
    ["Id", <code>{uuid}</code>],
    ["Tags", known.tags.length ? <Tags tags={known.tags} /> : "none"],
    ["Services", own.length ? own.map(({ name }) => <ServiceLink name={name} />) : "none"],
    [
      "Subscribed to",
      <>
        {subscriptions.length ? subscriptions.map((name) => <ServiceLink name={name} key={name} />) : "nothing"}
        {more > 0 && `and ${count(more)} more`}
      </>,
    ],
    ["Files", <a href={to("files", `${known.name}/`)}>Folder of {known.name}</a>],
  ] as const;
  const tools = (
    <>
      {!record && (
        <button type="button" onClick={asked.again} disabled={!client}>
          Ask again
        </button>
      )}
      <Copy text={() => uuid}>Copy id</Copy>
    </>
  );
  return (
    <Detail title={known.name} back={back} kind="clients" tools={tools}>
      {!client && <Note bad>This client has left.</Note>}
      {mine && <Note>This is the console that you look at.</Note>}
      <Facts facts={facts} />
      {client && <Rates uuid={uuid} />}
      {client && <SendForm to={{ uuid }} />}
      {client && !mine && <ClientFrames uuid={uuid} name={known.name} />}
      {client && !mine && <KickForm uuid={uuid} name={known.name} />}
    </Detail>
  );
}

export function ServiceLink({ name }: { name: string }) {
  return (
    <a class="ref" href={to("services", name)}>
      {name}
    </a>
  );
}

/** Says something to a client or a service. */
export function SendForm({ to }: { to: { uuid: string } | { service: string } }) {
  const [text, set] = useState("");
  const [sent, setSent] = useState(0);
  const { busy, error, act } = useAct();
  const submit = (event: Event) => {
    event.preventDefault();
    act(async () => {
      let data: unknown = text;
      try {
        data = JSON.parse(text);
      } catch {
        // what is no JSON is sent as a string
      }
      await hub.value!.send(to, data);
      set("");
      setSent((sent) => sent + 1);
    });
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        Send a message
        <input value={text} onInput={(event) => set(event.currentTarget.value)} placeholder='JSON, or text: {"hello":1}' />
      </label>
      <button disabled={busy || !text}>Send</button>
      <span role="status" class="said">
        {sent > 0 && `Sent ${sent}`}
      </span>
      {error && <Note bad>{error}</Note>}
    </form>
  );
}
