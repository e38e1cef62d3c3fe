/** How moments are told to people: headings of the session list, "5 min ago". */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A heading and the items under it. */
export type DateGroup<T> = { label: string; items: T[] };

type Dated = { updatedAt: number; pinned: boolean };

/** Splits items (already in list order) under "Pinned", "Today", "Yesterday" and so on. */
export function groupByDate<T extends Dated>(
  items: readonly T[],
  now = Date.now(),
): DateGroup<T>[] {
  const groups: DateGroup<T>[] = [];
  for (const item of items) {
    const label = item.pinned ? "Pinned" : dateLabel(item.updatedAt, now);
    const last = groups.at(-1);
    if (last?.label === label) last.items.push(item);
    else groups.push({ label, items: [item] });
  }
  return groups;
}

/** The heading a moment stands under, by calendar days of this machine's time zone. */
export function dateLabel(time: number, now = Date.now()): string {
  const days = calendarDays(time, now);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "Previous 7 days";
  if (days < 30) return "Previous 30 days";
  return new Intl.DateTimeFormat("en", { month: "long", year: "numeric" }).format(time);
}

/** Rounded, because a day with a clock change has 23 or 25 hours. */
function calendarDays(time: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(time)) / DAY_MS);
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** "just now", "5 min ago", "3 h ago", "yesterday", "4 days ago", then the date. */
export function relativeTime(time: number, now = Date.now()): string {
  const passed = now - time;
  if (passed < MINUTE_MS) return "just now";
  if (passed < HOUR_MS) return `${Math.floor(passed / MINUTE_MS)} min ago`;
  const days = calendarDays(time, now);
  if (days === 0) return `${Math.floor(passed / HOUR_MS)} h ago`;
  if (days === 1) return "yesterday";
  return days < 7 ? `${days} days ago` : shortDate(time, now);
}

/** "just now", "5 min ago", "3 h ago", "9 days ago", "7 weeks ago", "2 years ago": how old. */
export function timeAgo(time: number, now = Date.now()): string {
  const passed = now - time;
  if (passed < 2 * DAY_MS) return passed < DAY_MS ? hoursAgo(passed) : "1 day ago";
  const days = Math.floor(passed / DAY_MS);
  if (days < 21) return `${days} days ago`;
  if (days < 90) return `${Math.floor(days / 7)} weeks ago`;
  return days < 730 ? `${Math.floor(days / 30)} months ago` : `${Math.floor(days / 365)} years ago`;
}

function hoursAgo(passed: number): string {
  if (passed < MINUTE_MS) return "just now";
  if (passed < HOUR_MS) return `${Math.floor(passed / MINUTE_MS)} min ago`;
  return `${Math.floor(passed / HOUR_MS)} h ago`;
}

function shortDate(time: number, now: number): string {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  const year = sameYear ? undefined : "numeric";
  return new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year }).format(time);
}

/** Day, month, year and time: for tooltips and details. */
export function exactTime(time: number): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(time);
}

/** "29 days left", "17 h left", "12 min left": until something is deleted for good. */
export function timeLeft(until: number, now = Date.now()): string {
  const left = Math.max(0, until - now);
  if (left < HOUR_MS) return `${Math.ceil(left / MINUTE_MS)} min left`;
  if (left < 2 * DAY_MS) return `${Math.round(left / HOUR_MS)} h left`;
  return `${Math.round(left / DAY_MS)} days left`;
}
