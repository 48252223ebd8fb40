/** The schema of what a client may send, as scripts/schema.mjs trims it. */
declare module "schema:protocol" {
  const definitions: Record<string, unknown>;
  export default definitions;
}

declare module "schema:codes" {
  const names: Record<string, string>;
  export default names;
}
