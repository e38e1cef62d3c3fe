import { expect, it } from "vitest";
import { MESSAGE_BYTES_MAX, tooLong } from "./messageSize";

it("takes a message of exactly 10 MiB and refuses one byte more", () => {
  expect(tooLong("a".repeat(MESSAGE_BYTES_MAX))).toBeNull();
  expect(tooLong("a".repeat(MESSAGE_BYTES_MAX + 1))).toMatch(/at most 10\.0 MiB/);
});

it("counts bytes, not characters", () => {
  expect(tooLong("語".repeat(Math.floor(MESSAGE_BYTES_MAX / 3)))).toBeNull();
  expect(tooLong("語".repeat(4 * 1024 * 1024))).toContain("this is 12.0 MiB");
});
