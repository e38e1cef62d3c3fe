/**
 * Filters in the text of a search: `role:user`, `session:"Tea time"`.
 *
 * What one clicks is written into the text, so that it can be read, changed and taken out there.
 */
export type FilterName = "role" | "session" | "after" | "before";

/** The text with exactly one filter of this name. */
export function withFilter(text: string, name: FilterName, value: string): string {
  return `${withoutFilter(text, name)} ${name}:${quoted(value)}`.trim();
}

/** The text without any filter of this name. */
export function withoutFilter(text: string, name: FilterName): string {
  return text.replace(pattern(name), " ").replace(/\s+/g, " ").trim();
}

/** Whether the text has this filter, written as `withFilter` writes it. */
export function hasFilter(text: string, name: FilterName, value: string): boolean {
  const found = text.match(pattern(name)) ?? [];
  return found.some((part) => part.trim() === `${name}:${quoted(value)}`);
}

/** The first day of the month after one such as "2026-11". */
export function monthAfter(month: string): string {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const next = number === 12 ? [year + 1, 1] : [year, number + 1];
  return `${String(next[0]).padStart(4, "0")}-${String(next[1]).padStart(2, "0")}`;
}

function pattern(name: FilterName): RegExp {
  return new RegExp(`(?<=^|\\s)${name}:("[^"]*"|\\S*)`, "g");
}

/** A value that quotes cannot hold is left to the reader of the query: it stands for itself. */
function quoted(value: string): string {
  return /\s/.test(value) ? `"${value.replaceAll('"', "")}"` : value;
}
