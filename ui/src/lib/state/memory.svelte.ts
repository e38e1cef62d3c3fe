/** Pins and summaries of the session on show. */
import { ipc } from "$lib/ipc";
import type { Message, NewPin, NewSummary, Pin, PinId, PinUpdate, SessionId } from "$lib/ipc";
import type { Summary, SummaryId, SummaryUpdate } from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { sessions } from "./sessions.svelte";
import { toasts } from "./toasts.svelte";

class Memory {
  pins = $state.raw<Pin[]>([]);
  summaries = $state.raw<Summary[]>([]);
  /** False until the session's pins and summaries are there. */
  loaded = $state(false);
  #sessionId: SessionId | null = null;

  constructor() {
    onChanged("pin", () => void this.#loadPins());
    onChanged("summary", () => void this.#loadSummaries());
    sessions.whenOpened((id) => void this.#open(id));
  }

  async #open(sessionId: SessionId | null): Promise<void> {
    this.#sessionId = sessionId;
    this.pins = [];
    this.summaries = [];
    this.loaded = false;
    await Promise.all([this.#loadPins(), this.#loadSummaries()]);
    if (sessionId === this.#sessionId) this.loaded = true;
  }

  async #loadPins(): Promise<void> {
    const id = this.#sessionId;
    if (id === null) return;
    const pins = await attempt(() => ipc.listPins(id));
    if (pins && id === this.#sessionId) this.pins = pins;
  }

  async #loadSummaries(): Promise<void> {
    const id = this.#sessionId;
    if (id === null) return;
    const summaries = await attempt(() => ipc.listSummaries(id));
    if (summaries && id === this.#sessionId) this.summaries = summaries;
  }

  /** Keeps a message's text as a pin. */
  async pinMessage(message: Pick<Message, "id" | "sessionId" | "text">): Promise<boolean> {
    const { id: sourceMessageId, sessionId, text: content } = message;
    const made = await this.#createPin({ sessionId, content, sourceMessageId, pinType: "user" });
    if (made) toasts.show({ text: "Pinned.", undo: () => void this.#removePin(made.id) });
    return made !== undefined;
  }

  /** Keeps a text the user wrote as a pin of the session on show. */
  async addPin({ content, importanceScore, pinType }: PinUpdate): Promise<boolean> {
    const sessionId = this.#sessionId;
    if (sessionId === null) return false;
    const newPin = { sessionId, content, sourceMessageId: null, pinType };
    const pin = await this.#createPin(newPin);
    if (!pin) return false;
    return this.#score(pin, importanceScore);
  }

  async #createPin(newPin: NewPin): Promise<Pin | undefined> {
    const pin = await attempt(() => ipc.createPin(newPin));
    if (pin) await this.#loadPins();
    return pin;
  }

  /** A new pin has the usual importance; any other is set after. */
  async #score({ id, content, pinType, ...pin }: Pin, importanceScore: number): Promise<boolean> {
    if (pin.importanceScore === importanceScore) return true;
    return this.updatePin(id, { content, pinType, importanceScore });
  }

  async updatePin(id: PinId, update: PinUpdate): Promise<boolean> {
    const pin = await attempt(() => ipc.updatePin(id, update));
    if (pin) this.pins = this.pins.map((item) => (item.id === id ? pin : item));
    return pin !== undefined;
  }

  /** Deletes a pin; Undo makes it anew with the same words and importance. */
  async removePin(pin: Pin): Promise<boolean> {
    if (!(await this.#removePin(pin.id))) return false;
    toasts.show({ text: "Deleted the pin.", undo: () => void this.#bringBack(pin) });
    return true;
  }

  async #removePin(id: PinId): Promise<boolean> {
    const done = await attempt(() => ipc.deletePin(id));
    if (done === undefined) return false;
    this.pins = this.pins.filter((item) => item.id !== id);
    return true;
  }

  async #bringBack({ sessionId, content, sourceMessageId, pinType, importanceScore }: Pin) {
    const pin = await this.#createPin({ sessionId, content, sourceMessageId, pinType });
    if (pin) await this.#score(pin, importanceScore);
  }

  async addSummary(newSummary: NewSummary): Promise<boolean> {
    const summary = await attempt(() => ipc.createSummary(newSummary));
    if (summary) await this.#loadSummaries();
    return summary !== undefined;
  }

  async updateSummary(id: SummaryId, update: SummaryUpdate): Promise<boolean> {
    const summary = await attempt(() => ipc.updateSummary(id, update));
    if (summary) this.summaries = this.summaries.map((item) => (item.id === id ? summary : item));
    return summary !== undefined;
  }

  async removeSummary(id: SummaryId): Promise<boolean> {
    const done = await attempt(() => ipc.deleteSummary(id));
    if (done === undefined) return false;
    this.summaries = this.summaries.filter((item) => item.id !== id);
    return true;
  }
}

export const memory = new Memory();
