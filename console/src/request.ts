/** A request to the hub's router, by hand. @module */

import { ConciergeError, type Client, type Message } from "../../clients/js/src/index.js";

/** The service. */
export const ROUTER = "router";

/** Names of its errors, by their numbers. */
const ERRORS = ["GENERIC", "FORBIDDEN", "UNAVAILABLE", "INVALID", "INCOMPLETE", "DUPLICATE", "LIMIT", "TIMEOUT", "SESSION", "NOT_IMPLEMENTED"];

export interface Answer {
  /** The name of the error, when it is one. */
  error?: string;
  /** What the last response brought, or the error's data. */
  data: unknown;
  /** What those before it brought. */
  parts: readonly unknown[];
  /** How long it took. */
  took: number;
}

let last = 0;

/**
 * Asks, and waits for the final response, which the hub owes whatever becomes of the worker. To end its only wait unsubscribes the page from
 * the router, which forgets the request then.
 */
export async function request(client: Client, subject: string, cmd: string, data: unknown, signal: AbortSignal): Promise<Answer> {
  const _reqid = `console-${++last}`;
  const begun = performance.now();
  const parts: unknown[] = [];
  let [resolve, reject]: [(answer: Answer) => void, (reason: unknown) => void] = [() => {}, () => {}];
  const answered = new Promise<Answer>((...both) => ([resolve, reject] = both));
  answered.catch(() => {}); // it may fail before anybody waits for it
  const hear = ({ data: packet }: Message<any>) => {
    const said = packet?.data;
    if (said?.type !== "r" || said._reqid !== _reqid) return;
    if (said.status === "ok" && said.more === true) return void parts.push(said.data);
    const took = performance.now() - begun;
    if (said.status === "ok") return resolve({ data: said.data, parts, took });
    const { code, data } = said.data ?? {};
    resolve({ error: `${code} ${ERRORS[code] ?? ""}`, data, parts, took });
  };
  const off = client.on("status", ({ state }) => state !== "connected" && reject(new ConciergeError("DISCONNECTED")));
  signal.addEventListener("abort", () => reject(signal.reason));
  const subscription = await client.subscribe(ROUTER, hear);
  try {
    signal.throwIfAborted();
    await client.send({ service: ROUTER }, { subject, data: { type: "q", cmd, _reqid, data } });
    return await answered;
  } finally {
    off();
    await subscription.return();
  }
}
