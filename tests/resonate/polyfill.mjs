// The SDK asks for Node 22 because of `Promise.withResolvers`; with it, Node 20 runs the SDK too, and Node 18, which Debian 12
// has, when `crypto` is global. Import this module before the SDK.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
