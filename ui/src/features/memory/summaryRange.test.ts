import { expect, test } from "vitest";
import type { Summary } from "$lib/ipc";
import { message } from "../../test-backend";
import { messageLabel, suggestedRange } from "./summaryRange";

const summary = (startMessageId: number, endMessageId: number): Summary => ({
  id: `${startMessageId}-${endMessageId}`,
  sessionId: "a",
  summary: "",
  messageCount: 1,
  startMessageId,
  endMessageId,
  importanceScore: 0.7,
  createdAt: 0,
});
const messages = [1, 2, 3, 4, 5, 6].map((id) => message(id));

test("a new summary goes on where the last one ended, whatever their order", () => {
  expect(suggestedRange(messages, [summary(3, 4), summary(1, 2)])).toEqual({ start: 5, end: 6 });
});

test("without a summary, or with all summarised, it covers every message", () => {
  expect(suggestedRange(messages, [])).toEqual({ start: 1, end: 6 });
  expect(suggestedRange(messages, [summary(1, 6)])).toEqual({ start: 1, end: 6 });
});

test("a session without messages has nothing to summarise", () => {
  expect(suggestedRange([], [])).toBeNull();
});

test("messages are told apart by who spoke and how they begin", () => {
  expect(messageLabel(message(1, { text: "Hi\n there " }))).toBe("You: Hi there");
  expect(messageLabel(message(2, { text: "x".repeat(90) }))).toBe(`Reply: ${"x".repeat(48)}…`);
  expect(messageLabel(message(2, { text: "" }))).toBe("Reply: (empty)");
});
