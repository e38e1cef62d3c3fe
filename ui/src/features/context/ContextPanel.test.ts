import { cleanup, render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Exclusion, RecalledFrom, SessionContext } from "$lib/ipc";
import { context } from "$lib/state/context.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { contextItem, contextPlan, session, sessionContext, settled } from "../../test-backend";
import ContextPanel from "./ContextPanel.svelte";

// jsdom has no layout; the list renders what fits into a view of this height.
vi.stubGlobal(
  "ResizeObserver",
  class {
    constructor(private readonly notify: (entries: object[]) => void) {}
    observe(target: Element) {
      const entry = { target, contentRect: { width: 300, height: 900 } };
      queueMicrotask(() => this.notify([entry]));
    }
    unobserve() {}
    disconnect() {}
  },
);

let shown: SessionContext;
let calls: backend.Call[];

const items = [
  contextItem("system", "poet", { tokens: 20, reason: "prompt" }),
  contextItem("pin", "p1", { reason: "pinned" }),
  contextItem("message", "1", { included: false, reason: "no_room", mark: 1 }),
  contextItem("message", "2", { tokens: 3_090, reason: "last_message" }),
];

beforeEach(() => {
  view.jump = null;
  shown = sessionContext({
    plan: contextPlan({ items, used: 3_120, budget: 6_144, needed: 3_110, olderMessages: 2 }),
  });
  ({ calls } = backend.answerWith({
    get_context: () => structuredClone(shown),
    set_excluded: ({ exclusion, excluded }) => {
      shown.exclusions = excluded ? [exclusion as Exclusion] : [];
    },
    set_message_importance: () => null,
    set_context_window: ({ tokens }) => {
      shown.profile.contextWindow = tokens;
      shown.window = tokens ?? 8_192;
    },
    list_sessions: () => ({ items: [session("a"), session("b")], next: null }),
    get_draft: () => "",
    list_messages: () => ({ items: [], next: null, siblings: [] }),
    list_pins: () => [],
    list_summaries: () => [],
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
  }));
});

afterEach(cleanup);

async function open(changes = {}) {
  const onjump = vi.fn();
  await sessions.load();
  await sessions.open("a");
  render(ContextPanel, { session: session("a", changes), onjump });
  await settled();
  await context.read();
  await settled();
  return { user: userEvent.setup(), onjump };
}

const row = (part: string, id: string) =>
  screen
    .getAllByTestId("context-item")
    .find(({ dataset: it }) => it.part === part && it.id === id)!;
const argsOf = (command: string) => calls.filter((call) => call.command === command).at(-1)?.args;

test("the budget is told in figures, in the bar's words and by part", async () => {
  await open();
  expect(screen.getByText("3,120 of 6,144 tokens")).toBeInTheDocument();
  expect(screen.getByTestId("context-bar")).toHaveAttribute(
    "aria-label",
    "3,120 of 6,144 tokens. Prompt 20, <1%; Pins 10, <1%; Messages 3,090, 50%; Free 3,024, 49%.",
  );
  expect(screen.getByText("estimated")).toBeInTheDocument();
  expect(screen.getByText("2,048")).toBeInTheDocument();
  expect(screen.getByTestId("context-older")).toHaveTextContent("2 older messages are not sent.");
});

test("a ratio that was learned says from how many calls", async () => {
  Object.assign(shown.profile, { tokenRatio: 1.123, samples: 1 });
  await open();
  expect(screen.getByText("× 1.12, learned from 1 call")).toBeInTheDocument();
});

test("each item says whether it is sent and why; a message leads to itself", async () => {
  const { user, onjump } = await open();
  expect(row("pin", "p1")).toHaveTextContent(/Sent\. Pinned/);
  expect(row("message", "1")).toHaveTextContent(/Not sent\. There is no room for it/);
  expect(row("message", "1").dataset).toMatchObject({ included: "false", reason: "no_room" });
  await user.click(within(row("message", "1")).getByTestId("context-jump"));
  expect(onjump).toHaveBeenCalledWith(1);
});

test("an item is left out by its switch and let in again; the prompt has none", async () => {
  const { user } = await open();
  expect(within(row("system", "poet")).queryByTestId("context-exclude")).toBeNull();
  const toggle = () => within(row("pin", "p1")).getByTestId("context-exclude");
  await user.click(toggle());
  await settled();
  const exclusion = { part: "pin", itemId: "p1" };
  expect(argsOf("set_excluded")).toEqual({ sessionId: "a", exclusion, excluded: true });
  expect(toggle()).toHaveAttribute("aria-checked", "false");
  await user.click(toggle());
  await settled();
  expect(argsOf("set_excluded")).toMatchObject({ excluded: false });
  expect(toggle()).toHaveAttribute("aria-checked", "true");
});

test("a message's mark is shown, and another can be chosen", async () => {
  const { user } = await open();
  const mark = within(row("message", "1")).getByTestId("context-mark");
  expect(mark).toHaveAttribute("aria-label", "How much it matters: matters");
  mark.focus();
  await user.keyboard("{Enter}");
  await user.click(await screen.findByText("Does not matter"));
  await settled();
  expect(argsOf("set_message_importance")).toEqual({ id: 1, score: 0 });
});

test("the window is set within its limits, and set back to what is known", async () => {
  const { user } = await open();
  await user.click(screen.getByTestId("edit-context-window"));
  const input = screen.getByTestId("context-window-input");
  await user.clear(input);
  await user.type(input, "255{Enter}");
  expect(screen.getByRole("alert")).toHaveTextContent("from 256 to 100,000,000");
  expect(argsOf("set_context_window")).toBeUndefined();
  await user.clear(input);
  await user.type(input, "32,768{Enter}");
  await settled();
  expect(argsOf("set_context_window")).toEqual({ model: "ollama/llama3", tokens: 32_768 });
  expect(screen.getByTestId("context-window")).toHaveTextContent("32,768, set by you");
  await user.click(screen.getByTestId("edit-context-window"));
  await user.click(screen.getByTestId("context-window-known"));
  await settled();
  expect(argsOf("set_context_window")).toMatchObject({ tokens: null });
  expect(screen.getByTestId("context-window")).not.toHaveTextContent("set by you");
});

test("what has to be sent and does not fit is told with what to do", async () => {
  Object.assign(shown.plan, { budget: 192, used: 0, needed: 3_110 });
  await open();
  expect(screen.getByText("3,110 needed of 192 tokens")).toBeInTheDocument();
  expect(screen.getByRole("alert")).toHaveTextContent(/room for 192.*Shorten the message/);
});

test("a window that is all kept for the reply names the persona", async () => {
  Object.assign(shown.plan, { budget: 0, used: 0, needed: 3_110 });
  await open();
  expect(screen.getByRole("alert")).toHaveTextContent(/The persona keeps the whole/);
});

test("without a model nothing is asked, and it is said", async () => {
  await open({ model: null });
  expect(screen.getByText("No model is chosen")).toBeInTheDocument();
  expect(argsOf("get_context")).toBeUndefined();
});

test("of a thousand items only those in view are drawn", async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => contextItem("message", String(at)));
  shown.plan = contextPlan({ items: many });
  await open();
  const drawn = screen.getAllByTestId("context-item");
  expect(drawn[0]!.dataset.id).toBe("999");
  expect(drawn.length).toBeLessThan(100);
});

const recalled = (id: string, from: Partial<RecalledFrom> = {}) =>
  contextItem("recalled", id, {
    role: "assistant",
    score: 0.624,
    reason: "recalled",
    recalledFrom: { sessionId: "b", sessionName: "Boats", messageId: Number(id), ...from },
  });

test("what is recalled says why, how alike it is and from where", async () => {
  shown.plan.items = [
    recalled("71"),
    recalled("72", { sessionName: "" }),
    recalled("73", { sessionId: "a" }),
    contextItem("message", "3", { reason: "recalled", score: 0.5 }),
  ];
  await open();
  const why = (part: string, id: string) =>
    within(row(part, id)).getByTestId("context-reason").textContent.replace(/\s+/g, " ").trim();
  expect(why("recalled", "71")).toMatch(/what you said last, 62 % alike, from “Boats”$/);
  expect(why("recalled", "72")).toMatch(/62 % alike, from another session$/);
  expect(why("recalled", "73")).toMatch(/62 % alike, said earlier in this session$/);
  expect(why("message", "3")).toMatch(/what you said last, 50 % alike$/);
  expect(screen.getByText("Recalled", { selector: "h3" })).toBeInTheDocument();
});

test("what is recalled leads to its message in its own session", async () => {
  shown.plan.items = [recalled("71")];
  const { user, onjump } = await open();
  await user.click(within(row("recalled", "71")).getByTestId("context-jump"));
  await vi.waitFor(() => expect(view.jump).toBe(71));
  expect(sessions.current?.id).toBe("b");
  expect(onjump).not.toHaveBeenCalled();
});

test("what is recalled is left out as the message it is, and let in again", async () => {
  shown.plan.items = [recalled("71")];
  const { user } = await open();
  const toggle = () => within(row("recalled", "71")).getByTestId("context-exclude");
  await user.click(toggle());
  await settled();
  const exclusion = { part: "recalled", itemId: "71" };
  expect(argsOf("set_excluded")).toEqual({ sessionId: "a", exclusion, excluded: true });
  // The backend keeps it out as a message.
  shown.exclusions = [{ part: "message", itemId: "71" }];
  await context.read();
  await settled();
  expect(toggle()).toHaveAttribute("aria-checked", "false");
  await user.click(toggle());
  await settled();
  expect(argsOf("set_excluded")).toMatchObject({ exclusion, excluded: false });
});
