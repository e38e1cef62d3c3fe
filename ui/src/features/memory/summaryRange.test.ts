import { expect, test } from "vitest";
import { message, summary } from "../../test-backend";
import { messageLabel, openRange } from "./summaryRange";

const over = (startMessageId: number, endMessageId: number, whole = true) =>
  summary(`${startMessageId}-${endMessageId}`, { startMessageId, endMessageId, whole });
const messages = [1, 2, 3, 4, 5, 6].map((id) => message(id));
const from = (first: number | null, ...summaries: ReturnType<typeof over>[]) =>
  openRange(first, messages, summaries).map(({ id }) => id);

test("a new summary may go on to the end of the branch", () => {
  expect(from(5, over(3, 4), over(1, 2))).toEqual([5, 6]);
  expect(from(1)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("one that fills a hole ends before the next one", () => {
  expect(from(3, over(1, 2), over(5, 6))).toEqual([3, 4]);
  expect(from(1, over(1, 2, false), over(3, 6))).toEqual([1, 2]);
});

test("with all covered, or the first not loaded yet, there is nothing to choose from", () => {
  expect(from(null, over(1, 6))).toEqual([]);
  expect(from(-7)).toEqual([]);
});

test("messages are told apart by who spoke and how they begin", () => {
  expect(messageLabel(message(1, { text: "Hi\n there " }))).toBe("You: Hi there");
  expect(messageLabel(message(2, { text: "x".repeat(90) }))).toBe(`Reply: ${"x".repeat(48)}…`);
  expect(messageLabel(message(2, { text: "" }))).toBe("Reply: (empty)");
});
