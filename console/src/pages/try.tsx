/** An editor for payloads, and everything that passes between this page and the hub. @module */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { sentence } from "../ask.js";
import { complete, examples, requests, type Suggestion } from "../complete.js";
import { asCli, asJavaScript, read } from "../copied.js";
import { FrameList, Reel, type Seen } from "../frames.js";
import { connected, hub } from "../hub.js";
import { clients } from "../live.js";
import { narrow, route } from "../route.js";
import { plural } from "../text.js";
import { Copy, Note, Page } from "../ui.js";

const FIRST = '{\n  "type": "SERVICE_FETCH_ALL"\n}';

export function TryIt() {
  const [text, write] = useState(() => route.value.query.get("p") ?? FIRST);
  const [error, setError] = useState("");
  const [trouble, setTrouble] = useState("");
  const client = hub.value;
  const send = () => {
    setError("");
    client!.request(text).catch((error) => setError(sentence(error)));
    narrow({ p: text.length < 2_000 ? text : "" });
  };
  useEffect(() => {
    try {
      JSON.parse(text);
      setTrouble("");
    } catch (error) {
      setTrouble(sentence(error));
    }
  }, [text]);
  return (
    <Page title="Try it" about="Any payload, as it stands. The hub answers every one of them.">
      <div class="try">
        <section class="editor" aria-label="Payload">
          <Examples choose={write} />
          <Editor text={text} write={write} send={send} />
          <div class="tools">
            <button type="button" class="main" disabled={!connected.value} onClick={send}>
              Send <kbd>Ctrl ⏎</kbd>
            </button>
            <Copy text={() => asJavaScript(text)}>Copy as JavaScript</Copy>
            <Copy text={() => asCli(text)}>Copy as CLI</Copy>
            <span class={trouble ? "about bad" : "about"}>{trouble || "JSON"}</span>
          </div>
          {error && <Note bad>{error}</Note>}
        </section>
        <Frames />
      </div>
    </Page>
  );
}

function Examples({ choose }: { choose(text: string): void }) {
  // they name who is there
  const payloads = useMemo(examples, [clients.value.length === 0]);
  const coordinated = useMemo(requests, []);
  const change = (event: Event & { currentTarget: HTMLSelectElement }) => {
    const { value } = event.currentTarget;
    const found = [...payloads, ...coordinated].find(({ name }) => name === value);
    if (found) choose(found.text);
  };
  return (
    <label class="field">
      Example
      <select onChange={change}>
        <option value="">choose one</option>
        <optgroup label="Payloads">
          {payloads.map(({ name }) => (
            <option value={name} key={name}>
              {name}
            </option>
          ))}
        </optgroup>
        <optgroup label="To the coordinator">
          {coordinated.map(({ name }) => (
            <option value={name} key={name}>
              {name}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}

/** A text area that suggests: Ctrl+Space or a quotation mark opens, arrows choose, Enter takes, Escape closes. */
function Editor({ text, write, send }: { text: string; write(text: string): void; send(): void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [open, setOpen] = useState<{ from: number; at: number; suggestions: Suggestion[] } | undefined>();
  const [chosen, choose] = useState(0);

  const suggest = () => {
    const { value, selectionStart } = area.current!;
    const { from, suggestions } = complete(value, selectionStart);
    choose(0);
    setOpen(suggestions.length ? { from, at: selectionStart, suggestions } : undefined);
  };
  const take = ({ text: word }: Suggestion) => {
    const { from, at } = open!;
    const value = area.current!.value;
    const after = value.slice(at).replace(/^"/, "");
    const naming = /[{,]\s*$/.test(value.slice(0, from)) && word.startsWith('"') && !/^\s*:/.test(after) && inObject(value, from);
    const put = naming ? `${word}: ` : word;
    const next = value.slice(0, from) + put + after;
    const caret = from + put.length - (/[}\]]$/.test(put) ? 1 : 0);
    // at once, not with the next render: the next key may be down already
    area.current!.value = next;
    area.current!.setSelectionRange(caret, caret);
    area.current!.focus();
    write(next);
    setOpen(undefined);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      setOpen(undefined);
      return send();
    }
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      return suggest();
    }
    if (!open) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((chosen + step + open.suggestions.length) % open.suggestions.length);
    else if (event.key === "Enter") take(open.suggestions[chosen]!);
    else if (event.key === "Escape") setOpen(undefined);
    else return;
    event.preventDefault();
  };
  const input = (event: Event & { currentTarget: HTMLTextAreaElement }) => {
    write(event.currentTarget.value);
    const typed = (event as unknown as InputEvent).data;
    if (open || typed === '"') suggest();
  };
  return (
    <div class="area">
      <label class="unseen" for="payload">
        Payload as JSON
      </label>
      <textarea
        id="payload"
        ref={area}
        value={text}
        rows={12}
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        aria-autocomplete="list"
        aria-controls="suggestions"
        aria-describedby="payload-keys"
        aria-activedescendant={open ? `suggestion-${chosen}` : undefined}
        onInput={input}
        onKeyDown={key}
        onBlur={() => setOpen(undefined)}
      />
      <ul id="suggestions" role="listbox" aria-label="Suggestions" hidden={!open}>
        {open?.suggestions.map((suggestion, n) => (
          <li
            role="option"
            id={`suggestion-${n}`}
            key={suggestion.text}
            aria-selected={n === chosen}
            onMouseDown={(event) => {
              event.preventDefault();
              take(suggestion);
            }}
          >
            <code>{suggestion.text}</code> <span>{suggestion.about}</span>
          </li>
        ))}
      </ul>
      <p id="payload-keys" class="about keys">
        <kbd>Ctrl Space</kbd> suggests, arrows and <kbd>⏎</kbd> choose
      </p>
    </div>
  );
}

/** Whether the innermost bracket that is open there is one of an object. */
function inObject(text: string, at: number): boolean {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    const char = text[i]!;
    if (char === "}" || char === "]") depth++;
    else if (char === "{" || char === "[") {
      if (depth-- === 0) return char === "{";
    }
  }
  return false;
}

/** The console itself is told something by it every second. */
const ADMIN = "concierge.admin";

/** Both directions, newest first. */
function Frames() {
  const [{ frames, total }, show] = useState<Seen>({ frames: [], total: 0 });
  const [paused, pause] = useState(false);
  const [own, showOwn] = useState(false);
  const how = useRef({ paused, own });
  how.current = { paused, own };
  const client = hub.value;
  useEffect(() => {
    if (!client) return;
    const reel = new Reel(show);
    const take = (out: boolean, value: unknown) => {
      if (how.current.paused) return;
      const payload: any = typeof value === "string" ? (read(value) ?? {}) : value;
      // it holds the secret and the key
      if (payload.type === "IDENTIFY" || payload.type === "HELLO") return;
      if (!how.current.own && (payload.target?.service ?? payload.origin?.service?.name) === ADMIN) return;
      const text = typeof value === "string" ? value : JSON.stringify(value);
      reel.add({ at: Date.now(), out, text, type: String(payload.type ?? "no payload") });
    };
    const offs = [client.on("in", (payload) => take(false, payload)), client.on("out", (text) => take(true, text))];
    return () => offs.forEach((off) => off());
  }, [client]);
  return (
    <section class="frames" aria-label="Frames">
      <div class="tools">
        <h2>Frames</h2>
        <span class="about">{plural(total, "frame")}</span>
        <button type="button" aria-pressed={paused} onClick={() => pause(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
        <button type="button" aria-pressed={own} onClick={() => showOwn(!own)}>
          With {ADMIN}
        </button>
      </div>
      {frames.length === 0 && <Note>What this page and the hub say to each other is shown here.</Note>}
      <FrameList frames={frames} ways={["sent", "received"]} />
    </section>
  );
}
