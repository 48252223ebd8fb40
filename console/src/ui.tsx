/** The small parts that pages are made of. Whatever a client wrote is text here, never markup. @module */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { pretty, visible } from "./text.js";

/** This second, for countdowns; it moves while somebody looks at one. */
const now = signal(Date.now());
let watchers = 0;
let timer: ReturnType<typeof setInterval>;

export function useNow(): number {
  useEffect(() => {
    now.value = Date.now();
    if (watchers++ === 0) timer = setInterval(() => (now.value = Date.now()), 1_000);
    return () => {
      if (--watchers === 0) clearInterval(timer);
    };
  }, []);
  return now.value;
}

/** A page: its heading, what can be done, what there is. */
export function Page(props: { title: string; about?: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren }) {
  return (
    <>
      <header class="head">
        <h1 tabIndex={-1}>{props.title}</h1>
        {props.about && <p class="about">{props.about}</p>}
        {props.tools && <div class="tools">{props.tools}</div>}
      </header>
      {props.children}
    </>
  );
}

/** An object beside or instead of its list. */
export function Detail(props: { title: string; back: string; kind: string; children: ComponentChildren; tools?: ComponentChildren }) {
  return (
    <section class="detail" aria-labelledby="detail-title">
      <header>
        <a class="back" href={props.back}>
          ‹ All {props.kind}
        </a>
        <h2 id="detail-title" tabIndex={-1}>
          <Text>{props.title}</Text>
        </h2>
        {props.tools && <div class="tools">{props.tools}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** Words of a client: in a direction of their own, so that they can't turn those beside them. */
export function Text({ children }: { children: string }) {
  return <bdi>{visible(children)}</bdi>;
}

export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <>
      {tags.map((tag, n) => (
        <bdi class="tag" key={n}>
          {visible(tag)}
        </bdi>
      ))}
    </>
  );
}

/** How something is: by a sign and a word, not by its colour alone. */
const SIGNS: Record<string, [sign: string, tone: string]> = {
  pending: ["◌", "wait"],
  resolved: ["●", "good"],
  rejected: ["✕", "bad"],
  rejected_canceled: ["⊘", "bad"],
  rejected_timedout: ["◷", "bad"],
  acquired: ["▶", "busy"],
  suspended: ["‖", "wait"],
  halted: ["■", "bad"],
  fulfilled: ["●", "good"],
};

export function stateName(state: string): string {
  return state.replace("rejected_", "").replace("timedout", "timed out");
}

export function State({ state }: { state: string }) {
  const [sign, tone] = SIGNS[state] ?? ["○", "calm"];
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{sign}</span> {stateName(state)}
    </span>
  );
}

/** Something that was said: why nothing is here, or what went wrong. */
export function Note({ children, bad }: { children: ComponentChildren; bad?: boolean }) {
  return (
    <p class={bad ? "note bad" : "note"} role={bad ? "alert" : undefined}>
      {children}
    </p>
  );
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON with colours. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = pretty(value);
  const parts: ComponentChildren[] = [];
  let end = 0;
  // a text so long is not read for its colours
  for (const match of text.length < 50_000 ? text.matchAll(TOKEN) : []) {
    const [token, string, colon] = match;
    parts.push(text.slice(end, match.index));
    const kind = string ? (colon ? "key" : "string") : "atom";
    parts.push(<span class={kind}>{string ?? token}</span>, colon);
    end = match.index + token.length;
  }
  parts.push(text.slice(end));
  return (
    <pre class="json" tabIndex={0} role="region" aria-label={label}>
      <code>{parts}</code>
    </pre>
  );
}

/** Puts text where it can be pasted from; browsers allow it on pages of this machine and behind TLS. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("this browser does not let the page copy");
}

export function Copy({ text, children }: { text: () => string; children: ComponentChildren }) {
  const [said, say] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(say, 2_000, "");
    return () => clearTimeout(timer);
  }, [said]);
  const click = () => copy(text()).then(() => say("Copied"), () => say("Not copied"));
  return (
    <button type="button" onClick={click}>
      {children}
      <span role="status" class="said">
        {said}
      </span>
    </button>
  );
}

/** A line of figures; the words beside it say the last one. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const [width, height] = [240, 40];
  const top = Math.max(1, ...values) * 1.2;
  const step = width / Math.max(1, values.length - 1);
  const points = values.map((value, n) => `${(n * step).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {points.length > 1 && <polygon points={`0,${height} ${points.join(" ")} ${width},${height}`} />}
      <polyline points={points.join(" ")} />
    </svg>
  );
}

/** How much of a limit is used. */
export function Gauge({ label, used, limit, text }: { label: string; used: number; limit: number; text: string }) {
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  const tone = share > 0.9 ? "bad" : share > 0.7 ? "wait" : "calm";
  return (
    <div class="gauge">
      <span>{label}</span>
      <span class="figure">{text}</span>
      <div
        class={`fill ${tone}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={used}
        aria-valuetext={text}
      >
        <div style={{ width: `${(share * 100).toFixed(1)}%` }} />
      </div>
    </div>
  );
}
