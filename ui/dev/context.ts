/** A context for the demo backend: roughly what the real planner would make of the same rows. */
import type {
  ContextItem,
  Exclusion,
  Message,
  Part,
  Persona,
  Pin,
  Reason,
  SessionContext,
  Summary,
} from "../src/lib/ipc/bindings";

export type ContextRows = {
  model: string;
  /** As the user set it. */
  contextWindow: number | null;
  persona: Persona | undefined;
  pins: Pin[];
  summaries: Summary[];
  /** Oldest first. */
  messages: Message[];
  exclusions: Exclusion[];
};

const KNOWN_WINDOW = 8_192;
const MESSAGES_MAX = 1_000;
const NEWEST = 3;

export function demoContext(rows: ContextRows): SessionContext {
  const window = rows.contextWindow ?? KNOWN_WINDOW;
  const budget = window - Math.min(4_096, Math.floor(window / 4));
  const items = itemsOf(rows);
  const used = send(items, budget);
  const { model, contextWindow, exclusions, messages } = rows;
  return {
    plan: {
      budget,
      used,
      needed: neededOf(items),
      items,
      olderMessages: Math.max(0, messages.length - MESSAGES_MAX),
    },
    window,
    profile: { model, contextWindow, tokenRatio: 1.12, samples: 3 },
    exclusions,
  };
}

function itemsOf({ persona, pins, summaries, messages, exclusions }: ContextRows): ContextItem[] {
  const left = new Set(exclusions.map((it) => it.part + it.itemId));
  const item = (part: Part, id: string, text: string, reason: Reason): ContextItem => ({
    part,
    id,
    role: null,
    beginning: text.slice(0, 160),
    mark: null,
    score: null,
    recalledFrom: null,
    tokens: Math.ceil(text.length / 4) + 4,
    included: false,
    reason: text === "" ? "empty" : left.has(part + id) ? "left_out" : reason,
  });
  return [
    ...(persona ? [item("system", persona.id, persona.prompt, "prompt")] : []),
    ...pins.map((pin) => item("pin", pin.id, pin.content, "pinned")),
    ...summaries.map((it) => item("summary", it.id, it.summary, "summary")),
    ...messages.slice(-MESSAGES_MAX).map((message, index, all) => ({
      ...item("message", String(message.id), message.text, reasonAt(index, all)),
      role: message.role,
      mark: message.importanceByUser ? message.importanceScore : null,
    })),
  ];
}

function reasonAt(index: number, all: Message[]): Reason {
  if (index >= all.findLastIndex(({ role }) => role === "user")) return "last_message";
  return index >= all.length - NEWEST ? "newest" : "recent";
}

function neededOf(items: ContextItem[]): number {
  const needed = items.filter(({ reason }) => reason === "prompt" || reason === "last_message");
  return needed.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** Marks what fits as sent, the newest first, and tells how much that is. */
function send(items: ContextItem[], budget: number): number {
  let used = 0;
  const fits = neededOf(items) <= budget;
  const inOrder = [
    ...items.filter(({ part }) => part !== "message"),
    ...items.filter(({ part }) => part === "message").reverse(),
  ];
  for (const item of inOrder) {
    if (item.reason === "left_out" || item.reason === "empty") continue;
    item.included = fits && used + item.tokens <= budget;
    if (item.included) used += item.tokens;
    else item.reason = "no_room";
  }
  return used;
}
