import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { NewPin, NewSummary, Pin, Summary } from "$lib/ipc";
import { sessions } from "$lib/state/sessions.svelte";
import * as backend from "../../test-backend";
import { message, session, settled } from "../../test-backend";
import MemoryPanel from "./MemoryPanel.svelte";

let pins: Pin[];
let summaries: Summary[];
let calls: backend.Call[];

beforeEach(() => {
  pins = [];
  summaries = [];
  ({ calls } = backend.answerWith({
    list_sessions: () => ({ items: [session("a")], next: null }),
    list_messages: () => ({
      items: [1, 2, 3, 4].map((id) => message(id)),
      next: null,
      siblings: [],
    }),
    list_pins: () => [...pins],
    list_summaries: () => [...summaries],
    create_pin: ({ newPin }) => {
      const pin: Pin = {
        ...(newPin as NewPin),
        id: `p${pins.length}`,
        importanceScore: 0.8,
        createdAt: 0,
      };
      pins.push(pin);
      return pin;
    },
    update_pin: ({ id, update }) =>
      Object.assign(
        pins.find((pin) => pin.id === id)!,
        update,
      ),
    delete_pin: ({ id }) => void (pins = pins.filter((pin) => pin.id !== id)),
    create_summary: ({ newSummary }) => {
      const summary: Summary = {
        ...(newSummary as NewSummary),
        id: `s${summaries.length}`,
        messageCount: 4,
        importanceScore: 0.7,
        createdAt: 0,
      };
      summaries.push(summary);
      return summary;
    },
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
  pins = [
    {
      id: "p",
      sessionId: "a",
      content: "old",
      sourceMessageId: 3,
      importanceScore: 0.8,
      pinType: "code",
      createdAt: 0,
    },
  ];
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
  summaries = [
    {
      id: "s",
      sessionId: "a",
      summary: "the beginning",
      messageCount: 2,
      startMessageId: 1,
      endMessageId: 2,
      importanceScore: 0.7,
      createdAt: 0,
    },
  ];
  const { user } = await shown();
  await user.click(screen.getByTestId("add-summary"));
  await user.type(screen.getByTestId("summary-text"), "the rest");
  await user.click(screen.getByTestId("save-summary"));
  await settled();
  expect(calls.find((call) => call.command === "create_summary")?.args).toEqual({
    newSummary: { sessionId: "a", summary: "the rest", startMessageId: 3, endMessageId: 4 },
  });
  expect(screen.getAllByTestId("summary")).toHaveLength(2);
});

test("deleting a summary asks first", async () => {
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
