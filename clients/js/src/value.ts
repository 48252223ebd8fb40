/** Values of promises, as released workers of the Resonate protocol read and write them: JSON, in base64. @module */

import { ConciergeError } from "./error.js";
import type { PromiseRecord, Value } from "./payloads.js";

/** @internal */
export function encode(value: unknown): Value {
  if (value === undefined) return {};
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { data: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
}

/** What a value holds; its data as it stands, when that is no JSON in base64. @internal */
export function decode({ data }: Value): any {
  if (!data) return;
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0))));
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
