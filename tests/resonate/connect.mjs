// The SDK, connected to a coordinator by either of its faces. The address decides: `http://…` is the SDK as it is released,
// `ws://…` is the same SDK over the hub.

import "./polyfill.mjs";

import { parseArgs } from "node:util";

import { Resonate } from "@resonatehq/sdk";

import { HubNetwork } from "./hub_network.mjs";

const OPTIONS = {
  url: { type: "string" },
  group: { type: "string" },
  pid: { type: "string" },
  ttl: { type: "string", default: "60000" },
};

// What all programs here are told: `--url`, `--group`, `--pid` and `--ttl` (a lease in milliseconds), then words of their own.
export function readArguments() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const missing = Object.keys(OPTIONS).filter((name) => values[name] === undefined);
  if (missing.length > 0) throw new Error(`missing: ${missing.map((name) => `--${name}`).join(" ")}`);
  return { ...values, ttl: Number(values.ttl), positionals };
}

export function connect({ url, group, pid, ttl }) {
  if (/^wss?:/.test(url)) {
    return new Resonate({ network: new HubNetwork({ url, group, pid }), pid, ttl });
  }
  return new Resonate({ url, group, pid, ttl });
}

// One line of JSON, for the program that has started this one. The SDK logs to stderr.
export function say(fact) {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}
