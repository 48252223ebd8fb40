/** What a page asks the hub, and what came of it. @module */

import { useEffect, useReducer, useState } from "preact/hooks";
import { ConciergeError } from "../../clients/js/src/index.js";

export interface Asked<T> {
  value?: T | undefined;
  /** Why there is no answer. */
  error?: string | undefined;
  waiting: boolean;
  again(): void;
}

/** An error, as a sentence. */
export function sentence(error: unknown): string {
  if (error instanceof ConciergeError) {
    return error.message && error.message !== error.code ? `${error.message} (${error.code})` : error.code;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Asks anew whenever `because` changes, and when it is told to. `ask` is not called while `because` holds nothing. */
export function useAsked<T>(ask: (signal: AbortSignal) => Promise<T>, because: readonly unknown[]): Asked<T> {
  const [turn, again] = useReducer((turn: number, _: void) => turn + 1, 0);
  const [state, set] = useState<Omit<Asked<T>, "again">>({ waiting: true });
  useEffect(() => {
    if (because.some((value) => value === undefined)) return;
    const over = new AbortController();
    set(({ value }) => ({ value, waiting: true }));
    ask(over.signal).then(
      (value) => over.signal.aborted || set({ value, waiting: false }),
      (error) => over.signal.aborted || set({ error: sentence(error), waiting: false }),
    );
    return () => over.abort();
  }, [...because, turn]);
  return { ...state, again: () => again() };
}

/** Something that a person does: what it came to is told. */
export function useAct(): { busy: boolean; error: string; act(what: () => Promise<unknown>): void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const act = (what: () => Promise<unknown>) => {
    setBusy(true);
    setError("");
    what()
      .catch((error) => setError(sentence(error)))
      .finally(() => setBusy(false));
  };
  return { busy, error, act };
}
