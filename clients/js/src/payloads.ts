/**
 * The type of every payload, of every envelope of the coordinator, and of what the admin service is asked and says.
 *
 * Written by `npm run payloads` from docs/protocol.schema.json; not to be edited.
 *
 * @module
 */

/** What was asked, and what became of it. */
export type AdminAccount = {
  /** Requests. */
  requests: number;
  /** Those that wait. */
  open: number;
  /** Those that brought results. */
  results: number;
  /** Those that brought an error, by its name: `TIMEOUT`, … */
  errors: { [name: string]: number };
  /** How long the final response took of those that a worker was given: how many took that many milliseconds at most, and more than the bound before. Bounds are 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, … (powers of two and what is between them). */
  took_ms: { [name: string]: number };
};

/** A category: who serves it, and what was asked of it. */
export type AdminCategory = {
  /** Which. */
  category: string;
  /** Who serves it, `ADMIN_WORKERS` of them; who is asked next comes first. */
  workers: Array<AdminWorker>;
  /** How many serve it. */
  served_by: number;
  /** What was asked of it. It begins anew after so many others were asked that it was forgotten. */
  account: AdminAccount;
};

/** A client as administrators see it. */
export type AdminClientRecord = {
  /** Public id. */
  uuid: ClientId;
  /** Name. */
  name: ClientName;
  /** Nickname. */
  nickname: string | null;
  /** Tags. */
  tags: Array<string>;
  /** Where its connection comes from; none for a client that is built in. */
  address: string | null;
  /** When it joined, in milliseconds since 1970, to a second. */
  joined_at: number;
  /** Bytes that wait for it. */
  queued_bytes: number;
  /** Payloads that came from it. */
  payloads_in: number;
  /** Their bytes. */
  bytes_in: number;
  /** Messages that were queued for it. */
  messages_out: number;
  /** All bytes that were written to it. */
  bytes_out: number;
  /** Services that it owns, at most `ADMIN_SERVICES_SHOWN` of them. */
  owns: Array<ServiceName>;
  /** How many these are. */
  owned: number;
  /** Services that it is subscribed to, at most as many. */
  subscriptions: Array<ServiceName>;
  /** How many these are. */
  subscribed: number;
};

/** Clients that came or changed, and that went. */
export type AdminClients = {
  /** As they are now. */
  clients: Array<AdminClientRecord>;
  /** Who is not here any more. */
  gone: Array<ClientId>;
  /** Further changes that follow at once. */
  more: number;
  /** The first of them: what was told before counts no more. */
  begin: boolean;
};

/** What the coordinator has counted since the hub began, and how it stands. */
export type AdminCoordinatorStats = {
  /** Requests, by the status of their answer. */
  requests: { [name: string]: number };
  /** Messages that a worker's connection took. */
  offers_taken: number;
  /** Messages for which nobody was there or had room. */
  offers_held: number;
  /** Workers that poll over HTTP. */
  pollers: number;
  /** Changes that were made durable. */
  transactions: number;
  /** Commits that it took. */
  commits: number;
  /** How long these took, all together. */
  commit_us: number;
  /** Promises by state; none until they were counted. */
  promises: { [name: string]: number };
  /** Tasks by state; none until they were counted. */
  tasks: { [name: string]: number };
};

/** Where a frame went, as the hub sees it. */
export type AdminDirection = "in" | "out";

/** Something that happened. */
export type AdminEvent = {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "started";
  /** Of the program. */
  version: string;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "joined";
  /** Who. */
  client: AdminNamed;
  /** From where; none when it is built in. */
  address: string | null;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "left";
  /** Who. */
  client: AdminNamed;
  /** The close code: 1005 is a close frame without one, 1006 none at all. */
  code: number;
  /** Who ended it: the hub, or else the client. */
  by_hub: boolean;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "service_created";
  /** Which. */
  service: ServiceName;
  /** Whose. */
  owner: ClientId;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "service_deleted";
  /** Which. */
  service: ServiceName;
  /** Whose it was. */
  owner: ClientId;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "subscribed";
  /** Who. */
  client: AdminNamed;
  /** To which. */
  service: ServiceName;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "unsubscribed";
  /** Who. */
  client: AdminNamed;
  /** To which. */
  service: ServiceName;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "kicked";
  /** Whose. */
  client: AdminNamed;
  /** The close code. */
  code: number;
  /** The reason. */
  reason: string;
  /** Who did it. */
  by: ClientId;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "wrong_secret";
  /** From where. */
  address: string;
  /** It was to be the admin secret, not the hub's. */
  admin: boolean;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "limited";
  /** Which: `services`, `subscriptions`. */
  limit: string;
  /** From where. */
  address: string;
  /** Whose, when it has joined. */
  client: ClientId | null;
  /** How often since this was told last. */
  times: number;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "throttled";
  /** Which limit: `messages`, `bytes`, `address_messages`, `address_bytes`, `endings`. */
  limit: string;
  /** From where. */
  address: string;
  /** Whose. */
  client: ClientId;
  /** How often since this was told last. */
  times: number;
} | {
  /** Its number, from 1 on. */
  n: number;
  /** When, in milliseconds since 1970. */
  at: number;
  event: "refused";
  /** Why. */
  reason: string;
  /** The HTTP status, or, from 1000 on, the close code. */
  code: number;
  /** From where. */
  address: string;
  /** How often since this was told last. */
  times: number;
};

/** Things that happened. */
export type AdminEvents = {
  /** In their order. */
  events: Array<AdminEvent>;
  /** How many before these the hub had forgotten already. */
  lost: number;
};

/** A change below a client's folder. */
export type AdminFileChange = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** What happened. */
  event: AdminFileEvent;
  /** Whose folder it is. */
  owner: AdminNamed;
  /** Below that folder; empty is the folder itself. One of a folder ends in `/`. */
  path: string;
  /** Bytes of a file that was stored. */
  size: number | null;
};

/** What can happen to files. */
export type AdminFileEvent = "stored" | "made" | "deleted";

/** Files and folders that changed. */
export type AdminFiles = {
  /** The last change of each. */
  files: Array<AdminFileChange>;
  /** How many more changes there were, which were not kept. */
  left_out: number;
};

/** What came from a client and went to it. */
export type AdminFrames = {
  /** In their order. */
  frames: Array<AdminSeenFrame>;
  /** The client. */
  uuid: ClientId;
  /** How many more there were, which were not kept. */
  left_out: number;
  /** The client is gone, and nobody watches it any more. */
  gone: boolean;
};

/** What a hub remembers of a task, or of all tasks of a root: the answer to `task.history`. */
export type AdminHistory = {
  /** In their order, the last `HISTORY_SHOWN` of them. */
  steps: Array<AdminMoment>;
  /** How many before these are remembered and not shown. */
  left_out: number;
  /** What was before this is not remembered, in milliseconds since 1970. */
  since: number;
};

/** What was said to a service, and through it. */
export type AdminMessages = {
  /** In the order they were noticed. */
  messages: Array<AdminOverheard>;
  /** The service. */
  service: ServiceName;
  /** How many more there were, which were not kept. */
  left_out: number;
};

/** Something that happened to a task. */
export type AdminMoment = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "created";
  /** The promise that its tree began with. */
  root: string | null;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "offered";
  /** To whom: an address. */
  to: string;
  /** Who took it: a client's uuid, or the pid of a poller. None: nobody was there or had room. */
  taken_by: string | null;
  /** How often, one after the other. */
  times: number;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "claimed";
  /** Who. */
  pid: string;
  /** For how long, until a heartbeat. */
  ttl: number;
  /** How often it was claimed by now. */
  claims: number;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "lease_over";
  /** Whose it was. */
  pid: string;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "released";
  /** Who. */
  pid: string;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "suspended";
  /** For the first `HISTORY_AWAITED` of these. */
  on: Array<string>;
  /** How many they are. */
  count: number;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "resumed";
  /** Which. */
  by: string;
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "halted";
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "continued";
} | {
  /** When, in milliseconds since 1970. */
  at: number;
  /** To which. */
  id: string;
  step: "fulfilled";
  /** How. */
  state: PromiseState;
};

/** A client by its name and id. */
export type AdminNamed = {
  /** Name. */
  name: ClientName;
  /** Public id. */
  uuid: ClientId;
};

/** The connection to a NATS server. */
export type AdminNats = {
  /** Whether it stands. */
  connected: boolean;
  /** Where to, without secrets. */
  url: string;
  /** What the server calls its version. */
  server_version: string | null;
  /** Since when it stands, or does not, in milliseconds since 1970. */
  since: number;
  /** How often it was made again. */
  reconnects: number;
  /** What went wrong last. */
  last_error: string | null;
};

/** Kinds of frames. */
export type AdminOpcode = "text" | "binary" | "ping" | "pong" | "close";

/** One message. */
export type AdminOverheard = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** Who sent it. */
  from: ClientId;
  /** To whom. */
  target: Target;
  /** Bytes of its data. */
  bytes: number;
  /** Its data as it stood; none when it is longer than `ADMIN_DATA_BYTES`. */
  data: unknown;
};

/** A page of clients. */
export type AdminPage = {
  /** In the order they joined. */
  clients: Array<AdminClientRecord>;
  /** The last of them, when there may be more. */
  next: ClientId | null;
};

/** Promises that changed. */
export type AdminPromises = {
  /** As they are now, each once. */
  promises: Array<PromiseRecord>;
  /** How many more changes there were, which were not kept. */
  left_out: number;
};

/** Why a request was not done. */
export type AdminRefusal = {
  /** For programs. */
  code: AdminRefusalCode;
  /** For people. */
  message: string;
};

/** The kinds of refusals. */
export type AdminRefusalCode = "BAD_REQUEST" | "FORBIDDEN" | "INVALID_UUID" | "INVALID_SERVICE" | "TOO_MANY";

/** A request: the data of a MESSAGE to the service. */
export type AdminRequest = {
  /** Comes back with the answer. */
  id?: unknown;
  op: "auth";
  /** The secret. */
  secret: string;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "stats.watch";
  /** How often. */
  every_ms?: number;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "stats.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "clients.list";
  /** Those that joined after this one. */
  after?: ClientId | null;
  /** How many at most. */
  limit?: number;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "clients.watch";
  /** How often. */
  every_ms?: number;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "clients.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "clients.kick";
  /** Whose. */
  uuid: ClientId;
  /** The code of the close frame. */
  code?: number;
  /** Its reason. */
  reason?: string;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "events.watch";
  /** After the event of that number; without one, all that the hub remembers. */
  since?: number | null;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "events.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "service.watch";
  /** Which. */
  service: ServiceName;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "service.unwatch";
  /** Which. */
  service: ServiceName;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "frames.watch";
  /** Whose. */
  uuid: ClientId;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "frames.unwatch";
  /** Whose. */
  uuid: ClientId;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "promises.watch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "promises.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "tasks.watch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "tasks.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "files.watch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "files.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "router.look";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "router.watch";
  /** How often. */
  every_ms?: number;
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "router.unwatch";
} | {
  /** Comes back with the answer. */
  id?: unknown;
  op: "task.history";
  /** The task. */
  task?: string | null;
  /** Or the promise that its tree began with. */
  root?: string | null;
};

/** What clients may send to the subjects below one. */
export type AdminRoute = {
  /** Subjects that begin with it; `null` is every subject. */
  subject: string | null;
  /** What workers see before the subject. */
  prefix: string | null;
  /** Whether requests pass. */
  requests: boolean;
  /** Whether pushes pass. */
  pushes: boolean;
  /** Only clients that have one of these tags; none is everybody. */
  tags: Array<string>;
  /** How long a request may wait. */
  within_ms: number;
  /** How many requests of one client may wait. */
  in_flight: number;
};

/** How a router stands, and what it has counted since it began: the answer to `router.look`. Rates are differences of two looks. */
export type AdminRouter = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** What clients may send where; of several that cover a subject the first counts. */
  routes: Array<AdminRoute>;
  /** Only clients that have one of these tags may serve; none is everybody. */
  worker_tags: Array<string>;
  /** Clients that serve something. */
  workers: number;
  /** Requests that wait. */
  open: number;
  /** Totals. */
  totals: AdminRouterTotals;
  /** Categories that are served or were asked for, by name, `ADMIN_CATEGORIES` of them. */
  categories: Array<AdminCategory>;
  /** Categories that are served beside those. */
  left_out: number;
  /** What was asked of all other categories, one that nobody ever served among them. */
  others: AdminAccount;
  /** The last errors, in their order. */
  faults: Array<AdminRouterFault>;
  /** The NATS server, if there is one. */
  nats: AdminNats | null;
};

/** A request that was answered with an error. */
export type AdminRouterFault = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** What was asked. */
  cmd: string;
  /** Who asked. */
  client: ClientId;
  /** Its name. */
  name: ClientName | null;
  /** The error's number. */
  code: number;
  /** Its name. */
  error: string;
  /** What it is about, cut. */
  items: Array<string>;
  /** What else it says to people, cut. */
  message: string | null;
};

/** What passed a router. */
export type AdminRouterTotals = {
  /** Requests, whatever became of them. */
  requests: number;
  /** Those that brought results. */
  results: number;
  /** Those that brought an error, by its name: `TIMEOUT`, … */
  errors: { [name: string]: number };
  /** Parts of answers, those without which more follows. */
  parts: number;
  /** Pushes that were passed on, or that the router obeyed. */
  pushes: number;
  /** Pushes that nobody got. */
  lost: number;
  /** Requests that no worker had room for, and workers that had none for a push. */
  no_room: number;
  /** Responses to requests that were over. */
  late: number;
  /** Responses to no request of that worker. */
  unknown: number;
  /** What was no packet. */
  malformed: number;
};

/** What the service says: the data of a MESSAGE from it. */
export type AdminSaid = {
  /** Of the request. */
  id: unknown;
  /** What it led to. */
  ok: unknown;
} | {
  /** Of the request. */
  id: unknown;
  /** Why. */
  error: AdminRefusal;
} | {
  /** A snapshot. */
  stats: AdminStats;
} | {
  /** How it stands. */
  router: AdminRouter;
} | AdminClients | AdminEvents | AdminMessages | AdminFrames | AdminPromises | AdminTasks | AdminFiles;

/** One frame; of a message that came in several, the message. */
export type AdminSeenFrame = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** Where it went. */
  direction: AdminDirection;
  /** Its kind. */
  opcode: AdminOpcode;
  /** Bytes of its payload. */
  bytes: number;
  /** Its text, or the reason of a close frame; none when it has none, or might show a secret. */
  text: string | null;
  /** The text was longer than `ADMIN_DATA_BYTES`. */
  cut: boolean;
  /** Of a close frame that has one. */
  code: number | null;
};

/** What a hub has counted since it began, and how it stands. Rates are differences of two snapshots. */
export type AdminStats = {
  /** When, in milliseconds since 1970. */
  at: number;
  /** Of the program. */
  version: string;
  /** How long the hub has been here. */
  uptime_ms: number;
  /** Clients that are here. */
  clients: number;
  /** Services. */
  services: number;
  /** Subscriptions of all clients together. */
  subscriptions: number;
  /** Open connections of any kind. */
  connections: number;
  /** Payloads of clients. */
  payloads_in: number;
  /** Their bytes. */
  bytes_in: number;
  /** Bytes written to clients. */
  bytes_out: number;
  /** Bytes that wait for clients. */
  queued_bytes: number;
  /** Messages that were routed. */
  messages: number;
  /** Copies of them that were queued. */
  deliveries: number;
  /** Messages that nobody got. */
  messages_refused: number;
  /** Payloads that could not be read. */
  malformed: number;
  /** Clients that were ended because they read too slowly (4011). */
  slow_consumers: number;
  /** Connections that were refused, by reason. */
  refused: { [name: string]: number };
  /** Connections that ended, by close code, `other` or `peer`. */
  closed: { [name: string]: number };
  /** What was refused or put off because of a limit. */
  limited: { [name: string]: number };
  /** The coordinator, if there is one. */
  coordinator: AdminCoordinatorStats | null;
  /** File descriptors of the process. */
  descriptors: AdminUsage;
  /** Its memory, and what the machine or its container has. */
  memory: AdminUsage;
  /** The disks that the hub keeps something on, by what: `state`, `files`. */
  disks: { [name: string]: AdminUsage };
};

/** Tasks that changed. */
export type AdminTasks = {
  /** As they are now, each once. */
  tasks: Array<TaskRecord>;
  /** How many more changes there were, which were not kept. */
  left_out: number;
};

/** How much is used of what there is; a limit of 0 is unknown. */
export type AdminUsage = {
  /** Used. */
  used: number;
  /** All of it. */
  limit: number;
};

/** Somebody who serves a category. */
export type AdminWorker = {
  /** Who. */
  uuid: ClientId;
  /** Its name. */
  name: ClientName | null;
  /** Its group in this category, of which one worker gets a push. */
  group: string | null;
  /** The subjects that it serves; `null` is whichever a request names. */
  subjects: Array<string> | null;
  /** Requests of all its categories that wait for it. */
  open: number;
  /** When it said last what it serves, in milliseconds since 1970. */
  since: number;
};

/** BAD: not allowed to this client. */
export type Bad = {
  type: "BAD";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
};

/** CLIENT_FETCH: a client and its subscriptions. Answered CLIENT_FETCH_RESULT or INVALID_UUID. */
export type ClientFetch = {
  type: "CLIENT_FETCH";
  /** The client. */
  uuid: ClientId;
};

/** CLIENT_FETCH_ALL: all clients, oneself too, in the order they joined. Answered CLIENT_FETCH_ALL_RESULT. */
export type ClientFetchAll = {
  type: "CLIENT_FETCH_ALL";
};

/** CLIENT_FETCH_ALL_RESULT. */
export type ClientFetchAllResult = {
  type: "CLIENT_FETCH_ALL_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** All clients, in the order they joined. */
  clients: Array<ClientInfo>;
};

/** CLIENT_FETCH_RESULT. */
export type ClientFetchResult = {
  type: "CLIENT_FETCH_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The client. */
  client: ClientInfo;
  /** The services it is subscribed to, in the order it subscribed. */
  subscriptions: Array<ServiceInfo>;
};

/** CLIENT_JOINED: news to every other client. */
export type ClientJoined = {
  type: "CLIENT_JOINED";
  /** The newcomer. */
  client: ClientInfo;
};

/** CLIENT_LEFT: news to every client that stays. */
export type ClientLeft = {
  type: "CLIENT_LEFT";
  /** The leaver. */
  client: ClientInfo;
};

/** The public id of a client for as long as it is connected: every client sees it. */
export type ClientId = string;

/** A client as all others see it. An absent nickname is `null`. */
export type ClientInfo = {
  /** Unique at every moment. */
  name: ClientName;
  /** For people; need not be unique. */
  nickname: string | null;
  /** Public id, new with every connection. */
  uuid: ClientId;
  /** What the client said of itself. */
  tags: Array<string>;
};

/** 1 to 64 characters of A-Z a-z 0-9 _. */
export type ClientName = string;

/** What the coordinator answers. */
export type CoordinatorAnswer = {
  kind: "promise.get";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "promise.create";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "promise.settle";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "promise.register";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "promise.subscribe";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "task.get";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    task: TaskRef;
  };
} | {
  kind: "task.create";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    task: TaskRef;
    promise: PromiseFirst;
  };
} | {
  kind: "task.acquire";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    kind: "invoke";
    data: {
      invoked: PromiseFirst;
    };
  } | {
    kind: "resume";
    data: {
      invoked: PromiseFirst;
      awaited: PromiseFirst;
    };
  };
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    status: 300;
    version?: never;
  };
} | {
  kind: "task.fulfill";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "task.release";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
} | {
  kind: "task.fence";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
  data: {
    action: CoordinatorAnswer;
  };
} | {
  kind: "task.heartbeat";
  head: {
    corrId: string;
    status: 200;
    version?: never;
  };
} | {
  kind: "promise.get";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "promise.create";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "promise.settle";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "promise.register_callback";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "promise.register_listener";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "promise.search";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promises: Array<PromiseRecord>;
    cursor?: string;
  };
} | {
  kind: "task.get";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    task: TaskRecord;
  };
} | {
  kind: "task.create";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    task: TaskRecord;
    promise: PromiseRecord;
    preload: Array<PromiseRecord>;
  };
} | {
  kind: "task.acquire";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    kind: "invoke" | "resume";
    task: TaskRecord;
    promise: PromiseRecord;
    preload: Array<PromiseRecord>;
  };
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    status: 300;
    version: "2026-04-01";
  };
  data: {
    preload: Array<PromiseRecord>;
  };
} | {
  kind: "task.fulfill";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    promise: PromiseRecord;
  };
} | {
  kind: "task.release";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "task.fence";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    action: CoordinatorAnswer;
    preload: Array<PromiseRecord>;
  };
} | {
  kind: "task.heartbeat";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "task.halt";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "task.continue";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "task.search";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    tasks: Array<TaskRecord>;
    cursor?: string;
  };
} | {
  kind: "schedule.get";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    schedule: ScheduleRecord;
  };
} | {
  kind: "schedule.create";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    schedule: ScheduleRecord;
  };
} | {
  kind: "schedule.delete";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: object;
} | {
  kind: "schedule.search";
  head: {
    corrId: string;
    status: 200;
    version: "2026-04-01";
  };
  data: {
    schedules: Array<ScheduleRecord>;
    cursor?: string;
  };
} | {
  kind: string;
  head: {
    corrId: string;
    status: 400 | 404 | 409 | 422 | 429 | 500 | 501;
    version?: "2026-04-01";
  };
  data: string;
};

/** What the coordinator says by itself. */
export type CoordinatorMessage = {
  kind: "invoke" | "resume" | "execute";
  head: object;
  data: {
    task: TaskRef;
  };
} | {
  kind: "notify";
  head: object;
  data: {
    promise: PromiseFirst;
  };
} | {
  kind: "unblock";
  head: object;
  data: {
    promise: PromiseRecord;
  };
};

/** What may be asked of the coordinator. */
export type CoordinatorRequest = {
  kind: "promise.get";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseRef;
} | {
  kind: "promise.create";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseCreateFirst;
} | {
  kind: "promise.settle";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseSettle;
} | {
  kind: "promise.register";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseRegister;
} | {
  kind: "promise.subscribe";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseSubscribe;
} | {
  kind: "task.get";
  head: {
    corrId: string;
    version?: never;
  };
  data: PromiseRef;
} | {
  kind: "task.create";
  head: {
    corrId: string;
    version?: never;
  };
  data: unknown;
} | {
  kind: "task.acquire";
  head: {
    corrId: string;
    version?: never;
  };
  data: TaskAcquire;
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    version?: never;
  };
  data: unknown;
} | {
  kind: "task.fulfill";
  head: {
    corrId: string;
    version?: never;
  };
  data: unknown;
} | {
  kind: "task.release";
  head: {
    corrId: string;
    version?: never;
  };
  data: TaskRef;
} | {
  kind: "task.fence";
  head: {
    corrId: string;
    version?: never;
  };
  data: unknown;
} | {
  kind: "task.heartbeat";
  head: {
    corrId: string;
    version?: never;
  };
  data: TaskHeartbeat;
} | {
  kind: "promise.get";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseRef;
} | {
  kind: "promise.create";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseCreate;
} | {
  kind: "promise.settle";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseSettle;
} | {
  kind: "promise.register_callback";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseRegister;
} | {
  kind: "promise.register_listener";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseListen;
} | {
  kind: "promise.search";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: {
    state?: PromiseState | null;
    tags?: { [name: string]: string } | null;
    limit?: number | null;
    cursor?: string | null;
  };
} | {
  kind: "task.get";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseRef;
} | {
  kind: "task.create";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: unknown;
} | {
  kind: "task.acquire";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: TaskAcquire;
} | {
  kind: "task.suspend";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: unknown;
} | {
  kind: "task.fulfill";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: unknown;
} | {
  kind: "task.release";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: TaskRef;
} | {
  kind: "task.fence";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: unknown;
} | {
  kind: "task.heartbeat";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: TaskHeartbeat;
} | {
  kind: "task.halt";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseRef;
} | {
  kind: "task.continue";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: PromiseRef;
} | {
  kind: "task.search";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: {
    state?: TaskState | null;
    cursor?: string | null;
    limit?: number | null;
  };
} | {
  kind: "schedule.get";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: ScheduleRef;
} | {
  kind: "schedule.create";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: ScheduleCreate;
} | {
  kind: "schedule.delete";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: ScheduleRef;
} | {
  kind: "schedule.search";
  head: {
    corrId: string;
    version: "2026-04-01";
  };
  data: {
    cursor?: string | null;
    tags?: { [name: string]: string } | null;
    limit?: number | null;
  };
};

/** ERROR_INTERNAL: the hub failed; nothing was changed. */
export type ErrorInternal = {
  type: "ERROR_INTERNAL";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** A sentence. */
  desc: string;
};

/** ERROR_PROTOCOL: the payload was malformed or over a limit; nothing was changed. */
export type ErrorProtocol = {
  type: "ERROR_PROTOCOL";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** A sentence that names the field; at most 128 characters. */
  desc: string;
};

/** ERROR_UNSUPPORTED: the `type` is not accepted here. */
export type ErrorUnsupported = {
  type: "ERROR_UNSUPPORTED";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
};

/** The private key of a client to the file server (`fs_key` of HELLO). Only its owner ever sees it. */
export type FileKey = string;

/** HELLO: the client is in. The first payload that it gets. */
export type Hello = {
  type: "HELLO";
  /** The client's public id; also a key to the file server where the hub says so. */
  uuid: ClientId;
  /** The hub's protocol version. */
  version: string;
  /** The client's private key to the file server. Hubs of the original protocol do not send it. */
  fs_key?: FileKey | null;
};

/** IDENTIFY: the first payload of every client, within 5 s. Answered HELLO, or a close code. */
export type Identify = {
  type: "IDENTIFY";
  /** Unique among the connected clients, else 4005. */
  name: ClientName;
  /** At most 128 characters. */
  nickname?: string | null;
  /** The protocol version that the client speaks; must match `^0.2.0`, else 4007. */
  version: string;
  /** The hub's secret, when it has one, else 4006. */
  secret?: string | null;
  /** At most 32 of at most 64 characters. */
  tags?: Array<string> | null;
  /** What of others it wants to hear of; absent is everything. A word that is none of these is 4002. */
  intents?: Array<Intent> | null;
};

/** INVALID_NAME: no client of that name. */
export type InvalidName = {
  type: "INVALID_NAME";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The name. */
  name: ClientName;
};

/** INVALID_SERVICE: no service of that name. */
export type InvalidService = {
  type: "INVALID_SERVICE";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The name. */
  service: ServiceName;
};

/** INVALID_UUID: no client of that id. */
export type InvalidUuid = {
  type: "INVALID_UUID";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The id. */
  uuid: ClientId;
};

/** One kind of payloads without `seq`. Answers come always. */
export type Intent = "MESSAGES" | "SERVICES" | "CLIENTS" | "SERVICE_CLIENTS";

/** MESSAGE as a client writes it. Answered OK, BAD, INVALID_NAME, INVALID_UUID or INVALID_SERVICE. */
export type MessageIn = {
  type: "MESSAGE";
  /** Where it goes. */
  target: Target;
  /** Any JSON; relayed byte for byte. */
  data: unknown;
};

/** MESSAGE as it is delivered. */
export type MessageOut = {
  type: "MESSAGE";
  /** Who sent it. */
  origin: Origin;
  /** Where it was sent. */
  target: Target;
  /** The sender's bytes. */
  data: unknown;
};

/** OK: done. */
export type Ok = {
  type: "OK";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
};

/** Who sent a MESSAGE. `service` is set when it was sent to a service; its `subscribers` are `[]`. */
export type Origin = {
  /** Name of the sender. */
  name: ClientName;
  /** Nickname of the sender. */
  nickname: string | null;
  /** Public id of the sender. */
  uuid: ClientId;
  /** Tags of the sender. */
  tags: Array<string>;
  /** The service it was sent to or through. */
  service: ServiceInfo | null;
};

/** What a client may send to the hub. */
export type PayloadIn = Identify | SelfSubscribe | SelfUnsubscribe | SelfFetch | SelfSetSeq | ServiceCreate | ServiceDelete | ServiceFetch | ServiceFetchAll | ClientFetch | ClientFetchAll | MessageIn;

/** What the hub sends to a client. */
export type PayloadOut = Ok | Bad | Hello | SelfSubscribeResult | SelfUnsubscribeResult | SelfFetchResult | ServiceCreateResult | ServiceDeleteResult | ServiceFetchResult | ServiceFetchAllResult | ClientFetchResult | ClientFetchAllResult | MessageOut | ClientJoined | ClientLeft | ServiceClientSubscribed | ServiceClientUnsubscribed | ErrorInternal | ErrorUnsupported | ErrorProtocol | InvalidName | InvalidUuid | InvalidService;

export type PromiseRecord = {
  id: string;
  state: PromiseState;
  param: ValueKept;
  value: ValueKept;
  tags: { [name: string]: string };
  timeoutAt: number;
  createdAt: number;
  settledAt?: number;
};

export type PromiseCreate = {
  id: string;
  param?: Value | null;
  tags?: { [name: string]: string } | null;
  timeoutAt: number;
};

export type PromiseCreateFirst = {
  id: string;
  param?: Value | null;
  tags?: { [name: string]: string } | null;
  timeoutOn: number;
};

export type PromiseFirst = {
  id: string;
  state: PromiseState;
  param: ValueFirst;
  value: ValueFirst;
  tags: { [name: string]: string };
  createdOn: number;
  timeoutOn: number;
  settledOn?: number;
};

export type PromiseListen = {
  awaited: string;
  address: string;
};

export type PromiseRef = {
  id: string;
};

export type PromiseRegister = {
  awaiter: string;
  awaited: string;
};

export type PromiseSettle = {
  id: string;
  state: SettleState;
  value?: Value | null;
};

/** Where a promise is in its life. All but the first are final. */
export type PromiseState = "pending" | "resolved" | "rejected" | "rejected_canceled" | "rejected_timedout";

export type PromiseSubscribe = {
  awaited: string;
};

/** A response that says what went wrong. */
export type RouterFailure = {
  type: "r";
  status: "err";
  _reqid?: string;
  data: {
    code: 0 | 1 | 4 | 7 | 8 | 9;
    data: {
      /** Arguments or entities. */
      items?: Array<string>;
    };
  } | {
    code: 2 | 3 | 5 | 6;
    data: {
      /** Arguments or entities. */
      items: Array<string>;
    };
  };
};

/** What the hub says of who asks, to a worker. */
export type RouterHeaders = {
  /** Who asks, if it is a client of the hub. */
  "Cg-Client"?: string;
  /** Its name. */
  "Cg-Name"?: string;
  /** Its tags. */
  "Cg-Tags"?: Array<string>;
  /** The hub that passes it on. */
  "Cg-Node"?: string;
  /** Milliseconds for which an answer is waited for. */
  "Cg-Deadline-Ms"?: number;
  /** Of somebody outside: the level that its key has. */
  "Cg-Level"?: number;
  /** The promise that the answer settles. */
  "Cg-Promise"?: string;
};

/** Where to, and what. Where a transport has subjects of its own, `data` travels alone. */
export type RouterPacket = {
  subject: string;
  data: RouterRequest | RouterPush | RouterResult | RouterFailure;
  headers?: RouterHeaders;
};

/** A push: never answered. */
export type RouterPush = {
  type: "p";
  cmd: string;
  /** The arguments. */
  data: unknown;
};

/** A request: answered exactly once. */
export type RouterRequest = {
  type: "q";
  cmd: string;
  _reqid?: string;
  /** The answer is a promise of the coordinator. */
  reply?: "durable";
  /** The id of that promise. */
  promise?: string;
  /** How long that promise waits. */
  within_ms?: number;
  /** The arguments. */
  data: unknown;
};

/** A response that brings results, or a part of them. */
export type RouterResult = {
  type: "r";
  status: "ok";
  _reqid?: string;
  /** Another part comes. */
  more?: true;
  /** The results. */
  data: unknown;
};

/** SELF_FETCH: who am I, what am I subscribed to. Answered SELF_FETCH_RESULT. */
export type SelfFetch = {
  type: "SELF_FETCH";
};

/** SELF_FETCH_RESULT. */
export type SelfFetchResult = {
  type: "SELF_FETCH_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The client itself. */
  client: ClientInfo;
  /** The services it is subscribed to, in the order it subscribed. */
  subscriptions: Array<ServiceInfo>;
};

/** SELF_SET_SEQ: number this message `seq` and the next one `seq + 1`. Answered OK. */
export type SelfSetSeq = {
  type: "SELF_SET_SEQ";
  /** The new number. */
  seq: Seq;
};

/** SELF_SUBSCRIBE: be told what the owner of a service broadcasts. Answered SELF_SUBSCRIBE_RESULT or INVALID_SERVICE. */
export type SelfSubscribe = {
  type: "SELF_SUBSCRIBE";
  /** The service. */
  service: ServiceName;
};

/** SELF_SUBSCRIBE_RESULT. */
export type SelfSubscribeResult = {
  type: "SELF_SUBSCRIBE_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** False when the client was subscribed already. */
  successful: boolean;
  /** The service, after the change. */
  service: ServiceInfo;
};

/** SELF_UNSUBSCRIBE: the reverse. Answered SELF_UNSUBSCRIBE_RESULT or INVALID_SERVICE. */
export type SelfUnsubscribe = {
  type: "SELF_UNSUBSCRIBE";
  /** The service. */
  service: ServiceName;
};

/** SELF_UNSUBSCRIBE_RESULT. */
export type SelfUnsubscribeResult = {
  type: "SELF_UNSUBSCRIBE_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** False when the client was not subscribed. */
  successful: boolean;
  /** The service, after the change. */
  service: ServiceInfo;
};

/** SERVICE_CLIENT_SUBSCRIBED: news to the subscribers of the service, the new one too. */
export type ServiceClientSubscribed = {
  type: "SERVICE_CLIENT_SUBSCRIBED";
  /** The new subscriber. */
  client: ClientInfo;
  /** The service, with it. */
  service: ServiceInfo;
};

/** SERVICE_CLIENT_UNSUBSCRIBED: news to the subscribers that stay. */
export type ServiceClientUnsubscribed = {
  type: "SERVICE_CLIENT_UNSUBSCRIBED";
  /** The former subscriber. */
  client: ClientInfo;
  /** The service, without it. */
  service: ServiceInfo;
};

/** SERVICE_CREATE: own a service. Answered SERVICE_CREATE_RESULT. */
export type ServiceCreate = {
  type: "SERVICE_CREATE" | "CREATE_SERVICE";
  /** The service's name. */
  service: ServiceName;
  /** At most 128 characters. */
  nickname?: string | null;
};

/** SERVICE_CREATE_RESULT: the answer to the creator, and without `seq` the news to everybody. */
export type ServiceCreateResult = {
  type: "SERVICE_CREATE_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** False when a service of that name exists. */
  successful: boolean;
  /** The service; the existing one when not successful. */
  service: ServiceInfo;
};

/** SERVICE_DELETE: end a service of one's own. Answered SERVICE_DELETE_RESULT, BAD or INVALID_SERVICE. */
export type ServiceDelete = {
  type: "SERVICE_DELETE" | "DELETE_SERVICE";
  /** The service. */
  service: ServiceName;
};

/** SERVICE_DELETE_RESULT: the answer to the owner, and without `seq` the news to everybody. */
export type ServiceDeleteResult = {
  type: "SERVICE_DELETE_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The service as it was. */
  service: ServiceInfo;
};

/** SERVICE_FETCH: a service with all of its subscribers. Answered SERVICE_FETCH_RESULT or INVALID_SERVICE. */
export type ServiceFetch = {
  type: "SERVICE_FETCH";
  /** The service. */
  service: ServiceName;
};

/** SERVICE_FETCH_ALL: all services, in the order of their creation. Answered SERVICE_FETCH_ALL_RESULT. */
export type ServiceFetchAll = {
  type: "SERVICE_FETCH_ALL";
};

/** SERVICE_FETCH_ALL_RESULT. */
export type ServiceFetchAllResult = {
  type: "SERVICE_FETCH_ALL_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** All services, in the order of their creation. */
  services: Array<ServiceInfo>;
};

/** SERVICE_FETCH_RESULT. */
export type ServiceFetchResult = {
  type: "SERVICE_FETCH_RESULT";
  /** The number of the message that this answers; absent when it answers none. */
  seq?: Seq;
  /** The service with all of its subscribers. */
  service: ServiceInfo;
};

export type ScheduleRecord = {
  id: string;
  cron: string;
  promiseId: string;
  promiseTimeout: number;
  promiseParam: ValueKept;
  promiseTags: { [name: string]: string };
  createdAt: number;
  nextRunAt: number;
  lastRunAt?: number;
};

export type ScheduleCreate = {
  id: string;
  cron: string;
  promiseId: string;
  promiseTimeout: number;
  promiseParam?: Value | null;
  promiseTags?: { [name: string]: string } | null;
};

export type ScheduleRef = {
  id: string;
};

/** The number of a text message on its connection: 0-based, IDENTIFY not counted (PROTOCOL.md, "Sequence numbers"). */
export type Seq = number;

/** A service as all clients see it. An absent nickname is `null`. */
export type ServiceInfo = {
  /** Unique at every moment. */
  name: ServiceName;
  /** For people. */
  nickname: string | null;
  /** The client that created it. */
  owner_uuid: ClientId;
  /** The subscribers in the order they came; at most 256, except in `SERVICE_FETCH_RESULT`. */
  subscribers: Array<ClientId>;
  /** How many subscribers there are. Hubs of the original protocol do not send it (then it is 0). */
  subscriber_count: number;
};

/** 1 to 64 characters of A-Z a-z 0-9 _ . : -. */
export type ServiceName = string;

/** How a promise may be settled by request. */
export type SettleState = "resolved" | "rejected" | "rejected_canceled";

/** Where a MESSAGE goes (PROTOCOL.md, "Message"). */
export type Target = {
  type: "NAME";
  /** Its name. */
  name: ClientName;
} | {
  type: "UUID";
  /** Its public id. */
  uuid: ClientId;
} | {
  type: "SERVICE";
  /** The service's name. */
  service: ServiceName;
} | {
  type: "SERVICE_CLIENT_UUID";
  /** The service's name. */
  service: ServiceName;
  /** The client's public id. */
  uuid: ClientId;
} | {
  type: "ALL";
};

export type TaskRecord = {
  id: string;
  state: TaskState;
  version: number;
  resumes: Array<string>;
  ttl?: number;
  pid?: string;
};

export type TaskAcquire = {
  id: string;
  version: number;
  pid: string;
  ttl: number;
};

export type TaskAction = {
  id: string;
  version: number;
  action: unknown;
};

export type TaskCreate = {
  pid: string;
  ttl: number;
  action: unknown;
};

export type TaskHeartbeat = {
  pid: string;
  tasks: Array<TaskRef>;
};

export type TaskRef = {
  id: string;
  version: number;
};

/** Where a task is in its life. Only the last is final. */
export type TaskState = "pending" | "acquired" | "suspended" | "halted" | "fulfilled";

export type TaskSuspend = {
  id: string;
  version: number;
  actions: Array<unknown>;
};

/** What may be absent, `null` or there. */
export type Value = {
  headers?: { [name: string]: string } | null;
  data?: string | null;
};

export type ValueFirst = {
  headers: { [name: string]: string };
  data: string;
};

export type ValueKept = {
  headers?: { [name: string]: string };
  data?: string;
};
