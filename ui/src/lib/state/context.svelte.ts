/** What the session on show would send its model now, and why. */
import { ipc } from "$lib/ipc";
import type { ContextItem, MessageId, SessionContext } from "$lib/ipc";
import { attempt } from "./attempt";
import { SessionReading } from "./sessionReading.svelte";

class Context extends SessionReading<SessionContext> {
  constructor() {
    super((id) => ipc.getContext(id));
  }

  /** Keeps an item out of the session's context, or lets it in again. */
  async setExcluded({ part, id }: ContextItem, excluded: boolean): Promise<void> {
    const { sessionId } = this;
    if (sessionId === null) return;
    await attempt(() => ipc.setExcluded(sessionId, { part, itemId: id }, excluded));
    await this.read();
  }

  /** Marks how much a message matters; null lets the rules say. */
  async mark(id: MessageId, score: number | null): Promise<void> {
    await attempt(() => ipc.setMessageImportance(id, score));
    await this.read();
  }

  /** Sets the window of a model, null: as is known. Throws, so that the error stands at its field. */
  async setWindow(model: string, tokens: number | null): Promise<void> {
    await ipc.setContextWindow(model, tokens);
    await this.read();
  }
}

export const context = new Context();
