import { expect, test } from "vitest";
import { modelName, parseModelReference } from "./modelReference";

test("the first slash parts the endpoint from a model whose name has slashes", () => {
  expect(parseModelReference("lab/meta-llama/Llama-3")).toEqual({
    endpointId: "lab",
    model: "meta-llama/Llama-3",
  });
});

test.each([null, "", "llama", "/llama", "ollama/"])("%j is not a reference", (reference) => {
  expect(parseModelReference(reference)).toBeNull();
});

test("the name of a model is its own, without the endpoint", () => {
  expect(modelName("ollama/llama3:8b")).toBe("llama3:8b");
  expect(modelName("odd")).toBe("odd");
  expect(modelName(null)).toBe("");
});
