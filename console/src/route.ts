/** Where in the console one is: `#/clients/UUID?filter=…`. Every object has an address of its own. @module */

import { signal } from "@preact/signals";

export interface Route {
  /** The page: the first component. */
  page: string;
  /** What is after it: the object. */
  id: string;
  query: URLSearchParams;
}

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page = "", ...rest] = path.split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    // an address that somebody mistyped: as it stands
  }
  return { page: page || "overview", id, query: new URLSearchParams(query) };
}

export const route = signal(read());
addEventListener("hashchange", () => (route.value = read()));

/** The address of a page or an object. */
export function to(page: string, id?: string, query?: Record<string, string>): string {
  const words = new URLSearchParams(query).toString();
  return `#/${page}${id === undefined ? "" : `/${encodeURIComponent(id)}`}${words && `?${words}`}`;
}

/** Puts what a page was narrowed to into its address, without another step back. */
export function narrow(changes: Record<string, string>): void {
  const { page, id, query } = route.value;
  const words = { ...Object.fromEntries(query), ...changes };
  for (const name in words) if (!words[name]) delete words[name];
  history.replaceState(null, "", to(page, id || undefined, words));
  route.value = read();
}
