/** What can go wrong. @module */

/**
 * What an error is about:
 *
 * - `BAD`, `INVALID_NAME`, `INVALID_UUID`, `INVALID_SERVICE`, `ERROR_PROTOCOL`, `ERROR_UNSUPPORTED`, `ERROR_INTERNAL`: the
 *   hub's answer, which is `details`;
 * - `EXISTS`: there is a service of that name, which is `details`, or a handler of that command;
 * - `TOO_BIG`: the payload is larger than the hub would take; nothing was sent;
 * - `BUSY`: too many requests wait already; nothing was sent;
 * - `TIMED_OUT`: no answer in time; `DISCONNECTED`: the connection was lost before the answer came. In both cases nobody
 *   knows whether the hub acted;
 * - `CLOSED`: the client is closed, or the first connection failed; `details` is the {@link Ending};
 * - of the coordinator: `REFUSED` with its `status` as `details`; `rejected`, `rejected_canceled` and `rejected_timedout`:
 *   how a promise ended, with its value as `details`; `NO_MEMBER`: the client does not have the worker's group as a tag;
 * - of the router: the protocol's name of the error, such as `UNAVAILABLE` or `TIMEOUT`, with its data as `details`, where
 *   `items` are the arguments or entities that it is about;
 * - of files: the word in `x-fs-error`, or `HTTP` where there is none, with the HTTP status as `details`.
 */
export class ConciergeError extends Error {
  override name = "ConciergeError";

  /** A word for programs; see above. */
  declare readonly code: string;
  /** What else is known. */
  declare readonly details: unknown;

  constructor(code: string, message = code, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
