/**
 * Values of promises, as released workers of the Resonate protocol read and write them: JSON, in base64.
 *
 * `btoa` and `atob` know bytes only, as the characters up to U+00FF; `unescape(encodeURIComponent(…))` is UTF-8 in those.
 *
 * @module
 */

import { ConciergeError } from "./error.js";
import type { PromiseRecord, Value } from "./payloads.js";

/** @internal */
export function encode(value: unknown): Value {
  const text = JSON.stringify(value) as string | undefined;
  return text ? { data: btoa(unescape(encodeURIComponent(text))) } : {};
}

/** What a value holds; its data as it stands, when that is no JSON in base64. @internal */
export function decode({ data }: Value): any {
  if (!data) return;
  try {
    return JSON.parse(decodeURIComponent(escape(atob(data))));
  } catch {
    return data;
  }
}

/** An error, as released workers write one. @internal */
export function encodeError(error: any): Value {
  return encode({ __type: "error", name: error?.name ?? "Error", message: error?.message ?? `${error}` });
}

/** The result of a promise that is settled, or the error that it ended with. @internal */
export function outcome({ id, state, value }: PromiseRecord): any {
  const held = decode(value);
  if (state === "resolved") return held;
  throw new ConciergeError(state, held?.message ?? `${id} is ${state}`, held);
}
