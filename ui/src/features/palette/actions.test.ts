import { expect, test } from "vitest";
import { actionsFor } from "./actions";

test("actions are found by any words of their name", () => {
  expect(actionsFor("session NEW").map(({ id }) => id)).toEqual([
    "new-session",
    "new-temporary-session",
  ]);
  expect(actionsFor("kettle")).toEqual([]);
});

test("without words there are all, each with its keys", () => {
  expect(actionsFor(" ").length).toBeGreaterThan(5);
  expect(actionsFor("settings")).toMatchObject([{ id: "settings", keys: "Mod+," }]);
});
