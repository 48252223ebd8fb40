/** What a client listens to: a bounded queue that is read by `for await`, or a callback. @module */

import { within, type Wait } from "./wait.js";

/**
 * Items in the order they came, for one reader.
 *
 * Bounded: when as many items wait as the capacity says, the *oldest* is dropped and counted in {@link Stream.dropped}; a
 * reader that is too slow slows down nobody else. Ends when the client is closed. Leaving a `for await` by `break`, and
 * `return()`, end it.
 */
export interface Stream<T> extends AsyncIterableIterator<T, undefined> {
  /** Items that were dropped because they were not read. */
  readonly dropped: number;
  /** The next item. */
  next(wait?: Wait): Promise<IteratorResult<T, undefined>>;
  /** Hands what waits, and then every item as it comes, to a callback instead. */
  each(listener: (item: T) => void): Stream<T>;
  /** Ends the stream. What waits in it is dropped; when something else ends it, that can still be read. */
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): Stream<T>;
}

/** Calls a listener. What it throws is its own trouble: it becomes an unhandled rejection, and nobody else's. @internal */
export async function call<T>(listener: (item: T) => void, item: T): Promise<void> {
  listener(item);
}

const DONE = { done: true, value: undefined } as const;

type Reader<T> = [resolve: (result: IteratorResult<T, undefined>) => void, reject: (reason: unknown) => void];
type End<T> = (...reader: Reader<T>) => void;

/** A stream, as whoever fills it sees it. @internal */
export interface Ring<T> {
  stream: Stream<T>;
  push(item: T): void;
  /** `end`: what whoever reads on hears. */
  end(end?: End<T>): void;
}

/** `left` is called when it ends, whoever ends it. @internal */
export function ring<T>(capacity: number, left?: () => void): Ring<T> {
  const items: T[] = [];
  const readers = new Set<Reader<T>>();
  let listener: ((item: T) => void) | undefined;
  let over: End<T> | undefined;

  const end = (end: End<T> = (resolve) => resolve(DONE)) => {
    if (over) return;
    over = end;
    left?.();
    for (const reader of readers) over(...reader);
  };
  const stream: Stream<T> & { dropped: number } = {
    dropped: 0,
    next: (wait) =>
      within((...reader) => {
        if (items.length) reader[0]({ done: false, value: items.shift()! });
        else if (over) over(...reader);
        else {
          readers.add(reader);
          return () => readers.delete(reader);
        }
      }, wait?.signal),
    each(each) {
      listener = each;
      for (const item of items.splice(0)) void call(each, item);
      return stream;
    },
    async return() {
      items.length = 0;
      end();
      return DONE;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return {
    stream,
    push(item) {
      if (over) return;
      const [reader] = readers;
      if (listener) void call(listener, item);
      else if (reader) {
        readers.delete(reader);
        reader[0]({ done: false, value: item });
      } else if (items.push(item) > capacity) {
        items.shift();
        stream.dropped++;
      }
    },
    end,
  };
}
