/** A promise to be. @module */

import { encode } from "./value.js";
import type { Wait } from "./wait.js";

/** A request in the dialect that is spoken here. @internal */
export function envelope(kind: string, data: unknown, corrId = "") {
  return { kind, head: { corrId, version: "2026-04-01" }, data };
}

/** A promise to be. Times are in milliseconds. */
export interface NewPromise extends Wait {
  /** Its deadline, from now by the clock of this machine. Default: a day. */
  timeout?: number | undefined;
  /** What its worker gets: JSON. */
  data?: unknown;
  /** Where its task is offered, such as `any@clerks`; without a target it has no task. */
  target?: string | undefined;
  tags?: Record<string, string> | undefined;
}

/** What a promise is created with. @internal */
export function creation(id: string, { timeout = 86_400_000, data, target, tags }: NewPromise) {
  const timeoutAt = Date.now() + timeout;
  const targeted: Record<string, string> = target ? { "resonate:target": target } : {};
  return { id, timeoutAt, param: encode(data), tags: { ...targeted, ...tags } };
}
