import { expect, test } from "vitest";
import type { CommandError } from "$lib/ipc";
import { diskFull } from "../test-backend";
import { fieldError, formError } from "./formErrors";

const refused: CommandError = {
  kind: "invalid_input",
  field: "max tokens",
  limit: "must be 1 or more",
  message: "Max tokens: must be 1 or more.",
  remedy: "Change it.",
};

test("a refused value stands at its field and not at the form's foot", () => {
  expect(fieldError(refused, "maxTokens")).toBe("Max tokens: must be 1 or more. Change it.");
  expect(fieldError(refused, "name")).toBeUndefined();
  expect(formError(refused, ["name", "maxTokens"])).toBeUndefined();
});

test("an error of no field of the form stands at its foot", () => {
  expect(formError(refused, ["name"])).toBe("Max tokens: must be 1 or more. Change it.");
  expect(formError(diskFull, ["name"])).toBe("The disk is full. Free some space.");
  expect(formError(null, ["name"])).toBeUndefined();
});
