// The SDK's network interface over the hub: one WebSocket carries the requests, the responses and the pushed messages.
//
// A request is the `data` of a MESSAGE to the service `coordinator`; what the coordinator sends is the `data` of a MESSAGE
// too: a response has the `head.corrId` of its request, a pushed message has none. The worker's group is a tag and its pid
// the client's name, so an address means the same here as over HTTP, and workers of both kinds may share a group.

import "./polyfill.mjs";

import { isMessage, isResponse, ResonateTimeoutException } from "@resonatehq/sdk";
import WebSocket from "ws";

const SERVICE = "coordinator";
const PROTOCOL_VERSION = "0.2.0";
const ANSWER_WITHIN_MS = 10_000; // what the SDK allows a request over HTTP
const RECONNECT_WITHIN_MS = 500; // at random up to this; it doubles with every failed attempt
const RECONNECT_WITHIN_MS_MAX = 30_000;

// Close codes that no second attempt mends: a malformed or early payload, a wrong secret, another version of the protocol. A
// name that is taken (4005) may be our own, of a connection that the hub still believes in.
const FINAL_CODES = new Set([4002, 4003, 4006, 4007]);

export class HubNetwork {
  unicast;
  anycast;

  #url;
  #identity;
  #receivers = [];
  #socket;
  #entry = Promise.withResolvers(); // the first one; or why there will be none
  #subscribed = false;
  #over; // why there will be no further connection
  #failures = 0;
  #reconnecting;
  #pending = new Map(); // corrId → a request without a response
  #unanswered = []; // payloads that the hub has not answered yet, oldest first

  constructor({ url, group, pid }) {
    this.#url = url;
    this.#identity = { type: "IDENTIFY", name: pid, version: PROTOCOL_VERSION, tags: [group] };
    this.unicast = `poll://uni@${group}/${pid}`;
    this.anycast = `poll://any@${group}/${pid}`;
  }

  match(target) {
    return `poll://any@${target}`;
  }

  recv(receiver) {
    this.#receivers.push(receiver);
  }

  init() {
    this.#connect();
    return this.#entry.promise;
  }

  async stop() {
    clearTimeout(this.#reconnecting);
    this.#end("stopped");
    this.#socket?.close(1000);
  }

  // A property and not a method: the SDK calls it without its object. It also calls it before `init` is done; the request
  // waits for the connection then, and its time runs.
  send = (request) => {
    const { corrId } = request.head;
    const { promise, resolve, reject } = Promise.withResolvers();
    const settle = (how, value) => {
      clearTimeout(deadline);
      this.#pending.delete(corrId);
      how(value);
    };
    // The SDK tries again after this error and no other.
    const fail = (cause) => settle(reject, new ResonateTimeoutException(cause));
    const answer = (response) => {
      if (isResponse(response) && response.kind === request.kind) settle(resolve, response);
      else fail("response did not match request");
    };
    const deadline = setTimeout(fail, ANSWER_WITHIN_MS, "no response in time");
    this.#pending.set(corrId, { request, answer, fail, sent: false });
    if (this.#over) fail(this.#over);
    else if (this.#subscribed) this.#sendPending();
    return promise;
  };

  #connect() {
    const socket = new WebSocket(this.#url, "ert-concierge");
    this.#socket = socket;
    this.#unanswered = [];
    socket.on("open", () => socket.send(JSON.stringify(this.#identity)));
    socket.on("message", (text) => this.#take(JSON.parse(text)));
    socket.on("error", () => {}); // `close` follows
    socket.on("close", (code, reason) => this.#lost(code, `connection closed: ${code} ${reason}`));
  }

  #put(payload) {
    this.#unanswered.push(payload);
    this.#socket.send(JSON.stringify(payload));
  }

  #sendPending() {
    for (const pending of this.#pending.values()) {
      if (pending.sent) continue;
      pending.sent = true;
      this.#put({ type: "MESSAGE", target: { type: "SERVICE", service: SERVICE }, data: pending.request });
    }
  }

  #take(payload) {
    if (payload.type === "HELLO") this.#put({ type: "SELF_SUBSCRIBE", service: SERVICE });
    // Only answers carry `seq`; there is one to each payload after IDENTIFY, in their order.
    else if (payload.seq !== undefined) this.#takeAnswer(payload, this.#unanswered.shift());
    else if (payload.type === "MESSAGE" && isFromCoordinator(payload)) this.#takeData(payload.data);
  }

  #takeAnswer(answer, asked) {
    if (answer.type === "SELF_SUBSCRIBE_RESULT") {
      this.#failures = 0;
      this.#subscribed = true;
      this.#entry.resolve();
      this.#sendPending();
    } else if (asked.type === "SELF_SUBSCRIBE") {
      this.#socket.close(1000); // no such service yet: try again, as after any failure
    } else if (answer.type !== "OK") {
      this.#pending.get(asked.data.head.corrId)?.fail(`${answer.type} ${answer.desc ?? ""}`);
    }
  }

  #takeData(data) {
    // A response that is not waited for any more came too late.
    if (data?.head?.corrId !== undefined) this.#pending.get(data.head.corrId)?.answer(data);
    // The SDK ends the process over a message that it does not know.
    else if (isMessage(data)) for (const receiver of this.#receivers) receiver(data);
  }

  #lost(code, cause) {
    this.#subscribed = false;
    if (FINAL_CODES.has(code)) this.#end(cause);
    if (this.#over) return;
    // What was sent may have been done or not: only who asked knows whether to ask again.
    for (const pending of this.#pending.values()) if (pending.sent) pending.fail(cause);
    const most = Math.min(RECONNECT_WITHIN_MS * 2 ** this.#failures++, RECONNECT_WITHIN_MS_MAX);
    this.#reconnecting = setTimeout(() => this.#connect(), Math.random() * most);
  }

  #end(cause) {
    this.#over = cause;
    this.#entry.reject(new Error(cause));
    for (const pending of this.#pending.values()) pending.fail(cause);
  }
}

// A target that only the owner of the service may use: nobody else can pass for the coordinator.
function isFromCoordinator({ target }) {
  return target.type === "SERVICE_CLIENT_UUID" && target.service === SERVICE;
}
