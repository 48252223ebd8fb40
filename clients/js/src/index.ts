/**
 * The client of a Concierge hub: one connection with a name, kept up.
 *
 * ```js
 * import { connect } from "@concierge/client";
 *
 * const hub = await connect("ws://127.0.0.1:64209/ws", { name: "ada" });
 * const news = await hub.serve("news");
 * await news.broadcast("hello");
 * for await (const { origin, data } of news.inbox) console.log(origin.name, data);
 * ```
 *
 * **Numbers.** The hub relays `data` byte for byte, and JavaScript parses it: integers beyond 2^53 and fractions of more
 * than 17 digits lose digits. Send those as strings.
 *
 * @module
 */

export type { Backoff } from "./backoff.js";
export { connect } from "./connect.js";
export type {
  Client,
  Ending,
  Events,
  Message,
  Options,
  Presence,
  PresenceEvent,
  Service,
  Status,
  StreamOptions,
  Subscription,
  SubscribeOptions,
  To,
  WebSocketLike,
} from "./client.js";
export { ConciergeError } from "./error.js";
export type * from "./payloads.js";
export type { Stream } from "./stream.js";
export type { Wait } from "./wait.js";
