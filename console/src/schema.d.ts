/** The schema of what a client may send, as scripts/schema.mjs trims it. */
declare module "schema:protocol" {
  const definitions: Record<string, unknown>;
  export default definitions;
}
