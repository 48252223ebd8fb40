/** The console of a hub: what every page stands in. @module */

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { againAt, connected, enter, hasSecret, hub, locked, signIn, signOut, status } from "./hub.js";
import { PAGES } from "./pages.js";
import { route, to } from "./route.js";
import { span } from "./text.js";
import { Note, useNow } from "./ui.js";

function Connection() {
  const now = useNow();
  const { state } = status.value;
  const words: Record<string, string> = {
    connecting: "Connecting…",
    connected: "Connected",
    disconnected: `Lost; again in ${span(Math.max(0, Math.ceil((againAt.value - now) / 1_000) * 1_000))}`,
    closed: "Not connected",
  };
  return (
    <div class={`connection ${state}`}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{connected.value || state !== "disconnected" ? words[state] : ""}</span>
      {state === "disconnected" && <span>{words[state]}</span>}
      <span class="host">{location.host}</span>
      {state === "closed" && !locked.value && (
        <button type="button" onClick={() => void enter()}>
          Connect
        </button>
      )}
      {connected.value && hasSecret() && (
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      )}
    </div>
  );
}

function SignIn() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    void signIn(input.current!.value);
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h1 tabIndex={-1}>Sign in</h1>
      <p>This hub has a secret. It is kept in this tab, and forgotten with it.</p>
      {locked.value === "wrong" && <Note bad>That was not it.</Note>}
      <label>
        Secret
        <input
          type="password"
          required
          ref={input}
          autocomplete="current-password"
        />
      </label>
      <button>Enter</button>
    </form>
  );
}

/** Why there is no connection, where that needs somebody to do something. */
function Ended() {
  const now = status.value;
  if (now.state !== "closed" || locked.value) return null;
  if (now.code === 1000) return <Note>You have left the hub.</Note>;
  const why = now.code === 4013 ? "An administrator ended this connection" : "The hub ended this connection for good";
  return (
    <Note bad>
      {why}: {now.code} {now.reason}
    </Note>
  );
}

function Console() {
  const { page, id } = route.value;
  const here = PAGES.find(({ path }) => path === page);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${id ? `${id} · ` : ""}${here?.title ?? "Nothing"} · Concierge`;
    document.querySelector(".bar [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    // whoever hears or types goes on where the page begins
    if (!first.current) main.current?.querySelector<HTMLElement>(id ? "h2[tabindex]" : "h1[tabindex]")?.focus();
    first.current = false;
  }, [page, id]);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest("input, textarea, select");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const filter = document.querySelector<HTMLInputElement>("[data-filter]");
      if (!filter) return;
      event.preventDefault();
      filter.focus();
      filter.select();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const skip = (event: Event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the page
      </a>
      <header class="bar">
        <a class="mark" href="#/overview">
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M3 14a7 7 0 0 1 14 0zM2 15.5h16v2H2zM10 3a1.6 1.6 0 1 1 0 3.2A1.6 1.6 0 0 1 10 3z" />
          </svg>
          Concierge
        </a>
        <nav aria-label="Pages">
          <ul>
            {PAGES.map(({ path, title }) => (
              <li key={path}>
                <a href={to(path)} aria-current={path === page ? "page" : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Connection />
      </header>
      <main id="main" tabIndex={-1} ref={main} class={`page-${here?.path ?? "none"}`}>
        <Ended />
        {locked.value ? (
          <SignIn />
        ) : here ? (
          <here.Page />
        ) : (
          <>
            <h1 tabIndex={-1}>Nothing is here</h1>
            <p>
              There is no page <code>{page}</code>. <a href="#/overview">Overview</a>
            </p>
          </>
        )}
      </main>
    </>
  );
}

render(<Console />, document.getElementById("console")!);
void enter();
// another tab that is restored from the back-forward cache has lost its connection
addEventListener("pageshow", (event) => {
  if (event.persisted && status.value.state === "closed" && hub.value) void enter();
});
