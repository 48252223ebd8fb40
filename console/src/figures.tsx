/** Figures that change every second, and what they are made of. @module */

import type { ComponentChildren } from "preact";
import { Spark } from "./ui.js";

interface Moment {
  now: number;
  values: number[];
}

/** How much a counter grew in each second. */
export function growth<T extends { at: number }>(all: readonly T[], of: (stats: T) => number): Moment {
  const values = all.slice(1).map((stats, n) => {
    const before = all[n]!;
    return Math.max(0, ((of(stats) - of(before)) * 1_000) / Math.max(1, stats.at - before.at));
  });
  return { now: values.at(-1) ?? 0, values };
}

export function Figure(props: { name: string; value: ComponentChildren; unit?: string; values?: readonly number[]; href?: string }) {
  const { name, value, unit, values, href } = props;
  return (
    <div class="figure-card">
      <h2>{href ? <a href={href}>{name}</a> : name}</h2>
      <p>
        <strong>{value}</strong> {unit}
      </p>
      {values && <Spark values={values} label={`${name} in the last two minutes`} />}
    </div>
  );
}

export function Row({ name, value }: { name: ComponentChildren; value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="figure">{value}</td>
    </tr>
  );
}
