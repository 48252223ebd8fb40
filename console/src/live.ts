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

/** Of more than these, changes that follow each other are shown every {@link PAUSE_MS}, so that frames remain for whoever scrolls. */
const FEW = 1_000;
const PAUSE_MS = 100;

/** Does it with the next frame, once for all that ask until then; the first change after a pause is shown at once. */
function paced(size: () => number, show: () => void): () => void {
  let due = false;
  let shown = 0;
  const draw = (now: number) => {
    if (size() > FEW && now - shown < PAUSE_MS) return void requestAnimationFrame(draw);
    due = false;
    shown = now;
    show();
  };
  return () => {
    if (!due) requestAnimationFrame(draw);
    due = true;
  };
}

const showClients = paced(() => present.size, () => (clients.value = [...present.values()]));
const showServices = paced(() => offered.size, () => (services.value = [...offered.values()]));

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
  showServices();
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
  presence.each(showClients);
}

effect(() => {
  const client = hub.value;
  if (client) follow(client).catch(() => {});
});
