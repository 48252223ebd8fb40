/** Who serves what, what is asked, and what becomes of it. @module */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { access, watch, type Account, type Category, type Fault, type Nats, type RouterLook } from "../admin.js";
import { AdminGate } from "../admin-parts.js";
import { useAct } from "../ask.js";
import { asWorker } from "../copied.js";
import { Figure, growth, Row } from "../figures.js";
import { connected, hub } from "../hub.js";
import type { Column } from "../list.js";
import { services } from "../live.js";
import { Objects } from "../objects.js";
import { request, ROUTER, type Answer } from "../request.js";
import { route, to } from "../route.js";
import { at, clock, compact, count, plural, span, visible } from "../text.js";
import { Copy, Detail, Facts, Json, Note, Page, Text } from "../ui.js";

/** Looks that are kept, one a second. */
const KEPT = 121;
/** What is called lately. */
const LATELY = 60_000;

/** How the router stands, again and again; a hub that began anew counts from 0. */
function useLooks(): readonly RouterLook[] {
  const [looks, keep] = useState<readonly RouterLook[]>([]);
  useEffect(() => {
    if (access.value !== "open") return;
    const hear = (look: RouterLook) =>
      keep((looks) => (look.totals.requests < (looks.at(-1)?.totals.requests ?? 0) ? [look] : [...looks, look].slice(-KEPT)));
    return watch("router", {}, hear);
  }, [access.value]);
  return looks;
}

interface Served {
  category: Category;
  /** Requests in the last second. */
  rate: number;
  lately: Account;
}

const NOTHING: Account = { requests: 0, open: 0, results: 0, errors: {}, took_ms: {} };

function grown(now: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(now).map(([name, n]) => [name, n - (before[name] ?? 0)]));
}

/** What was added to an account; one that began anew is told as it is. */
function added(now: Account, before: Account = NOTHING): Account {
  if (now.requests < before.requests) return now;
  return {
    requests: now.requests - before.requests,
    open: now.open,
    results: now.results - before.results,
    errors: grown(now.errors, before.errors),
    took_ms: grown(now.took_ms, before.took_ms),
  };
}

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);

function merged(all: readonly Account[]): Record<string, number> {
  const took: Record<string, number> = {};
  for (const { took_ms } of all) for (const bound in took_ms) took[bound] = (took[bound] ?? 0) + took_ms[bound]!;
  return took;
}

/** Within how many milliseconds so many of a hundred were answered. */
function percentile(took: Record<string, number>, percent: number): string {
  const rank = Math.max(1, Math.ceil((sum(took) * percent) / 100));
  let counted = 0;
  for (const bound of Object.keys(took).map(Number).sort((a, b) => a - b)) {
    counted += took[bound]!;
    if (counted >= rank) return bound === 0 ? "< 1 ms" : `≤ ${span(bound)}`;
  }
  return "–";
}

const accountOf = (look: RouterLook | undefined, name: string) => look?.categories.find(({ category }) => category === name)?.account;

function useServed(looks: readonly RouterLook[]): readonly Served[] {
  return useMemo(() => {
    const [now, before] = [looks.at(-1), looks.at(-2)];
    const past = now && looks.find(({ at }) => at >= now.at - LATELY);
    return (now?.categories ?? []).map((category) => {
      const { category: name, account } = category;
      const fresh = before ? added(account, accountOf(before, name)).requests : 0;
      const rate = before && now ? (fresh * 1_000) / Math.max(1, now.at - before.at) : 0;
      return { category, rate, lately: looks.length > 1 ? added(account, accountOf(past, name)) : { ...NOTHING, open: account.open } };
    });
  }, [looks]);
}

function Worker({ uuid, name }: { uuid: string; name: string | null }) {
  return <a href={to("clients", uuid)}>{name ?? uuid.slice(0, 8)}</a>;
}

function Workers({ category: { workers, served_by } }: { category: Category }) {
  if (served_by === 0) return <span class="about bad">nobody</span>;
  return (
    <>
      {workers.map(({ uuid, name }, n) => (
        <span key={uuid}>
          {n > 0 && ", "}
          <Worker uuid={uuid} name={name} />
        </span>
      ))}
      {served_by > workers.length && ` and ${count(served_by - workers.length)} more`}
    </>
  );
}

const timeouts = ({ errors }: Account) => errors["TIMEOUT"] ?? 0;

const COLUMNS: readonly Column<Served>[] = [
  { name: "Category", cell: ({ category }) => category.category },
  { name: "Workers", cell: ({ category }) => <Workers category={category} /> },
  { name: "Waiting", wide: true, figure: true, cell: ({ category }) => count(category.account.open) },
  { name: "Requests/s", figure: true, cell: ({ rate }) => compact(rate) },
  { name: "Errors", wide: true, figure: true, cell: ({ category }) => count(sum(category.account.errors)) },
  { name: "Timed out", wide: true, figure: true, cell: ({ category }) => count(timeouts(category.account)) },
  { name: "Half within", wide: true, figure: true, cell: ({ lately }) => percentile(lately.took_ms, 50) },
  { name: "99 % within", figure: true, cell: ({ lately }) => percentile(lately.took_ms, 99) },
];

export function Router() {
  const looks = useLooks();
  const served = useServed(looks);
  const look = looks.at(-1);
  // the services are known when there is one
  const missing = services.value.length > 0 && !services.value.some(({ name }) => name === ROUTER);
  if (missing) {
    return (
      <Page title="Router">
        <Note bad>
          This hub has no router, so nobody can ask for what others serve. <code>router.enabled = true</code>, which is the default, gives it one.
        </Note>
      </Page>
    );
  }
  if (!look) {
    const asking = access.value === "open" || access.value === "asking";
    return (
      <Page title="Router">
        {asking ? <Note>Asking the hub…</Note> : <AdminGate what="Workers, rates and errors of the router" />}
        {!asking && (
          <div class="depths">
            <Asking />
            <Serving />
          </div>
        )}
      </Page>
    );
  }
  return (
    <>
      <Objects
        title="Router"
        kind="router"
        items={served}
        columns={COLUMNS}
        id={({ category }) => category.category}
        text={({ category: { category, workers } }) => `${category}\n${workers.map(({ name }) => name).join("\n")}`}
        filter="Filter by category or worker"
        about={() => `${plural(look.workers, "worker")}, ${plural(look.categories.length + look.left_out, "category", "categories")}`}
        empty={(filtered) => (filtered ? "No category fits." : "Nobody serves anything yet.")}
        detail={(name, back) => <CategoryDetail key={name} name={name} back={back} look={look} served={served} />}
      >
        <Flow looks={looks} look={look} />
      </Objects>
      {!route.value.id && <Around look={look} />}
    </>
  );
}

/** What passes, as it passes. */
function Flow({ looks, look }: { looks: readonly RouterLook[]; look: RouterLook }) {
  const requests = growth(looks, ({ totals }) => totals.requests);
  const errors = growth(looks, ({ totals }) => sum(totals.errors));
  const late = growth(looks, ({ totals }) => totals.errors["TIMEOUT"] ?? 0);
  const pushes = growth(looks, ({ totals }) => totals.pushes);
  const accounts = ({ categories, others }: RouterLook) => [...categories.map(({ account }) => account), others];
  const past = looks.find(({ at }) => at >= look.at - LATELY)!;
  const took = grown(merged(accounts(look)), merged(accounts(past)));
  return (
    <section class="figures" aria-label="Figures">
      <Figure name="Requests" value={compact(requests.now)} unit="/s" values={requests.values} />
      <Figure name="Errors" value={compact(errors.now)} unit="/s" values={errors.values} />
      <Figure name="Timed out" value={compact(late.now)} unit="/s" values={late.values} />
      <Figure name="Pushes" value={compact(pushes.now)} unit="/s" values={pushes.values} />
      <Figure name="Waiting now" value={count(look.open)} values={looks.map(({ open }) => open)} />
      <div class="figure-card">
        <h2>Answered, last minute</h2>
        <p>
          half <strong>{percentile(took, 50)}</strong>
        </p>
        <p>
          99 % <strong>{percentile(took, 99)}</strong>
        </p>
      </div>
    </section>
  );
}

/** What else there is to know: routes, what was lost, what went wrong. */
function Around({ look }: { look: RouterLook }) {
  const { totals } = look;
  return (
    <div class="depths">
      {look.categories.length === 0 && <Serving />}
      <Routes look={look} />
      <section aria-labelledby="lost">
        <h2 id="lost">Since the hub began</h2>
        <table>
          <tbody>
            <Row name="Requests" value={count(totals.requests)} />
            <Row name="Answered with results" value={count(totals.results)} />
            <Row name="Answered with an error" value={count(sum(totals.errors))} />
            <Row name="Asked for what nobody ever served" value={count(look.others.requests)} />
            <Row name="Parts of answers" value={count(totals.parts)} />
            <Row name="Pushes that arrived" value={count(totals.pushes)} />
            <Row name="Pushes that nobody got" value={count(totals.lost)} />
            <Row name="No worker had room" value={count(totals.no_room)} />
            <Row name="Responses that came too late" value={count(totals.late)} />
            <Row name="Responses to nothing" value={count(totals.unknown)} />
            <Row name="No packets" value={count(totals.malformed)} />
          </tbody>
        </table>
      </section>
      {look.nats && <NatsServer nats={look.nats} />}
      <Asking />
      <section class="across" aria-labelledby="faults">
        <h2 id="faults">The last errors</h2>
        <Faults faults={look.faults} />
      </section>
    </div>
  );
}

function Routes({ look: { routes, worker_tags } }: { look: RouterLook }) {
  const types = (requests: boolean, pushes: boolean) => [requests && "requests", pushes && "pushes"].filter(Boolean).join(", ") || "nothing";
  return (
    <section class="across" aria-labelledby="routes">
      <h2 id="routes">Routes</h2>
      <Wide label="All routes">
        <thead>
          <tr>
            {["Subject", "Workers see", "Passes", "For tags", "Waits"].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            <th scope="col" class="figure">
              Of a client
            </th>
          </tr>
        </thead>
        <tbody>
          {routes.map(({ subject, prefix, requests, pushes, tags, within_ms, in_flight }, n) => (
            <tr key={n}>
              <th scope="row">{subject ?? "every one"}</th>
              <td>{prefix === null ? "the same" : `${prefix}.…`}</td>
              <td>{types(requests, pushes)}</td>
              <td>
                <Text>{tags.join(", ") || "everybody"}</Text>
              </td>
              <td>{span(within_ms)}</td>
              <td class="figure">{count(in_flight)}</td>
            </tr>
          ))}
        </tbody>
      </Wide>
      <p class="about">
        {routes.length > 1 && "The route that names most of a subject counts. "}
        {worker_tags.length > 0 && (
          <>
            Only clients with a tag of these serve: <Text>{worker_tags.join(", ")}</Text>.
          </>
        )}
      </p>
    </section>
  );
}

/** A table that is moved sideways where it has no room. */
function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="sideways" tabIndex={0} role="region" aria-label={label}>
      <table>{children}</table>
    </div>
  );
}

function NatsServer({ nats: { connected, url, server_version, since, reconnects, last_error } }: { nats: Nats }) {
  const facts = [
    ["Server", <Text>{url}</Text>],
    ["Connected", `${connected ? "since" : "no, since"} ${at(since)}`],
    ["Version", server_version ?? "unknown"],
    ["Made again", plural(reconnects, "time")],
    ["Last error", last_error === null ? "none" : <Text>{last_error}</Text>],
  ] as const;
  return (
    <section aria-labelledby="nats">
      <h2 id="nats">NATS</h2>
      <Facts facts={facts} />
    </section>
  );
}

/** The newest first. */
function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return <Note>No request failed yet.</Note>;
  return (
    <ol class="said-list" tabIndex={0} aria-label="Errors, the newest first">
      {[...faults].reverse().map(({ at, cmd, client, name, code, error, items, message }, n) => (
        <li key={n}>
          <time>{clock(at)}</time> <Worker uuid={client} name={name} /> <b>{cmd}</b>{" "}
          <span class="about bad">
            {code} {error}
          </span>{" "}
          <bdi>{visible([...items, ...(message === null ? [] : [message])].join(", "))}</bdi>
        </li>
      ))}
    </ol>
  );
}

function CategoryDetail(props: { name: string; back: string; look: RouterLook; served: readonly Served[] }) {
  const { name, back, look, served } = props;
  const one = served.find(({ category }) => category.category === name);
  if (!one) {
    return (
      <Detail title={name} back={back} kind="categories">
        <Note>Nobody serves it, and nobody was asked for it lately.</Note>
      </Detail>
    );
  }
  const { account, workers, served_by } = one.category;
  const faults = look.faults.filter(({ cmd }) => cmd.startsWith(`${name}/`));
  const errors = Object.entries(account.errors).map(([name, n]) => `${name} ${count(n)}`);
  const within = (took: Record<string, number>) => `half ${percentile(took, 50)}, 99 % ${percentile(took, 99)}`;
  const facts = [
    ["Requests", count(account.requests)],
    ["Waiting", count(account.open)],
    ["Results", count(account.results)],
    ["Errors", errors.join(", ") || "none"],
    ["Last minute", within(one.lately.took_ms)],
    ["In all", within(account.took_ms)],
  ] as const;
  return (
    <Detail title={name} back={back} kind="categories">
      <Facts facts={facts} />
      <h3>Workers</h3>
      {served_by === 0 && <Note bad>Nobody serves it now: a request is answered UNAVAILABLE at once.</Note>}
      {served_by > 0 && (
        <Wide label={`Workers of ${name}`}>
          <thead>
            <tr>
              {["Next first", "Group", "Subjects", "Since"].map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
              <th scope="col" class="figure">
                Waiting
              </th>
            </tr>
          </thead>
          <tbody>
            {workers.map(({ uuid, name, group, subjects, open, since }) => (
              <tr key={uuid}>
                <th scope="row">
                  <Worker uuid={uuid} name={name} />
                </th>
                <td>{group ?? "none"}</td>
                <td>{subjects?.join(", ") ?? "every one"}</td>
                <td>{at(since)}</td>
                <td class="figure">{count(open)}</td>
              </tr>
            ))}
          </tbody>
        </Wide>
      )}
      {served_by > workers.length && <Note>and {count(served_by - workers.length)} more</Note>}
      <h3>The last errors</h3>
      <Faults faults={faults} />
      <Asking category={name} />
    </Detail>
  );
}

/** A request by hand, and its answer. */
function Asking({ category }: { category?: string }) {
  const [subject, setSubject] = useState("api");
  const [cmd, setCmd] = useState(category === undefined ? "" : `${category}/`);
  const [text, setText] = useState("{}");
  const [answer, show] = useState<Answer | undefined>();
  const over = useRef(new AbortController());
  const { busy, error, act } = useAct();
  useEffect(() => () => over.current.abort(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    show(undefined);
    act(async () => show(await request(hub.value!, subject, cmd, JSON.parse(text || "{}"), over.current.signal)));
  };
  return (
    <section class="settle asking" aria-labelledby="asking">
      <h2 id="asking">Ask</h2>
      <form class="inline" onSubmit={submit}>
        <label>
          Subject
          <input class="short" value={subject} onInput={(event) => setSubject(event.currentTarget.value)} />
        </label>
        <label>
          Command
          <input value={cmd} placeholder="math/add" onInput={(event) => setCmd(event.currentTarget.value)} />
        </label>
        <label>
          Data
          <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button disabled={busy || !connected.value || !cmd}>{busy ? "Waiting…" : "Ask"}</button>
      </form>
      {error && <Note bad>{error}</Note>}
      {answer && (
        <div role="status" class="settle">
          <p class={answer.error ? "about bad" : "about"}>
            {answer.error ?? (answer.parts.length ? `The last of ${plural(answer.parts.length + 1, "part")}` : "Answered")}, after {span(answer.took)}
          </p>
          <Json value={answer.parts.length ? [...answer.parts, answer.data] : answer.data} label="Answer" />
        </div>
      )}
    </section>
  );
}

/** What a router is, to whoever sees an empty one. */
function Serving() {
  return (
    <section class="across" aria-labelledby="serving">
      <h2 id="serving">How something is served</h2>
      <p>
        Whoever asks names what is to be done, <code>math/add</code>, and not who does it. Any client becomes a worker by saying which categories it
        serves; the router gives each request to one of its workers, and sees to it that it is answered once, whatever becomes of the worker. This, in
        the console of a browser at any page of the hub, serves <code>math/add</code>:
      </p>
      <pre class="json" tabIndex={0} role="region" aria-label="Code of a worker">
        <code>{asWorker()}</code>
      </pre>
      <div class="tools">
        <Copy text={asWorker}>Copy as JavaScript</Copy>
      </div>
    </section>
  );
}
