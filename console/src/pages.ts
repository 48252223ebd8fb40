/** The pages, in the order of the navigation. A new one is a line here and a file in `pages/`. @module */

import type { ComponentType } from "preact";
import { Clients } from "./pages/clients.js";
import { Events } from "./pages/events.js";
import { Files } from "./pages/files.js";
import { Overview } from "./pages/overview.js";
import { Promises } from "./pages/promises.js";
import { Router } from "./pages/router.js";
import { Services } from "./pages/services.js";
import { Tasks } from "./pages/tasks.js";
import { TryIt } from "./pages/try.js";

export interface PageOf {
  /** The first component of its address. */
  path: string;
  title: string;
  Page: ComponentType;
}

export const PAGES: readonly PageOf[] = [
  { path: "overview", title: "Overview", Page: Overview },
  { path: "clients", title: "Clients", Page: Clients },
  { path: "services", title: "Services", Page: Services },
  { path: "router", title: "Router", Page: Router },
  { path: "promises", title: "Promises", Page: Promises },
  { path: "tasks", title: "Tasks", Page: Tasks },
  { path: "files", title: "Files", Page: Files },
  { path: "events", title: "Events", Page: Events },
  { path: "try", title: "Try it", Page: TryIt },
];
