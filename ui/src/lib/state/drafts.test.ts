import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as backend from "../../test-backend";

let saved: Map<unknown, string>;
let writes: number;

beforeEach(() => {
  vi.useFakeTimers();
  saved = new Map([["a", "saved a"]]);
  writes = 0;
  backend.freshWindow({
    get_draft: ({ sessionId }) => saved.get(sessionId) ?? "",
    set_draft: ({ sessionId, text }) => {
      writes += 1;
      saved.set(sessionId, text);
    },
  });
});

afterEach(async () => {
  // The stores of earlier windows hear of this one's end too: leave them nothing to save.
  await vi.runAllTimersAsync();
  vi.useRealTimers();
});

const store = async () => (await import("./drafts.svelte")).drafts;

test("typing is saved once, when it pauses", async () => {
  const drafts = await store();
  for (const text of ["h", "he", "hel"]) {
    drafts.set("a", text);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(writes).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([writes, saved.get("a")]).toEqual([1, "hel"]);
});

test("each session and the new chat have their own draft, right even before it is saved", async () => {
  const drafts = await store();
  expect(await drafts.load("a")).toBe("saved a");
  expect(await drafts.load(null)).toBe("");
  drafts.set(null, "new chat");
  drafts.set("a", "typed a");
  expect(await drafts.load(null)).toBe("new chat");
  expect(await drafts.load("a")).toBe("typed a");
});

test("what was typed last is saved at once when the window goes", async () => {
  const drafts = await store();
  drafts.set("a", "last words");
  window.dispatchEvent(new Event("pagehide"));
  await vi.advanceTimersByTimeAsync(0);
  expect(saved.get("a")).toBe("last words");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(writes).toBe(1);
});

test("a sent draft is empty, also where the typing was not saved yet", async () => {
  const drafts = await store();
  drafts.set("a", "sent");
  await drafts.clear("a");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(saved.get("a")).toBe("");
  expect(await drafts.load("a")).toBe("");
});
