/** What stands unsent in the composer of each session; `null` is the new chat's. */
import { ipc } from "$lib/ipc";
import type { SessionId } from "$lib/ipc";
import { attempt } from "./attempt";

const SAVE_AFTER_MS = 400;

class Drafts {
  #texts = new Map<SessionId | null, string>();
  #timers = new Map<SessionId | null, ReturnType<typeof setTimeout>>();

  constructor() {
    // The last words typed before the window goes are written at once.
    window.addEventListener("pagehide", () => void this.flush());
    window.addEventListener("blur", () => void this.flush());
  }

  /** The draft of a session: what was typed last, saved or not yet. */
  async load(sessionId: SessionId | null): Promise<string> {
    const typed = this.#texts.get(sessionId);
    if (typed !== undefined) return typed;
    const saved = (await attempt(() => ipc.getDraft(sessionId))) ?? "";
    return this.#texts.get(sessionId) ?? saved;
  }

  /** Takes what is typed; it is saved when the typing pauses. */
  set(sessionId: SessionId | null, text: string): void {
    if (this.#texts.get(sessionId) === text) return;
    this.#texts.set(sessionId, text);
    clearTimeout(this.#timers.get(sessionId));
    this.#timers.set(
      sessionId,
      setTimeout(() => void this.#save(sessionId), SAVE_AFTER_MS),
    );
  }

  /** Empties a draft that was sent. */
  async clear(sessionId: SessionId | null): Promise<void> {
    this.set(sessionId, "");
    await this.#save(sessionId);
  }

  /** Forgets everything: another database is open now. */
  reset(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#texts.clear();
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#timers.keys()].map((id) => this.#save(id)));
  }

  async #save(sessionId: SessionId | null): Promise<void> {
    clearTimeout(this.#timers.get(sessionId));
    this.#timers.delete(sessionId);
    const text = this.#texts.get(sessionId) ?? "";
    await attempt(() => ipc.setDraft(sessionId, text));
  }
}

export const drafts = new Drafts();
