/** Questions to a service whose answers come as messages, each with the mark of its question. @module */

import type { Client } from "./client.js";
import { ConciergeError } from "./error.js";
import { within, type Wait } from "./wait.js";

/** Somebody who waits for an answer. @internal */
export interface Call {
  resolve(answer: any): void;
  reject(reason: unknown): void;
  /** Takes a part of it. */
  hear?: ((part: any) => void) | undefined;
}

/**
 * Those of a client to a service. Whoever takes the answers finds who waits in `open`.
 *
 * @internal
 */
export function calls(client: Client, service: string) {
  const open = new Map<string, Call>();
  let connected = true;
  client.on("status", ({ state }) => {
    // what is asked while there is no connection is sent when there is one
    if (connected) {
      for (const { reject } of open.values()) reject(new ConciergeError("DISCONNECTED"));
      open.clear();
    }
    connected = state === "connected";
  });

  /** Asks. `left` is called when the answer is wanted no more, and did not come. */
  const ask = (
    question: (mark: string) => unknown,
    { signal, timeout = client.timeout }: Wait & { timeout?: number | undefined } = {},
    left?: (mark: string) => unknown,
    hear?: Call["hear"],
  ) =>
    within<any>(
      (resolve, reject) => {
        const mark = `${Math.random()}`;
        open.set(mark, { resolve, reject, hear });
        client.send({ service }, question(mark), { signal }).catch((error) => {
          open.delete(mark);
          reject(error);
        });
        return () => {
          if (open.delete(mark)) left?.(mark);
        };
      },
      signal,
      timeout,
    );
  return { open, ask };
}
