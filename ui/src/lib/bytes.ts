const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** "0 bytes", "812 bytes", "1.5 MiB": one decimal below ten of a unit. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
