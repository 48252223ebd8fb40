// Writes src/payloads.ts: the type of every payload, from the JSON Schema that the hub generates from its own types.
// A test compares what is committed with what this makes of the schema; another one compares the schema with the hub.

import { readFileSync, writeFileSync } from "node:fs";

const SCHEMA = new URL("../../../docs/protocol.schema.json", import.meta.url);
const TYPES = new URL("../src/payloads.ts", import.meta.url);

/** Names that mean something else in TypeScript already. */
const RENAMED = { Promise: "PromiseRecord", Task: "TaskRecord", Schedule: "ScheduleRecord" };

const HEAD = `/**
 * The type of every payload, of every envelope of the coordinator, and of what the admin service is asked and says.
 *
 * Written by \`npm run payloads\` from docs/protocol.schema.json; not to be edited.
 *
 * @module
 */
`;

/** `SERVICE_FETCH_ALL` becomes `ServiceFetchAll`. */
function nameOf(definition) {
  const pascal = /^[A-Z_]+$/.test(definition)
    ? definition.toLowerCase().replace(/(^|_)([a-z])/g, (_, _line, letter) => letter.toUpperCase())
    : definition;
  return RENAMED[pascal] ?? pascal;
}

function comment(text, indent = "") {
  return text ? `${indent}/** ${text.replaceAll("\n", " ").replaceAll("*/", "*\\/")} */\n` : "";
}

function union(types) {
  return [...new Set(types)].join(" | ");
}

function objectOf(schema, indent) {
  const { properties = {}, required = [], additionalProperties } = schema;
  const entries = Object.entries(properties);
  if (entries.length === 0) {
    return typeof additionalProperties === "object" ? `{ [name: string]: ${typeOf(additionalProperties, indent)} }` : "object";
  }
  const inner = `${indent}  `;
  const fields = entries.map(([word, field]) => {
    const name = /^\w+$/.test(word) ? word : JSON.stringify(word);
    if (field === false) return `${inner}${name}?: never;\n`;
    return `${comment(field.description, inner)}${inner}${name}${required.includes(word) ? "" : "?"}: ${typeOf(field, inner)};\n`;
  });
  return `{\n${fields.join("")}${indent}}`;
}

function typeOf(schema, indent = "") {
  if (schema === true) return "unknown";
  if (schema.$ref) return nameOf(schema.$ref.replace("#/$defs/", ""));
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return union(choices.map((choice) => typeOf(choice, indent)));
  const types = [schema.type ?? "unknown"].flat();
  return union(
    types.map((type) => {
      if (type === "integer") return "number";
      if (type === "array") return `Array<${typeOf(schema.items ?? true, indent)}>`;
      if (type === "object") return objectOf(schema, indent);
      return type;
    }),
  );
}

/** The text of src/payloads.ts for this schema. */
export function payloads(schema) {
  const types = Object.entries(schema.$defs).map(
    ([name, definition]) => `${comment(definition.description)}export type ${nameOf(name)} = ${typeOf(definition)};\n`,
  );
  return [HEAD, ...types].join("\n");
}

export function committed() {
  return readFileSync(TYPES, "utf8");
}

export function fromSchema() {
  return payloads(JSON.parse(readFileSync(SCHEMA, "utf8")));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  writeFileSync(TYPES, fromSchema());
}
