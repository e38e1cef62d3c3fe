/** Pins, summaries and their figures, for the demo backend. */
import type {
  Change,
  MemoryStats,
  Message,
  NewPin,
  NewSummary,
  Pin,
  PinScope,
  PinUpdate,
  Session,
  Summary,
  SummaryUpdate,
} from "../src/lib/ipc/bindings";
import type { DemoData } from "./data";

type Args = Record<string, unknown>;
type Rows = {
  data: DemoData;
  session: (id: unknown) => Session;
  branch: (sessionId: unknown) => Message[];
  tell: (entity: Change["entity"], id: string) => void;
};

const MODEL_MS = 2_000;
const SUMMARY = "What was said so far, in the words of a model that does not exist.";

export class DemoMemory {
  #rows: Rows;
  #rejected = new Map<unknown, Pin>();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  pinsFor({ id, personaId }: Session): Pin[] {
    return this.#rows.data.pins
      .filter(
        (pin) =>
          pin.sessionId === id ||
          pin.scope === "all" ||
          (pin.personaId !== null && pin.personaId === personaId),
      )
      .sort((a, b) => b.importanceScore - a.importanceScore || b.createdAt - a.createdAt);
  }

  summariesOf(sessionId: unknown): Summary[] {
    return this.#rows.data.summaries
      .filter((one) => one.sessionId === sessionId)
      .sort((a, b) => b.endMessageId - a.endMessageId);
  }

  list_pins = ({ sessionId }: Args) => this.pinsFor(this.#rows.session(sessionId));
  create_pin = ({ newPin }: Args) => {
    const { sessionId, scope, ...fields } = newPin as NewPin;
    const same = this.pinsFor(this.#rows.session(sessionId)).find(
      ({ content }) => content === fields.content.trim(),
    );
    if (same) return this.#put(same, { source: "user", rule: null });
    const importance = { importanceScore: 0.8, source: "user", rule: null } as const;
    const id = crypto.randomUUID();
    const pin = { id, ...fields, ...importance, ...this.#place(scope, sessionId) };
    const made = { ...pin, content: fields.content.trim(), createdAt: Date.now() };
    this.#rows.data.pins.push(made);
    return this.#put(made, {});
  };
  update_pin = ({ id, update }: Args) => {
    const [pin, changes] = [this.#pin(id), update as PinUpdate];
    const own = pin.content === changes.content ? {} : { source: "user" as const, rule: null };
    return this.#put(pin, { ...changes, ...own });
  };
  set_pin_scope = ({ id, scope, sessionId }: Args) =>
    this.#put(this.#pin(id), this.#place(scope as PinScope, sessionId));
  delete_pin = ({ id }: Args) => {
    this.#rows.data.pins = this.#rows.data.pins.filter((one) => one.id !== id);
    this.#rows.tell("pin", String(id));
  };
  reject_pin = ({ id }: Args) => {
    this.#rejected.set(id, this.#pin(id));
    this.delete_pin({ id });
  };
  restore_rejected_pin = ({ id }: Args) => {
    const pin = this.#rejected.get(id)!;
    this.#rows.data.pins.push(pin);
    return this.#put(pin, {});
  };

  list_summaries = ({ sessionId }: Args) => this.summariesOf(sessionId);
  create_summary = ({ newSummary }: Args) => this.#add(newSummary as NewSummary, "user");
  update_summary = ({ id, update }: Args) =>
    this.#putSummary(this.#summary(id), { ...(update as SummaryUpdate), origin: "user" });
  delete_summary = ({ id }: Args) => {
    this.#rows.data.summaries = this.#rows.data.summaries.filter((one) => one.id !== id);
    this.#rows.tell("summary", String(id));
  };
  regenerate_summary = async ({ id }: Args) => {
    await answer();
    const one = this.#summary(id);
    const modelId = this.#rows.session(one.sessionId).model;
    return this.#putSummary(one, { summary: SUMMARY, origin: "model", modelId });
  };
  summarize_now = async ({ sessionId }: Args) => {
    const range = this.#uncovered(sessionId).slice(0, -3);
    const [start, end] = [range[0], range.at(-1)];
    if (!start || !end) return null;
    await answer();
    const [startMessageId, endMessageId] = [start.id, end.id];
    const id = String(sessionId);
    return this.#add({ sessionId: id, summary: SUMMARY, startMessageId, endMessageId }, "model");
  };

  get_memory_stats = ({ sessionId }: Args): MemoryStats => {
    const session = this.#rows.session(sessionId);
    const [branch, pins] = [this.#rows.branch(sessionId), this.pinsFor(session)];
    const summaries = this.summariesOf(sessionId);
    const extractive = summaries.filter(({ origin }) => origin === "extractive").length;
    const uncoveredMessages = this.#uncovered(sessionId).length;
    const persona = this.#rows.data.personas.find(({ id }) => id === session.personaId);
    const tokens = {
      messages: tokensOf(branch.slice(-40).map(({ text }) => text)),
      summaries: tokensOf(summaries.map(({ summary }) => summary)),
      pins: tokensOf(pins.map(({ content }) => content)),
      persona: tokensOf(persona ? [persona.prompt] : []),
      budget: 6_144,
    };
    const figures = { messages: branch.length, branchMessages: branch.length };
    const counts = { summaries: summaries.length, pins: pins.length, uncoveredMessages };
    const hints: MemoryStats["hints"] = [];
    if (extractive > 0) {
      const message = `${extractive} of the summaries were made without a model.`;
      const remedy = "They are replaced when a model answers.";
      hints.push({ kind: "extractive_left", message, remedy });
    }
    if (tokens.pins > tokens.budget / 4) {
      const message = "The pins take more than a quarter of the budget.";
      const remedy = "Delete those that no longer matter, or shorten the longest.";
      hints.push({ kind: "pins_too_large", message, remedy });
    }
    const firstUncoveredId = this.#uncovered(sessionId)[0]?.id ?? null;
    return { ...figures, ...counts, firstUncoveredId, tokens, hints };
  };

  #uncovered(sessionId: unknown): Message[] {
    const end = this.summariesOf(sessionId)[0]?.endMessageId ?? 0;
    return this.#rows.branch(sessionId).filter(({ id }) => id > end);
  }

  #place(scope: PinScope, sessionId: unknown) {
    const { id, personaId } = this.#rows.session(sessionId);
    return {
      scope,
      sessionId: scope === "session" ? id : null,
      personaId: scope === "persona" ? personaId : null,
    };
  }

  #add(fields: NewSummary, origin: Summary["origin"]): Summary {
    const { startMessageId, endMessageId, sessionId } = fields;
    const covered = this.#rows
      .branch(sessionId)
      .filter(({ id }) => id >= startMessageId && id <= endMessageId);
    const made = {
      ...fields,
      id: crypto.randomUUID(),
      messageCount: covered.length,
      importanceScore: 0.7,
      origin,
      modelId: origin === "model" ? this.#rows.session(sessionId).model : null,
      whole: true,
      createdAt: Date.now(),
    };
    this.#rows.data.summaries.push(made);
    return this.#putSummary(made, {});
  }

  #pin(id: unknown): Pin {
    return this.#rows.data.pins.find((one) => one.id === id)!;
  }

  #summary(id: unknown): Summary {
    return this.#rows.data.summaries.find((one) => one.id === id)!;
  }

  #put(pin: Pin, changes: Partial<Pin>): Pin {
    this.#rows.tell("pin", pin.id);
    return Object.assign(pin, changes);
  }

  #putSummary(summary: Summary, changes: Partial<Summary>): Summary {
    this.#rows.tell("summary", summary.id);
    return Object.assign(summary, changes);
  }
}

function answer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, MODEL_MS));
}

function tokensOf(texts: string[]): number {
  return texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
}
