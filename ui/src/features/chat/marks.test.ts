import { expect, test } from "vitest";
import { occurrences } from "./marks";

test("every place of a word is found, none within another", () => {
  expect(occurrences("tea, teapot, TEA", "tea")).toEqual([0, 5]);
  expect(occurrences("aaaa", "aa")).toEqual([0, 2]);
  expect(occurrences("tea", "")).toEqual([]);
});
