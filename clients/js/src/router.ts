/**
 * The hub's router: requests and pushes to whoever does what they name, and handlers that do it.
 *
 * ```js
 * import { router } from "@concierge/client/router";
 *
 * const { handle, push, request, requestMany } = await router(hub);
 * await handle("math/add", ([a, b]) => a + b); // this client is a worker now, and after every reconnect
 * await handle("math/primes", async function* ({ below }) {
 *   for (let n = 2; n < below; n++) if (isPrime(n)) yield n; // a part of the answer
 * });
 * console.log(await request("math/add", [1, 2])); // of this worker or of another one
 * for await (const prime of requestMany("math/primes", { below: 100 })) {
 *   if (prime > 50) break; // the worker is told that nobody wants the rest
 * }
 * ```
 *
 * An answer that is an error is a {@link ConciergeError} with the protocol's name of it as `code`, and its data, `items`
 * included, as `details`. Handlers throw the same to answer with one. What is `null` or `undefined` arrives as `{}`.
 *
 * @module
 */

import { calls } from "./calls.js";
import type { Client, Message } from "./client.js";
import { ConciergeError } from "./error.js";
import type { RouterHeaders } from "./payloads.js";
import { ring } from "./stream.js";
import { sleep, type Wait } from "./wait.js";

/** Errors of the protocol, by their numbers. */
const CODES = "GENERIC FORBIDDEN UNAVAILABLE INVALID INCOMPLETE DUPLICATE LIMIT TIMEOUT SESSION NOT_IMPLEMENTED".split(" ");
/** A category that is not the router's own, and an action. */
const CMD = /^(?!router\/|sys\/)(?=.{1,128}$)[a-z\d_-]+\/[a-z\d_/-]+$/;
const GROUP = /^[\w-]{1,64}$/;
const SUBJECT = /^(?=.{1,256}$)[\w-]+(\.[\w-]+){0,15}$/;
/** Of one worker. */
const CATEGORIES = 64;
const SUBJECTS = 16;
/** Parts of an answer that the hub did not take yet. */
const PARTS = 256;
/** How long a worker that could not say what it serves waits before it does. */
const PAUSE = 1_000;

/** How a push is. */
export interface PushOptions extends Wait {
  /** Which route it takes. Default: `api`. */
  subject?: string | undefined;
}

/** How a request is. When its wait ends before its answer, its worker is told. */
export interface RequestOptions extends PushOptions {
  /** From the call to the final response. Default: that of the client, which is longer than the hub's. */
  timeout?: number | undefined;
}

/** How a request is that is kept until it is done. */
export interface DurableOptions extends RequestOptions {
  durable: true;
  /** The id of its promise: a repetition with the same one changes nothing. Default: the hub makes one. */
  promise?: string | undefined;
  /** Milliseconds until it fails. Default: the hub's, a day. */
  within?: number | undefined;
}

/** How a request is whose answer is read in parts. */
export interface ManyOptions extends RequestOptions {
  /** Parts that may wait to be read: with one more the answer ends with `LIMIT`. Default: 1,024. */
  capacity?: number | undefined;
}

/** What a handler serves. Its signal ends the wait for the hub; {@link Handling.stop} the handler. */
export interface HandleOptions extends Wait {
  /** Of the workers of a group a push goes to one. It is that of the category: the last one that was said counts. */
  group?: string | undefined;
  /** The only subjects that are served, when every handler of the client names some. */
  subjects?: string[] | undefined;
}

/** What a handler knows of a request or a push beside its data. */
export interface Handled {
  cmd: string;
  subject: string;
  /** Who asks, as the hub says. */
  headers: RouterHeaders;
  /** Aborted when nobody wants the answer any more: it was cancelled, its time is over, the connection is lost. */
  signal: AbortSignal;
}

/**
 * Does what is asked. What it returns is the answer; of an async generator that is the last part, and what it yields are
 * those before. A {@link ConciergeError} that it throws is the answer, too, when its code is one of the protocol; anything
 * else is answered `GENERIC`. After a push what it throws goes to the console.
 */
export type Handler<In = any> = (body: In, request: Handled) => unknown;

/** A handler at work. */
export interface Handling {
  /** Serves it no more. What was begun is answered still. */
  stop(): Promise<void>;
}

/** The router of a client's hub. */
export interface Router {
  /** Has something done, durably. Resolves when that is kept; the coordinator's `promises.get(promise)` waits for its result. */
  request(cmd: string, body: unknown, options: DurableOptions): Promise<{ promise: string }>;
  /** Has something done. Of an answer in parts it is the last one. */
  request<T = any>(cmd: string, body?: unknown, options?: RequestOptions & { durable?: false | undefined }): Promise<T>;
  /** Has something done whose answer comes in parts. To leave the loop cancels the rest. A last part that is `{}` is none. */
  requestMany<T = any>(cmd: string, body?: unknown, options?: ManyOptions): AsyncIterableIterator<T, undefined>;
  /** Says something to all workers of a category, to one of each group. Resolves when the hub has it: nobody answers. */
  push(cmd: string, body?: unknown, options?: PushOptions): Promise<void>;
  /**
   * Serves a command, or with `*` as its action all of a category that have no handler. Resolves when the hub knows.
   * Fails with `EXISTS` when there is a handler for it.
   */
  handle<In = any>(cmd: string, handler: Handler<In>, options?: HandleOptions): Promise<Handling>;
}

type Datagram = { type: string; cmd: string; _reqid: string; status?: string; more?: boolean; data?: any };
type Packet = { subject: string; data: Datagram; headers?: RouterHeaders };

/** There is one for each client: a worker says all that it serves at once. */
const routers = new WeakMap<Client, Promise<Router>>();

/** The hub's router, subscribed to. Fails with `INVALID_SERVICE` when the hub has none. */
export function router(client: Client): Promise<Router> {
  let own = routers.get(client);
  if (!own) {
    routers.set(client, (own = enter(client)));
    own.catch(() => routers.delete(client));
  }
  return own;
}

/** An error about an argument or an entity. */
const about = (code: string, item: string) => new ConciergeError(code, code, { items: [item] });

/** What a response says of an error. */
function failure(error: any) {
  const { code, message = `${error}`, details } = error ?? {};
  const number = CODES.indexOf(code);
  if (number < 0) return { code: 0, data: { message } };
  // one that is passed on stays as it came
  return { code: number, data: { message: message === code ? undefined : message, ...details } };
}

async function enter(client: Client): Promise<Router> {
  const { open, ask } = calls(client, "router");
  const handlers = new Map<string, HandleOptions & { handler: Handler }>();
  /** What is being done, with the marks of requests. */
  const running = new Map<AbortController, string>();

  const send = (data: object, { subject = "api", signal }: PushOptions = {}) =>
    client.send({ service: "router" }, { subject, data }, { signal });
  const push = (cmd: string, data: unknown, how?: PushOptions) => send({ type: "p", cmd, data }, how);

  const take = ({ data: packet }: Message<Packet>) => {
    const { type, cmd, _reqid, status, more, data } = packet.data;
    const call = open.get(_reqid);
    if (cmd === "sys/cancel") abort(data._reqid);
    else if (type !== "r") void work(packet);
    else if (more) call?.hear?.(data);
    else {
      open.delete(_reqid);
      if (status === "ok") call?.resolve(data);
      else {
        // a worker may say anything
        const { message } = data.data;
        call?.reject(new ConciergeError(CODES[data.code] ?? "GENERIC", typeof message === "string" ? message : undefined, data.data));
      }
    }
  };
  const abort = (mark?: string) => {
    for (const [over, own] of running) if (!mark || mark === own) over.abort();
  };

  /** Does what a request or a push says. */
  const work = async ({ subject, headers = {}, data: { type, cmd, _reqid, data } }: Packet) => {
    const over = new AbortController();
    const { signal } = over;
    const { handler } = handlers.get(cmd) ?? handlers.get(cmd.split("/")[0] + "/*") ?? {};
    const taken: Promise<void>[] = [];
    let failed: unknown;
    const reply = async (answer: object) => {
      // not on the next connection, where its mark means something else
      if (type === "q" && !signal.aborted) await send({ type: "r", _reqid, ...answer }).catch((error) => (failed = error));
    };
    running.set(over, _reqid);
    try {
      if (!handler) throw about("NOT_IMPLEMENTED", "cmd");
      let last: any = await handler(data, { cmd, subject, headers, signal });
      if (last?.[Symbol.asyncIterator]) {
        const parts: AsyncIterableIterator<unknown> = last;
        const all = async function* () {
          last = yield* parts;
        };
        signal.addEventListener("abort", () => (async () => parts.return?.())().catch(() => {}));
        for await (const data of all()) {
          if (taken.push(reply({ status: "ok", more: true, data })) > PARTS) await taken.shift();
          if (failed || signal.aborted) throw failed;
        }
        await sleep(0); // what could not be sent is known then
        if (failed) throw failed;
      }
      await reply({ status: "ok", data: last });
      if (failed) throw failed;
    } catch (error) {
      if (type === "q") await reply({ status: "err", data: failure(error) });
      // nobody waits for it, and no stranger ends a worker
      else if (handler && !signal.aborted) console.error(error);
    } finally {
      running.delete(over);
    }
  };

  /** Says what this client serves. */
  const serve = async (wait?: Wait) => {
    const groups = new Map<string, string | undefined>();
    let subjects: string[] | undefined = [];
    for (const [cmd, { group, subjects: own }] of handlers) {
      const category = cmd.split("/")[0]!;
      groups.set(category, group ?? groups.get(category));
      subjects = own && subjects?.concat(own);
    }
    if (groups.size > CATEGORIES) throw about("LIMIT", "categories");
    if (new Set(subjects).size > SUBJECTS) throw about("LIMIT", "subjects");
    const said = { categories: [...groups.keys()], groups: Object.fromEntries(groups), subjects: subjects?.[0] && subjects };
    await push("router/serve", said, wait);
  };
  /** Now or, when too much waits, later. When the connection is lost, the next one begins with it. */
  const insist = (): Promise<unknown> => serve().catch(({ code }) => code === "BUSY" && sleep(PAUSE).then(insist));

  const call = (cmd: string, data: unknown, how: any = {}, hear?: (part: any) => void) => {
    const { subject = "api", durable, promise, within } = how;
    const reply = durable ? "durable" : undefined;
    return ask(
      (_reqid) => ({ subject, data: { type: "q", cmd, _reqid, data, reply, promise, within_ms: within } }),
      how,
      (_reqid) => push("sys/cancel", { _reqid }).catch(() => {}),
      hear,
    );
  };

  client.on("status", ({ state }) => {
    if (state !== "connected") abort();
    else if (handlers.size) void insist();
  });
  await client.subscribe("router", take);
  return {
    request: (cmd: string, body?: unknown, how?: RequestOptions) => call(cmd, body, how),

    requestMany(cmd, body, how = {}) {
      const left = new AbortController();
      const { stream, push, end } = ring<any>(how.capacity ?? 1_024, () => left.abort());
      const fail = (error: unknown) => end((_, reject) => reject(error));
      const hear = (part: unknown) => {
        push(part);
        if (!stream.dropped) return;
        fail(about("LIMIT", "parts"));
        void stream.return();
      };
      const signal = AbortSignal.any([left.signal, how.signal ?? left.signal]);
      call(cmd, body, { ...how, signal }, hear).then((last) => {
        if (JSON.stringify(last) !== "{}") hear(last);
        end();
      }, fail);
      return stream;
    },

    async push(cmd, body, how) {
      check("cmd", cmd, CMD);
      await push(cmd, body, how);
    },

    async handle(cmd, handler, how = {}) {
      check("cmd", cmd.replace(/\/\*$/, "/-"), CMD);
      check("group", how.group ?? "-", GROUP);
      for (const subject of how.subjects ?? []) check("subjects", subject, SUBJECT);
      how.signal?.throwIfAborted();
      if (handlers.has(cmd)) throw new ConciergeError("EXISTS", cmd);
      const own = { ...how, handler };
      const stop = async () => {
        if (handlers.get(cmd) === own) handlers.delete(cmd);
        await insist();
      };
      handlers.set(cmd, own);
      await serve(how).catch((error) => {
        void stop();
        throw error;
      });
      return { stop };
    },
  };
}

/** What the hub would drop without a word. */
function check(name: string, text: string, pattern: RegExp) {
  if (!pattern.test(text)) throw about("INVALID", name);
}
