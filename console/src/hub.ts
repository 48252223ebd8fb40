/** The connection of this page: one client of the hub, and how it is. @module */

import { computed, signal } from "@preact/signals";
import { connect, type Client, type Status } from "../../clients/js/src/index.js";

/** Where the hub's secret is kept while this tab lives. */
const SECRET = "concierge.secret";
const BAD_SECRET = 4006;

/** The client, once it was in; another one after the page signed in anew. */
export const hub = signal<Client | undefined>();
export const status = signal<Status>({ state: "connecting" });
/** When the next attempt begins, by this machine's clock. */
export const againAt = signal(0);
export const connected = computed(() => status.value.state === "connected");
/** Whether the hub wants a secret that it was not given yet; `wrong`: one that it did not take. */
export const locked = signal<false | "none" | "wrong">(false);

function name(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36);
  return `console_${random}`;
}

function hear(now: Status, secret: string | null) {
  status.value = now;
  if (now.state === "disconnected") againAt.value = Date.now() + now.againIn;
  if (now.state === "closed" && now.code === BAD_SECRET) {
    sessionStorage.removeItem(SECRET);
    locked.value = secret === null ? "none" : "wrong";
  }
}

/** Enters the hub, until it is told to stop. */
export async function enter(): Promise<void> {
  await hub.value?.close();
  const secret = sessionStorage.getItem(SECRET);
  const options = {
    name: name(),
    nickname: "Console",
    tags: ["console"],
    secret: secret ?? undefined,
    backoff: { fromTheStart: true, spread: 2_000, cap: 10_000 },
    capacity: 100_000,
    onStatus: (now: Status) => hear(now, secret),
  };
  // what it ended with is told by `onStatus`
  const client = await connect(location.origin, options).catch(() => undefined);
  if (client) hub.value = client;
}

/** Enters with this secret, which is forgotten when the hub does not take it. */
export async function signIn(secret: string): Promise<void> {
  sessionStorage.setItem(SECRET, secret);
  locked.value = false;
  await enter();
}

/** Forgets the secret and leaves. */
export async function signOut(): Promise<void> {
  sessionStorage.removeItem(SECRET);
  await hub.value?.close();
  hub.value = undefined;
}

/** Whether there is a secret to forget. */
export function hasSecret(): boolean {
  return sessionStorage.getItem(SECRET) !== null;
}
