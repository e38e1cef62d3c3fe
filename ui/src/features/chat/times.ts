const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Hours and minutes: the day stands above. */
export function clockTime(time: number): string {
  return CLOCK.format(time);
}

/** The calendar day of a moment, to tell days apart. */
export function dayOf(time: number): string {
  return new Date(time).toDateString();
}

/** "0.8 s", "12 s", "1 min 5 s". */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
