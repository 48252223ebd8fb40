/** A list of any length: only the rows that are seen exist, and one that is no longer seen becomes one that is. Arrow keys go from row to row. @module */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Pixels, as in style.css. */
const ROW = 32;
/** Rows beyond either edge. */
const MARGIN = 4;

export interface Column<T> {
  name: string;
  /** Right-aligned figures. */
  figure?: boolean;
  /** Not on narrow screens. */
  wide?: boolean;
  cell(item: T): ComponentChildren;
}

export interface ListProps<T> {
  label: string;
  /** A class with its columns. */
  kind: string;
  items: readonly T[];
  columns: readonly Column<T>[];
  id(item: T): string;
  href(item: T): string;
  /** The one whose detail is open. */
  current?: string | undefined;
  empty: ComponentChildren;
}

/** Which row of the document shows what: who stays keeps its row, and with it the focus; who comes gets one that is free. */
class Slots {
  #of = new Map<string, number>();
  #next = 0;

  /** `held`: the row that has the focus, which becomes nobody else's. */
  give(ids: readonly string[], held: number): number[] {
    const stay = new Set(ids);
    const free = [...this.#of].flatMap(([id, slot]) => (stay.has(id) || slot === held ? [] : [slot]));
    const given = ids.map((id) => [id, this.#of.get(id) ?? free.shift() ?? this.#next++] as const);
    this.#of = new Map(given);
    return given.map(([, slot]) => slot);
  }
}

function classOf({ figure, wide }: { figure?: boolean; wide?: boolean }): string | undefined {
  return [figure && "figure", wide && "wide"].filter(Boolean).join(" ") || undefined;
}

export function List<T>({ label, kind, items, columns, id, href, current, empty }: ListProps<T>) {
  const body = useRef<HTMLDivElement>(null);
  const [slots] = useState(() => new Slots());
  // where the first row begins that is seen: the list is drawn anew when that changes
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const goal = useRef<number | undefined>(undefined);

  useLayoutEffect(() => {
    const element = body.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.min(Math.floor(top / ROW), items.length - 1) - MARGIN);
  const last = Math.min(items.length, Math.ceil((top + height) / ROW) + 1 + MARGIN);

  const rowOf = (index: number) => body.current!.querySelector<HTMLElement>(`[aria-rowindex="${index + 2}"] a`);
  useLayoutEffect(() => {
    if (goal.current === undefined) return;
    const row = rowOf(goal.current);
    if (!row) return;
    goal.current = undefined;
    row.focus({ preventScroll: true });
  });

  const go = (index: number) => {
    const element = body.current!;
    goal.current = Math.max(0, Math.min(items.length - 1, index));
    const from = goal.current * ROW;
    if (from < element.scrollTop) element.scrollTop = from;
    else if (from + ROW > element.scrollTop + element.clientHeight) element.scrollTop = from + ROW - element.clientHeight;
    const row = rowOf(goal.current);
    if (row) {
      goal.current = undefined;
      row.focus({ preventScroll: true });
    } else setTop(Math.floor(element.scrollTop / ROW) * ROW);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = (event.target as HTMLElement).closest("[aria-rowindex]");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = Number(row.getAttribute("aria-rowindex")) - 2;
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: items.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next);
  };
  // one row takes Tab: the open one if it is seen, else the first that is
  const seen = items.slice(first, last);
  const ids = seen.map(id);
  const open = current === undefined ? -1 : ids.indexOf(current);
  const stop = first + (open >= 0 ? open : Math.max(0, Math.floor(top / ROW) - first));
  const focused = document.activeElement?.closest<HTMLElement>("[data-slot]");
  const places = slots.give(ids, focused && body.current?.contains(focused) ? Number(focused.dataset.slot) : -1);

  return (
    <div class={`list ${kind}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div role="rowgroup">
        <div class="row names" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <span role="columnheader" class={classOf(column)} key={column.name}>
              {column.name}
            </span>
          ))}
        </div>
      </div>
      <div
        class="rows"
        role="rowgroup"
        ref={body}
        tabIndex={items.length ? -1 : 0}
        onScroll={(event) => setTop(Math.floor(event.currentTarget.scrollTop / ROW) * ROW)}
        onKeyDown={onKeyDown}
      >
        {items.length === 0 && (
          <div role="row">
            <div role="cell" class="empty">
              {empty}
            </div>
          </div>
        )}
        <div class="all" role="presentation" style={{ height: `${items.length * ROW}px` }}>
          {seen.map((item, n) => (
            <div
              class={ids[n] === current ? "row open" : "row"}
              role="row"
              aria-rowindex={first + n + 2}
              key={places[n]}
              data-slot={places[n]}
              style={{ transform: `translateY(${(first + n) * ROW}px)` }}
            >
              {columns.map((column, place) => (
                <span role="cell" class={classOf(column)} key={column.name}>
                  {place > 0 ? (
                    column.cell(item)
                  ) : (
                    <a
                      href={href(item)}
                      tabIndex={first + n === stop ? 0 : -1}
                      aria-current={ids[n] === current ? "true" : undefined}
                    >
                      {column.cell(item)}
                    </a>
                  )}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

/** What a list is narrowed by; `/` goes there. */
export function Filter({ value, onInput, label }: { value: string; onInput(value: string): void; label: string }) {
  return (
    <label class="filter">
      <span class="unseen">{label}</span>
      <input
        type="search"
        data-filter
        value={value}
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}
