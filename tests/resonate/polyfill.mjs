// The SDK asks for Node 22 because of `Promise.withResolvers`; with it, Node 20 runs the SDK too. Import this module before
// the SDK.

Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
