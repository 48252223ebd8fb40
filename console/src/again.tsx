/** A button for those who are not told what changes: whoever follows it needs none. @module */

import type { ComponentChildren } from "preact";
import { followed } from "./followed.js";

export function Again({ click, children }: { click: () => void; children: ComponentChildren }) {
  if (followed()) return null;
  return (
    <button type="button" onClick={click}>
      {children}
    </button>
  );
}
