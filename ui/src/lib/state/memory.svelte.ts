/** Pins and summaries of the session on show. */
import { SvelteSet } from "svelte/reactivity";
import { ipc, listenToMemoryWork } from "$lib/ipc";
import type {
  MemoryWork,
  Message,
  NewPin,
  NewSummary,
  Pin,
  PinId,
  PinScope,
  PinType,
} from "$lib/ipc";
import type { PersonaId, PinUpdate, SessionId, Summary, SummaryId, SummaryUpdate } from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { sessions } from "./sessions.svelte";
import { toasts } from "./toasts.svelte";

/** What the user writes or chooses of a pin. */
export type PinDraft = PinUpdate & { scope: PinScope };
type Source = Pick<Message, "id" | "sessionId">;

class Memory {
  pins = $state.raw<Pin[]>([]);
  summaries = $state.raw<Summary[]>([]);
  /** False until the session's pins and summaries are there. */
  loaded = $state(false);
  /** The sessions that this window has asked for a summary of. */
  summarizing = new SvelteSet<SessionId>();
  /** The summaries that this window has asked to be made anew. */
  regenerating = new SvelteSet<SummaryId>();
  /** What a model writes beside the replies, without having been asked to. */
  work = $state.raw<MemoryWork | null>(null);
  #sessionId: SessionId | null = null;
  /** The persona whose pins count here. */
  #personaId: PersonaId | null = null;

  constructor() {
    onChanged("pin", () => void this.#loadPins());
    onChanged("summary", () => void this.#loadSummaries());
    sessions.whenOpened((id) => void this.#open(id));
    sessions.whenRead(({ personaId }) => personaId !== this.#personaId && void this.#loadPins());
  }

  async listen(): Promise<void> {
    await listenToMemoryWork((work) => (this.work = work));
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
    this.#personaId = sessions.current?.personaId ?? null;
    const pins = await attempt(() => ipc.listPins(id));
    if (pins && id === this.#sessionId) this.pins = pins;
  }

  async #loadSummaries(): Promise<void> {
    const id = this.#sessionId;
    if (id === null) return;
    const summaries = await attempt(() => ipc.listSummaries(id));
    if (summaries && id === this.#sessionId) this.summaries = summaries;
  }

  /** The pin with a text. */
  findPin(text: string): Pin | undefined {
    const content = text.trim();
    return this.pins.find((pin) => pin.content.trim() === content);
  }

  /** Keeps a message's text, or a part of it, as a pin. */
  async pinMessage({ id, sessionId }: Source, content: string, pinType: PinType = "user") {
    const scope: PinScope = "session";
    const newPin = { sessionId, content, sourceMessageId: id, pinType, scope };
    const made = await this.#createPin(newPin);
    if (!made) return;
    const undo = () => void this.#deletePin(made.pin.id);
    toasts.show(made.merged ? ALREADY : { text: "Pinned.", undo });
  }

  /** Keeps a text the user wrote as a pin. */
  async addPin({ content, importanceScore, pinType, scope }: PinDraft): Promise<boolean> {
    const sessionId = this.#sessionId;
    if (sessionId === null) return false;
    const newPin = { sessionId, content, sourceMessageId: null, pinType, scope };
    const made = await this.#createPin(newPin);
    if (made?.merged) toasts.show(ALREADY);
    if (!made || made.merged) return made !== undefined;
    return this.#score(made.pin, importanceScore);
  }

  /** Of two pins with the same text one is kept: the answer may be one that was there. */
  async #createPin(newPin: NewPin): Promise<{ pin: Pin; merged: boolean } | undefined> {
    const before = new Set(this.pins.map((pin) => pin.id));
    const pin = await attempt(() => ipc.createPin(newPin));
    if (!pin) return undefined;
    await this.#loadPins();
    return { pin, merged: before.has(pin.id) };
  }

  /** A new pin has the usual importance; any other is set after. */
  async #score({ id, content, pinType, ...pin }: Pin, importanceScore: number): Promise<boolean> {
    if (pin.importanceScore === importanceScore) return true;
    return this.#update(() => ipc.updatePin(id, { content, pinType, importanceScore }));
  }

  async updatePin(pin: Pin, { scope, ...update }: PinDraft): Promise<boolean> {
    if (!(await this.#update(() => ipc.updatePin(pin.id, update)))) return false;
    return scope === pin.scope || this.setScope(pin.id, scope);
  }

  /** Says where a pin counts: in its session, with its persona, or everywhere. */
  async setScope(id: PinId, scope: PinScope): Promise<boolean> {
    const sessionId = this.#sessionId;
    if (sessionId === null) return false;
    return this.#update(() => ipc.setPinScope(id, scope, sessionId));
  }

  async #update(command: () => Promise<Pin>): Promise<boolean> {
    const pin = await attempt(command);
    if (pin) this.pins = this.pins.map((item) => (item.id === pin.id ? pin : item));
    return pin !== undefined;
  }

  /** Takes a pin away: one's own is deleted, one that was found is rejected. */
  async removePin(pin: Pin): Promise<boolean> {
    return pin.source === "user" ? this.#removeOwn(pin) : this.#reject(pin);
  }

  /** Deletes a pin; Undo makes it anew with the same words and importance. */
  async #removeOwn(pin: Pin): Promise<boolean> {
    const sessionId = pin.sessionId ?? this.#sessionId;
    if (!(await this.#deletePin(pin.id))) return false;
    const undo = sessionId === null ? undefined : () => void this.#bringBack(pin, sessionId);
    toasts.show({ text: "Deleted the pin.", undo });
    return true;
  }

  /** Rejects a pin, so that its text is not found again. */
  async #reject({ id }: Pin): Promise<boolean> {
    if (!(await this.#takeAway(id, () => ipc.rejectPin(id)))) return false;
    const text = "Rejected the pin. It will not be found again.";
    toasts.show({ text, undo: () => void this.#restoreRejected(id) });
    return true;
  }

  async #restoreRejected(id: PinId): Promise<void> {
    if (await attempt(() => ipc.restoreRejectedPin(id))) await this.#loadPins();
  }

  async #deletePin(id: PinId): Promise<boolean> {
    return this.#takeAway(id, () => ipc.deletePin(id));
  }

  async #takeAway(id: PinId, command: () => Promise<null>): Promise<boolean> {
    if ((await attempt(command)) === undefined) return false;
    this.pins = this.pins.filter((item) => item.id !== id);
    return true;
  }

  async #bringBack(pin: Pin, sessionId: SessionId): Promise<void> {
    const { content, sourceMessageId, pinType, scope } = pin;
    const made = await this.#createPin({ sessionId, content, sourceMessageId, pinType, scope });
    if (made) await this.#score(made.pin, pin.importanceScore);
  }

  async addSummary(newSummary: NewSummary): Promise<boolean> {
    const summary = await attempt(() => ipc.createSummary(newSummary));
    if (summary) await this.#loadSummaries();
    return summary !== undefined;
  }

  async updateSummary(id: SummaryId, update: SummaryUpdate): Promise<boolean> {
    const summary = await attempt(() => ipc.updateSummary(id, update));
    if (summary) this.#putSummary(summary);
    return summary !== undefined;
  }

  /** Lets the model write a summary anew. Where it cannot, the one there is stays. */
  async regenerate(id: SummaryId): Promise<boolean> {
    const summary = await during(this.regenerating, id, () => ipc.regenerateSummary(id));
    if (summary) this.#putSummary(summary);
    return summary !== undefined;
  }

  /** Lets the model write anew what was made without one. */
  async replaceExtractive(): Promise<void> {
    for (const { id, origin } of this.summaries) {
      if (origin === "extractive" && !(await this.regenerate(id))) return;
    }
  }

  /** Lets the model summarise what is not covered, however little it is. */
  async summarizeNow(): Promise<void> {
    const id = this.#sessionId;
    if (id === null || this.summarizing.has(id)) return;
    const summary = await during(this.summarizing, id, () => ipc.summarizeNow(id));
    if (summary) await this.#loadSummaries();
    if (summary === null) toasts.show({ text: "There is nothing to summarise yet." });
  }

  #putSummary(summary: Summary): void {
    this.summaries = this.summaries.map((item) => (item.id === summary.id ? summary : item));
  }

  async removeSummary(id: SummaryId): Promise<boolean> {
    const done = await attempt(() => ipc.deleteSummary(id));
    if (done === undefined) return false;
    this.summaries = this.summaries.filter((item) => item.id !== id);
    return true;
  }
}

const ALREADY = { text: "Already pinned." };

/** Runs a command with its subject in the set of those that are worked on. */
async function during<Id, T>(
  set: SvelteSet<Id>,
  id: Id,
  command: () => Promise<T>,
): Promise<T | undefined> {
  set.add(id);
  const result = await attempt(command);
  set.delete(id);
  return result;
}

export const memory = new Memory();
