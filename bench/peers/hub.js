// A hub as one writes it on Bun: what is said to a service or to a client is published to a topic by Bun's own server, which
// joins what it writes. It speaks what the benchmark needs of the hub's protocol, in envelopes of the same bytes.
const services = new Map();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const data = { seq: 0, origin: null };
    return server.upgrade(request, { data }) ? undefined : new Response("a WebSocket is expected", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    message(client, text) {
      const payload = JSON.parse(text);
      if (client.data.origin === null) {
        const { name, tags } = payload;
        client.data.origin = { name, nickname: null, uuid: crypto.randomUUID(), tags };
        client.subscribe("client/" + name);
        client.send(JSON.stringify({ type: "HELLO", uuid: client.data.origin.uuid, version: "0.2.0", fs_key: null }));
        return;
      }
      const answer = turn(client, payload);
      answer.seq = client.data.seq++;
      client.send(JSON.stringify(answer));
    },
    close(client) {
      for (const [name, service] of services) {
        if (service.owner_uuid === client.data.origin?.uuid) services.delete(name);
      }
    },
  },
});

function turn(client, { type, service: name, target, data }) {
  switch (type) {
    case "MESSAGE": {
      const service = target.type === "SERVICE" ? services.get(target.service) : null;
      if (service === undefined) return { type: "INVALID_SERVICE", service: target.service };
      const topic = service === null ? "client/" + target.name : "service/" + target.service;
      if (service !== null) service.subscriber_count = server.subscriberCount(topic);
      server.publish(topic, JSON.stringify({ type: "MESSAGE", origin: { ...client.data.origin, service }, target, data }));
      return { type: "OK" };
    }
    case "SERVICE_CREATE": {
      const owner_uuid = client.data.origin.uuid;
      const service = { name, nickname: null, owner_uuid, subscribers: [], subscriber_count: 0 };
      services.set(name, service);
      return { type: "SERVICE_CREATE_RESULT", successful: true, service };
    }
    case "SELF_SUBSCRIBE": {
      const service = services.get(name);
      if (service === undefined) return { type: "INVALID_SERVICE", service: name };
      client.subscribe("service/" + name);
      return { type: "SELF_SUBSCRIBE_RESULT", successful: true, service };
    }
    default:
      return { type: "ERROR_UNSUPPORTED" };
  }
}

console.log(`listening on ws://127.0.0.1:${server.port}/ws`);
