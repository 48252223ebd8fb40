/** What may stand at the caret, by the schema of the protocol and by who is there. @module */

import { clients, services } from "./live.js";
import defs from "schema:protocol";

export interface Schema {
  $ref?: string;
  const?: string;
  enum?: string[];
  type?: string;
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  description?: string;
}

export interface Suggestion {
  /** What is put in the place of the word at the caret. */
  text: string;
  about: string;
}

/** An object or array that is open at the caret. */
interface Open {
  array: boolean;
  /** The field that the caret is in. */
  key?: string | undefined;
  keys: Set<string>;
  /** Fields whose values are strings: they say which of several shapes it is. */
  strings: Record<string, string>;
}

export interface Caret {
  open: Open[];
  /** Whether a name is to come, or a value. */
  naming: boolean;
  /** Where the word at the caret begins. */
  from: number;
  word: string;
}

export const schemas = defs as unknown as Record<string, Schema>;

/** Reads JSON that is not whole, up to the caret; nothing, when it is none so far. */
export function caretOf(text: string, at: number): Caret | undefined {
  const open: Open[] = [];
  let [naming, from, i] = [false, at, 0];
  while (i < at) {
    const char = text[i]!;
    const top = open.at(-1);
    if (char === "{" || char === "[") {
      open.push({ array: char === "[", keys: new Set(), strings: {} });
      naming = char === "{";
    } else if (char === "}" || char === "]") {
      if (!open.pop()) return;
      naming = false;
    } else if (char === ":") naming = false;
    else if (char === ",") {
      naming = top !== undefined && !top.array;
      if (top) top.key = undefined;
    } else if (!/\s/.test(char)) {
      const match = char === '"' ? /"(?:[^"\\]|\\.)*"?/y : /[^\s,:{}[\]"]+/y;
      match.lastIndex = i;
      const token = match.exec(text)![0];
      const end = i + token.length;
      const whole = char !== '"' || (token.length > 1 && token.endsWith('"'));
      if (end > at || (end === at && !(whole && char === '"'))) {
        return { open, naming, from: i, word: text.slice(i, at).replace('"', "") };
      }
      const word = token.replace(/^"|"$/g, "");
      if (naming && top) {
        top.key = word;
        top.keys.add(word);
      } else if (top?.key !== undefined && char === '"') top.strings[top.key] = word;
      i = end;
      continue;
    }
    i++;
  }
  return { open, naming, from, word: "" };
}

/** The shapes that something may have, references followed. */
function shapes(schema: Schema | undefined, strings: Record<string, string> = {}): Schema[] {
  if (!schema) return [];
  if (schema.$ref) return shapes(schemas[schema.$ref], strings).map((shape) => ({ description: schema.description ?? "", ...shape }));
  if (!schema.oneOf) return [schema];
  const all = schema.oneOf.flatMap((choice) => shapes(choice, strings));
  // `type` and `kind` say which it is
  const fit = all.filter(({ properties }) =>
    ["type", "kind"].every((name) => {
      const field = properties?.[name];
      const said = strings[name];
      return said === undefined || !field || field.const === said || field.enum?.includes(said);
    }),
  );
  return fit.length ? fit : all;
}

/** Every object that is open at the caret, with the shapes that it may have; strings after the caret count, too. */
function walk(caret: Caret, text: string): Schema[] {
  let current = shapes(schemas.PayloadIn, stringsAt(text, caret, 0));
  for (let depth = 0; depth < caret.open.length; depth++) {
    const { array, key } = caret.open[depth]!;
    if (depth === caret.open.length - 1 && caret.naming) return current;
    if (array) current = current.flatMap(({ items }) => shapes(items));
    else {
      const asks = key === "data" && depth === 0 && /"service"\s*:\s*"coordinator"/.test(text);
      const fields = asks ? [schemas.CoordinatorRequest!] : current.flatMap(({ properties }) => properties?.[key ?? ""] ?? []);
      current = fields.flatMap((field) => shapes(field, stringsAt(text, caret, depth + 1)));
    }
  }
  return current;
}

/** The strings of an open object, those behind the caret too when the text is whole. */
function stringsAt(text: string, { open }: Caret, depth: number): Record<string, string> {
  const strings = { ...open[depth]?.strings };
  try {
    let value = JSON.parse(text);
    for (let level = 0; level < depth; level++) value = value[open[level]!.key ?? ""];
    for (const name of ["type", "kind"]) if (typeof value?.[name] === "string") strings[name] ??= value[name];
  } catch {
    // not whole yet
  }
  return strings;
}

function valuesOf(schema: Schema, key: string | undefined): Suggestion[] {
  const about = schema.description ?? "";
  const words = schema.const !== undefined ? [schema.const] : (schema.enum ?? []);
  if (words.length) return words.map((word) => ({ text: JSON.stringify(word), about }));
  if (schema.type === "boolean") return ["true", "false"].map((text) => ({ text, about }));
  if (schema.properties) return [{ text: "{}", about }];
  if (schema.items) return [{ text: "[]", about }];
  if (key === "service") return services.value.slice(0, 50).map(({ name }) => ({ text: JSON.stringify(name), about: "a service" }));
  if (key === "name") return clients.value.slice(0, 50).map(({ name }) => ({ text: JSON.stringify(name), about: "a client" }));
  if (key === "uuid") return clients.value.slice(0, 50).map(({ name, uuid }) => ({ text: JSON.stringify(uuid), about: name }));
  return [];
}

const MOST = 12;

/** What fits at the caret, and from where on it replaces the text. */
export function complete(text: string, at: number): { from: number; suggestions: Suggestion[] } {
  const caret = caretOf(text, at);
  if (!caret) return { from: at, suggestions: [] };
  const { naming, word, from, open } = caret;
  const here = open.length ? walk(caret, text) : [{ properties: {} }];
  const found = new Map<string, Suggestion>();
  const top = open.at(-1);
  // what it is comes first: the rest depends on it
  const first = ["type", "kind"].find(
    (name) => here.length > 1 && !top?.keys.has(name) && here.every(({ properties }) => properties?.[name]),
  );
  for (const shape of here) {
    if (!naming) for (const value of valuesOf(shape, top?.key)) found.set(value.text, value);
    else {
      for (const [name, field] of Object.entries(shape.properties ?? {})) {
        if (top?.keys.has(name) || found.has(name) || (first && name !== first)) continue;
        const about = `${shape.required?.includes(name) ? "needed. " : ""}${field.description ?? ""}`;
        found.set(name, { text: JSON.stringify(name), about });
      }
    }
  }
  const fits = [...found.values()].filter(({ text }) => text.toLowerCase().includes(word.toLowerCase()));
  return { from, suggestions: fits.slice(0, MOST) };
}

/** An example of every payload. */
export function examples(): { name: string; about: string; text: string }[] {
  return shapes(schemas.PayloadIn).flatMap((shape) => {
    const name = shape.properties?.type?.const ?? shape.properties?.type?.enum?.[0];
    if (name === undefined || name === "IDENTIFY") return [];
    return [{ name, about: shape.description ?? "", text: JSON.stringify(example(shape), null, 2) }];
  });
}

/** Every request of the coordinator. */
export function requests(): { name: string; text: string }[] {
  return shapes(schemas.CoordinatorRequest).map((shape) => {
    const data = example(shape) as { kind: string; head: object };
    data.head = { corrId: "1", version: "2026-04-01" };
    const payload = { type: "MESSAGE", target: { type: "SERVICE", service: "coordinator" }, data };
    return { name: data.kind, text: JSON.stringify(payload, null, 2) };
  });
}

const SAMPLES: Record<string, unknown> = {
  service: "news",
  name: "ada",
  seq: 0,
  id: "order:7",
  ttl: 60_000,
  version: 0,
  pid: "console",
  cron: "*/5 * * * *",
  promiseId: "tea-{{.timestamp}}",
  promiseTimeout: 3_600_000,
  awaited: "order:7",
  awaiter: "order:8",
  address: "uni@hub/ada",
};

function example(shape: Schema): unknown {
  if (shape.properties) {
    const names = shape.required ?? [];
    return Object.fromEntries(names.map((name) => [name, sample(name, shape.properties![name] ?? {})]));
  }
  return {};
}

function sample(name: string, schema: Schema): unknown {
  const [shape = {}] = shapes(schema);
  if (shape.const !== undefined) return shape.const;
  if (shape.enum) return shape.enum[0];
  if (name === "timeoutAt") return Date.now() + 3_600_000;
  if (name === "uuid") return clients.value[0]?.uuid ?? "00000000-0000-4000-8000-000000000000";
  if (name in SAMPLES) return SAMPLES[name];
  if (shape.properties) return example(shape);
  if (shape.items) return [];
  return name === "data" ? "hello" : {};
}
