/**
 * What the backend works out of the session that is looked at.
 *
 * It is read while somebody looks at it, and again, a moment later, when a commit may have changed
 * it. A reply that is being written changes with every word: its end is what counts.
 */
import { toCommandError } from "$lib/ipc";
import type { CommandError, SessionId } from "$lib/ipc";
import { onChanged } from "./changes";
import { messages } from "./messages.svelte";

/** Commits come in bursts; one reading answers them all. */
const READ_AFTER_MS = 100;

export class SessionReading<Value> {
  /** Null until it is read, and where it cannot be. */
  value = $state.raw<Value | null>(null);
  /** Why it cannot be read. */
  error = $state.raw<CommandError | null>(null);
  /** The session that is looked at. */
  protected sessionId: SessionId | null = null;
  #get: (id: SessionId) => Promise<Value>;
  /** The session that `value` and `error` are of. */
  #readId: SessionId | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the readings, so that a late answer to an old one is dropped. */
  #reading = 0;

  constructor(get: (id: SessionId) => Promise<Value>) {
    this.#get = get;
    onChanged("session", (ids) => ids.some((id) => id === this.sessionId) && this.readSoon());
    onChanged("message", (ids) => ids.some((id) => !isGrowing(id)) && this.readSoon());
    // A model's profile is told as a setting with the model's name; the app's own have none.
    onChanged("settings", (ids) => ids.some((id) => id !== "") && this.readSoon());
    for (const entity of ["pin", "summary", "persona", "endpoint"] as const) {
      onChanged(entity, () => this.readSoon());
    }
  }

  /** Reads it of a session now and after each change, until the returned function is called. */
  watch(sessionId: SessionId): () => void {
    if (sessionId !== this.#readId) this.#take(sessionId, null, null);
    this.sessionId = sessionId;
    void this.read();
    return () => {
      if (this.sessionId === sessionId) this.sessionId = null;
      this.#stopWaiting();
    };
  }

  /** Reads it again shortly, if anybody looks. */
  readSoon(): void {
    if (this.sessionId === null || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.read(), READ_AFTER_MS);
  }

  async read(): Promise<void> {
    this.#stopWaiting();
    const [id, reading] = [this.sessionId, ++this.#reading];
    if (id === null) return;
    try {
      const value = await this.#get(id);
      if (reading === this.#reading) this.#take(id, value, null);
    } catch (error) {
      if (reading === this.#reading) this.#take(id, null, toCommandError(error));
    }
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #take(id: SessionId, value: Value | null, error: CommandError | null): void {
    this.#readId = id;
    this.value = value;
    this.error = error;
  }
}

function isGrowing(id: string): boolean {
  return messages.streaming.has(Number(id));
}
