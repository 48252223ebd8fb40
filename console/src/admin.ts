/** The hub's admin service, `concierge.admin`: what it says, and what is asked of it. Nothing else speaks to it. @module */

import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ConciergeError, type Client } from "../../clients/js/src/index.js";
import type {
  AdminClientRecord as ClientRecord,
  AdminFiles,
  AdminFrames,
  AdminMessages,
  AdminPromises,
  AdminRouter,
  AdminStats as Stats,
  AdminTasks,
} from "../../clients/js/src/payloads.js";
import { connected, hub } from "./hub.js";

const SERVICE = "concierge.admin";
/** Where the admin secret is kept while this tab lives. */
const SECRET = "concierge.admin-secret";
/** How often totals are told, and how many are kept for the sparklines. */
const EVERY_MS = 1_000;
const KEPT = 121;
/** Events that are kept. */
export const EVENTS = 5_000;
const ANSWER_WITHIN = 30_000;

export type {
  AdminAccount as Account,
  AdminCategory as Category,
  AdminClientRecord as ClientRecord,
  AdminFileChange as FileChange,
  AdminNats as Nats,
  AdminRouter as RouterLook,
  AdminRouterFault as Fault,
  AdminSeenFrame as SeenFrame,
  AdminStats as Stats,
} from "../../clients/js/src/payloads.js";

/** Something that happened: `event` says what, and other fields the rest. */
export interface Happening {
  n: number;
  at: number;
  event: string;
  client?: { name: string; uuid: string } | string | null;
  owner?: string;
  service?: string;
  code?: number;
  [field: string]: unknown;
}

/** Something that happened to a task. */
export interface Step {
  at: number;
  id: string;
  step: string;
  [field: string]: unknown;
}

export interface History {
  steps: readonly Step[];
  left_out: number;
  since: number;
}

/** What is pushed of what is watched. */
interface Told {
  router: AdminRouter;
  service: AdminMessages;
  frames: AdminFrames;
  promises: AdminPromises;
  tasks: AdminTasks;
  files: AdminFiles;
}

/** `missing`: the hub has no such service. `forbidden`: it obeys others, with the admin secret or on its machine. */
export type Access = "asking" | "missing" | "forbidden" | "open";

export const access = signal<Access>("asking");
/** How often the hub was told what is watched here, once for each connection: what was asked before may have missed a change. */
export const era = signal(0);
/** Why it is forbidden, in the hub's words. */
export const refusal = signal("");
/** Snapshots of the totals, the newest last. */
export const history = signal<readonly Stats[]>([]);
/** What happened, the newest first. */
export const events = signal<readonly Happening[]>([]);
/** Clients as administrators see them, with their figures, while somebody watches them. */
export const records = signal<ReadonlyMap<string, ClientRecord>>(new Map());

interface Call {
  resolve(ok: any): void;
  reject(reason: unknown): void;
}

interface Ear {
  what: keyof Told;
  whose: object;
  hear: Set<(said: any) => void>;
  /** The hub's answer. */
  begun: Promise<unknown>;
}

const calls = new Map<string, Call>();
/** What is watched, by what and whose: who hears it. */
const ears = new Map<string, Ear>();
let client: Client | undefined;
let calledLast = 0;
let newest = 0;
let watchingRecords = 0;
let watchingEvents = 0;

/** Asks the admin service. Fails with its word: `FORBIDDEN`, `INVALID_UUID`, … */
export function order(op: string, data: object = {}): Promise<any> {
  const id = `${++calledLast}`;
  const timeout = setTimeout(() => calls.get(id)?.reject(new ConciergeError("TIMED_OUT")), ANSWER_WITHIN);
  return new Promise((resolve, reject) => {
    if (!client) throw new ConciergeError("DISCONNECTED");
    calls.set(id, { resolve, reject });
    client.send({ service: SERVICE }, { id, op, ...data }).catch(reject);
  }).finally(() => {
    clearTimeout(timeout);
    calls.delete(id);
  });
}

function take(said: any) {
  if (said.id !== undefined && said.id !== null) {
    const call = calls.get(said.id);
    if (said.error) call?.reject(new ConciergeError(said.error.code, said.error.message));
    else call?.resolve(said.ok);
  } else if (said.stats) history.value = [...history.value, said.stats].slice(-KEPT);
  else if (said.router) tell("router", {}, said.router);
  else if (said.events) hear(said.events);
  else if (said.clients) {
    const next = new Map(said.begin ? [] : records.value);
    for (const record of said.clients) next.set(record.uuid, record);
    for (const uuid of said.gone) next.delete(uuid);
    records.value = next;
  } else if (said.messages) tell("service", { service: said.service }, said);
  else if (said.frames) tell("frames", { uuid: said.uuid }, said);
  else for (const what of ["promises", "tasks", "files"] as const) if (said[what]) tell(what, {}, said);
}

const nameOf = (what: keyof Told, whose: object) => `${what} ${Object.values(whose)}`;

function tell(what: keyof Told, whose: object, said: unknown) {
  ears.get(nameOf(what, whose))?.hear.forEach((hear) => hear(said));
}

function hear(next: readonly Happening[]) {
  const fresh = next.filter(({ n }) => n > newest);
  if (!fresh.length) return;
  newest = fresh.at(-1)!.n;
  events.value = [...fresh.reverse(), ...events.value].slice(0, EVENTS);
}

/** What happened since the newest that is known; everything, at a hub that has begun anew and so counts from 1 again. */
async function watchEvents() {
  const { last } = await order("events.watch", { since: newest });
  if (last >= newest) return;
  newest = 0;
  events.value = [];
}

/** What is watched, after each new connection. */
async function begin() {
  try {
    const secret = sessionStorage.getItem(SECRET);
    if (secret !== null) await order("auth", { secret });
    await order("stats.watch", { every_ms: EVERY_MS });
    access.value = "open";
    if (watchingEvents) await watchEvents();
    if (watchingRecords) await order("clients.watch", { every_ms: EVERY_MS });
    for (const { what, whose } of ears.values()) await order(`${what}.watch`, whose).catch(() => {});
    era.value++;
  } catch (error) {
    if (!(error instanceof ConciergeError) || !["FORBIDDEN", "TOO_MANY"].includes(error.code)) return;
    if (error.code === "FORBIDDEN") sessionStorage.removeItem(SECRET);
    refusal.value = error.message;
    access.value = "forbidden";
  }
}

effect(() => {
  const now = hub.value;
  if (!now || !connected.value) {
    for (const { reject } of calls.values()) reject(new ConciergeError("DISCONNECTED"));
    return;
  }
  if (now === client) return void begin();
  client = now;
  access.value = "asking";
  // numbers of another hub mean nothing here
  newest = 0;
  events.value = [];
  history.value = [];
  now.subscribe<any>(SERVICE, ({ data }) => take(data)).then(begin, (error) => {
    if (error instanceof ConciergeError && error.code === "INVALID_SERVICE") access.value = "missing";
  });
});

/** Presents the admin secret. */
export async function authorise(secret: string): Promise<void> {
  await order("auth", { secret });
  sessionStorage.setItem(SECRET, secret);
  await begin();
}

/** While a component stands: {@link events} are told. */
export function useEvents(): void {
  useEffect(() => {
    if (access.value !== "open") return;
    if (watchingEvents++ === 0) void watchEvents().catch(() => {});
    return () => {
      if (--watchingEvents === 0) void order("events.unwatch").catch(() => {});
    };
  }, [access.value]);
}

/** While a component stands: {@link records} are told. */
export function useRecords(): void {
  useEffect(() => {
    if (access.value !== "open") return;
    if (watchingRecords++ === 0) void order("clients.watch", { every_ms: EVERY_MS }).catch(() => {});
    return () => {
      if (--watchingRecords > 0) return;
      records.value = new Map();
      void order("clients.unwatch").catch(() => {});
    };
  }, [access.value]);
}

/** Watches something, until what comes back is called. `refused`: why it is not told; `begun`: from now on it is. */
export function watch<W extends keyof Told>(
  what: W,
  whose: object,
  hear: (said: Told[W]) => void,
  refused: (error: unknown) => void = () => {},
  begun: () => void = () => {},
): () => void {
  const name = nameOf(what, whose);
  const ear: Ear = ears.get(name) ?? { what, whose, hear: new Set(), begun: order(`${what}.watch`, whose) };
  ear.begun.then(begun, refused);
  ear.hear.add(hear);
  ears.set(name, ear);
  return () => {
    ear.hear.delete(hear);
    if (ear.hear.size > 0) return;
    ears.delete(name);
    void order(`${what}.unwatch`, whose).catch(() => {});
  };
}

/** What happened to a task, as far as the hub remembers. */
export function historyOf(task: string): Promise<History> {
  return order("task.history", { task });
}

/** Ends a client's connection. */
export function kick(uuid: string, code: number, reason: string): Promise<void> {
  return order("clients.kick", { uuid, code, reason });
}
