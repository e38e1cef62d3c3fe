/**
 * Notices that were dismissed, and when: each comes back after a time, if there is still reason to.
 * Kept by the web view and not in the database: a restored one must not bring it.
 */
import { DAY_MS } from "$lib/dates";

const KEY = "dismissed-notices";
/** After this long nobody asks for one any more. */
const KEPT_MS = 365 * DAY_MS;

class Quiet {
  #since = $state(read());

  /** Whether it was dismissed less than `quietMs` ago. */
  has(name: string, quietMs: number, now: number): boolean {
    const since = this.#since[name];
    return since !== undefined && now - since < quietMs;
  }

  begin(name: string): void {
    const now = Date.now();
    const still = Object.entries(this.#since).filter(([, since]) => now - since < KEPT_MS);
    this.#since = { ...Object.fromEntries(still), [name]: now };
    localStorage.setItem(KEY, JSON.stringify(this.#since));
  }
}

function read(): Record<string, number> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const quiet = new Quiet();
