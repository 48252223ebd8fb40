/** The connection behind a client. @module */

import { attempts, BACKOFF } from "./backoff.js";
import type { Client, Ending, Events, Message, Options, PresenceEvent, Status, SubscribeOptions, To, WebSocketLike } from "./client.js";
import { ConciergeError } from "./error.js";
import type { ClientInfo, Hello, MessageOut, PayloadIn, PayloadOut, Target } from "./payloads.js";
import { call, Ring } from "./stream.js";
import { sleep, within, type Wait } from "./wait.js";

/** Requests of a client that wait. */
const REQUESTS = 4_096;
/** What is restored after a reconnect before the answers are awaited. */
const RESTORED_AT_ONCE = 16;
/** From the start of a connection to its HELLO. */
const CONNECT_WITHIN = 10_000;
/** For the hub to answer a close frame. */
const CLOSE_WITHIN = 5_000;
/** Asked about when nothing is heard: the answer is short, and nothing changes. */
const NOBODY = { type: "CLIENT_FETCH", uuid: "00000000-0000-0000-0000-000000000000" } as const;

interface Request {
  text: string;
  resolve(answer: PayloadOut): void;
  reject(reason: unknown): void;
}

/**
 * The address of a hub's WebSocket, from `ws://host:port/path`, `http(s)://…`, a bare `host[:port]`, or a path of the
 * page's own host. A missing path is `/ws`; the port of a bare host is 64209.
 */
function address(hub: string | URL): string {
  const text = String(hub);
  const isBare = !/^\/|:\/\//.test(text);
  const url = new URL(isBare ? `ws://${text}` : text, globalThis.location?.href);
  url.protocol = /^(https|wss):/.test(url.protocol) ? "wss" : "ws";
  if (isBare && !url.port) url.port = "64209";
  if (url.pathname === "/") url.pathname = "/ws";
  return url.href;
}

/** What a request is answered, when it goes well. */
type AnswerTo<P extends PayloadIn> = Extract<PayloadOut, { type: P["type"] extends "MESSAGE" ? "OK" : `${P["type"]}_RESULT` }>;

function answers<P extends PayloadIn>(request: P | string, answer: PayloadOut): answer is AnswerTo<P> {
  return answer.type === ((request as P).type === "MESSAGE" ? "OK" : `${(request as P).type}_RESULT`);
}

/** The answer, when it goes well. */
function checked<P extends PayloadIn>(request: P, answer: PayloadOut): AnswerTo<P> {
  if (answers(request, answer)) return answer;
  const isRefusal = /^(BAD$|INVALID_|ERROR_)/.test(answer.type);
  const { desc } = answer as { desc?: string };
  throw new ConciergeError(isRefusal ? answer.type : "UNEXPECTED", desc ?? answer.type, answer);
}

function target(to: To): Target {
  if (to === "all") return { type: "ALL" };
  const type = "service" in to ? (to.uuid ? "SERVICE_CLIENT_UUID" : "SERVICE") : "name" in to ? "NAME" : "UUID";
  return { type, ...to } as Target;
}

function subscription(service: string) {
  return { type: "SELF_SUBSCRIBE", service } as const;
}

function creation(service: string, nickname = null as string | null) {
  return { type: "SERVICE_CREATE", service, nickname } as const;
}

/**
 * A client of the hub at `url`, once it is in. See {@link Backoff} for how a lost connection is made again.
 *
 * @throws {@link ConciergeError} `CLOSED` when the first connection fails.
 */
export function connect(url: string | URL, options: Options): Promise<Client> {
  const { name, nickname, tags = [], secret, intents, signal, capacity = 1_024, timeout = 30_000 } = options;
  const where = address(url);
  const WebSocket: WebSocketLike | undefined = options.WebSocket ?? globalThis.WebSocket;
  const next = attempts({ ...BACKOFF, ...(options.backoff || { attempts: options.backoff === false ? 0 : Infinity }) });
  const closing = new AbortController();
  const listeners: { [event: string]: Set<(event: any) => void> } = {};
  const subscriptions = new Map<string, { live: boolean; rings: Set<Ring<Message>> }>();
  const services = new Map<string, { nickname: string | undefined; ring: Ring<Message> }>();
  const rings = new Set<Ring<any>>();
  /** Sent, in the order of the answers: each message has one, in the order of the messages. */
  let sent: Request[] = [];
  const unsent = new Set<Request>();
  let socket: InstanceType<WebSocketLike> | undefined;
  let hello: Hello;
  let status: Status;
  /** Services and subscriptions are restored. */
  let open = false;

  const tell = <K extends keyof Events>(event: K, value: Events[K]) => {
    for (const listener of listeners[event] ?? []) call(listener, value);
  };
  const become = (now: Status) => {
    status = now;
    tell("status", now);
  };
  const ring = <T>({ capacity: own = capacity, signal }: { capacity?: number | undefined } & Wait, left?: () => void) => {
    const abort = () => {
      made.end((_, reject) => reject(signal!.reason));
      end();
    };
    const end = () => {
      rings.delete(made);
      signal?.removeEventListener("abort", abort);
      left?.();
    };
    const made = new Ring<T>(own, end);
    rings.add(made);
    signal?.addEventListener("abort", abort);
    return made;
  };
  const inbox = new Ring<Message>(capacity);
  rings.add(inbox);

  const write = (text: string) => {
    tell("out", text);
    socket!.send(text);
  };
  const transmit = (request: Request) => {
    sent.push(request);
    write(request.text);
  };

  /** One message and its answer, which `apply` takes first if it went well, whether or not the caller still waits. */
  const exchange = <P extends PayloadIn>(payload: P | string, wait?: Wait, apply?: (answer: AnswerTo<P>) => void, early?: boolean) =>
    within<PayloadOut>(
      (resolve, reject) => {
        const text = typeof payload === "string" ? payload : JSON.stringify(payload);
        const limit = options.payloadBytes ?? 65_536;
        const fail = (code: string, message: string) => reject(new ConciergeError(code, message));
        if (closing.signal.aborted) return fail("CLOSED", "closed");
        if (text.length * 3 > limit && new TextEncoder().encode(text).length > limit) {
          return fail("TOO_BIG", `over ${limit} bytes`);
        }
        if (!early && sent.length + unsent.size >= REQUESTS) return fail("BUSY", `${REQUESTS} requests wait`);
        const request: Request = {
          text,
          resolve: (answer) => {
            if (answers(payload, answer)) apply?.(answer);
            resolve(answer);
          },
          reject,
        };
        if (socket && (open || early)) return transmit(request);
        unsent.add(request);
        return () => unsent.delete(request);
      },
      wait?.signal,
      timeout,
    );
  const ask = async <P extends PayloadIn>(payload: P, wait?: Wait, apply?: (answer: AnswerTo<P>) => void) =>
    checked(payload, await exchange(payload, wait, apply));

  // what comes

  const take = (payload: PayloadOut) => {
    if ((payload as { seq?: number }).seq !== undefined) return sent.shift()?.resolve(payload);
    switch (payload.type) {
      case "MESSAGE":
        return deliver(payload);
      case "SERVICE_CREATE_RESULT": {
        const { name } = payload.service;
        if (subscriptions.get(name)?.live === false) renew(name, undefined, true).catch(() => {});
        return;
      }
      case "SERVICE_DELETE_RESULT": {
        const { name, owner_uuid } = payload.service;
        const subscription = subscriptions.get(name);
        if (subscription) subscription.live = false;
        // what an earlier connection owned may be told late
        if (owner_uuid === hello.uuid) disown(name);
      }
    }
  };
  const deliver = (message: MessageOut) => {
    const service = message.origin.service;
    const own = service?.owner_uuid === hello.uuid;
    const streams = service && (own ? [services.get(service.name)?.ring] : subscriptions.get(service.name)?.rings);
    for (const stream of streams ?? [inbox]) (stream ?? inbox).push(message as Message);
  };
  const disown = (name: string) => {
    services.get(name)?.ring.end();
    services.delete(name);
  };

  // what outlives a connection

  const renew = (name: string, wait?: Wait, early?: boolean) =>
    exchange(
      subscription(name),
      wait,
      () => {
        const subscription = subscriptions.get(name);
        if (subscription) subscription.live = true;
      },
      early,
    );
  const recreate = (name: string, nickname: string | undefined) =>
    exchange(
      creation(name, nickname),
      undefined,
      ({ successful, service }) => {
        if (successful) return;
        disown(name);
        tell("lost", service);
      },
      true,
    );

  const restore = async (atOnce: number) => {
    const mine = socket;
    const owed = [...services].map(([name, { nickname }]) => () => recreate(name, nickname));
    for (const name of subscriptions.keys()) owed.push(() => renew(name, undefined, true));
    while (owed.length) {
      await Promise.all(owed.splice(0, atOnce).map((restore) => restore().catch(() => {})));
      if (socket !== mine) return;
    }
    open = true;
    for (const request of unsent) transmit(request);
    unsent.clear();
  };

  // one connection

  /** From the dial to the end. */
  const converse = (password: string | undefined, welcome: () => void) =>
    new Promise<Ending>((resolve) => {
      if (!WebSocket) throw new Error("no WebSocket here: give one as an option");
      const ws = new WebSocket(where, "ert-concierge");
      let why = "";
      let welcomed = false;
      let silent = 0;
      const end = (code: number, reason: string) => {
        clearTimeout(timer);
        clearInterval(watch);
        closing.signal.removeEventListener("abort", close);
        ws.onopen = ws.onmessage = ws.onclose = null;
        if (code === 1006) ws.close();
        socket = undefined;
        open = false;
        resolve({ code, reason: reason || why });
      };
      const close = () => {
        ws.close(1000);
        clearTimeout(timer);
        timer = setTimeout(end, CLOSE_WITHIN, 1006, "no answer");
      };
      let timer = setTimeout(end, CONNECT_WITHIN, 1006, "no HELLO");
      const watch = setInterval(() => {
        if (!welcomed) return;
        if (++silent > 2) end(1006, "silence");
        else if (silent === 2) transmit({ text: JSON.stringify(NOBODY), resolve() {}, reject() {} });
      }, options.silence ?? 15_000);
      ws.onopen = () => {
        socket = ws;
        write(JSON.stringify({ type: "IDENTIFY", name, nickname, version: "0.2.0", tags, secret: password, intents }));
      };
      ws.onmessage = ({ data }) => {
        silent = 0;
        let payload: PayloadOut;
        try {
          payload = JSON.parse(data);
          if (!welcomed && payload.type !== "HELLO") throw payload;
        } catch {
          return end(1006, "that was no payload");
        }
        tell("in", payload);
        if (welcomed) return void take(payload);
        welcomed = true;
        clearTimeout(timer);
        hello = payload as Hello;
        welcome();
      };
      ws.onerror = (event) => {
        why = event?.message ?? "";
      };
      ws.onclose = ({ code, reason }) => end(code, String(reason));
      closing.signal.addEventListener("abort", close);
    });

  /** One connection after the other. The last one's end. */
  const run = async (entered: () => void): Promise<Ending> => {
    let atOnce = RESTORED_AT_ONCE;
    for (let failed = 0; ; failed++) {
      let since: number | undefined;
      become({ state: "connecting", failed });
      const ending = await within<string | undefined>(
        (resolve) => resolve(typeof secret === "function" ? secret() : secret),
        closing.signal,
      )
        .then((password) =>
          converse(password, () => {
            since = Date.now();
            failed = -1;
            become({ state: "connected", hello });
            void restore(atOnce);
            entered();
          }),
        )
        .catch((error): Ending => ({ code: 1006, reason: String(error) }));
      for (const request of sent.splice(0)) request.reject(new ConciergeError("DISCONNECTED", "connection lost"));
      for (const subscription of subscriptions.values()) subscription.live = false;
      atOnce = ending.code === 4010 ? 1 : RESTORED_AT_ONCE;
      const againIn = next(ending.code, since && Date.now() - since);
      if (!closing.signal.aborted) {
        if (againIn === undefined) return ending;
        become({ state: "disconnected", againIn, ...ending });
        await sleep(againIn, closing.signal).catch(() => {});
      }
      if (closing.signal.aborted) return { code: 1000, reason: "by this client" };
    }
  };

  const client: Client = {
    name,
    tags,
    url: where,
    timeout,
    get hello() {
      return hello;
    },
    get status() {
      return status;
    },
    inbox,

    on(event, listener, wait) {
      const off = () => {
        listeners[event]!.delete(listener);
      };
      (listeners[event] ??= new Set()).add(listener);
      wait?.signal?.addEventListener("abort", off);
      return off;
    },

    async subscribe(service: string, ...rest: any[]) {
      const listener = typeof rest[0] === "function" ? rest.shift() : undefined;
      const how: SubscribeOptions = rest[0] ?? {};
      const entry = subscriptions.get(service) ?? { live: false, rings: new Set() };
      const stream = ring<Message>(how, () => {
        entry.rings.delete(stream);
        if (entry.rings.size || subscriptions.get(service) !== entry) return;
        subscriptions.delete(service);
        exchange({ type: "SELF_UNSUBSCRIBE", service }).catch(() => {});
      });
      Object.defineProperty(stream, "live", { get: () => entry.live });
      subscriptions.set(service, entry);
      entry.rings.add(stream);
      if (listener) stream.each(listener);
      try {
        const answer = entry.live ? undefined : await renew(service, how);
        if (answer && !(how.wait && answer.type === "INVALID_SERVICE")) checked(subscription(service), answer);
      } catch (error) {
        void stream.return();
        throw error;
      }
      return stream as any;
    },

    async serve(name, how = {}) {
      const stream = ring<Message>({ capacity: how.capacity });
      const close = async (wait?: Wait) => {
        if (services.get(name)?.ring !== stream) return;
        disown(name);
        await exchange({ type: "SERVICE_DELETE", service: name }, wait).catch(() => {});
      };
      const created = await ask(creation(name, how.nickname), how, ({ successful }) => {
        if (successful) services.set(name, { nickname: how.nickname, ring: stream });
      });
      if (!created.successful) throw new ConciergeError("EXISTS", `${name} exists`, created.service);
      how.signal?.addEventListener("abort", () => void close());
      return {
        name,
        inbox: stream as Ring<any>,
        broadcast: (data, wait) => client.send({ service: name }, data, wait),
        to: (uuid, data, wait) => client.send({ service: name, uuid }, data, wait),
        close,
        [Symbol.asyncDispose]: close,
      };
    },

    async send(to, data, wait) {
      await ask({ type: "MESSAGE", target: target(to), data: data ?? null }, wait);
    },

    async presence(how = {}) {
      const clients = new Map<string, ClientInfo>();
      let stream: Ring<PresenceEvent> | undefined;
      const move = (type: PresenceEvent["type"], client: ClientInfo) => {
        if (type === "left") clients.delete(client.uuid);
        else clients.set(client.uuid, client);
        stream?.push({ type, client });
      };
      const look = (wait?: Wait) =>
        ask({ type: "CLIENT_FETCH_ALL" }, wait, (answer) => {
          const present = new Map(answer.clients.map((client) => [client.uuid, client]));
          for (const [uuid, client] of clients) if (!present.has(uuid)) move("left", client);
          for (const [uuid, client] of present) if (!clients.has(uuid)) move("joined", client);
        });
      const leave = client.on("in", (payload) => {
        if (payload.type === "HELLO") look().catch(() => {});
        if (payload.type === "CLIENT_JOINED") move("joined", payload.client);
        if (payload.type === "CLIENT_LEFT") move("left", payload.client);
      });
      try {
        await look(how);
      } catch (error) {
        leave();
        throw error;
      }
      stream = ring(how, leave);
      return Object.assign(stream, { clients });
    },

    fetchSelf: (wait) => ask({ type: "SELF_FETCH" }, wait),
    fetchClient: (uuid, wait) => ask({ type: "CLIENT_FETCH", uuid }, wait),
    fetchClients: async (wait) => (await ask({ type: "CLIENT_FETCH_ALL" }, wait)).clients,
    fetchService: async (service, wait) => (await ask({ type: "SERVICE_FETCH", service }, wait)).service,
    fetchServices: async (wait) => (await ask({ type: "SERVICE_FETCH_ALL" }, wait)).services,

    request: (payload, wait) => exchange(payload, wait),

    async close() {
      closing.abort();
      await ended;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };

  if (options.onStatus) client.on("status", options.onStatus);
  if (signal?.aborted) closing.abort();
  signal?.addEventListener("abort", client.close);
  let ended: Promise<void>;
  return new Promise((resolve, reject) => {
    ended = run(() => resolve(client)).then((ending) => {
      closing.abort();
      signal?.removeEventListener("abort", client.close);
      become({ state: "closed", ...ending });
      const { code, reason } = ending;
      const error = new ConciergeError("CLOSED", `closed: ${code} ${reason}`, ending);
      for (const request of unsent) request.reject(error);
      for (const stream of rings) stream.end();
      reject(signal?.aborted ? signal.reason : error);
    });
  });
}
