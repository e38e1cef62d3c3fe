import { expect, test } from "vitest";
import type { CommandError } from "$lib/ipc";
import { diskFull } from "../test-backend";
import { fieldError, formError } from "./formErrors";

const refused: CommandError = {
  kind: "invalid_input",
  field: "base_url",
  limit: "an http address",
  message: "That is not an address.",
  remedy: "Begin with http://.",
};

test("a refused value stands at its field and not at the form's foot", () => {
  expect(fieldError(refused, "baseUrl")).toBe("That is not an address. Begin with http://.");
  expect(fieldError(refused, "name")).toBeUndefined();
  expect(formError(refused, ["name", "baseUrl"])).toBeUndefined();
});

test("an error of no field of the form stands at its foot", () => {
  expect(formError(refused, ["name"])).toBe("That is not an address. Begin with http://.");
  expect(formError(diskFull, ["name"])).toBe("The disk is full. Free some space.");
  expect(formError(null, ["name"])).toBeUndefined();
});
