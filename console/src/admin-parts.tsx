/** Parts of pages that need an administrator, and what stands in their place for others. @module */

import { useEffect, useRef, useState } from "preact/hooks";
import { access, authorise, kick, records, refusal, useRecords, type ClientRecord } from "./admin.js";
import { useAct } from "./ask.js";
import { at, bytes, compact, plural, span } from "./text.js";
import { Facts, Note, Spark } from "./ui.js";

/** What to do where the admin service is not there or does not obey. */
export function AdminGate({ what }: { what: string }) {
  if (access.value === "open") return null;
  if (access.value === "asking") return <Note>Asking the hub…</Note>;
  if (access.value === "missing") {
    return (
      <Note>
        {what} come from the service <code>concierge.admin</code>, which this hub does not have.
      </Note>
    );
  }
  return (
    <section class="admin-gate" aria-labelledby="admin-gate">
      <h2 id="admin-gate">{what} are for administrators</h2>
      <p>{refusal.value}</p>
      <AdminSignIn />
    </section>
  );
}

function AdminSignIn() {
  const [secret, set] = useState("");
  const { busy, error, act } = useAct();
  const submit = (event: Event) => {
    event.preventDefault();
    act(() => authorise(secret));
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        Admin secret
        <input type="password" autocomplete="off" value={secret} onInput={(event) => set(event.currentTarget.value)} />
      </label>
      <button disabled={busy || !secret}>Present it</button>
      {error && <Note bad>{error}</Note>}
    </form>
  );
}

/** Ends somebody's connection, once a person has said it twice. */
export function KickForm({ uuid, name }: { uuid: string; name: string }) {
  const [sure, setSure] = useState(false);
  const [code, setCode] = useState("4013");
  const [reason, setReason] = useState("");
  const { busy, error, act } = useAct();
  if (access.value !== "open") return null;
  if (!sure) {
    return (
      <p>
        <button type="button" class="danger" onClick={() => setSure(true)}>
          End the connection…
        </button>
      </p>
    );
  }
  const submit = (event: Event) => {
    event.preventDefault();
    act(() => kick(uuid, Number(code), reason));
  };
  return (
    <form class="inline" onSubmit={submit} aria-label={`End the connection of ${name}`}>
      <label>
        Code
        <input inputMode="numeric" class="short" value={code} onInput={(event) => setCode(event.currentTarget.value)} />
      </label>
      <label>
        Reason
        <input value={reason} maxLength={123} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <button class="danger" disabled={busy}>
        End it now
      </button>
      <button type="button" onClick={() => setSure(false)}>
        Leave it
      </button>
      {error && <Note bad>{error}</Note>}
    </form>
  );
}

const KEPT = 60;

/** A client's queue and rates, as the hub counts them. */
export function Rates({ uuid }: { uuid: string }) {
  useRecords();
  const record = records.value.get(uuid);
  const seen = useRef<{ at: number; record: ClientRecord }[]>([]);
  const [, redraw] = useState(0);
  // a record comes when it changed: that nothing did is a figure, too
  useEffect(() => {
    const beat = setInterval(() => {
      const now = records.value.get(uuid);
      if (now) seen.current = [...seen.current, { at: Date.now(), record: now }].slice(-KEPT);
      redraw((n) => n + 1);
    }, 1_000);
    return () => clearInterval(beat);
  }, [uuid]);
  if (access.value !== "open") return null;
  if (!record) return <Note>Waiting for its figures…</Note>;
  const rates = (field: "payloads_in" | "bytes_in" | "messages_out" | "bytes_out") =>
    seen.current.slice(1).map(({ at, record }, n) => {
      const before = seen.current[n]!;
      return ((record[field] - before.record[field]) * 1_000) / Math.max(1, at - before.at);
    });
  const [payloads, messages] = [rates("payloads_in"), rates("messages_out")];
  const [bytesIn, bytesOut] = [rates("bytes_in"), rates("bytes_out")];
  const facts = [
    ["Address", record.address ?? "built in"],
    ["Joined", `${at(record.joined_at)}, ${span(Math.max(0, Date.now() - record.joined_at))} ago`],
    ["Queue", bytes(record.queued_bytes)],
    ["Sent by it", `${plural(record.payloads_in, "payload")}, ${bytes(record.bytes_in)}`],
    ["Sent to it", `${plural(record.messages_out, "message")}, ${bytes(record.bytes_out)}`],
  ] as const;
  return (
    <>
      <Facts facts={facts} />
      <div class="rates">
        <figure>
          <figcaption>
            Payloads from it <b>{compact(payloads.at(-1) ?? 0)}</b>/s, {bytes(bytesIn.at(-1) ?? 0)}/s
          </figcaption>
          <Spark values={payloads} label="Payloads from it in the last minute" />
        </figure>
        <figure>
          <figcaption>
            Messages to it <b>{compact(messages.at(-1) ?? 0)}</b>/s, {bytes(bytesOut.at(-1) ?? 0)}/s
          </figcaption>
          <Spark values={messages} label="Messages to it in the last minute" />
        </figure>
      </div>
    </>
  );
}
