/** "80 %" for 0.8. */
export function percent(score: number): string {
  return `${Math.round(score * 100)} %`;
}
