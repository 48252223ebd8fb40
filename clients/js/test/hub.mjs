// A hub: the real binary, in a process and a home of its own, on a free port; and what tests say to it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect as dial, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { connect } from "../dist/index.js";

/** How long a test waits for anything. */
export const PATIENCE = 60_000;

export const BINARY = process.env.TESTED_CONCIERGE ?? fileURLToPath(new URL("../../../target/debug/concierge", import.meta.url));

export class Hub {
  #settings;
  #home = mkdtempSync(join(tmpdir(), "concierge-js-"));
  #child;
  #log = "";
  #clients = [];

  constructor(settings) {
    this.#settings = settings;
    mkdirSync(join(this.#home, "tmp"));
  }

  /** A hub with these configuration keys, that ends with the test. */
  static async start(test, ...settings) {
    const hub = new Hub(settings);
    test.after(() => hub.stop());
    await hub.#run("127.0.0.1:0");
    return hub;
  }

  async #run(listen) {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: \`cargo build -p concierge\` makes it`);
    const keys = this.#settings.flatMap((setting) => ["--set", setting]);
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("CONCIERGE_"));
    const env = { ...Object.fromEntries(own), TMPDIR: join(this.#home, "tmp"), XDG_STATE_HOME: join(this.#home, "state") };
    const args = ["--json", "serve", "--listen", listen, ...keys];
    this.#child = spawn(BINARY, args, { cwd: this.#home, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr.on("data", (text) => (this.#log += text));
    const [line] = await Promise.race([
      once(createInterface(this.#child.stdout), "line"),
      once(this.#child, "exit").then(() => Promise.reject(new Error(`the hub ended: ${this.#log}`))),
    ]);
    const { address, url } = JSON.parse(line);
    this.address = address;
    this.url = url;
    this.origin = `http://${address}`;
  }

  /** SIGKILL, and the end. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** At the same address and in the same home. */
  async restart() {
    await this.#run(this.address);
  }

  async stop() {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.kill();
    rmSync(this.#home, { recursive: true, force: true });
    if (this.#log.includes("panicked at")) throw new Error(`something in the hub panicked:\n${this.#log}`);
  }

  /** A client that ends with the hub. */
  async enter(name, options = {}) {
    const client = await connect(this.url, { name, WebSocket, backoff: QUICK, ...options });
    this.#clients.push(client);
    return client;
  }
}

/** Reconnects soon, so that tests need not wait. */
export const QUICK = { base: 20, spread: 100, cap: 200 };

/** A signal that fails whatever waits for too long. */
export function soon() {
  return { signal: AbortSignal.timeout(PATIENCE) };
}

/** The next item of a stream. */
export async function item(stream) {
  const { value, done } = await stream.next(soon());
  if (done) throw new Error("the stream ended");
  return value;
}

/** Waits until `look` finds something. */
export async function until(what, look) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((turn) => setTimeout(turn, 5));
  }
}

/** The next status of this kind. */
export function becomes(client, state) {
  return new Promise((resolve, reject) => {
    const { signal } = soon();
    const off = client.on("status", (status) => {
      if (status.state !== state) return;
      off();
      resolve(status);
    });
    signal.addEventListener("abort", () => reject(new Error(`never ${state}: ${JSON.stringify(client.status)}`)));
  });
}

/** Fails unless it is refused with this code. */
export async function refused(promise, code) {
  try {
    await promise;
  } catch (error) {
    if (error.code === code) return error;
    throw error;
  }
  throw new Error(`not refused, and ${code} was expected`);
}

/** A wire to the hub that can fall silent, be cut, and refuse. */
export async function proxy(t, hub) {
  const [host, port] = hub.address.split(":");
  const sockets = new Set();
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) return near.destroy();
    const far = dial(Number(port), host);
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    server.close();
    cut();
  });
  return {
    url: `ws://127.0.0.1:${server.address().port}/ws`,
    cut,
    silence: () => sockets.forEach((socket) => socket.unpipe().pause()),
    refuse: () => (refusing = true),
    accept: () => (refusing = false),
  };
}
