/** Waiting that ends: by its outcome, a signal, or a deadline. @module */

import { ConciergeError } from "./error.js";

/** Timers know no longer times; it is no deadline then. */
const LONGEST = 2 ** 31;

/** What every wait takes. */
export interface Wait {
  /** Ends the wait: it is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * A promise that `begin` settles, by what is no promise itself, or the signal, or the deadline. `begin` may return what is to be done in the end, or twice.
 *
 * @internal
 */
export function within<T>(
  begin: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (() => unknown) | void,
  signal?: AbortSignal,
  timeout?: number,
): Promise<T> {
  let abort: () => void;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let clean: (() => unknown) | void;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) throw signal.reason;
    abort = () => {
      clean?.(); // now: what comes in this turn of the loop is not for who gave up
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort);
    if (timeout! < LONGEST) timer = setTimeout(() => reject(new ConciergeError("TIMED_OUT")), timeout);
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
