import { emit } from "@tauri-apps/api/event";
import { cleanup, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { MemoryStats, MemoryWork, NewPin, NewSummary, Pin, Summary } from "$lib/ipc";
import { embedding } from "$lib/state/embedding.svelte";
import { memory } from "$lib/state/memory.svelte";
import { search } from "$lib/state/search.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { memoryStats, message, pin, session, settled, summary } from "../../test-backend";
import MemoryPanel from "./MemoryPanel.svelte";

let pins: Pin[];
let summaries: Summary[];
let stats: MemoryStats;
let calls: backend.Call[];
let commands: backend.Commands;

beforeEach(() => {
  pins = [];
  summaries = [];
  stats = memoryStats();
  embedding.status = backend.embeddingStatus();
  ({ calls, commands } = backend.answerWith({
    list_sessions: () => ({ items: [session("a")], next: null }),
    list_messages: () => ({
      items: [1, 2, 3, 4].map((id) => message(id)),
      next: null,
      siblings: [],
    }),
    list_pins: () => [...pins],
    list_summaries: () => [...summaries],
    create_pin: ({ newPin }) => {
      const made = pin(`p${pins.length}`, newPin as NewPin);
      pins.push(made);
      return made;
    },
    update_pin: ({ id, update }) =>
      Object.assign(
        pins.find((pin) => pin.id === id)!,
        update,
      ),
    reject_pin: ({ id }) => void (pins = pins.filter((one) => one.id !== id)),
    regenerate_summary: ({ id }) => summary(id, { origin: "model" }),
    summarize_now: () => null,
    delete_pin: ({ id }) => void (pins = pins.filter((pin) => pin.id !== id)),
    create_summary: ({ newSummary }) => {
      const made = summary(`s${summaries.length}`, newSummary as NewSummary);
      summaries.push(made);
      return made;
    },
    get_memory_stats: () => stats,
    delete_summary: ({ id }) => void (summaries = summaries.filter((row) => row.id !== id)),
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
  }));
});

afterEach(cleanup);

async function shown(id: string | null = "a") {
  const [onjump, onclose] = [vi.fn(), vi.fn()];
  await sessions.load();
  await sessions.open(id);
  render(MemoryPanel, { onjump, onclose });
  await settled();
  return { user: userEvent.setup(), onjump, onclose };
}

test("a new chat has nothing to remember yet", async () => {
  await shown(null);
  expect(screen.getByText("Nothing to remember yet")).toBeInTheDocument();
  expect(screen.queryByTestId("add-pin")).toBeNull();
});

test("a pin is added by keyboard and the focus goes back to where it came from", async () => {
  const { user } = await shown();
  expect(screen.getByText("No pins")).toBeInTheDocument();
  screen.getByTestId("add-pin").focus();
  await user.keyboard("{Enter}");
  await user.keyboard("We write Rust.");
  await user.click(screen.getByTestId("save-pin"));
  await settled();
  expect(screen.getByTestId("pin")).toHaveTextContent("We write Rust.");
  expect(screen.getByTestId("add-pin")).toHaveFocus();
});

test("Escape leaves the form without a pin", async () => {
  const { user } = await shown();
  await user.click(screen.getByTestId("add-pin"));
  await user.keyboard("never mind{Escape}");
  expect(screen.queryByTestId("pin-form")).toBeNull();
  expect(pins).toEqual([]);
});

test("a pin leads to its message and can be edited and deleted", async () => {
  pins = [pin("p", { content: "old", sourceMessageId: 3, pinType: "code" })];
  const { user, onjump } = await shown();
  await user.click(screen.getByTestId("pin-jump"));
  expect(onjump).toHaveBeenCalledWith(3);
  expect(screen.getByTestId("pin")).toHaveTextContent("Code");
  await user.click(screen.getByTestId("edit-pin"));
  await user.clear(screen.getByTestId("pin-content"));
  await user.type(screen.getByTestId("pin-content"), "new");
  await user.click(screen.getByTestId("save-pin"));
  await settled();
  expect(pins[0]).toMatchObject({ content: "new", pinType: "code", importanceScore: 0.8 });
  await user.click(screen.getByTestId("delete-pin"));
  await settled();
  expect(screen.queryByTestId("pin")).toBeNull();
});

test("a summary written by hand covers what no summary covers yet", async () => {
  summaries = [summary("s", { summary: "the beginning", startMessageId: 1, endMessageId: 2 })];
  stats = memoryStats({ firstUncoveredId: 3 });
  const { user } = await shown();
  await user.click(screen.getByTestId("add-summary"));
  expect(screen.getByTestId("summary-start")).toHaveTextContent("From You: text 3");
  await user.type(screen.getByTestId("summary-text"), "the rest");
  await user.click(screen.getByTestId("save-summary"));
  await settled();
  expect(calls.find((call) => call.command === "create_summary")?.args).toEqual({
    newSummary: { sessionId: "a", summary: "the rest", startMessageId: 3, endMessageId: 4 },
  });
  expect(screen.getAllByTestId("summary")).toHaveLength(2);
});

test("deleting a summary asks first", async () => {
  stats = memoryStats({ firstUncoveredId: 1 });
  const { user } = await shown();
  await user.click(screen.getByTestId("add-summary"));
  await user.type(screen.getByTestId("summary-text"), "short");
  await user.click(screen.getByTestId("save-summary"));
  await settled();
  await user.click(screen.getByTestId("delete-summary"));
  expect(summaries).toHaveLength(1);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(summaries).toEqual([]);
});

test("a pin that was found says by what and where, and is rejected by one click", async () => {
  pins = [pin("p", { source: "rule", rule: "preference", sourceMessageId: 3, pinType: "auto" })];
  const { user, onjump } = await shown();
  expect(screen.getByTestId("pin-origin")).toHaveTextContent("rule: a preference of yours");
  await user.click(screen.getByTestId("pin-jump"));
  expect(onjump).toHaveBeenCalledWith(3);
  await user.click(screen.getByRole("button", { name: "Reject: never find it again" }));
  await settled();
  expect(calls.filter(({ command }) => command === "reject_pin")).toMatchObject([
    { args: { id: "p" } },
  ]);
});

test("a pin says where it counts", async () => {
  pins = [pin("1"), pin("2", { scope: "all", sessionId: null })];
  await shown();
  expect(screen.getByRole("button", { name: "Kept for: This session" })).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Kept for: Every session" })).toBeInTheDocument();
});

test("a summary says who wrote it, and leads to both ends of what it covers", async () => {
  summaries = [
    summary("1", { origin: "extractive", startMessageId: 1, endMessageId: 4 }),
    summary("2", { origin: "model", modelId: "ollama/llama3" }),
    summary("3", { whole: false }),
  ];
  const { user, onjump } = await shown();
  const [first, second, third] = screen.getAllByTestId("summary");
  expect(first).toHaveTextContent(/Made without a model.*Will be replaced/);
  expect(second).toHaveTextContent("llama3");
  expect(third).toHaveTextContent(/Yours.*does not count now/);
  await user.click(within(first!).getByRole("button", { name: "Show its first message" }));
  await user.click(within(first!).getByRole("button", { name: "Show its last message" }));
  expect(onjump.mock.calls).toEqual([[1], [4]]);
});

test("one's own summary is not replaced without a question; another one is", async () => {
  summaries = [summary("1"), summary("2", { origin: "model" })];
  const { user } = await shown();
  const asked = () => calls.filter(({ command }) => command === "regenerate_summary");
  await user.click(screen.getAllByTestId("regenerate-summary")[0]!);
  expect(asked()).toEqual([]);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  screen.getAllByTestId("regenerate-summary")[1]!.focus();
  await user.keyboard("{Enter}");
  await settled();
  expect(asked().map(({ args }) => args.id)).toEqual(["1", "2"]);
});

test("while a summary is being made that is said, and it is not asked for twice", async () => {
  const made = backend.later<null>();
  commands.summarize_now = () => made.promise;
  const { user } = await shown();
  await user.click(screen.getByTestId("summarize-now"));
  expect(screen.getByTestId("being-made")).toHaveTextContent("A summary is being made…");
  await user.click(screen.getByTestId("summarize-now"));
  expect(calls.filter(({ command }) => command === "summarize_now")).toHaveLength(1);
  made.resolve(null);
  await settled();
  expect(screen.queryByTestId("being-made")).toBeNull();
});

test("what a model writes beside the replies is said, in its own session only", async () => {
  await shown();
  await memory.listen();
  const tell = async (work: MemoryWork | null) => {
    await emit("memory-work-changed", work);
    await settled();
  };
  await tell({ sessionId: "a", purpose: "summary", messages: 12 });
  expect(screen.getByTestId("being-made")).toHaveTextContent("Summarising 12 messages…");
  await tell({ sessionId: "a", purpose: "recap", messages: 2 });
  expect(screen.getByTestId("being-made")).toHaveTextContent("Finding a name for this session…");
  await tell({ sessionId: "b", purpose: "summary", messages: 12 });
  expect(screen.queryByTestId("being-made")).toBeNull();
  await tell(null);
  expect(screen.queryByTestId("being-made")).toBeNull();
});

test("the figures are shown, and what is off with the one thing that mends it", async () => {
  const tokens = { messages: 900, summaries: 60, pins: 30, persona: 10, budget: 6_144 };
  stats = memoryStats({
    branchMessages: 42,
    uncoveredMessages: 12,
    tokens,
    hints: [
      { kind: "uncovered", message: "12 messages are not covered.", remedy: "Summarise them." },
      { kind: "pins_too_large", message: "The pins are large.", remedy: "Delete some." },
    ],
  });
  const { user } = await shown();
  const health = screen.getByTestId("memory-health");
  expect(health).toHaveTextContent(/42.*Messages|Messages.*42/);
  expect(health).toHaveTextContent("1,000 tokens in all; 6,144 can be sent");
  expect(within(health).getByRole("img")).toHaveAccessibleName(
    "Tokens: Prompt 10, Pins 30, Summaries 60, Messages 900, Free 5,144",
  );
  expect(screen.getAllByTestId("health-hint")).toHaveLength(2);
  await user.click(screen.getByTestId("mend"));
  await settled();
  expect(calls.filter(({ command }) => command === "summarize_now")).toHaveLength(1);
});

test("the summary that a message led to has the focus", async () => {
  summaries = Array.from({ length: 3 }, (_, index) => summary(`s${index}`));
  await shown();
  view.showSummary("s2");
  await settled();
  expect(document.activeElement).toContainElement(screen.getAllByTestId("summary")[2]!);
  expect(view.summary).toBeNull();
});

test("more like a pin is looked for from it, unless there is no model", async () => {
  pins = [pin("p", { content: "The bow leaks" })];
  const { user } = await shown();
  commands.more_like = () => [];
  await user.click(screen.getByTestId("more-like-pin"));
  await settled();
  const asked = calls.filter(({ command }) => command === "more_like");
  expect(asked).toMatchObject([{ args: { what: { kind: "pin", id: "p" } } }]);
  expect(view.overlay).toBe("search");
  expect(search.like).toBe("The bow leaks");
  embedding.status = backend.embeddingStatus({ model: null });
  await waitFor(() => expect(screen.queryByTestId("more-like-pin")).toBeNull());
});
