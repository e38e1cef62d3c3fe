/**
 * Notices that were dismissed: each comes back after a week, if there is still reason to.
 * Kept by the web view and not in the database: a restored one must not bring it.
 */
import { DAY_MS } from "$lib/dates";

const KEY = "dismissed-notices";
const QUIET_MS = 7 * DAY_MS;

class Quiet {
  #since = $state(read());

  has(name: string, now: number): boolean {
    const since = this.#since[name];
    return since !== undefined && now - since < QUIET_MS;
  }

  begin(name: string): void {
    const now = Date.now();
    const still = Object.entries(this.#since).filter(([, since]) => now - since < QUIET_MS);
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
