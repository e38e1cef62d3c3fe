import { expect, test } from "vitest";
import type { ContextItem, ContextPlan } from "$lib/ipc";
import { contextItem, contextPlan } from "../../test-backend";
import { rowsOf, shares } from "./budget";
import { reasonOf } from "./reasons";

const out = { included: false, reason: "no_room" } as const;
const plan = (items: ContextItem[], changes: Partial<ContextPlan> = {}) =>
  contextPlan({ items, used: 700, budget: 1_000, ...changes });

test("each part takes its share of the budget, and the rest is free", () => {
  const items = [
    contextItem("system", "p", { tokens: 100 }),
    contextItem("pin", "1", { tokens: 5 }),
    contextItem("pin", "2", { tokens: 400, ...out }),
    contextItem("message", "1", { tokens: 595 }),
  ];
  expect(shares(plan(items)).map(({ part, tokens, percent }) => [part, tokens, percent])).toEqual([
    ["system", 100, "10%"],
    ["pin", 5, "<1%"],
    ["message", 595, "60%"],
    ["free", 300, "30%"],
  ]);
});

test("a budget of nothing has no shares to divide by", () => {
  expect(shares(plan([], { budget: 0, used: 0 }))).toMatchObject([{ part: "free", percent: "0%" }]);
});

test("rows stand by part, messages newest first, what is older last", () => {
  const items = [
    contextItem("summary", "s"),
    contextItem("message", "1", out),
    contextItem("message", "2", { tokens: 7 }),
  ];
  const rows = rowsOf(plan(items, { olderMessages: 4 }));
  expect(rows.map(({ key }) => key)).toEqual([
    "summary",
    "summary-s",
    "message",
    "message-2",
    "message-1",
    "older",
  ]);
  expect(rows[2]).toMatchObject({ label: "Messages", sent: 1, count: 2, tokens: 7 });
  expect(rows[5]).toMatchObject({ count: 4 });
});

test("what follows the last message and what goes with what was left out say so", () => {
  const last = { reason: "last_message" } as const;
  expect(reasonOf(contextItem("message", "1", { ...last, role: "user" }), false)).toMatch(/^Your/);
  expect(reasonOf(contextItem("message", "2", { ...last, role: "assistant" }), false)).toMatch(
    /^Follows/,
  );
  const left = contextItem("message", "3", { reason: "left_out", included: false });
  expect(reasonOf(left, true)).toBe("You left it out");
  expect(reasonOf(left, false)).toBe("You left out what it belongs to");
});
