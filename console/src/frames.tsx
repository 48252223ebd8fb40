/** Frames in both directions, the newest first; each opens to the whole of it. @module */

import { useState } from "preact/hooks";
import { read } from "./copied.js";
import { clock, pretty, visible } from "./text.js";

export interface Frame {
  n: number;
  at: number;
  out: boolean;
  text: string;
  type: string;
}

/** Frames that are kept, and how many there were: a list that a page is told of once a frame of its own. */
export class Reel {
  static readonly KEPT = 300;
  #frames: readonly Frame[] = [];
  #total = 0;
  #due = false;

  constructor(private readonly show: (seen: Seen) => void) {}

  add(frame: Omit<Frame, "n">): void {
    this.#frames = [{ n: this.#total++, ...frame }, ...this.#frames.slice(0, Reel.KEPT - 1)];
    this.#draw();
  }

  /** So many were not told. */
  miss(count: number): void {
    this.#total += count;
    if (count > 0) this.#draw();
  }

  #draw() {
    if (!this.#due) {
      requestAnimationFrame(() => {
        this.#due = false;
        this.show({ frames: this.#frames, total: this.#total });
      });
    }
    this.#due = true;
  }
}

export interface Seen {
  frames: readonly Frame[];
  total: number;
}

/** `ways`: what is said of a frame that went out, and of one that came in. */
export function FrameList({ frames, ways }: { frames: readonly Frame[]; ways: readonly [out: string, into: string] }) {
  return (
    <ol tabIndex={0} aria-label="Newest first">
      {frames.map((frame) => (
        <Row key={frame.n} frame={frame} way={ways[frame.out ? 0 : 1]} />
      ))}
    </ol>
  );
}

function Row({ frame: { at, out, text, type }, way }: { frame: Frame; way: string }) {
  // most are never opened
  const [open, set] = useState(false);
  const value = open ? read(text) : undefined;
  return (
    <li class={out ? "out" : /^(BAD|ERROR|INVALID)/.test(type) ? "in bad" : "in"}>
      <details onToggle={(event) => set(event.currentTarget.open)}>
        <summary>
          <span class="way">
            <span aria-hidden="true">{out ? "↑" : "↓"}</span>
            <span class="unseen">{way}</span>
          </span>
          <time>{clock(at)}</time> <b>{type}</b> <code>{visible((text.length > 400 ? `${text.slice(0, 400)}…` : text).replace(/\s+/g, " "))}</code>
        </summary>
        {open && <pre>{value === undefined ? visible(text) : pretty(value)}</pre>}
      </details>
    </li>
  );
}
