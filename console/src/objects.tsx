/** What most pages are: all there is of one kind in a list, narrowed as one types, and one of it beside. @module */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Filter, List, type Column } from "./list.js";
import { narrow, route, to } from "./route.js";
import { Page } from "./ui.js";

export interface ObjectsProps<T extends object> {
  title: string;
  /** The page's address, and the class with its columns. */
  kind: string;
  items: readonly T[];
  columns: readonly Column<T>[];
  id(item: T): string;
  /** What the filter looks for words in; asked once for each. */
  text(item: T): string;
  /** What the filter is called. */
  filter: string;
  /** Enter in the filter shows the object of this id, whether it is in the list or not. */
  direct?: boolean;
  about?(found: readonly T[]): ComponentChildren;
  /** What else can be done. */
  tools?(found: readonly T[]): ComponentChildren;
  /** Between the heading and the list. */
  children?: ComponentChildren;
  /** In the place of rows, when there are none; `filtered`: because of the filter. */
  empty(filtered: boolean): ComponentChildren;
  /** The one that is open, and where one and all of them are; without these the page's address says it. */
  open?: string | undefined;
  href?(id: string | undefined): string;
  detail(id: string, back: string): ComponentChildren;
}

/** Those in whose text every word is. */
function useFound<T extends object>(items: readonly T[], filter: string, text: (item: T) => string): readonly T[] {
  const texts = useMemo(() => new WeakMap<T, string>(), []);
  return useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return items;
    return items.filter((item) => {
      let own = texts.get(item);
      if (own === undefined) texts.set(item, (own = text(item).toLowerCase()));
      return words.every((word) => own.includes(word));
    });
  }, [items, filter]);
}

export function Objects<T extends object>(props: ObjectsProps<T>) {
  const { title, kind, items, columns, id, direct, about, tools, children, empty, detail } = props;
  const { id: here, query } = route.value;
  const filter = query.get("filter") ?? "";
  const found = useFound(items, filter, props.text);
  const keep = Object.fromEntries([...query].filter(([, value]) => value));
  const href = props.href ?? ((id) => to(kind, id, keep));
  const open = "open" in props ? props.open : here || undefined;
  const field = <Filter value={filter} label={props.filter} onInput={(filter) => narrow({ filter })} />;
  const show = (event: Event) => {
    event.preventDefault();
    if (filter) location.hash = href(filter);
  };
  return (
    <Page
      title={title}
      about={about?.(found)}
      tools={
        <>
          {direct ? (
            <form class="go" onSubmit={show}>
              {field}
            </form>
          ) : (
            field
          )}
          {tools?.(found)}
        </>
      }
    >
      {children}
      <div class={open === undefined ? "split" : "split with-detail"}>
        <List
          label={title}
          kind={kind}
          items={found}
          columns={columns}
          id={id}
          href={(item) => href(id(item))}
          current={open}
          empty={empty(filter !== "" && items.length > 0)}
        />
        {open !== undefined && detail(open, href(undefined))}
      </div>
    </Page>
  );
}
