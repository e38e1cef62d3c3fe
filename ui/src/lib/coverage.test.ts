import { expect, test } from "vitest";
import { summary } from "../test-backend";
import { coveringSummary } from "./coverage";

const first = summary("first", { startMessageId: 1, endMessageId: 4 });
const second = summary("second", { startMessageId: 5, endMessageId: 8 });
const covering = (id: number, branch: number[], summaries = [second, first]) =>
  coveringSummary(id, summaries, (one) => branch.includes(one))?.id;

test("a message is covered from the first to the last of a range", () => {
  const branch = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  expect([1, 4, 5, 8, 9].map((id) => covering(id, branch))).toEqual([
    "first",
    "first",
    "second",
    "second",
    undefined,
  ]);
});

test("a summary whose end is on another branch covers nothing here", () => {
  expect(covering(5, [1, 2, 3, 4, 5, 6, 10])).toBeUndefined();
  expect(covering(3, [1, 2, 3, 4, 5, 6, 10])).toBe("first");
});

test("one that does not count covers nothing", () => {
  expect(covering(2, [1, 2, 3, 4], [{ ...first, whole: false }])).toBeUndefined();
});
