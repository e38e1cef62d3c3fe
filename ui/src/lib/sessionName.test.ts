import { expect, test } from "vitest";
import { SESSION_NAME_CHARS_MAX, sessionName } from "./sessionName";

test.each([
  ["How do I boil an egg?", "How do I boil an egg?"],
  ["\n\n  first   line \nsecond", "first line"],
  ["# Heading\ntext", "Heading"],
  ["```rust\nfn main() {}\n```", "fn main() {}"],
  ["- a list", "a list"],
  ["3) third", "third"],
  ["> quoted", "quoted"],
  ["#hashtag stays", "#hashtag stays"],
  ["   \n\t", "New session"],
])("%j names the session %j", (text, name) => {
  expect(sessionName(text)).toBe(name);
});

test("a long line is cut at a word and marked", () => {
  const name = sessionName("please explain ".repeat(10));
  expect(name).toMatch(/^(please explain )+(please|please explain)…$/);
  expect([...name].length).toBeLessThanOrEqual(SESSION_NAME_CHARS_MAX);
});

test("a line without spaces is cut anyway", () => {
  expect(sessionName("x".repeat(500))).toBe(`${"x".repeat(59)}…`);
});

test("an emoji of several code points is not cut in two", () => {
  const family = "👩‍👩‍👧‍👦";
  const name = sessionName(family.repeat(80));
  expect(name).toBe(`${family.repeat(59)}…`);
  expect(name.isWellFormed()).toBe(true);
});
