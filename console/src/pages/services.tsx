/** What is offered, by whom, and what is said in it. @module */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ServiceInfo } from "../../../clients/js/src/index.js";
import { access, events, useEvents, watch } from "../admin.js";
import { Again } from "../again.js";
import { sentence, useAsked } from "../ask.js";
import { cli } from "../copied.js";
import { followed, usePaced } from "../followed.js";
import { connected, hub } from "../hub.js";
import type { Column } from "../list.js";
import { askForServices, clientOf, services } from "../live.js";
import { Objects } from "../objects.js";
import { to } from "../route.js";
import { bytes, clock, compact, count, plural, visible } from "../text.js";
import { Copy, Detail, Facts, Note, Spark, Text } from "../ui.js";
import { SendForm } from "./clients.js";

function Owner({ uuid }: { uuid: string }) {
  const owner = clientOf(uuid);
  if (owner) return <a href={to("clients", uuid)}>{owner.name}</a>;
  return <code>{uuid}</code>;
}

const COLUMNS: readonly Column<ServiceInfo>[] = [
  { name: "Service", cell: ({ name }) => name },
  { name: "Nickname", wide: true, cell: ({ nickname }) => nickname && <Text>{nickname}</Text> },
  { name: "Owner", cell: ({ owner_uuid }) => <Owner uuid={owner_uuid} /> },
  { name: "Subscribers", figure: true, cell: ({ subscriber_count }) => count(subscriber_count) },
];

/** Who subscribes is told to those who subscribe, and as an event to administrators: it is asked for anew then. */
function useSubscribed(ask: () => void, service?: string) {
  useEvents();
  const again = usePaced(ask, 500);
  const newest = events.value[0]?.n ?? 0;
  const seen = useRef(newest);
  useEffect(() => {
    const fresh = events.value.filter(({ n }) => n > seen.current);
    seen.current = newest;
    if (fresh.some(({ event, service: of }) => /subscribed$/.test(event) && (service === undefined || of === service))) again();
  }, [newest]);
}

export function Services() {
  const all = services.value;
  useEffect(() => {
    if (connected.value && hub.value) askForServices(hub.value);
  }, [connected.value, hub.value]);
  useSubscribed(() => hub.value && askForServices(hub.value));
  return (
    <Objects
      title="Services"
      kind="services"
      items={all}
      columns={COLUMNS}
      id={({ name }) => name}
      text={({ name, nickname }) => `${name}\n${nickname ?? ""}`}
      filter="Filter by name"
      about={(found) => (found.length === all.length ? plural(all.length, "service") : `${count(found.length)} of ${plural(all.length, "service")}`)}
      tools={() => <Again click={() => hub.value && askForServices(hub.value)}>Count again</Again>}
      empty={(filtered) => (filtered ? "No service fits this filter." : "Nobody offers a service yet.")}
      detail={(name, back) => <ServiceDetail key={name} name={name} back={back} />}
    />
  );
}

function ServiceDetail({ name, back }: { name: string; back: string }) {
  const service = services.value.find((service) => service.name === name);
  const ready = connected.value ? hub.value : undefined;
  const asked = useAsked((signal) => ready!.fetchService(name, { signal }), [ready, name, service?.owner_uuid]);
  useSubscribed(asked.again, name);
  if (!service) {
    return (
      <Detail title={name} back={back} kind="services">
        <Note>There is no service of this name. It is shown here when somebody creates it.</Note>
      </Detail>
    );
  }
  const subscribers = asked.value?.service.subscribers ?? service.subscribers;
  const facts = [
    ["Nickname", service.nickname === null ? "none" : <Text>{service.nickname}</Text>],
    ["Owner", <Owner uuid={service.owner_uuid} />],
    ["Subscribers", count(service.subscriber_count)],
  ] as const;
  const tools = (
    <>
      <Again click={asked.again}>Ask again</Again>
      <Copy text={() => cli("sub", name)}>Copy as CLI</Copy>
    </>
  );
  return (
    <Detail title={name} back={back} kind="services" tools={tools}>
      <Facts facts={facts} />
      {followed() && <Rate service={name} />}
      <Watch service={name} />
      <h3>Subscribers</h3>
      {subscribers.length === 0 && <Note>Nobody.</Note>}
      <ul class="refs">
        {subscribers.slice(0, 100).map((uuid) => (
          <li key={uuid}>
            <Owner uuid={uuid} />
          </li>
        ))}
      </ul>
      {subscribers.length > 100 && <Note>and {count(subscribers.length - 100)} more</Note>}
    </Detail>
  );
}

/** How much is said to it and through it, counted while somebody looks. */
function Rate({ service }: { service: string }) {
  const [rates, show] = useState<readonly number[]>([]);
  useEffect(() => {
    let said = 0;
    const stop = watch("service", { service }, ({ messages, left_out }) => (said += messages.length + left_out));
    const beat = setInterval(() => {
      const now = said;
      said = 0;
      show((rates) => [...rates, now].slice(-60));
    }, 1_000);
    return () => {
      clearInterval(beat);
      stop();
    };
  }, [service]);
  return (
    <div class="rates">
      <figure>
        <figcaption>
          Messages <b>{compact(rates.at(-1) ?? 0)}</b>/s
        </figcaption>
        <Spark values={rates} label="Messages in the last minute" />
      </figure>
    </div>
  );
}

/** Messages that are kept on the page. */
const KEPT = 200;

interface Heard {
  n: number;
  at: number;
  from: string;
  data: unknown;
}

type How = "subscribe" | "overhear";

/** What is said, from now on: the console subscribes while it is watched, or an administrator overhears both directions. */
function Watch({ service }: { service: string }) {
  const [how, set] = useState<How | undefined>();
  const toggle = (wanted: How) => () => set(how === wanted ? undefined : wanted);
  return (
    <section class="watch" aria-label={`Messages of ${service}`}>
      <div class="tools">
        <h3>Messages</h3>
        <button type="button" aria-pressed={how === "subscribe"} onClick={toggle("subscribe")}>
          {how === "subscribe" ? "Stop watching" : "Watch live"}
        </button>
        {access.value === "open" && (
          <button type="button" aria-pressed={how === "overhear"} onClick={toggle("overhear")}>
            {how === "overhear" ? "Stop overhearing" : "Overhear"}
          </button>
        )}
      </div>
      {how ? (
        <Messages key={how} service={service} how={how} />
      ) : (
        <Note>
          To watch it, the console subscribes to it like any client.
          {access.value === "open" && " To overhear it tells nobody, and hears what subscribers say, too."}
        </Note>
      )}
    </section>
  );
}

function Messages({ service, how }: { service: string; how: How }) {
  const [{ heard, total, rate }, show] = useState<{ heard: readonly Heard[]; total: number; rate: number }>({
    heard: [],
    total: 0,
    rate: 0,
  });
  const [error, setError] = useState("");
  const client = hub.value;
  useEffect(() => {
    if (!client) return;
    const over = new AbortController();
    let [kept, total, due]: [Heard[], number, boolean] = [[], 0, false];
    const times: number[] = [];
    const draw = () => {
      due = false;
      const now = performance.now();
      while (times.length && times[0]! < now - 1_000) times.shift();
      if (!over.signal.aborted) show({ heard: kept, total, rate: times.length });
    };
    const take = (at: number, from: string, data: unknown) => {
      kept = [{ n: total++, at, from, data }, ...kept.slice(0, KEPT - 1)];
      times.push(performance.now());
      if (!due) requestAnimationFrame(draw);
      due = true;
    };
    let stop = () => {};
    if (how === "overhear") {
      stop = watch("service", { service }, ({ messages, left_out }) => {
        for (const { at, from, data, bytes: size } of messages) take(at, clientOf(from)?.name ?? from, data ?? `${bytes(size)}, too long to be shown`);
        total += left_out;
      });
    } else {
      client
        .subscribe(service, ({ origin, data }) => take(Date.now(), origin.name, data), { signal: over.signal })
        .catch((error) => over.signal.aborted || setError(sentence(error)));
    }
    const beat = setInterval(draw, 1_000);
    return () => {
      clearInterval(beat);
      stop();
      over.abort();
    };
  }, [client, service, how]);
  if (error) return <Note bad>It can't be watched: {error}</Note>;
  return (
    <>
      <p class="about">
        {plural(total, "message")}, <span class="figure">{compact(rate)}</span> in the last second
      </p>
      {total === 0 && <Note>Nothing was said yet.</Note>}
      <ol class="said-list" tabIndex={0} aria-label="Newest first">
        {heard.map(({ n, at, from, data }) => (
          <li key={n}>
            <time>{clock(at)}</time> <b>{from}</b> <code>{visible(JSON.stringify(data))}</code>
          </li>
        ))}
      </ol>
      {how === "subscribe" && <SendForm to={{ service }} />}
    </>
  );
}
