/** The hub's coordinator, as pages ask it: one for each connection, made when the first page asks. @module */

import { computed } from "@preact/signals";
import { coordinator, type Coordinator } from "../../clients/js/src/coordinator.js";
import type { Client, PromiseRecord, TaskRecord } from "../../clients/js/src/index.js";
import { hub } from "./hub.js";

const made = new WeakMap<Client, Promise<Coordinator>>();

/** Fails with `INVALID_SERVICE` at a hub that has none. */
export function desk(client: Client): Promise<Coordinator> {
  let desk = made.get(client);
  if (!desk) {
    desk = coordinator(client);
    made.set(client, desk);
    desk.catch(() => made.delete(client));
  }
  return desk;
}

/** Changes with the client. */
export const client = computed(() => hub.value);

/** What a page shows at most of what there may be: the coordinator gives 100 at a time. */
export const SHOWN = 1_000;

/** Every page of a search, up to {@link SHOWN}; `more`: there is more. */
async function pages<T>(page: (cursor?: string) => Promise<{ items: T[]; cursor?: string | undefined }>) {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(cursor);
    items.push(...next.items);
    cursor = next.cursor;
  } while (cursor && items.length < SHOWN);
  return { items, more: cursor !== undefined };
}

export interface Sought {
  state?: PromiseRecord["state"] | undefined;
  tags?: Record<string, string>;
}

export async function searchPromises(client: Client, sought: Sought, signal: AbortSignal) {
  const { ask } = await desk(client);
  const { state, tags = {} } = sought;
  return pages<PromiseRecord>(async (cursor) => {
    const asked = { tags, ...(state && { state }), ...(cursor && { cursor }) };
    const { promises, cursor: next } = await ask("promise.search", asked, { signal });
    return { items: promises, cursor: next ?? undefined };
  });
}

export async function searchTasks(client: Client, state: TaskRecord["state"], signal: AbortSignal) {
  const { ask } = await desk(client);
  return pages<TaskRecord>(async (cursor) => {
    const { tasks, cursor: next } = await ask("task.search", { state, ...(cursor && { cursor }) }, { signal });
    return { items: tasks, cursor: next ?? undefined };
  });
}

/** Where a promise's task is offered. */
export function targetOf({ tags }: PromiseRecord): string | undefined {
  return tags["resonate:target"] ?? tags["resonate:invoke"];
}

/** The group of an address such as `any@clerks` or `poll://any@clerks/ada`; the address, if it is another one. */
export function groupOf(target: string): string {
  return /^(?:[a-z]+:\/\/)?(?:any|uni)@([^/]+)/.exec(target)?.[1] ?? target;
}
