/** A plan in figures and in rows: what each part takes of the budget, and what it consists of. */
import type { ContextItem, ContextPlan, Part } from "$lib/ipc";

export const PARTS: readonly { part: Part; label: string }[] = [
  { part: "system", label: "Prompt" },
  { part: "pin", label: "Pins" },
  { part: "summary", label: "Summaries" },
  { part: "recalled", label: "Recalled" },
  { part: "message", label: "Messages" },
];

/** What a part takes of the budget. */
export type Share = { part: Part | "free"; label: string; tokens: number; percent: string };

/** A line of the list: the head of a part, an item, or what stands before the oldest message. */
export type Row =
  | { kind: "part"; key: string; label: string; sent: number; count: number; tokens: number }
  | { kind: "item"; key: string; item: ContextItem }
  | { kind: "older"; key: string; count: number };

/** "3,120". */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** What each part takes of the budget, then what is free; parts that take nothing are left out. */
export function shares({ items, budget, used }: ContextPlan): Share[] {
  const share = (part: Share["part"], label: string, tokens: number) => ({
    part,
    label,
    tokens,
    percent: percentOf(tokens, budget),
  });
  const taken = PARTS.map(({ part, label }) => share(part, label, tokensOf(sentOf(items, part))));
  return [...taken.filter(({ tokens }) => tokens > 0), share("free", "Free", budget - used)];
}

/** Every part that has items, each under its head; messages newest first, as they are chosen. */
export function rowsOf({ items, olderMessages }: ContextPlan): Row[] {
  const rows = PARTS.flatMap(({ part, label }) => partRows(items, part, label));
  const older: Row = { kind: "older", key: "older", count: olderMessages };
  return olderMessages > 0 ? [...rows, older] : rows;
}

function partRows(all: ContextItem[], part: Part, label: string): Row[] {
  const items = all.filter((item) => item.part === part);
  if (items.length === 0) return [];
  if (part === "message") items.reverse();
  const sent = sentOf(items, part);
  const [count, tokens] = [items.length, tokensOf(sent)];
  const head: Row = { kind: "part", key: part, label, sent: sent.length, count, tokens };
  return [head, ...items.map((item): Row => ({ kind: "item", key: `${part}-${item.id}`, item }))];
}

function sentOf(items: ContextItem[], part: Part): ContextItem[] {
  return items.filter((item) => item.part === part && item.included);
}

function tokensOf(items: ContextItem[]): number {
  return items.reduce((sum, item) => sum + item.tokens, 0);
}

function percentOf(tokens: number, whole: number): string {
  const percent = whole > 0 ? (tokens / whole) * 100 : 0;
  return percent > 0 && percent < 1 ? "<1%" : `${Math.round(percent)}%`;
}
