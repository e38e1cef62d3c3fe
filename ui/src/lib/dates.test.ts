import { describe, expect, test } from "vitest";
import { DAY_MS, dateLabel, groupByDate, relativeTime, timeAgo } from "./dates";

const now = new Date(2026, 2, 15, 14, 30).getTime();
const at = (month: number, day: number, hour = 12) => new Date(2026, month, day, hour).getTime();

describe("dateLabel", () => {
  test.each([
    [at(2, 15, 0), "Today"],
    [at(2, 14, 23), "Yesterday"],
    [at(2, 13, 23), "Previous 7 days"],
    [at(2, 9), "Previous 7 days"],
    [at(2, 8), "Previous 30 days"],
    [at(1, 14), "Previous 30 days"],
    [at(1, 13), "February 2026"],
    [new Date(2024, 11, 31).getTime(), "December 2024"],
    [at(2, 16), "Today"],
  ])("%i is %s", (time, label) => {
    expect(dateLabel(time, now)).toBe(label);
  });
});

test("sessions are grouped in list order, pinned ones first whatever their age", () => {
  const items = [
    { name: "old pin", pinned: true, updatedAt: at(0, 1) },
    { name: "a", pinned: false, updatedAt: at(2, 15) },
    { name: "b", pinned: false, updatedAt: at(2, 15, 8) },
    { name: "c", pinned: false, updatedAt: at(2, 14) },
  ];
  const groups = groupByDate(items, now).map(({ label, items }) => [
    label,
    items.map((item) => item.name),
  ]);
  expect(groups).toEqual([
    ["Pinned", ["old pin"]],
    ["Today", ["a", "b"]],
    ["Yesterday", ["c"]],
  ]);
});

describe("relativeTime", () => {
  test.each([
    [now - 59_000, "just now"],
    [now + 60_000, "just now"],
    [now - 60_000, "1 min ago"],
    [now - 59 * 60_000, "59 min ago"],
    [now - 3 * 3_600_000, "3 h ago"],
    [at(2, 14, 20), "yesterday"],
    [at(2, 11), "4 days ago"],
    [at(1, 3), "Feb 3"],
    [new Date(2025, 6, 9).getTime(), "Jul 9, 2025"],
  ])("%i is %s", (time, text) => {
    expect(relativeTime(time, now)).toBe(text);
  });
});

describe("timeAgo", () => {
  test.each([
    [59_000, "just now"],
    [-60_000, "just now"],
    [60_000, "1 min ago"],
    [3_600_000, "1 h ago"],
    [DAY_MS - 1, "23 h ago"],
    [DAY_MS, "1 day ago"],
    [2 * DAY_MS, "2 days ago"],
    [20 * DAY_MS, "20 days ago"],
    [21 * DAY_MS, "3 weeks ago"],
    [90 * DAY_MS, "3 months ago"],
    [730 * DAY_MS, "2 years ago"],
  ])("%i ms ago is %s", (passed, text) => {
    expect(timeAgo(now - passed, now)).toBe(text);
  });
});
