/** The messages and branches in the trash. Deleted sessions are a shelf of their own list. */
import { ipc } from "$lib/ipc";
import type { TrashedBranch } from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { openMessage } from "./jump";
import { messages } from "./messages.svelte";
import { sessions } from "./sessions.svelte";

class Trash {
  /** The last deleted first. */
  items = $state.raw<TrashedBranch[]>([]);
  /** Counts readings, so that a late answer to an old one is dropped. */
  #reading = 0;

  constructor() {
    // A session takes its messages along, in and out of the trash.
    for (const entity of ["message", "session"] as const) onChanged(entity, () => this.#refresh());
  }

  #refresh(): void {
    if (sessions.shelf === "trash") void this.load();
  }

  async load(): Promise<void> {
    const reading = ++this.#reading;
    const items = await attempt(() => ipc.listTrash());
    if (items && reading === this.#reading) this.items = items;
  }

  /** Takes a branch out of the trash and shows where it is again. */
  async restore({ messageId, sessionId }: TrashedBranch): Promise<boolean> {
    if (!(await messages.restore(messageId))) return false;
    this.items = this.items.filter((item) => item.messageId !== messageId);
    await openMessage(sessionId, messageId);
    return true;
  }
}

export const trash = new Trash();
