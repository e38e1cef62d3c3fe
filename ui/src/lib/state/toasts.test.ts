import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { busy, diskFull } from "../../test-backend";

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

const store = async () => (await import("./toasts.svelte")).toasts;

test("a notice goes by itself, one with Undo stays longer", async () => {
  const toasts = await store();
  toasts.show({ text: "Copied." });
  toasts.show({ text: "Deleted.", undo: () => {} });
  vi.advanceTimersByTime(6_000);
  expect(toasts.items.map((toast) => toast.text)).toEqual(["Deleted."]);
  vi.advanceTimersByTime(6_000);
  expect(toasts.items).toEqual([]);
});

test("an error says what happened and what helps, and is not stacked", async () => {
  const toasts = await store();
  toasts.error(busy);
  toasts.error(busy);
  expect(toasts.items.map((toast) => toast.text)).toEqual(["The database is busy. Try again."]);
});

test("a full disk is left to the banner", async () => {
  const toasts = await store();
  toasts.error(diskFull);
  expect(toasts.items).toEqual([]);
});

test("the oldest notice makes room when there are too many", async () => {
  const toasts = await store();
  for (let n = 1; n <= 6; n += 1) toasts.show({ text: `notice ${n}` });
  expect(toasts.items.map((toast) => toast.text)).toEqual([3, 4, 5, 6].map((n) => `notice ${n}`));
});
