/** How the memory of the session on show is: figures, and what is off. */
import { ipc } from "$lib/ipc";
import type { MemoryStats } from "$lib/ipc";
import { onChanged } from "./changes";
import { SessionReading } from "./sessionReading.svelte";

class SessionMemoryStats extends SessionReading<MemoryStats> {
  constructor() {
    super((id) => ipc.getMemoryStats(id));
    // From how many messages on a summary is due is one of the app's own settings.
    onChanged("settings", () => this.readSoon());
  }
}

export const memoryStats = new SessionMemoryStats();
