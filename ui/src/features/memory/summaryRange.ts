/** The messages a new summary may cover. */
import { coveringSummary } from "$lib/coverage";
import type { Message, MessageId, Summary } from "$lib/ipc";

/** The messages from the first that no summary covers, up to the next that one does. */
export function openRange(
  first: MessageId | null,
  messages: Message[],
  summaries: Summary[],
): Message[] {
  const start = messages.findIndex(({ id }) => id === first);
  if (start === -1) return [];
  const ids = new Set(messages.map(({ id }) => id));
  const isCovered = ({ id }: Message) => coveringSummary(id, summaries, (one) => ids.has(one));
  const next = messages.findIndex((message, at) => at > start && isCovered(message));
  return messages.slice(start, next === -1 ? undefined : next);
}

const LABEL_CHARS_MAX = 48;

/** "You: How do I…": how a message is told from the others in a list. */
export function messageLabel({ role, text }: Message): string {
  const line = text.replace(/\s+/g, " ").trim();
  const short = line.length > LABEL_CHARS_MAX ? `${line.slice(0, LABEL_CHARS_MAX)}…` : line;
  return `${role === "user" ? "You" : "Reply"}: ${short || "(empty)"}`;
}
