/** The figures of a session's memory, and what mends what is off. */
import type { HintKind, MemoryStats, Part } from "$lib/ipc";
import { PARTS, type Share } from "$features/context/budget";

/** What each part would take if all of it were sent, then what would be left of the budget. */
export function tokenShares({ tokens }: MemoryStats): Pick<Share, "part" | "label" | "tokens">[] {
  // What is recalled is of the messages, and of another choice for every request.
  const taken: Partial<Record<Part, number>> = {
    system: tokens.persona,
    pin: tokens.pins,
    summary: tokens.summaries,
    message: tokens.messages,
  };
  const free = Math.max(0, (tokens.budget ?? 0) - totalTokens({ tokens }));
  const parts = PARTS.flatMap(({ part, label }) => {
    const tokens = taken[part];
    return tokens === undefined ? [] : [{ part, label, tokens }];
  });
  return [...parts, { part: "free", label: "Free", tokens: free }];
}

export function totalTokens({ tokens }: Pick<MemoryStats, "tokens">): number {
  return tokens.persona + tokens.pins + tokens.summaries + tokens.messages;
}

/** The one thing that mends what a hint is about, where there is one. */
export type Mend = "summarize" | "regenerate" | "context";

const MENDS: Partial<Record<HintKind, Mend>> = {
  uncovered: "summarize",
  summary_hole: "summarize",
  extractive_left: "regenerate",
  budget_too_small: "context",
};

export function mendOf(kind: HintKind): Mend | undefined {
  return MENDS[kind];
}
