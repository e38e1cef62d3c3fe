import { expect, test } from "vitest";
import { hasFilter, monthAfter, withFilter, withoutFilter } from "./filters";

test("a filter is added behind the words", () => {
  expect(withFilter("green tea", "role", "user")).toBe("green tea role:user");
  expect(withFilter("", "role", "user")).toBe("role:user");
});

test("a filter takes the place of another of its name", () => {
  expect(withFilter("role:user tea role:tool", "role", "assistant")).toBe("tea role:assistant");
});

test("a value with spaces is quoted, and found again", () => {
  const text = withFilter("kettle", "session", "Tea time");
  expect(text).toBe('kettle session:"Tea time"');
  expect(hasFilter(text, "session", "Tea time")).toBe(true);
  expect(withoutFilter(text, "session")).toBe("kettle");
});

test("words that only look like a filter's name stay", () => {
  expect(withoutFilter("parole: role:user", "role")).toBe("parole:");
  expect(hasFilter("parole:user", "role", "user")).toBe(false);
});

test("the month after December is in the next year", () => {
  expect(monthAfter("2026-11")).toBe("2026-12");
  expect(monthAfter("2026-12")).toBe("2027-01");
});
