/**
 * The hub's coordinator: promises that outlive programs and hubs, and the workers that fulfil them.
 *
 * ```js
 * import { coordinator } from "@concierge/client/coordinator";
 *
 * const { promises, worker } = await coordinator(hub); // a client with the tag `clerks`
 * worker({ group: "clerks" }, async (ctx, order) => {
 *   const price = await ctx.run(() => priceOf(order)); // done once, whatever crashes after it
 *   await ctx.sleep(60_000); // nobody holds it meanwhile
 *   return ctx.rpc("any@kitchen", { order, price });
 * });
 * const order = await promises.create("order:7", { timeout: 86_400_000, data: { tea: 1 }, target: "any@clerks" });
 * console.log(await order.result()); // however often connection or hub are lost meanwhile
 * ```
 *
 * Values are JSON, written in base64 as released SDKs of the Resonate protocol do. Requests that may be repeated without
 * harm are, for the client's `timeout`: while the connection is lost, and when the coordinator answers 429 or 500.
 *
 * @module
 */

import { calls } from "./calls.js";
import type { Client, Message } from "./client.js";
import { ConciergeError } from "./error.js";
import type { CoordinatorAnswer, CoordinatorRequest, PromiseRecord, SettleState, TaskRef } from "./payloads.js";
import { creation, envelope, type NewPromise } from "./promise.js";
import { encode, encodeError, outcome } from "./value.js";
import { sleep, within, type Wait } from "./wait.js";
import { makeWorker, type Desk, type Work, type Worker, type WorkerOptions } from "./worker.js";

export type { NewPromise } from "./promise.js";
export type { Context, Step, Work, Worker, WorkerOptions } from "./worker.js";

/** Who waits looks at the promise this often, whether something was told or not. */
const LOOK_EVERY = 60_000;
/** The longest wait before a request is repeated. */
const LONGEST_PAUSE = 2_000;
/** Offered tasks that wait for a worker; further ones are forgotten, for they are offered again. */
const OFFERS = 1_024;

type Second<T> = Extract<T, { head: { version: string } }>;
/** What can be asked. */
export type Kind = Second<CoordinatorRequest>["kind"];
/** What is asked. */
export type Asked<K extends Kind> = Extract<Second<CoordinatorRequest>, { kind: K }>["data"];
/** What is answered. */
export type Answered<K extends Kind> = Extract<Second<CoordinatorAnswer>, { kind: K }>["data"];

/** A promise that somebody will settle. */
export interface DurablePromise<T = unknown> {
  readonly id: string;
  /** As it stood when it was created or looked at. */
  readonly record: PromiseRecord;
  /**
   * Its result, once it is resolved, which may be after any number of lost connections and restarts of the hub. At its
   * deadline at the latest it fails with a {@link ConciergeError} whose code is the state: `rejected`,
   * `rejected_canceled` or `rejected_timedout`.
   */
  result(wait?: Wait): Promise<T>;
}

/** Promises by their ids. To settle one answers how it stands: as it was settled first, whoever did it. */
export interface Promises {
  /** A promise: new, or as it stands when the id is known. */
  create<T = unknown>(id: string, promise?: NewPromise): Promise<DurablePromise<T>>;
  /** A promise as it is now. */
  get<T = unknown>(id: string, wait?: Wait): Promise<DurablePromise<T>>;
  /** Settles it with a result. */
  resolve(id: string, value?: unknown, wait?: Wait): Promise<PromiseRecord>;
  /** Settles it with an error. */
  reject(id: string, error?: unknown, wait?: Wait): Promise<PromiseRecord>;
  /** Settles it because nobody wants it any more. */
  cancel(id: string, wait?: Wait): Promise<PromiseRecord>;
}

/** The coordinator of a client's hub. */
export interface Coordinator {
  readonly promises: Promises;
  /**
   * Works off what is offered to this client, which has the group's name as a tag. One worker at a time. Fails at once when
   * its signal is aborted or the client closed.
   */
  worker<In = any>(options: WorkerOptions, work: Work<In>): Worker;
  /** Asks once, whatever it is: schedules, searches. Fails with `REFUSED` when the status is neither 200 nor 300. */
  ask<K extends Kind>(kind: K, data: Asked<K>, wait?: Wait): Promise<Answered<K>>;
}

/** The hub's coordinator, subscribed to. Fails with `INVALID_SERVICE` when the hub has none. */
export async function coordinator(client: Client): Promise<Coordinator> {
  const { open, ask: call } = calls(client, "coordinator");
  const offers = new Map<string, number>();
  /** Whoever waits for promises. Without one they look again. */
  const waiting = new Set<(settled?: PromiseRecord) => void>();

  const take = ({ data: { head, data = {} } }: Message<{ head: Partial<CoordinatorAnswer["head"]>; data?: any }>) => {
    const { corrId, status } = head;
    const { task, promise }: { task?: TaskRef; promise?: PromiseRecord } = data;
    if (corrId) {
      const call = open.get(corrId);
      if (status! < 400) call?.resolve(data);
      else call?.reject(new ConciergeError("REFUSED", `${data}`, status));
    } else if (promise) for (const hear of waiting) hear(promise);
    else if (task) {
      if (offers.size < OFFERS) offers.set(task.id, task.version);
      desk.offered();
    }
  };

  const ask = (kind: string, data: unknown, wait?: Wait) => call((corrId) => envelope(kind, data, corrId), { signal: wait?.signal });

  /** For what may be done twice. */
  const insist = async (kind: string, data: unknown, wait?: Wait): Promise<any> => {
    const until = Date.now() + client.timeout;
    for (let pause = 50; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        return await ask(kind, data, wait);
      } catch (error: any) {
        const passes = error.code === "DISCONNECTED" || [429, 500].includes(error.details);
        if (!passes || Date.now() + pause > until) throw error;
        await sleep(pause * Math.random(), wait?.signal);
      }
    }
  };

  const desk: Desk = { client, offers, ask, insist, offered() {} };

  const promise = async (kind: string, data: object, wait?: Wait): Promise<PromiseRecord> =>
    (await insist(kind, data, wait)).promise;

  const settled = (id: string, wait?: Wait) =>
    within<PromiseRecord>((resolve, reject) => {
      const hear = (settled?: PromiseRecord) => {
        if (!settled) void look();
        else if (settled.id === id) resolve(settled);
      };
      const look = () =>
        promise("promise.register_listener", { awaited: id, address: `uni@hub/${client.name}` }, wait).then(
          (record) => record.state === "pending" || resolve(record),
          (error) => ["DISCONNECTED", "TIMED_OUT", "BUSY"].includes(error.code) || reject(error),
        );
      const looks = setInterval(look, LOOK_EVERY);
      waiting.add(hear);
      hear();
      return () => {
        waiting.delete(hear);
        clearInterval(looks);
      };
    }, wait?.signal);

  const settle = (id: string, state: SettleState, value: object, wait?: Wait) =>
    promise("promise.settle", { id, state, value }, wait);
  const promises: Promises = {
    create: async (id, how = {}) => handle(await promise("promise.create", creation(id, how), how)),
    get: async (id, wait) => handle(await promise("promise.get", { id }, wait)),
    resolve: (id, value, wait) => settle(id, "resolved", encode(value), wait),
    reject: (id, error, wait) => settle(id, "rejected", encodeError(error), wait),
    cancel: (id, wait) => settle(id, "rejected_canceled", {}, wait),
  };
  const handle = (record: PromiseRecord): DurablePromise<any> => ({
    id: record.id,
    record,
    result: async (wait) => outcome(record.state === "pending" ? await settled(record.id, wait) : record),
  });

  client.on("status", ({ state }) => {
    if (state === "connected" || state === "closed") for (const hear of waiting) hear();
  });
  await client.subscribe("coordinator", take);
  return {
    promises,
    ask,
    worker: (options, work) => makeWorker(desk, options, work),
  };
}
