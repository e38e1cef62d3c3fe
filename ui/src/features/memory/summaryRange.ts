/** The messages a new summary may cover, and what it covers unless told otherwise. */
import type { Message, MessageId, Summary } from "$lib/ipc";

export type SummaryRange = { start: MessageId; end: MessageId };

/** Everything after the last summary; all messages where that leaves none. */
export function suggestedRange(messages: Message[], summaries: Summary[]): SummaryRange | null {
  const covered = Math.max(0, ...summaries.map((summary) => summary.endMessageId ?? 0));
  const fresh = messages.filter((message) => message.id > covered);
  const range = fresh.length > 0 ? fresh : messages;
  const [first, last] = [range[0], range.at(-1)];
  return first && last ? { start: first.id, end: last.id } : null;
}

const LABEL_CHARS_MAX = 48;

/** "You: How do I…": how a message is told from the others in a list. */
export function messageLabel({ role, text }: Message): string {
  const line = text.replace(/\s+/g, " ").trim();
  const short = line.length > LABEL_CHARS_MAX ? `${line.slice(0, LABEL_CHARS_MAX)}…` : line;
  return `${role === "user" ? "You" : "Reply"}: ${short || "(empty)"}`;
}
