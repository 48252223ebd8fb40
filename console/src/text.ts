/** Numbers, times and JSON as people read them. @module */

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(n: number): string {
  return NUMBER.format(n);
}

export function compact(n: number): string {
  return n < 10_000 ? NUMBER.format(Math.round(n * 10) / 10) : COMPACT.format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** `2026-11-28 03:10:00`, by the clock of whoever reads it. */
export function at(ms: number): string {
  return Number.isNaN(new Date(ms).getTime()) ? String(ms) : `${day(ms)} ${clock(ms)}`;
}

/** `2026-11-28` */
export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `03:10:00` */
export function clock(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/** `1 h 4 min`, at most two units. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const sizes = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const;
  const first = sizes.findIndex(([size]) => ms >= size);
  const [size, unit] = sizes[first]!;
  const whole = `${Math.floor(ms / size)} ${unit}`;
  const next = sizes[first + 1];
  const rest = next && Math.floor((ms % size) / next[0]);
  return rest ? `${whole} ${rest} ${next[1]}` : whole;
}

/** Control characters, and those that turn the direction of what follows. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** With what can't be seen written out: a name is read as it is, not as it wants to look. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** In the shape in which it is read. */
export function pretty(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? "nothing";
  return text.split("\n").map(visible).join("\n");
}
