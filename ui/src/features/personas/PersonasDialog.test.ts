import { cleanup, render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Persona, PersonaFields } from "$lib/ipc";
import { personas } from "$lib/state/personas.svelte";
import * as backend from "../../test-backend";
import { persona, settled } from "../../test-backend";
import PersonasDialog from "./PersonasDialog.svelte";

let rows: Persona[];
let calls: backend.Call[];
let commands: backend.Commands;

beforeEach(() => {
  rows = [
    persona("one", { name: "One", isDefault: true, temperature: 0.5 }),
    persona("two", { name: "Two", category: "local" }),
  ];
  ({ calls, commands } = backend.answerWith({
    list_personas: () => rows,
    update_persona: ({ id, fields }) => {
      rows = rows.map((row) => (row.id === id ? { ...row, ...(fields as PersonaFields) } : row));
      return rows.find((row) => row.id === id);
    },
    create_persona: ({ fields }) => {
      rows = [...rows, persona("new", fields)];
      return rows.at(-1);
    },
    delete_persona: ({ id }) => void (rows = rows.filter((row) => row.id !== id)),
    set_default_persona: ({ id }) => {
      rows = rows.map((row) => ({ ...row, isDefault: row.id === id }));
      return rows.find((row) => row.id === id);
    },
  }));
});

afterEach(cleanup);

async function opened() {
  await personas.load();
  render(PersonasDialog, { open: true });
  await settled();
  return userEvent.setup();
}

const field = (id: string) => screen.getByTestId(`persona-${id}`) as HTMLInputElement;
const sent = (command: string) => calls.filter((call) => call.command === command);

test("every parameter of a persona is saved as it was typed, or as not set", async () => {
  const user = await opened();
  await user.clear(field("name"));
  await user.type(field("name"), "Reviewer");
  await user.type(field("icon"), "🦀");
  await user.type(field("description"), "Reads code");
  await user.type(field("prompt"), "Be strict.");
  await user.clear(field("temperature"));
  await user.type(field("topP"), "0,9");
  await user.type(field("repeatPenalty"), "1.1");
  await user.type(field("maxTokens"), "2048");
  await user.type(field("stop"), "\\n\\nUser:{Enter}");
  await user.click(screen.getByTestId("save-persona"));
  await settled();
  expect(sent("update_persona").map((call) => call.args)).toEqual([
    {
      id: "one",
      fields: {
        name: "Reviewer",
        icon: "🦀",
        description: "Reads code",
        prompt: "Be strict.",
        category: "cloud",
        defaultModel: null,
        suggestedModels: [],
        temperature: null,
        topP: 0.9,
        repeatPenalty: 1.1,
        maxTokens: 2048,
        stopSequences: ["\n\nUser:"],
      },
    },
  ]);
});

test("a value out of range is not sent; its field says why and takes the focus", async () => {
  const user = await opened();
  await user.clear(field("temperature"));
  await user.type(field("temperature"), "9");
  await user.click(screen.getByTestId("save-persona"));
  await settled();
  expect(sent("update_persona")).toEqual([]);
  expect(field("temperature")).toBeInvalid();
  expect(field("temperature")).toHaveAccessibleDescription("Temperature must be from 0 to 2.");
  expect(field("temperature")).toHaveFocus();
});

test("what the backend refuses stands at its field", async () => {
  const user = await opened();
  commands.update_persona = () =>
    Promise.reject({
      kind: "invalid_input",
      field: "prompt",
      limit: "262144 bytes",
      message: "The prompt is too long.",
      remedy: "Shorten it.",
    });
  await user.type(field("prompt"), "long");
  await user.click(screen.getByTestId("save-persona"));
  await settled();
  expect(field("prompt")).toHaveAccessibleDescription("The prompt is too long. Shorten it.");
});

test("going elsewhere with unsaved changes asks first", async () => {
  const user = await opened();
  await user.type(field("description"), "unsaved");
  await user.click(screen.getByText("Two"));
  expect(screen.getByText("Discard what you changed?")).toBeInTheDocument();
  expect(field("name").value).toBe("One");
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(field("name").value).toBe("Two");
});

test("a new persona is made and shown with what can be done to it", async () => {
  const user = await opened();
  await user.click(screen.getByTestId("new-persona"));
  await settled();
  expect(field("name")).toHaveFocus();
  await user.type(field("name"), "Fresh");
  await user.click(screen.getByTestId("save-persona"));
  await settled();
  expect(sent("create_persona")).toHaveLength(1);
  const list = within(screen.getByRole("navigation", { name: "Personas" }));
  expect(list.getByText("Fresh")).toBeInTheDocument();
  expect(screen.getByTestId("persona-duplicate")).toBeInTheDocument();
});

test("deleting says what becomes of its sessions, and then deletes", async () => {
  const user = await opened();
  await user.click(screen.getByTestId("persona-delete"));
  expect(screen.getByText(/Its sessions stay/)).toBeInTheDocument();
  expect(sent("delete_persona")).toEqual([]);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(rows.map((row) => row.id)).toEqual(["two"]);
  expect(field("name").value).toBe("Two");
});
