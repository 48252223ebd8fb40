/** What was asked once and is kept as it is by what the hub tells an administrator; others ask again. @module */

import { useEffect, useMemo, useReducer, useRef } from "preact/hooks";
import type { PromiseRecord, TaskRecord } from "../../clients/js/src/index.js";
import { access, era, watch, type FileChange } from "./admin.js";
import { useAsked, type Asked } from "./ask.js";

interface Changes {
  promises: PromiseRecord;
  tasks: TaskRecord;
  files: FileChange;
}

/** Whether changes are told, so that nobody needs to ask again. */
export function followed(): boolean {
  return access.value === "open";
}

/** While a component stands: what changes, and how many changes were not told. */
export function useChanges<W extends keyof Changes>(what: W, hear: (changes: readonly Changes[W][], leftOut: number) => void): void {
  const latest = useRef(hear);
  latest.current = hear;
  const follows = followed();
  useEffect(() => {
    if (!follows) return;
    return watch(what, {}, (said) => latest.current((said as unknown as Record<W, Changes[W][]>)[what], said.left_out));
  }, [what, follows]);
}

/** Does it at once, and then no more often than every so many milliseconds. */
export function usePaced(what: () => void, everyMs: number): () => void {
  const latest = useRef(what);
  latest.current = what;
  const state = useRef<{ timer?: ReturnType<typeof setTimeout> | undefined; due: boolean }>({ due: false });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  const run = () => {
    const now = state.current;
    now.due = false;
    latest.current();
    now.timer = setTimeout(() => {
      now.timer = undefined;
      if (now.due) run();
    }, everyMs);
  };
  return () => {
    if (state.current.timer === undefined) run();
    else state.current.due = true;
  };
}

/** What is asked anew whenever something changes that concerns it. It is watched first, and then asked for: no change falls in between. */
export function useFollowing<T, W extends keyof Changes>(
  what: W,
  concerns: (change: Changes[W]) => boolean,
  ask: (signal: AbortSignal) => Promise<T>,
  because: readonly unknown[],
): Asked<T> {
  const askAgain = useRef(() => {});
  const again = usePaced(() => askAgain.current(), SOON_MS);
  useChanges(what, (changes, leftOut) => (leftOut > 0 || changes.some(concerns)) && again());
  const asked = useAsked(ask, [...because, era.value]);
  askAgain.current = asked.again;
  return asked;
}

interface Items<T> {
  items: readonly T[];
  more: boolean;
}

/** Changes that are kept beside an answer; with more of them it is asked for anew. */
const KEPT = 2_000;
const AGAIN_MS = 1_000;
/** How soon after each other something is asked for that goes on changing. */
const SOON_MS = 200;

/**
 * A search whose answer follows what is told since it was asked: whoever `fits` is in it, in the order of ids; of a search that found more
 * than it shows, no more than that.
 */
export function useFollowed<W extends "promises" | "tasks">(
  what: W,
  ask: (signal: AbortSignal) => Promise<Items<Changes[W]>>,
  because: readonly unknown[],
  fits: (item: Changes[W]) => boolean,
): Asked<Items<Changes[W]>> {
  type T = Changes[W];
  const changes = useRef(new Map<string, T>());
  const [turn, redraw] = useReducer((turn: number, _: void) => turn + 1, 0);
  const askAgain = useRef(() => {});
  const again = usePaced(() => askAgain.current(), AGAIN_MS);
  useChanges(what, (told, leftOut) => {
    for (const item of told) changes.current.set(item.id, item);
    if (leftOut > 0 || changes.current.size > KEPT) again();
    redraw();
  });
  const asked = useAsked((signal) => {
    changes.current = new Map();
    return ask(signal);
  }, [...because, era.value]);
  askAgain.current = asked.again;
  const answer = asked.value;
  const value = useMemo(() => answer && merge(answer, changes.current, fits), [answer, turn]);
  return { ...asked, value };
}

function merge<T extends { id: string }>({ items, more }: Items<T>, changes: ReadonlyMap<string, T>, fits: (item: T) => boolean): Items<T> {
  if (changes.size === 0) return { items, more };
  const all = new Map(items.map((item) => [item.id, item]));
  for (const [id, item] of changes) {
    if (fits(item)) all.set(id, item);
    else all.delete(id);
  }
  const sorted = [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { items: more ? sorted.slice(0, Math.max(items.length, 1)) : sorted, more };
}
