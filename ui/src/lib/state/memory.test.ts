import { beforeEach, expect, test } from "vitest";
import type { NewPin, Pin, PinUpdate, Summary } from "$lib/ipc";
import * as backend from "../../test-backend";
import { pin, session, settled, summary } from "../../test-backend";

let pins: Pin[];
let summaries: Summary[];
let commands: backend.Commands;

beforeEach(() => {
  pins = [pin("1"), pin("2", { sessionId: "b" })];
  summaries = [];
  ({ commands } = backend.freshWindow({
    list_sessions: () => ({ items: [session("a"), session("b")], next: null }),
    list_pins: ({ sessionId }) => pins.filter((row) => row.sessionId === sessionId),
    list_summaries: () => [...summaries],
    create_pin: ({ newPin }) => {
      const same = pins.find(({ content }) => content === newPin.content);
      if (same) return same;
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
  await memory.addPin({
    content: "mind this",
    importanceScore: 0.2,
    pinType: "concept",
    scope: "all",
  });
  expect(pins.at(-1)).toMatchObject({ content: "mind this", importanceScore: 0.2, scope: "all" });
});

test("a message that was pinned points to its source; Undo unpins it", async () => {
  const { memory, toasts } = await opened("a");
  await memory.pinMessage({ id: 9, sessionId: "a" }, "gold");
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

test("what is pinned already is not pinned again, and there is nothing to undo", async () => {
  const { memory, toasts } = await opened("a");
  await memory.pinMessage({ id: 9, sessionId: "a" }, "pin 1");
  expect(pins).toHaveLength(2);
  expect(toasts.items).toMatchObject([{ text: "Already pinned." }]);
  expect(toasts.items[0]?.undo).toBeUndefined();
});

test("a note that is there already keeps its importance", async () => {
  const { memory } = await opened("a");
  const note = { content: "pin 1", importanceScore: 0.1, pinType: "user", scope: "all" } as const;
  expect(await memory.addPin(note)).toBe(true);
  expect(memory.pins).toMatchObject([{ importanceScore: 0.8, scope: "session" }]);
});

test("a pin that was found is rejected, and Undo takes that back", async () => {
  const found = pin("1", { source: "rule", rule: "fact" });
  pins = [found];
  commands.reject_pin = () => void (pins = []);
  commands.restore_rejected_pin = ({ id }) => (pins.push({ ...found, id }), found);
  const { memory, toasts } = await opened("a");
  await memory.removePin(memory.pins[0]!);
  expect(memory.pins).toEqual([]);
  toasts.items[0]?.undo?.();
  await settled();
  expect(memory.pins).toEqual([found]);
});

test("a scope is set through the session on show", async () => {
  commands.set_pin_scope = ({ id, scope, sessionId }) => {
    expect(sessionId).toBe("a");
    return pin(id, { scope, sessionId: null });
  };
  const { memory } = await opened("a");
  await memory.setScope("1", "all");
  expect(memory.pins).toMatchObject([{ id: "1", scope: "all" }]);
});

test("another persona brings its own pins", async () => {
  let personaId: string | null = null;
  commands.get_session = ({ id }) => session(id, { personaId });
  const { memory } = await opened("a");
  personaId = "p";
  pins.push(pin("3", { scope: "persona", personaId }));
  await backend.tellChanged("session", "a");
  await settled();
  expect(contents(memory.pins)).toEqual(["pin 1", "pin 3"]);
});

test("a summary is being made until it is there; where there is none, that is said", async () => {
  const made = backend.later<Summary | null>();
  commands.summarize_now = () => made.promise;
  const { memory, toasts } = await opened("a");
  const done = memory.summarizeNow();
  expect(memory.summarizing.has("a")).toBe(true);
  summaries = [summary("s")];
  made.resolve(summaries[0]!);
  await done;
  expect(memory.summarizing.has("a")).toBe(false);
  expect(memory.summaries).toHaveLength(1);
  commands.summarize_now = () => null;
  await memory.summarizeNow();
  expect(toasts.items.at(-1)?.text).toMatch(/nothing to summarise/);
});

test("a summary that cannot be made anew stays, and the rest is not tried", async () => {
  summaries = ["1", "2", "3"].map((id) =>
    summary(id, { origin: id === "1" ? "user" : "extractive" }),
  );
  let asked = 0;
  commands.regenerate_summary = () => ((asked += 1), Promise.reject(backend.busy));
  const { memory, toasts } = await opened("a");
  await memory.replaceExtractive();
  expect(asked).toBe(1);
  expect(memory.summaries).toEqual(summaries);
  expect(toasts.items[0]?.tone).toBe("error");
});

test("only what was made without a model is made anew at once", async () => {
  summaries = ["1", "2"].map((id) => summary(id, { origin: id === "1" ? "model" : "extractive" }));
  commands.regenerate_summary = ({ id }) => summary(id, { origin: "model", summary: "anew" });
  const { memory } = await opened("a");
  await memory.replaceExtractive();
  expect(memory.summaries.map((one) => one.summary)).toEqual(["summary 1", "anew"]);
});
