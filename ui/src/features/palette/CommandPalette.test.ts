import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PaletteResults, PersonaHit, SessionHit, SnippetPart } from "$lib/ipc";
import { palette } from "$lib/state/palette.svelte";
import { search } from "$lib/state/search.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { later, message, messageHit, session } from "../../test-backend";
import CommandPalette from "./CommandPalette.svelte";

// A machine under load draws slowly.
vi.setConfig({ testTimeout: 60_000 });

const onaction = vi.fn();
let calls: backend.Call[];
let answer: (text: string) => PaletteResults | Promise<PaletteResults>;

const plain = (text: string): SnippetPart[] => [{ text, isMatch: false }];

const sessionHit = (sessionId: string, name = `Session ${sessionId}`): SessionHit => ({
  sessionId,
  name: plain(name),
  updatedAt: 0,
  isArchived: false,
});

const personaHit = (personaId: string): PersonaHit => ({
  personaId,
  icon: "🍵",
  name: plain(`Persona ${personaId}`),
});

const found = (fields: Partial<PaletteResults> = {}): PaletteResults => ({
  sessions: [],
  personas: [],
  messages: [],
  ...fields,
});

const everything = () =>
  found({
    sessions: [sessionHit("a"), sessionHit("b")],
    personas: [personaHit("p")],
    messages: [messageHit(7)],
  });

beforeEach(async () => {
  // The test's window has no layout, and nothing to scroll.
  Element.prototype.scrollIntoView = () => {};
  onaction.mockClear();
  answer = () => found();
  const told = backend.answerWith({
    palette_search: ({ text }) => answer(String(text)),
    get_session: ({ id }) => session(String(id)),
    set_session_persona: ({ id, personaId }) => session(String(id), { personaId }),
    list_messages: () => ({ items: [message(1)], next: null, siblings: [] }),
    list_pins: () => [],
    list_summaries: () => [],
    get_draft: () => "",
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
  });
  calls = told.calls;
  view.overlay = null;
  view.jump = null;
  await sessions.open(null);
  // At once: what the test before found must not be on show while this one's answer waits.
  await palette.look("");
});

afterEach(cleanup);

async function open() {
  render(CommandPalette, { open: true, onaction });
  const user = userEvent.setup();
  // Here nothing is seen, so the dialog finds nothing to focus; in the real window it does.
  (await screen.findByTestId("palette-input")).focus();
  await backend.settled();
  return user;
}

const chosen = () =>
  screen.getByTestId("palette").querySelector("[data-command-item][data-selected]");
const rows = () => [...screen.getByTestId("palette").querySelectorAll("[data-command-item]")];
const labels = () => rows().map((row) => row.querySelector(".label")?.textContent);
const isGone = () =>
  vi.waitFor(() => expect(screen.queryByTestId("palette")).toBeNull(), { timeout: 10_000 });
const asked = () =>
  calls.filter(({ command }) => command === "palette_search").map(({ args }) => args["text"]);

test("it opens with the latest sessions and every action and its keys", async () => {
  answer = () => found({ sessions: [sessionHit("a"), sessionHit("b")] });
  await open();
  expect(screen.getAllByTestId("palette-session")).toHaveLength(2);
  const settings = rows().find((row) => row.textContent.includes("Settings"))!;
  expect(settings).toHaveAttribute("role", "option");
  expect(settings).toHaveTextContent(/Ctrl\s*,/);
  expect(rows().length).toBeGreaterThan(8);
  expect(labels()).not.toContain("Search all sessions for “”");
  expect(chosen()).toHaveTextContent("Session a");
});

test("Enter opens the first that was found, with no arrow pressed", async () => {
  answer = (text) => found({ sessions: text === "b" ? [sessionHit("b")] : [sessionHit("a")] });
  const user = await open();
  await user.keyboard("b");
  await backend.settled();
  await user.keyboard("{Enter}");
  await isGone();
  await vi.waitFor(() => expect(sessions.current?.id).toBe("b"));
});

test("the arrows go through all kinds and round, and leave the focus where is typed", async () => {
  answer = everything;
  const user = await open();
  await user.keyboard("e");
  await backend.settled();
  const all = labels();
  expect(all.slice(0, 2)).toEqual(["Session a", "Session b"]);
  expect(all.slice(-3)).toEqual([
    "Persona p",
    "the kettle <b>sings</b>",
    "Search all sessions for “e”",
  ]);
  for (const label of [...all.slice(1), all[0]]) {
    await user.keyboard("{ArrowDown}");
    expect(chosen()?.querySelector(".label")).toHaveTextContent(label!);
    expect(screen.getByTestId("palette-input")).toHaveFocus();
  }
  await user.keyboard("{ArrowUp}");
  expect(chosen()).toHaveTextContent("Search all sessions");
});

test("a message is gone to with its words marked; what it says is never markup", async () => {
  answer = () => found({ messages: [messageHit(7)] });
  const user = await open();
  await user.keyboard("kettle");
  await backend.settled();
  expect(chosen()?.querySelector("mark")).toHaveTextContent("kettle");
  expect(chosen()?.querySelector("b")).toBeNull();
  await user.keyboard("{Enter}");
  await vi.waitFor(() => expect(view.jump).toBe(7));
  expect(view.marked).toEqual(["kettle"]);
  expect(sessions.current?.id).toBe("a");
});

test("a persona is given to the session on show", async () => {
  await sessions.open("a");
  answer = () => found({ personas: [personaHit("p")] });
  const user = await open();
  await user.keyboard("pirate");
  await backend.settled();
  await user.keyboard("{Enter}");
  await vi.waitFor(() =>
    expect(calls.find(({ command }) => command === "set_session_persona")?.args).toMatchObject({
      id: "a",
      personaId: "p",
    }),
  );
});

test("an action is found by its name and done, and the palette is gone", async () => {
  const user = await open();
  await user.keyboard("temporary");
  await backend.settled();
  await user.keyboard("{Enter}");
  await isGone();
  await vi.waitFor(() => expect(onaction).toHaveBeenCalledWith("new-temporary-session"));
  expect(onaction).toHaveBeenCalledOnce();
});

test("where nothing else is found, what was typed is looked for in the search", async () => {
  const user = await open();
  await user.keyboard("kettle pot");
  await backend.settled();
  expect(labels()).toEqual(["Search all sessions for “kettle pot”"]);
  await user.keyboard("{Enter}");
  await vi.waitFor(() => expect(view.overlay).toBe("search"));
  expect(search.text).toBe("kettle pot");
});

test("Escape closes it and does nothing; the next time it opens empty", async () => {
  answer = everything;
  const { rerender } = render(CommandPalette, { open: true, onaction });
  const user = userEvent.setup();
  await user.type(await screen.findByTestId("palette-input"), "tea");
  await user.keyboard("{ArrowDown}{Escape}");
  await isGone();
  expect(sessions.current).toBeNull();
  expect(onaction).not.toHaveBeenCalled();
  await rerender({ open: true });
  expect(await screen.findByTestId("palette-input")).toHaveValue("");
  await backend.settled();
  expect(asked().at(-1)).toBe("");
});

test("each key asks, and an answer that comes late takes the place of no newer one", async () => {
  const answers = new Map<string, ReturnType<typeof later<PaletteResults>>>();
  answer = (text) => {
    if (text === "") return found();
    const one = later<PaletteResults>();
    answers.set(text, one);
    return one.promise;
  };
  const user = await open();
  await user.keyboard("tea");
  await backend.settled();
  expect(asked().slice(-3)).toEqual(["t", "te", "tea"]);
  answers.get("te")!.resolve(found({ sessions: [sessionHit("b", "older")] }));
  await backend.settled();
  expect(labels()).not.toContain("older");
  answers.get("tea")!.resolve(found({ sessions: [sessionHit("a", "newest")] }));
  await screen.findByText("newest");
  answers.get("t")!.resolve(found({ sessions: [sessionHit("b", "oldest")] }));
  await backend.settled();
  expect(labels()).toContain("newest");
  expect(labels()).not.toContain("oldest");
  expect(chosen()).toHaveTextContent("newest");
});

test("Enter before the answer waits for it, and opens the first of that", async () => {
  const waiting = later<PaletteResults>();
  answer = (text) => (text === "b" ? waiting.promise : found({ sessions: [sessionHit("a")] }));
  const user = await open();
  await user.keyboard("b{Enter}");
  await backend.settled();
  expect(sessions.current).toBeNull();
  waiting.resolve(found({ sessions: [sessionHit("b")] }));
  await isGone();
  await vi.waitFor(() => expect(sessions.current?.id).toBe("b"));
});

test("Enter pressed again does nothing for an answer that is no longer awaited", async () => {
  const answers: ReturnType<typeof later<PaletteResults>>[] = [];
  answer = (text) => {
    if (text === "") return found({ sessions: [sessionHit("a")] });
    answers.push(later<PaletteResults>());
    return answers.at(-1)!.promise;
  };
  const user = await open();
  await user.keyboard("b{Enter}{Enter}");
  await backend.settled();
  answers[1]!.resolve(found({ sessions: [sessionHit("c")] }));
  await backend.settled();
  expect(screen.getByTestId("palette")).toBeInTheDocument();
  expect(sessions.current).toBeNull();
  answers[2]!.resolve(found({ sessions: [sessionHit("b")] }));
  await isGone();
  await vi.waitFor(() => expect(sessions.current?.id).toBe("b"));
});

test("an answer that fails leaves the actions and what was typed", async () => {
  const user = await open();
  answer = () => {
    throw backend.busy;
  };
  await user.keyboard("new session");
  await backend.settled();
  expect(screen.getByTestId("palette-input")).toHaveValue("new session");
  expect(labels()[0]).toBe("New session");
  expect(screen.queryByTestId("palette-session")).toBeNull();
});
