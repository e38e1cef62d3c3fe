import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until there is an answer, or fails saying what was waited for. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    const answer = await ask().catch((error: unknown) => void (last = error));
    if (answer !== undefined && answer !== false) return answer as T;
    if (Date.now() > deadline) break;
    await sleep(30);
  }
  throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.`, { cause: last });
}
