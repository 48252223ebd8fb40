/** Waiting that ends: by its outcome, a signal, or a deadline. @module */

import { ConciergeError } from "./error.js";

/** What every wait takes. */
export interface Wait {
  /** Ends the wait: it is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * A promise that `begin` settles, or the signal, or the deadline. `begin` may return what is to be done in the end.
 *
 * @internal
 */
export function within<T>(
  begin: (resolve: (value: T | PromiseLike<T>) => void, reject: (reason: unknown) => void) => (() => unknown) | void,
  signal?: AbortSignal,
  timeout?: number,
): Promise<T> {
  let abort: () => void;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let clean: (() => unknown) | void;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener("abort", (abort = () => reject(signal.reason)));
    if (timeout !== undefined) timer = setTimeout(() => reject(new ConciergeError("TIMED_OUT")), timeout);
    clean = begin(resolve, reject);
  }).finally(() => {
    signal?.removeEventListener("abort", abort);
    clearTimeout(timer);
    clean?.();
  });
}

/** @internal */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return within<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  }, signal);
}
