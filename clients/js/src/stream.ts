/** What a client listens to: a bounded queue that is read by `for await`, or a callback. @module */

import { within, type Wait } from "./wait.js";

/**
 * Items in the order they came, for one reader.
 *
 * Bounded: when as many items wait as the capacity says, the *oldest* is dropped and counted in {@link Stream.dropped}; a
 * reader that is too slow slows down nobody else. Ends when the client is closed. Leaving a `for await` by `break`, and
 * `return()`, end it.
 */
export interface Stream<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  /** Items that were dropped because they were not read. */
  readonly dropped: number;
  /** The next item. */
  next(wait?: Wait): Promise<IteratorResult<T, undefined>>;
  /** Hands what waits, and then every item as it comes, to a callback instead. */
  each(listener: (item: T) => void): this;
  /** Ends the stream. */
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): this;
}

/** Calls a listener. What it throws is its own trouble: it becomes an uncaught error, and nobody else's. @internal */
export function call<T>(listener: (item: T) => void, item: T): void {
  try {
    listener(item);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

type Result<T> = IteratorResult<T, undefined>;
type Reader<T> = [resolve: (result: Result<T>) => void, reject: (reason: unknown) => void];

/** @internal */
export class Ring<T> implements Stream<T> {
  dropped = 0;
  #capacity: number;
  #left: (() => void) | undefined;
  #items: T[] = [];
  #readers = new Set<Reader<T>>();
  #listener: ((item: T) => void) | undefined;
  /** What whoever reads on hears after the end. */
  #end: ((...reader: Reader<T>) => void) | undefined;

  /** `left` is called when the reader ends the stream. */
  constructor(capacity: number, left?: () => void) {
    this.#capacity = capacity;
    this.#left = left;
  }

  push(item: T): void {
    if (this.#end) return;
    const [reader] = this.#readers;
    if (this.#listener) call(this.#listener, item);
    else if (reader) {
      this.#readers.delete(reader);
      reader[0]({ done: false, value: item });
    }
    else if (this.#items.push(item) > this.#capacity) {
      this.#items.shift();
      this.dropped++;
    }
  }

  end(end: (...reader: Reader<T>) => void = (resolve) => resolve({ done: true, value: undefined })): void {
    this.#end ??= end;
    for (const reader of this.#readers) this.#end(...reader);
  }

  next(wait?: Wait): Promise<Result<T>> {
    return within((...reader) => {
      if (this.#items.length) reader[0]({ done: false, value: this.#items.shift()! });
      else if (this.#end) this.#end(...reader);
      else {
        this.#readers.add(reader);
        return () => this.#readers.delete(reader);
      }
    }, wait?.signal);
  }

  each(listener: (item: T) => void): this {
    this.#listener = listener;
    for (const item of this.#items.splice(0)) call(listener, item);
    return this;
  }

  async return(): Promise<Result<T>> {
    if (!this.#end) this.#left?.();
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
