/** Numbers at random from a seed that is printed, so that a failure can be repeated. */
export function random(): { seed: number; draw: (bound: number) => number } {
  const seed = Number(process.env.CHATKEEP_E2E_SEED ?? Date.now() % 1_000_000);
  let state = BigInt(seed);
  const draw = (bound: number): number => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number((state >> 33n) % BigInt(bound));
  };
  return { seed, draw };
}
