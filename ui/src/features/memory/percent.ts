/** "80 %" for 0.8, which no line breaks. */
export function percent(score: number): string {
  return `${Math.round(score * 100)}\u00a0%`;
}
