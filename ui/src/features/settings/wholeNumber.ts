/** The whole number that a text is, or null where it is none from `min` to `max`. */
export function wholeNumber(text: string, min: number, max: number): number | null {
  const number = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : NaN;
  return number >= min && number <= max ? number : null;
}
