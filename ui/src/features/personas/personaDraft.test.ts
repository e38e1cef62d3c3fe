import { expect, test } from "vitest";
import { persona } from "../../test-backend";
import {
  draftErrors,
  draftOf,
  emptyDraft,
  fieldsOfDraft,
  stopSequenceFrom,
  stopSequenceShown,
} from "./personaDraft";

test("a persona that is opened and saved unchanged keeps every field", () => {
  const saved = persona("p", {
    name: "Coder",
    icon: "🦀",
    temperature: 0,
    maxTokens: 4096,
    topP: 0.95,
    repeatPenalty: null,
    stopSequences: ["\n\n"],
    suggestedModels: ["ollama/llama3"],
  });
  const { id: _id, isDefault: _default, createdAt: _c, updatedAt: _u, ...fields } = saved;
  expect(fieldsOfDraft(draftOf(saved))).toEqual(fields);
});

test("what is empty is not set; zero is a value", () => {
  const draft = { ...emptyDraft(), name: "x", temperature: "0", topP: " " };
  expect(fieldsOfDraft(draft)).toMatchObject({ temperature: 0, topP: null, maxTokens: null });
});

test("a comma is a decimal point too, and names lose their outer spaces", () => {
  const draft = { ...emptyDraft(), name: "  Ada ", temperature: "0,7" };
  expect(fieldsOfDraft(draft)).toMatchObject({ name: "Ada", temperature: 0.7 });
});

test.each([
  ["temperature", "2.01", "Temperature must be from 0 to 2."],
  ["temperature", "-0.1", "Temperature must be from 0 to 2."],
  ["topP", "1.5", "Top-p must be from 0 to 1."],
  ["repeatPenalty", "hot", "Repeat penalty must be a number, or empty for “not set”."],
  ["repeatPenalty", "1e1", "Repeat penalty must be a number, or empty for “not set”."],
  ["maxTokens", "0", "Longest reply must be from 1 to 10,000,000."],
  ["maxTokens", "12.5", "Longest reply must be a whole number."],
  ["icon", "🙂🙂", "Use one emoji or one letter."],
  ["name", "  ", "Give the persona a name."],
] as const)("%s %j is refused at its field", (field, value, error) => {
  const draft = { ...emptyDraft(), name: "ok", [field]: value };
  expect(draftErrors(draft)).toEqual({ [field]: error });
});

test("the edges of every range are allowed, and so is an emoji of several code points", () => {
  const low = { temperature: "0", topP: "0", repeatPenalty: "0", maxTokens: "1" };
  const high = { temperature: "2", topP: "1", repeatPenalty: "2", maxTokens: "10000000" };
  for (const edge of [low, high])
    expect(draftErrors({ ...emptyDraft(), name: "n".repeat(200), icon: "👩‍🚀", ...edge })).toEqual(
      {},
    );
});

test("a name over 200 characters is refused with its length", () => {
  const { name } = draftErrors({ ...emptyDraft(), name: "🦀".repeat(201) });
  expect(name).toBe("The name has 201 characters; at most 200 are allowed.");
});

test.each([
  ["\\n", "\n"],
  ["\\t|", "\t|"],
  ["\\\\n", "\\n"],
  ["</s>", "</s>"],
])("the stop sequence typed %j is %j and is shown as typed", (typed, sequence) => {
  expect(stopSequenceFrom(typed)).toBe(sequence);
  expect(stopSequenceShown(sequence)).toBe(typed);
});
