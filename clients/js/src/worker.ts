/** A worker: claims what is offered to its client, runs it, and keeps its leases. @module */

import type { Client } from "./client.js";
import { creation, envelope, type NewPromise } from "./promise.js";
import { ConciergeError } from "./error.js";
import type { PromiseRecord, TaskRef, Value } from "./payloads.js";
import { decode, encode, encodeError, outcome } from "./value.js";
import { sleep, within, type Wait } from "./wait.js";

/** How long a task that could not go on is kept before it is given back: what is given back is offered at once. */
const PAUSE_AFTER_FAILURE = 1_000;
/** What a run that counts no more waits for. Each has its own: one for all would hold on to every run. */
const never = () => new Promise<never>(() => {});

/** How a worker is. Its signal stops it. */
export interface WorkerOptions extends Wait {
  /** A tag of the client. */
  group: string;
  /** Tasks that are done at once; the rest is left to other workers, or waits. Default: 16. */
  concurrency?: number | undefined;
  /**
   * How long after this worker's last heartbeat its tasks are offered to others, in milliseconds. A heartbeat for all of
   * them goes out at half of it. Default: 60,000.
   */
  ttl?: number | undefined;
}

/** A worker that works until it is told to stop, or its client is closed. */
export interface Worker {
  /**
   * Drops what runs and gives it back. The client stays in its groups: what is offered to it from now on goes to another
   * member 5 seconds later, until the client is closed.
   */
  stop(): Promise<void>;
}

/** A child promise. */
export interface Step extends NewPromise {
  /** Has to be the same in every run. Default: the task's id and a number, in the order of the calls. */
  id?: string | undefined;
}

/**
 * A task that is held, as the code that does it sees it.
 *
 * A run may happen more than once: after a suspension, a worker that died, a lost lease, the function starts from its
 * beginning. What it did by the methods here is not done again, since each is a promise, and one that is settled gives its
 * outcome at once. So a function makes the same calls in the same order in every run, and does everything else that has an
 * effect, or that differs from run to run, in {@link Context.run}.
 *
 * When all that it waits for here waits for others, the run is dropped where it stands, and the task given back until one
 * of them is settled. A promise of these methods fails only with an outcome: when the task is lost, or the hub cannot be
 * reached, it never settles, and {@link Context.signal} is aborted.
 */
export interface Context {
  /** Of the task and its promise. */
  readonly id: string;
  readonly promise: PromiseRecord;
  /** Aborted when the task is lost, or the worker stops. */
  readonly signal: AbortSignal;
  /** A step that is done once; when the worker dies within it, it is begun again. What it throws is kept, too. */
  run<T>(step: () => T | Promise<T>, options?: Step): Promise<T>;
  /** Waits so long, by the coordinator's clock. */
  sleep(ms: number, options?: Step): Promise<void>;
  /** Has something done by the workers at an address such as `any@kitchen`. */
  rpc<T = unknown>(target: string, data?: unknown, options?: Step): Promise<T>;
  /** A child promise that somebody settles, a person perhaps, by its id. */
  wait<T = unknown>(options?: Step): Promise<T>;
}

/** What is done with a task: `data` is what its promise was created with, what it returns the result. */
export type Work<In = any> = (ctx: Context, data: In) => unknown;

/** What a worker needs of the coordinator. @internal */
export interface Desk {
  client: Client;
  offers: Map<string, number>;
  ask(kind: string, data: unknown, wait?: Wait): Promise<any>;
  insist(kind: string, data: unknown, wait?: Wait): Promise<any>;
  /** Called when there are more offers. */
  offered(): void;
}

/** @internal */
export function makeWorker(desk: Desk, options: WorkerOptions, work: Work): Worker {
  const { client, offers, ask, insist } = desk;
  const { group, concurrency = 16, ttl = 60_000 } = options;
  if (!client.tags.includes(group)) throw new ConciergeError("NO_MEMBER");
  const pid = client.name;
  const leases = new Set<{ task: TaskRef; until: number; over: AbortController }>();
  const runs = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  const stopped = AbortSignal.any([stopping.signal, client.signal, options.signal ?? client.signal]);
  stopped.throwIfAborted();

  /** Settles by what the work comes to. An outcome that the coordinator cannot take is itself an error. */
  const keep = async <T>(work: () => unknown, settle: (state: string, value: Value) => Promise<T>, once?: boolean): Promise<T> => {
    let state = "resolved";
    const value = await (async () => encode(await work()))().catch((error) => {
      state = "rejected";
      return encodeError(error);
    });
    return settle(state, value).catch((error) => {
      if (once || (error.code !== "TOO_BIG" && error.details !== 400)) throw error;
      return keep(() => Promise.reject(error), settle, true);
    });
  };

  /** One run of the work; true when it is to begin anew. */
  const run = (task: TaskRef, promise: PromiseRecord, signal: AbortSignal) =>
    within<unknown>((resolve, reject) => {
      const { id, tags, timeoutAt } = promise;
      const awaited: string[] = [];
      let children = 0;
      let active = 0;

      const fence = async (kind: string, data: unknown): Promise<PromiseRecord> => {
        const { head, data: answer } = (await insist("task.fence", { ...task, action: envelope(kind, data) }, { signal })).action;
        if (head.status === 200) return answer.promise;
        throw new ConciergeError("REFUSED", answer, head.status === 400 && 400);
      };
      /** A child, settled by its step or by others. */
      const child = async (how: Step = {}, step?: () => unknown): Promise<any> => {
        const create = creation(how.id ?? `${id}.${children++}`, how);
        const origin = tags["resonate:origin"] ?? id;
        const branch = how.target ? create.id : (tags["resonate:branch"] ?? id);
        create.tags = { "resonate:parent": id, "resonate:origin": origin, "resonate:branch": branch, ...create.tags };
        create.timeoutAt = Math.min(create.timeoutAt, timeoutAt);
        active++;
        const record = await fence("promise.create", create)
          .then((made) => {
            if (made.state !== "pending" || !step) return made;
            return keep(step, (state, value) => fence("promise.settle", { id: create.id, state, value }));
          })
          .catch((error) => {
            reject(error);
            return never();
          });
        active--;
        // after whoever waited for this had its turn
        setTimeout(() => {
          if (active || !awaited.length) return;
          active++;
          const actions = awaited.map((awaited) => envelope("promise.register_callback", { awaiter: id, awaited }));
          insist("task.suspend", { ...task, actions }).then(({ preload }) => resolve(preload), reject);
        });
        if (record.state !== "pending") return outcome(record);
        awaited.push(record.id);
        return never();
      };
      const ctx: Context = {
        id,
        promise,
        signal,
        run: (step, how) => child(how, step),
        sleep: (timeout, how) => child({ ...how, timeout, tags: { "resonate:timer": "true" } }),
        rpc: (target, data, how) => child({ ...how, target, data }),
        wait: (how) => child(how),
      };
      keep(
        () => work(ctx, decode(promise.param)),
        (state, value) => {
          active++; // what is awaited still is no reason to suspend
          return insist("task.fulfill", { ...task, action: envelope("promise.settle", { id, state, value }) }, { signal });
        },
      ).then(() => resolve(0), reject);
    }, signal);

  /** Claims a task and does it. That somebody else was faster is nothing to tell. */
  const serve = async (id: string, version: number) => {
    const lease = { task: { id, version }, until: Date.now() + ttl, over: new AbortController() };
    try {
      const { task, promise } = await ask("task.acquire", { id, version, pid, ttl });
      lease.task = { id, version: task.version };
      leases.add(lease);
      while (await run(lease.task, promise, AbortSignal.any([lease.over.signal, stopped])));
    } catch (error: any) {
      // it was not claimed, or is lost; a claim whose answer was lost comes back when its lease ends
      if (error.details === 409 || !leases.has(lease)) return;
      await sleep(PAUSE_AFTER_FAILURE, stopped).catch(() => {});
      await insist("task.release", lease.task);
    } finally {
      leases.delete(lease);
    }
  };

  const pump = () => {
    for (const [id, version] of offers) {
      if (stopped.aborted || runs.size >= concurrency) return;
      offers.delete(id);
      const run: Promise<unknown> = serve(id, version)
        .catch(() => {})
        .then(() => {
          runs.delete(run);
          pump();
        });
      runs.add(run);
    }
  };

  const beats = setInterval(() => {
    const asked = Date.now();
    const held = [...leases];
    for (const { until, over } of held) if (until <= asked) over.abort({ details: 409 });
    if (!held.length) return;
    insist("task.heartbeat", { pid, tasks: held.map(({ task }) => task) }).then(
      () => held.forEach((lease) => (lease.until = asked + ttl)),
      () => {},
    );
  }, ttl / 2);

  stopped.onabort = () => clearInterval(beats);
  desk.offered = pump;
  pump();
  return {
    async stop() {
      stopping.abort();
      await Promise.all(runs);
    },
  };
}
