// What the editor of the page *Try it* knows: the schema of what a client may send, and of what may be asked of the coordinator
// in its second dialect. Titles, bounds and what only answers need are left out. And what the overview knows of close codes: their names.

import { readFileSync } from "node:fs";

const SCHEMA = new URL("../../docs/protocol.schema.json", import.meta.url);
const PROTOCOL = new URL("../../PROTOCOL.md", import.meta.url);
const KEPT = ["$ref", "const", "enum", "oneOf", "anyOf", "properties", "required", "items", "description", "type"];

function trim(schema) {
  if (typeof schema !== "object") return {};
  const kept = {};
  for (const word of KEPT) {
    if (!(word in schema)) continue;
    const value = schema[word];
    if (word === "properties") {
      const entries = Object.entries(value).filter(([, field]) => field !== false);
      kept.properties = Object.fromEntries(entries.map(([name, field]) => [name, trim(field)]));
    } else if (word === "oneOf" || word === "anyOf") kept.oneOf = value.map(trim);
    else if (word === "items") kept.items = trim(value);
    else if (word === "$ref") kept.$ref = value.replace("#/$defs/", "");
    else if (word === "type") {
      if (value === "boolean") kept.type = value;
    } else kept[word] = value;
  }
  return kept;
}

function references(schema, found) {
  JSON.stringify(schema, (key, value) => {
    if (key === "$ref") found.add(value);
    return value;
  });
}

export function examples() {
  const { $defs } = JSON.parse(readFileSync(SCHEMA, "utf8"));
  const second = ({ properties }) => properties.head.properties.version !== false;
  const defs = {
    PayloadIn: trim($defs.PayloadIn),
    CoordinatorRequest: trim({ oneOf: $defs.CoordinatorRequest.oneOf.filter(second) }),
  };
  const wanted = new Set(["Intent"]);
  Object.values(defs).forEach((definition) => references(definition, wanted));
  for (const name of wanted) {
    if (defs[name]) continue;
    defs[name] = trim($defs[name]);
    references(defs[name], wanted);
  }
  return defs;
}

/** The names of close codes, from the table of PROTOCOL.md. */
export function codes() {
  const rows = readFileSync(PROTOCOL, "utf8").matchAll(/^\| ([14]\d{3}) \| ([A-Z_0-9]+) \|/gm);
  return Object.fromEntries([...rows].map(([, code, name]) => [code, name]));
}
