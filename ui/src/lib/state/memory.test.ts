import { beforeEach, expect, test } from "vitest";
import type { NewPin, Pin, PinUpdate } from "$lib/ipc";
import * as backend from "../../test-backend";
import { session, settled } from "../../test-backend";

let pins: Pin[];
let commands: backend.Commands;

const pin = (id: string, changes: Partial<Pin> = {}): Pin => ({
  id,
  sessionId: "a",
  content: `pin ${id}`,
  sourceMessageId: null,
  importanceScore: 0.8,
  pinType: "user",
  createdAt: 1_000,
  ...changes,
});

beforeEach(() => {
  pins = [pin("1"), pin("2", { sessionId: "b" })];
  ({ commands } = backend.freshWindow({
    list_sessions: () => ({ items: [session("a"), session("b")], next: null }),
    list_pins: ({ sessionId }) => pins.filter((row) => row.sessionId === sessionId),
    list_summaries: () => [],
    create_pin: ({ newPin }) => {
      pins.push(pin(`new${pins.length}`, newPin as NewPin));
      return pins.at(-1);
    },
    update_pin: ({ id, update }) => {
      const row = pins.find((item) => item.id === id) as Pin;
      return { ...Object.assign(row, update as PinUpdate) };
    },
    delete_pin: ({ id }) => void (pins = pins.filter((row) => row.id !== id)),
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
  }));
});

async function opened(id: string) {
  const { sessions } = await import("./sessions.svelte");
  const { memory } = await import("./memory.svelte");
  const { toasts } = await import("./toasts.svelte");
  const { dispatchChanges } = await import("./changes");
  const { listenToChanges } = await import("$lib/ipc");
  await listenToChanges(dispatchChanges);
  await sessions.load();
  await sessions.open(id);
  await settled();
  return { sessions, memory, toasts };
}

const contents = (items: Pin[]) => items.map((item) => item.content);

test("shows the pins of the session on show, also when it changes", async () => {
  const { sessions, memory } = await opened("a");
  expect(contents(memory.pins)).toEqual(["pin 1"]);
  await sessions.open("b");
  await settled();
  expect(contents(memory.pins)).toEqual(["pin 2"]);
  await sessions.open(null);
  expect(memory.pins).toEqual([]);
});

test("a pin that another place made appears", async () => {
  const { memory } = await opened("a");
  pins.push(pin("3"));
  await backend.tellChanged("pin", "3");
  expect(contents(memory.pins)).toEqual(["pin 1", "pin 3"]);
});

test("a deleted pin comes back by Undo, with its kind and importance", async () => {
  pins = [pin("1", { importanceScore: 0.3, pinType: "code", sourceMessageId: 7 })];
  const { memory, toasts } = await opened("a");
  await memory.removePin(memory.pins[0]!);
  expect(pins).toEqual([]);
  expect(memory.pins).toEqual([]);
  toasts.items[0]?.undo?.();
  await settled();
  expect(memory.pins).toMatchObject([
    { content: "pin 1", importanceScore: 0.3, pinType: "code", sourceMessageId: 7 },
  ]);
  expect(pins).toHaveLength(1);
});

test("an added pin has the importance that was chosen", async () => {
  const { memory } = await opened("a");
  await memory.addPin({ content: "mind this", importanceScore: 0.2, pinType: "concept" });
  expect(pins.at(-1)).toMatchObject({ content: "mind this", importanceScore: 0.2 });
});

test("a message that was pinned points to its source; Undo unpins it", async () => {
  const { memory, toasts } = await opened("a");
  await memory.pinMessage({ id: 9, sessionId: "a", text: "gold" });
  expect(pins.at(-1)).toMatchObject({ content: "gold", sourceMessageId: 9 });
  toasts.items[0]?.undo?.();
  await settled();
  expect(contents(pins)).toEqual(["pin 1", "pin 2"]);
});

test("a pin that cannot be deleted stays on show", async () => {
  const { memory, toasts } = await opened("a");
  commands.delete_pin = () => Promise.reject(backend.busy);
  expect(await memory.removePin(memory.pins[0]!)).toBe(false);
  expect(contents(memory.pins)).toEqual(["pin 1"]);
  expect(toasts.items[0]?.tone).toBe("error");
});
