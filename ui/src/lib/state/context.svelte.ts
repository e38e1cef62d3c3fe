/**
 * What the session on show would send its model now, and why.
 *
 * It is read while somebody looks at it, and again, a moment later, when a commit may have changed
 * it. A reply that is being written changes with every word: its end is what counts.
 */
import { ipc, toCommandError } from "$lib/ipc";
import type { CommandError, ContextItem, MessageId, SessionContext, SessionId } from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { messages } from "./messages.svelte";

/** Commits come in bursts; one reading answers them all. */
const READ_AFTER_MS = 100;

class Context {
  /** Null until it is read, and where it cannot be. */
  value = $state.raw<SessionContext | null>(null);
  /** Why it cannot be read. */
  error = $state.raw<CommandError | null>(null);
  /** The session that is looked at. */
  #sessionId: SessionId | null = null;
  /** The session that `value` and `error` are of. */
  #readId: SessionId | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the readings, so that a late answer to an old one is dropped. */
  #reading = 0;

  constructor() {
    onChanged("session", (ids) => ids.some((id) => id === this.#sessionId) && this.readSoon());
    onChanged("message", (ids) => ids.some((id) => !isGrowing(id)) && this.readSoon());
    // A model's profile is told as a setting with the model's name; the app's own have none.
    onChanged("settings", (ids) => ids.some((id) => id !== "") && this.readSoon());
    for (const entity of ["pin", "summary", "persona", "endpoint"] as const) {
      onChanged(entity, () => this.readSoon());
    }
  }

  /** Reads a session's context now and after each change, until the returned function is called. */
  watch(sessionId: SessionId): () => void {
    if (sessionId !== this.#readId) this.#take(sessionId, null, null);
    this.#sessionId = sessionId;
    void this.read();
    return () => {
      if (this.#sessionId === sessionId) this.#sessionId = null;
      this.#stopWaiting();
    };
  }

  /** Reads it again shortly, if anybody looks. */
  readSoon(): void {
    if (this.#sessionId === null || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.read(), READ_AFTER_MS);
  }

  async read(): Promise<void> {
    this.#stopWaiting();
    const [id, reading] = [this.#sessionId, ++this.#reading];
    if (id === null) return;
    try {
      const value = await ipc.getContext(id);
      if (reading === this.#reading) this.#take(id, value, null);
    } catch (error) {
      if (reading === this.#reading) this.#take(id, null, toCommandError(error));
    }
  }

  /** Keeps an item out of the session's context, or lets it in again. */
  async setExcluded({ part, id }: ContextItem, excluded: boolean): Promise<void> {
    const sessionId = this.#sessionId;
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

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #take(id: SessionId, value: SessionContext | null, error: CommandError | null): void {
    this.#readId = id;
    this.value = value;
    this.error = error;
  }
}

function isGrowing(id: string): boolean {
  return messages.streaming.has(Number(id));
}

export const context = new Context();
