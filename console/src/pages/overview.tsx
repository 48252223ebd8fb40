/** How the hub is. @module */

import { access, history, type Stats } from "../admin.js";
import { AdminGate } from "../admin-parts.js";
import { Figure, growth, Row } from "../figures.js";
import { hub } from "../hub.js";
import { clients, services } from "../live.js";
import { to } from "../route.js";
import { bytes, compact, count, span } from "../text.js";
import names from "schema:codes";
import { Gauge, Note, Page, State } from "../ui.js";

export function Overview() {
  const all = history.value;
  const stats = all.at(-1);
  const about = stats ? `Concierge ${stats.version}, up ${span(stats.uptime_ms)}` : hub.value && `protocol ${hub.value.hello.version}`;
  return (
    <Page title="Overview" about={about}>
      <section class="figures" aria-label="Figures">
        <Figure name="Clients" value={count(clients.value.length)} href={to("clients")} {...(stats && { values: all.map(({ clients }) => clients) })} />
        <Figure name="Services" value={count(services.value.length)} href={to("services")} {...(stats && { values: all.map(({ services }) => services) })} />
        {stats && <Rates all={all} />}
      </section>
      {access.value !== "open" && <AdminGate what="Rates, limits and closed connections" />}
      {stats && <Depths all={all} stats={stats} />}
    </Page>
  );
}

function Rates({ all }: { all: readonly Stats[] }) {
  const messages = growth(all, ({ messages }) => messages);
  const deliveries = growth(all, ({ deliveries }) => deliveries);
  const received = growth(all, ({ bytes_in }) => bytes_in);
  const sent = growth(all, ({ bytes_out }) => bytes_out);
  return (
    <>
      <Figure name="Messages" value={compact(messages.now)} unit="/s" values={messages.values} />
      <Figure name="Deliveries" value={compact(deliveries.now)} unit="/s" values={deliveries.values} />
      <Figure name="Received" value={bytes(received.now)} unit="/s" values={received.values} />
      <Figure name="Sent" value={bytes(sent.now)} unit="/s" values={sent.values} />
    </>
  );
}

const PROMISES = ["pending", "resolved", "rejected", "rejected_canceled", "rejected_timedout"];
const TASKS = ["pending", "acquired", "suspended", "halted", "fulfilled"];

/** What is told in the place of a close code. */
const ENDED: Record<string, string> = { peer: "by the client", other: "another code" };

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);

function Depths({ all, stats }: { all: readonly Stats[]; stats: Stats }) {
  const { coordinator, descriptors, memory, disks } = stats;
  const past = all.find(({ at }) => at >= stats.at - 60_000) ?? stats;
  const codes = Object.entries(stats.closed).sort(([a], [b]) => (a < b ? -1 : 1));
  const commits = growth(all, ({ coordinator }) => coordinator?.commits ?? 0);
  const first = all[0]?.coordinator;
  const lately = first && coordinator ? coordinator.commits - first.commits : 0;
  const took = lately > 0 ? `${((coordinator!.commit_us - first!.commit_us) / lately / 1_000).toFixed(1)} ms` : "–";
  return (
    <div class="depths">
      <section aria-labelledby="limits">
        <h2 id="limits">Used of what there is</h2>
        <Gauge label="Descriptors" {...descriptors} text={`${count(descriptors.used)} of ${count(descriptors.limit)}`} />
        <Gauge label="Memory" {...memory} text={`${bytes(memory.used)} of ${bytes(memory.limit)}`} />
        {Object.entries(disks).map(([name, disk]) => (
          <Gauge label={`Disk: ${name}`} {...disk} text={`${bytes(disk.used)} of ${bytes(disk.limit)}`} key={name} />
        ))}
      </section>
      <section aria-labelledby="drops">
        <h2 id="drops">Refused and dropped</h2>
        <table>
          <tbody>
            <Row name="Messages that nobody got" value={count(stats.messages_refused)} />
            <Row name="Payloads that could not be read" value={count(stats.malformed)} />
            <Row name="Clients that read too slowly" value={count(stats.slow_consumers)} />
            <Row name="Connections refused" value={count(sum(stats.refused))} />
            <Row name="Over a limit" value={count(sum(stats.limited))} />
            <Row name="Waiting for clients" value={bytes(stats.queued_bytes)} />
          </tbody>
        </table>
      </section>
      <section aria-labelledby="codes">
        <h2 id="codes">Connections that ended</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">Close code</th>
              <th scope="col" class="figure">
                Last minute
              </th>
              <th scope="col" class="figure">
                In all
              </th>
            </tr>
          </thead>
          <tbody>
            {codes.map(([code, n]) => (
              <tr key={code}>
                <th scope="row">{ENDED[code] ?? `${code} ${names[code] ?? ""}`}</th>
                <td class="figure">{count(n - (past.closed[code] ?? 0))}</td>
                <td class="figure">{count(n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {codes.length === 0 && <p class="about">None so far.</p>}
      </section>
      {coordinator && (
        <section class="durable" aria-labelledby="durable">
          <h2 id="durable">Promises and tasks</h2>
          <div>
            <States kind="promises" title="Promises" states={PROMISES} counts={coordinator.promises} />
            <States kind="tasks" title="Tasks" states={TASKS} counts={coordinator.tasks} />
            <table>
              <caption class="unseen">The coordinator's work</caption>
              <tbody>
                <Row name="Commits" value={`${compact(commits.now)} /s`} />
                <Row name="A commit takes" value={took} />
                <Row name="Requests" value={count(sum(coordinator.requests))} />
                <Row name="Offers taken" value={count(coordinator.offers_taken)} />
                <Row name="Offers held back" value={count(coordinator.offers_held)} />
              </tbody>
            </table>
          </div>
        </section>
      )}
    </div>
  );
}

/** How many there are in each state, once they were counted. */
function States(props: { kind: string; title: string; states: readonly string[]; counts: Record<string, number> }) {
  const { kind, title, states, counts } = props;
  if (Object.keys(counts).length === 0) return <Note>{title} are being counted.</Note>;
  return (
    <table>
      <caption class="unseen">{title} by state</caption>
      <tbody>
        {states.map((state) => (
          <Row
            key={state}
            name={
              <>
                <a href={to(kind, undefined, kind === "promises" ? { state } : {})}>{title}</a> <State state={state} />
              </>
            }
            value={count(counts[state] ?? 0)}
          />
        ))}
      </tbody>
    </table>
  );
}
