/** What can be pasted elsewhere and does the same there: commands for a shell, code for a browser's console. @module */

import type { PayloadIn } from "../../clients/js/src/index.js";

/** The hub that the command asks by itself. */
const DEFAULT = "127.0.0.1:64209";

function quoted(text: string): string {
  return /^[\w.:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command that asks this hub. */
export function cli(command: string, ...args: string[]): string {
  const hub = location.host === DEFAULT ? [] : ["-s", `${location.protocol.replace("http", "ws")}//${location.host}`];
  const flags = args.some((arg) => /^-./.test(arg)) ? ["--"] : [];
  return ["concierge", command, ...hub, ...flags, ...args.map(quoted)].join(" ");
}

export function read(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** It may be pasted twice: nobody else has its name. */
export function asJavaScript(text: string): string {
  const payload = read(text);
  const literal = payload === undefined ? JSON.stringify(text) : JSON.stringify(payload, null, 2);
  return [
    `const { connect } = await import("${location.origin}/client.js");`,
    `const hub = await connect("${location.origin}", { name: \`browser_\${Date.now()}\` });`,
    `console.log(await hub.request(${literal}));`,
  ].join("\n");
}

/** A worker of the router that adds numbers, in a page of this hub. */
export function asWorker(): string {
  return [
    `const { connect } = await import("${location.origin}/client.js");`,
    `const hub = await connect("${location.origin}", { name: \`adder_\${Date.now()}\` });`,
    `const say = (subject, data) => hub.send({ service: "router" }, { subject, data });`,
    `await hub.subscribe("router", ({ data: { subject, data: { type, cmd, _reqid, data } } }) => {`,
    `  if (type !== "q") return;`,
    `  const known = cmd === "math/add" && Array.isArray(data);`,
    `  const sum = known && data.reduce((sum, n) => sum + n, 0);`,
    `  const error = { code: 9, data: { items: ["cmd"] } };`,
    `  say(subject, { type: "r", _reqid, ...(known ? { status: "ok", data: sum } : { status: "err", data: error }) });`,
    `});`,
    `await say("router", { type: "p", cmd: "router/serve", data: { categories: ["math"] } });`,
  ].join("\n");
}

/** Data as `concierge send` takes it: what is JSON is sent as it stands, so text that looks like it is a string in quotation marks. */
function said(data: unknown): string {
  if (typeof data !== "string") return JSON.stringify(data ?? null);
  return read(data) === undefined && data !== "-" && data !== "" ? data : JSON.stringify(data);
}

/** Requests of the coordinator that have a command of their own. */
const BY_ID: Record<string, string> = {
  "promise.get": "promise get",
  "task.get": "task get",
  "task.halt": "task halt",
  "task.continue": "task continue",
  "schedule.get": "schedule get",
  "schedule.delete": "schedule rm",
};

/** The command that does the same, or the nearest there is. */
export function asCli(text: string): string {
  const payload = read(text) as PayloadIn | undefined;
  switch (payload?.type) {
    case "MESSAGE": {
      const { target, data } = payload;
      if (target.type === "SERVICE" && target.service === "coordinator") {
        const { kind, data: request } = (data ?? {}) as { kind?: string; data?: { id?: string } };
        const command = BY_ID[kind ?? ""];
        if (command && typeof request?.id === "string") return cli(command, request.id);
      }
      if (target.type === "SERVICE") return cli("send", `service:${target.service}`, said(data));
      if (target.type === "NAME") return cli("send", target.name === "all" ? "name:all" : target.name, said(data));
      if (target.type === "UUID") return cli("send", target.uuid, said(data));
      if (target.type === "ALL") return cli("send", "all", said(data));
      return "# concierge has no command for this target";
    }
    case "CLIENT_FETCH_ALL":
      return cli("clients ls");
    case "CLIENT_FETCH":
      return cli("clients get", payload.uuid);
    case "SERVICE_FETCH_ALL":
      return cli("services ls");
    case "SERVICE_FETCH":
      return cli("services get", payload.service);
    case "SERVICE_CREATE":
      return cli("services create", payload.service);
    case "SERVICE_DELETE":
      return cli("services rm", payload.service);
    case "SELF_SUBSCRIBE":
      return cli("sub", payload.service);
    default:
      return "# concierge has no command for this payload";
  }
}
