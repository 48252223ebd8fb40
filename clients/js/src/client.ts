/** What a client is: its options, its methods, what it tells. @module */

import type { Backoff } from "./backoff.js";
import type {
  ClientFetchAllResult,
  ClientFetchResult,
  ClientId,
  ClientInfo,
  ClientJoined,
  ClientLeft,
  ClientName,
  Hello,
  Intent,
  MessageOut,
  PayloadIn,
  PayloadOut,
  SelfFetchResult,
  ServiceFetchAllResult,
  ServiceFetchResult,
  ServiceInfo,
  ServiceName,
} from "./payloads.js";
import type { Stream } from "./stream.js";
import type { Wait } from "./wait.js";

/** What a client says of itself and how it behaves. Times are in milliseconds. */
export interface Options {
  /** Unique at the hub: 1 to 64 characters of `A-Z a-z 0-9 _`. */
  name: ClientName;
  /** For people, at most 128 characters. */
  nickname?: string | undefined;
  /** At most 32 of at most 64 characters. Workers of a group are the clients with its name as a tag. */
  tags?: string[] | undefined;
  /** The hub's secret, or what fetches it anew for each connection, within {@link Options.timeout}. */
  secret?: string | (() => string | Promise<string>) | undefined;
  /**
   * What of others it wants to hear of. Default: everything. Streams of messages, the coordinator and the router need `MESSAGES`,
   * subscriptions that outlive their service `SERVICES`, presence `CLIENTS`.
   */
  intents?: Intent[] | undefined;
  /** How a lost connection is made again; `false`: not at all. */
  backoff?: Partial<Backoff> | false | undefined;
  /** From the call of a request to its answer, waiting for a connection included. Default: 30,000; `Infinity` is none. */
  timeout?: number | undefined;
  /** Closes the client. */
  signal?: AbortSignal | undefined;
  /** Items that each stream holds before the oldest is dropped. Default: 1,024. */
  capacity?: number | undefined;
  /** Refuses to send larger payloads, as the hub would end the connection. Default: 65,536. */
  payloadBytes?: number | undefined;
  /**
   * When nothing came for so long, or for twice as long, the client asks the hub; it gives the connection up when that is
   * not answered within `timeout`. Default: 15,000.
   */
  silence?: number | undefined;
  /** Is told every status from the first on. */
  onStatus?: ((status: Status) => void) | undefined;
  /** The WebSocket to use, where there is none: Node before 22 needs that of the package `ws`. */
  WebSocket?: WebSocketLike | undefined;
}

/** A class such as the browser's `WebSocket`. */
export type WebSocketLike = new (url: string, protocols: string) => {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
  /** Drops the connection at once, where there is such a method: else the library waits for a hub that is gone. */
  terminate?(): void;
  /** Bytes that were sent and did not leave yet. */
  readonly bufferedAmount: number;
};

/** Why a connection, or an attempt to make one, ended. */
export interface Ending {
  /** The close code; 1006: it broke, or was refused; 1000 when this client closed it. */
  code: number;
  /** What is known beside it. May be empty. */
  reason: string;
}

/** How the connection is. */
export type Status =
  /** An attempt begins. */
  | { state: "connecting" }
  /** HELLO came; services are created and subscriptions renewed now. */
  | { state: "connected"; hello: Hello }
  /** The connection or the attempt ended; the next one begins in so many milliseconds. */
  | ({ state: "disconnected"; againIn: number } & Ending)
  /** The last one. */
  | ({ state: "closed" } & Ending);

/** What a client tells. */
export interface Events {
  /** The status changed. */
  status: Status;
  /** Every payload that comes, HELLO and those of later versions too. */
  in: PayloadOut;
  /** Every text that is sent, IDENTIFY with its secret too. */
  out: string;
  /** A service of this client could not be created again after a reconnect: this is the one of that name now. */
  lost: ServiceInfo;
}

/** Where a message goes: the owner of a service to its subscribers and a subscriber to the owner, the owner to one client, a client by name or id, everybody. */
export type To = { service: ServiceName; uuid?: ClientId } | { name: ClientName } | { uuid: ClientId } | "all";

/** A message as it came. */
export type Message<T = unknown> = Omit<MessageOut, "data"> & { data: T };

/** How a stream is. */
export interface StreamOptions extends Wait {
  /** Items it holds before the oldest is dropped. Default: that of the client. */
  capacity?: number | undefined;
}

/** How a subscription is. Its signal ends it. */
export interface SubscribeOptions extends StreamOptions {
  /** Waits for the service when there is none yet, instead of failing with `INVALID_SERVICE`. */
  wait?: boolean | undefined;
}

/**
 * What a service's owner says to its subscribers. It outlives reconnects, and the service itself: when that is created
 * again, by whomever, the client subscribes again. The end of the last one of a service unsubscribes.
 */
export interface Subscription<T = unknown> extends Stream<Message<T>> {
  /** Whether the service is there and the hub has taken the subscription. */
  readonly live: boolean;
}

/** A service that this client owns. It is created again after a reconnect. */
export interface Service<In = unknown> extends AsyncDisposable {
  readonly name: ServiceName;
  /** What subscribers say to it. Ends when the service is deleted, or somebody else's after a reconnect. */
  readonly inbox: Stream<Message<In>>;
  /** To all subscribers. */
  broadcast(data: unknown, wait?: Wait): Promise<void>;
  /** To one client, subscribed or not. */
  to(uuid: ClientId, data: unknown, wait?: Wait): Promise<void>;
  /** Deletes it. */
  close(wait?: Wait): Promise<void>;
}

/** Somebody came or went. */
export type PresenceEvent = ClientJoined | ClientLeft;

/** Who comes and goes. After a reconnect it tells what has changed meanwhile. */
export interface Presence extends Stream<PresenceEvent> {
  /** Who is there now, this client too, by uuid. */
  readonly clients: ReadonlyMap<ClientId, ClientInfo>;
}

/**
 * A connection with a name, kept up.
 *
 * Requests wait for a connection and for their answer, both within {@link Options.timeout}; the signal of a
 * {@link Wait} ends that earlier. When the connection is lost, what was sent fails with `DISCONNECTED`, and what was not
 * waits for the next one: 4,096 requests in all, and 16 MiB in the socket, then the next one fails with `BUSY`.
 */
export interface Client extends AsyncDisposable {
  readonly name: ClientName;
  readonly tags: readonly string[];
  /** Where the hub is. */
  readonly url: string;
  /** {@link Options.timeout}. */
  readonly timeout: number;
  /** What the hub said last: the uuid and the key to the file server change with every connection. */
  readonly hello: Hello;
  readonly status: Status;
  /** Aborted when the client is closed, whoever closed it. */
  readonly signal: AbortSignal;
  /** Messages by this client's name or id and to everybody, and those through services without a stream of their own. */
  readonly inbox: Stream<Message>;

  /** Calls a listener, until what comes back is called. What it throws is an unhandled rejection, and stops nothing else. */
  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void;

  /** Follows a service. */
  subscribe<T = unknown>(service: ServiceName, options?: SubscribeOptions): Promise<Subscription<T>>;
  /** Follows a service by a callback. */
  subscribe<T = unknown>(
    service: ServiceName,
    listener: (message: Message<T>) => void,
    options?: SubscribeOptions,
  ): Promise<Subscription<T>>;
  /** Creates a service. Fails with `EXISTS` if there is one of that name. */
  serve<In = unknown>(service: ServiceName, options?: StreamOptions & { nickname?: string }): Promise<Service<In>>;
  /** Sends JSON. Resolves when it waits for all of its receivers at the hub. */
  send(to: To, data: unknown, wait?: Wait): Promise<void>;
  /** Who is there, and who comes and goes. */
  presence(options?: StreamOptions): Promise<Presence>;

  /** This client and its subscriptions. */
  fetchSelf(wait?: Wait): Promise<SelfFetchResult>;
  /** A client and its subscriptions. */
  fetchClient(uuid: ClientId, wait?: Wait): Promise<ClientFetchResult>;
  /** Every client, this one too, in the order they entered. */
  fetchClients(wait?: Wait): Promise<ClientFetchAllResult>;
  /** A service with all of its subscribers. */
  fetchService(service: ServiceName, wait?: Wait): Promise<ServiceFetchResult>;
  /** Every service, in the order of creation. */
  fetchServices(wait?: Wait): Promise<ServiceFetchAllResult>;

  /**
   * Sends any payload, or any text as it stands, and returns whatever the hub answers, errors too. Services and
   * subscriptions that come about this way are not restored after a reconnect.
   */
  request(payload: PayloadIn | string, wait?: Wait): Promise<PayloadOut>;

  /** Ends the connection, and waits for the hub to agree, at most 5 seconds. Who waits for it hears `CLOSED` or `DISCONNECTED`, streams end. */
  close(): Promise<void>;
}
