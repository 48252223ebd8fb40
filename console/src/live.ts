/** Who and what is at the hub now, as it is told; the page hears of changes once a frame. @module */

import { effect, signal } from "@preact/signals";
import type { Client, ClientInfo, PayloadOut, ServiceInfo } from "../../clients/js/src/index.js";
import { hub } from "./hub.js";

/** Clients in the order in which they came. */
export const clients = signal<readonly ClientInfo[]>([]);
/** Services by their names. */
export const services = signal<readonly ServiceInfo[]>([]);

let present: ReadonlyMap<string, ClientInfo> = new Map();
let offered = new Map<string, ServiceInfo>();
const stale = new Set<() => void>();

/** Does it with the next frame, once. */
function refresh(what: () => void) {
  if (stale.size === 0) {
    requestAnimationFrame(() => {
      const due = [...stale];
      stale.clear();
      for (const refresh of due) refresh();
    });
  }
  stale.add(what);
}

const showClients = () => (clients.value = [...present.values()]);
const showServices = () => (services.value = [...offered.values()]);

/** A client by its id, if it is there. */
export function clientOf(uuid: string): ClientInfo | undefined {
  void clients.value;
  return present.get(uuid);
}

export function clientNamed(name: string): ClientInfo | undefined {
  return clients.value.find((client) => client.name === name);
}

function take(payload: PayloadOut) {
  switch (payload.type) {
    case "SERVICE_FETCH_ALL_RESULT":
      offered = new Map(payload.services.map((service) => [service.name, service]));
      break;
    case "SERVICE_FETCH_RESULT":
      offered.set(payload.service.name, payload.service);
      break;
    case "SERVICE_CREATE_RESULT":
      if (payload.successful) offered.set(payload.service.name, payload.service);
      break;
    case "SERVICE_DELETE_RESULT":
      offered.delete(payload.service.name);
      break;
    case "SERVICE_CLIENT_SUBSCRIBED":
    case "SERVICE_CLIENT_UNSUBSCRIBED":
      offered.set(payload.service.name, payload.service);
      break;
    case "SELF_SUBSCRIBE_RESULT":
    case "SELF_UNSUBSCRIBE_RESULT":
      offered.set(payload.service.name, payload.service);
      break;
    default:
      return;
  }
  refresh(showServices);
}

/** Counts of subscribers are told to subscribers only: this asks for all of them. */
export function askForServices(client: Client): void {
  client.fetchServices().catch(() => {});
}

async function follow(client: Client) {
  client.on("in", (payload) => {
    if (payload.type === "HELLO") askForServices(client);
    else take(payload);
  });
  askForServices(client);
  const presence = await client.presence();
  present = presence.clients;
  showClients();
  presence.each(() => refresh(showClients));
}

effect(() => {
  const client = hub.value;
  if (client) follow(client).catch(() => {});
});
