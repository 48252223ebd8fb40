/** The connection behind a client. @module */

import { attempts } from "./backoff.js";
import type { Client, Ending, Events, Message, Options, PresenceEvent, Status, SubscribeOptions, To, WebSocketLike } from "./client.js";
import { ConciergeError } from "./error.js";
import type { ClientInfo, Hello, MessageOut, PayloadIn, PayloadOut, ServiceCreateResult, ServiceInfo, Target } from "./payloads.js";
import { call, ring, type Ring, type Stream } from "./stream.js";
import { sleep, within, type Wait } from "./wait.js";

/** Requests of a client that wait. */
const REQUESTS = 4_096;
/** Bytes that wait in its socket before the next request is refused. */
const BUFFERED = 2 ** 24;
/** What is restored after a reconnect before the answers are awaited. */
const RESTORED_AT_ONCE = 16;
/** From the start of a connection to its HELLO. */
const CONNECT_WITHIN = 10_000;
/** From the close frame of this client to that of the hub. */
const CLOSE_WITHIN = 5_000;
/** Asked about when nothing is heard: nobody has such a service, the answer is short, and nothing changes. */
const NOTHING = { type: "SERVICE_FETCH", service: "-" } as const;

interface Request {
  text: string;
  resolve(answer: PayloadOut): void;
  reject(reason: unknown): void;
}

/** The address of the hub's WebSocket. */
function address(hub: string | URL): string {
  const url = new URL(`${hub}`.replace(/^http/, "ws"));
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
  throw new ConciergeError(answer.type, (answer as { desc?: string }).desc, answer);
}

function target(to: To): Target {
  if (to === "all") return { type: "ALL" };
  const { service, name, uuid } = to as { service?: string; name?: string; uuid?: string };
  const type = service ? (uuid ? "SERVICE_CLIENT_UUID" : "SERVICE") : name ? "NAME" : "UUID";
  return { type, ...to } as Target;
}

function creation(service: string, nickname: string | undefined) {
  return { type: "SERVICE_CREATE", service, nickname: nickname! } as const; // JSON leaves out what is undefined
}

/**
 * A client of the hub at `url`, once it is in. See {@link Backoff} for how a lost connection is made again.
 *
 * @param url `ws://host:port/ws` (or `wss`, `http`, `https`); a missing path is `/ws`.
 * @throws {@link ConciergeError} `CLOSED` when the first connection fails.
 */
export async function connect(url: string | URL, options: Options): Promise<Client> {
  const {
    name,
    nickname,
    tags = [],
    secret,
    intents,
    signal,
    onStatus,
    backoff,
    capacity = 1_024,
    timeout = 30_000,
    payloadBytes = 65_536,
    silence = 15_000,
    WebSocket = globalThis.WebSocket as WebSocketLike,
  } = options;
  const where = address(url);
  const next = attempts(backoff === false ? { attempts: 0 } : backoff);
  const closing = new AbortController();
  let hangUp = () => {};
  const finish = () => {
    closing.abort(new ConciergeError("CLOSED"));
    hangUp();
  };
  const listeners: { [event: string]: Set<(event: any) => void> } = {};
  const subscriptions = new Map<string, { live: boolean; rings: Set<Ring<Message>> }>();
  const services = new Map<string, { nickname: string | undefined; rings: [Ring<Message>] }>();
  const rings = new Set<Ring<any>>();
  /** Sent, in the order of the answers: each message has one, in the order of the messages. */
  const sent: Request[] = [];
  const unsent = new Set<Request>();
  let socket: InstanceType<WebSocketLike> | undefined;
  /** Services and subscriptions are restored. */
  let open = false;

  const tell = <K extends keyof Events>(event: K, value: Events[K]) => {
    listeners[event]?.forEach((listener) => void call(listener, value));
  };
  const become = (now: Status) => {
    client.status = now;
    tell("status", now);
  };
  const flow = <T>({ capacity: own = capacity, signal }: { capacity?: number | undefined } & Wait, left?: () => void) => {
    signal?.throwIfAborted();
    const abort = () => made.end((_, reject) => reject(signal!.reason));
    const made = ring<T>(own, () => {
      rings.delete(made);
      signal?.removeEventListener("abort", abort);
      left?.();
    });
    rings.add(made);
    signal?.addEventListener("abort", abort);
    return made;
  };
  const inbox = flow<Message>({});

  const write = (text: string) => {
    socket!.send(text);
    tell("out", text); // after it: a listener may send, too
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
        closing.signal.throwIfAborted();
        if (new TextEncoder().encode(text).length > payloadBytes) throw new ConciergeError("TOO_BIG", `over ${payloadBytes} bytes`);
        if (!early && (sent.length + unsent.size >= REQUESTS || socket?.bufferedAmount! > BUFFERED)) throw new ConciergeError("BUSY");
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
  const ask = async <P extends PayloadIn>(payload: P, wait?: Wait, apply?: (answer: AnswerTo<P>) => void, early?: boolean) =>
    checked(payload, await exchange(payload, wait, apply, early));

  // what comes

  const take = (payload: PayloadOut) => {
    const { type, seq, service, origin } = payload as Partial<MessageOut & { seq: number; service: ServiceInfo }>;
    const { name, owner_uuid } = service ?? origin?.service ?? ({} as Partial<ServiceInfo>);
    // what an earlier connection owned may be told late
    const mine = owner_uuid === client.hello.uuid;
    const subscription = subscriptions.get(name!);
    if (seq !== undefined) sent.shift()?.resolve(payload);
    else if (type === "MESSAGE") {
      for (const ring of (mine ? services.get(name!) : subscription)?.rings ?? [inbox]) ring.push(payload as Message);
    } else if (type === "SERVICE_CREATE_RESULT") {
      if (subscription?.live === false) renew(name!, undefined, true).catch(() => {});
    } else if (type === "SERVICE_DELETE_RESULT") {
      if (subscription) subscription.live = false;
      if (mine) disown(name!);
    }
  };
  const disown = (name: string) => {
    services.get(name)?.rings[0].end();
    services.delete(name);
  };

  // what outlives a connection

  const renew = (service: string, wait?: Wait, early?: boolean) =>
    ask(
      { type: "SELF_SUBSCRIBE", service },
      wait,
      () => {
        const subscription = subscriptions.get(service);
        if (subscription) subscription.live = true;
      },
      early,
    );
  const restore = async () => {
    const mine = socket;
    const owed: (() => Promise<unknown>)[] = [];
    for (const [name, { nickname }] of services) {
      const lose = ({ successful, service }: ServiceCreateResult) => {
        if (successful) return;
        disown(name);
        tell("lost", service);
      };
      owed.push(() => exchange(creation(name, nickname), undefined, lose, true));
    }
    for (const name of subscriptions.keys()) owed.push(() => renew(name, undefined, true));
    while (owed.length) {
      await Promise.allSettled(owed.splice(0, RESTORED_AT_ONCE).map((restore) => restore()));
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
      closing.signal.throwIfAborted();
      const ws = new WebSocket(where, "ert-concierge");
      let why = "";
      let welcomed = false;
      let silent = 0;
      const end = (code: number, reason: string) => {
        clearTimeout(timer);
        clearInterval(watch);
        ws.onopen = ws.onmessage = ws.onclose = null;
        if (code === 1006) ws.terminate ? ws.terminate() : ws.close();
        socket = undefined;
        open = false;
        hangUp = () => {};
        resolve({ code, reason: reason || why });
      };
      let timer = setTimeout(end, CONNECT_WITHIN, 1006, "no HELLO");
      const watch = setInterval(() => {
        if (welcomed && silent++) {
          exchange(NOTHING, {}, undefined, true).catch(({ code }) => {
            if (code === "TIMED_OUT") end(1006, "silence");
          });
        }
      }, silence);
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
          return end(1006, "no payload");
        }
        tell("in", payload);
        if (welcomed) return void take(payload);
        welcomed = true;
        clearTimeout(timer);
        client.hello = payload as Hello;
        welcome();
      };
      ws.onerror = (event) => {
        why = event?.message ?? "";
      };
      ws.onclose = ({ code, reason }) => end(code, reason);
      hangUp = () => {
        ws.close(1000);
        clearTimeout(timer);
        timer = setTimeout(end, CLOSE_WITHIN, 1006);
      };
    });

  /** One connection after the other. The last one's end. */
  const run = async (entered: () => void): Promise<Ending> => {
    while (!closing.signal.aborted) {
      let since: number | undefined;
      become({ state: "connecting" });
      const ending = await within<string | undefined>(
        (resolve, reject) => void (async () => (typeof secret === "function" ? secret() : secret))().then(resolve, reject),
        closing.signal,
        timeout,
      )
        .then((password) =>
          converse(password, () => {
            since = Date.now();
            become({ state: "connected", hello: client.hello });
            void restore();
            entered();
          }),
        )
        .catch((error): Ending => ({ code: 1006, reason: `${error}` }));
      for (const request of sent.splice(0)) request.reject(new ConciergeError("DISCONNECTED"));
      for (const subscription of subscriptions.values()) subscription.live = false;
      const againIn = next(ending.code, since && Date.now() - since);
      if (closing.signal.aborted) break;
      if (againIn === undefined) return ending;
      become({ state: "disconnected", againIn, ...ending });
      await sleep(againIn, closing.signal).catch(() => {});
    }
    return { code: 1000, reason: "" };
  };

  const client: { -readonly [K in keyof Client]: Client[K] } = {
    name,
    tags,
    url: where,
    timeout,
    hello: undefined!,
    status: undefined!,
    signal: closing.signal,
    inbox: inbox.stream,

    on(event, listener) {
      const all = (listeners[event] ??= new Set());
      all.add(listener);
      return () => all.delete(listener);
    },

    async subscribe(service: string, listener: any, how: SubscribeOptions = listener?.call ? {} : (listener ?? {})) {
      const entry = subscriptions.get(service) ?? { live: false, rings: new Set() };
      const own = flow<Message>(how, () => {
        entry.rings.delete(own);
        if (entry.rings.size || subscriptions.get(service) !== entry) return;
        subscriptions.delete(service);
        exchange({ type: "SELF_UNSUBSCRIBE", service }).catch(() => {});
      });
      const { stream } = own;
      Object.defineProperty(stream, "live", { get: () => entry.live });
      subscriptions.set(service, entry);
      entry.rings.add(own);
      if (listener?.call) stream.each(listener);
      try {
        if (!entry.live) await renew(service, how);
      } catch (error: any) {
        if (!how.wait || error.code !== "INVALID_SERVICE") {
          void stream.return();
          throw error;
        }
      }
      return stream as any;
    },

    async serve(name, how = {}) {
      let own: Ring<Message> | undefined;
      let unwanted = false;
      const close = async (wait?: Wait) => {
        if (services.get(name)?.rings[0] !== own) return;
        disown(name);
        await exchange({ type: "SERVICE_DELETE", service: name }, wait).catch(() => wait?.signal?.throwIfAborted());
      };
      const created = await ask(creation(name, how.nickname), how, ({ successful }) => {
        if (!successful) return;
        services.set(name, { nickname: how.nickname, rings: [(own = flow({ capacity: how.capacity }))] });
        if (unwanted) void close(); // it was given up before the answer came
      }).catch((error) => {
        unwanted = true;
        throw error;
      });
      if (!created.successful) throw new ConciergeError("EXISTS", name, created.service);
      return {
        name,
        inbox: own!.stream as Stream<any>,
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
      let own: Ring<PresenceEvent> | undefined;
      const move = (event: PayloadOut) => {
        if (event.type === "CLIENT_LEFT") clients.delete(event.client.uuid);
        else if (event.type === "CLIENT_JOINED") clients.set(event.client.uuid, event.client);
        else return;
        own?.push(event);
      };
      const look = (wait?: Wait) =>
        ask({ type: "CLIENT_FETCH_ALL" }, wait, ({ clients: present }) => {
          const uuids = new Set(present.map(({ uuid }) => uuid));
          for (const [uuid, client] of clients) if (!uuids.has(uuid)) move({ type: "CLIENT_LEFT", client });
          for (const client of present) if (!clients.has(client.uuid)) move({ type: "CLIENT_JOINED", client });
        });
      const leave = client.on("in", (payload) => {
        if (payload.type === "HELLO") look().catch(() => {});
        move(payload);
      });
      try {
        await look(how);
        own = flow(how, leave);
      } catch (error) {
        leave();
        throw error;
      }
      return Object.assign(own.stream, { clients });
    },

    fetchSelf: (wait) => ask({ type: "SELF_FETCH" }, wait),
    fetchClient: (uuid, wait) => ask({ type: "CLIENT_FETCH", uuid }, wait),
    fetchClients: (wait) => ask({ type: "CLIENT_FETCH_ALL" }, wait),
    fetchService: (service, wait) => ask({ type: "SERVICE_FETCH", service }, wait),
    fetchServices: (wait) => ask({ type: "SERVICE_FETCH_ALL" }, wait),

    request: (payload, wait) => exchange(payload, wait),

    async close() {
      finish();
      await ended;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };

  if (onStatus) client.on("status", onStatus);
  if (signal?.aborted) finish();
  signal?.addEventListener("abort", client.close);
  let ended: Promise<void>;
  return new Promise((resolve, reject) => {
    ended = run(() => resolve(client)).then((ending) => {
      finish();
      signal?.removeEventListener("abort", client.close);
      become({ state: "closed", ...ending });
      const error = new ConciergeError("CLOSED", `closed: ${ending.code} ${ending.reason}`, ending);
      for (const request of unsent) request.reject(error);
      for (const stream of rings) stream.end();
      reject(signal?.aborted ? signal.reason : error);
    });
  });
}
