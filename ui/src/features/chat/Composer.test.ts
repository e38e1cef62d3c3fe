import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EndpointState } from "$lib/ipc";
import { drafts } from "$lib/state/drafts.svelte";
import { endpoints } from "$lib/state/endpoints.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import * as backend from "../../test-backend";
import { endpoint, message, session, settled } from "../../test-backend";
import Composer from "./Composer.svelte";

let calls: backend.Call[];
let saved: Map<string, string>;
let known: EndpointState[];
let rows: ReturnType<typeof session>[];
let taken: boolean;

beforeEach(() => {
  saved = new Map([["b", "half a thought"]]);
  known = [{ endpoint: endpoint("ollama"), key: "none" }];
  rows = [
    session("a"),
    session("b"),
    session("t", { deletedAt: 5 }),
    session("n", { model: null }),
  ];
  taken = true;
  drafts.reset();
  ({ calls } = backend.answerWith({
    list_endpoints: () => known,
    list_models: () => [],
    get_session: ({ id }) => rows.find((row) => row.id === id),
    list_messages: () => ({ items: [], next: null, siblings: [] }),
    list_pins: () => [],
    list_summaries: () => [],
    update_settings: ({ settings }) => settings,
    get_draft: ({ sessionId }) => saved.get(sessionId) ?? "",
    set_draft: ({ sessionId, text }) => void saved.set(sessionId, text),
    restore_session: ({ id }) => session(id),
    send_message: ({ sessionId, text }) => {
      if (!taken) throw backend.diskFull;
      const reply = { sessionId, status: "streaming" as const, text: "" };
      return { user: message(1, { sessionId, text }), reply: message(2, reply) };
    },
  }));
});

afterEach(cleanup);

async function opened(id: string) {
  await endpoints.load();
  await sessions.open(id);
  render(Composer);
  await settled();
  return userEvent.setup();
}

const box = () => screen.getByTestId<HTMLTextAreaElement>("composer");
const sent = () => calls.filter((call) => call.command === "send_message");

test("Enter sends what was written and empties the box and its draft", async () => {
  const user = await opened("a");
  await user.type(box(), "hello{Enter}");
  await settled();
  expect(sent()).toMatchObject([{ args: { sessionId: "a", text: "hello" } }]);
  expect(box()).toHaveValue("");
  expect(saved.get("a")).toBe("");
});

test("Shift+Enter makes a line, and so does Enter that ends the choice of a character", async () => {
  const user = await opened("a");
  await user.type(box(), "one{Shift>}{Enter}{/Shift}two");
  await fireEvent.keyDown(box(), { key: "Enter", isComposing: true });
  await settled();
  expect(box()).toHaveValue("one\ntwo");
  expect(sent()).toEqual([]);
});

test("nothing but space is not sent", async () => {
  const user = await opened("a");
  await user.type(box(), "  {Enter}");
  expect(sent()).toEqual([]);
  expect(screen.getByTestId("send")).toBeDisabled();
});

test("what is refused stands in the box again", async () => {
  taken = false;
  const user = await opened("a");
  await user.type(box(), "keep me{Enter}");
  await settled();
  expect(box()).toHaveValue("keep me");
});

test("each session has its own draft", async () => {
  const user = await opened("a");
  await user.type(box(), "for a");
  await sessions.open("b");
  await settled();
  expect(box()).toHaveValue("half a thought");
  expect(saved.get("a")).toBe("for a");
  await sessions.open("a");
  await settled();
  expect(box()).toHaveValue("for a");
});

test("while a reply is written, Stop stands in place of Send", async () => {
  const user = await opened("a");
  await user.type(box(), "hello{Enter}");
  await settled();
  expect(screen.getByTestId("stop")).toBeVisible();
  expect(screen.queryByTestId("send")).toBeNull();
});

test("it says what is missing before a message can be sent", async () => {
  const user = await opened("n");
  await user.type(box(), "hello{Enter}");
  expect(screen.getByText("Choose a model to begin.")).toBeVisible();
  known = [];
  await endpoints.load();
  await settled();
  expect(screen.getByText("Add a provider to begin.")).toBeVisible();
  expect(sent()).toEqual([]);
});

test("a session in the trash is restored before it goes on", async () => {
  const user = await opened("t");
  expect(screen.queryByTestId("composer")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Restore" }));
  await settled();
  expect(calls).toContainEqual({ command: "restore_session", args: { id: "t" } });
  expect(screen.getByTestId("composer")).toBeVisible();
});

test("more than 10 MiB is refused at once, with the size", async () => {
  await opened("a");
  await fireEvent.input(box(), { target: { value: "x".repeat(10 * 1024 * 1024 + 1) } });
  await settled();
  expect(screen.getByRole("alert")).toHaveTextContent("at most 10.0 MiB");
  expect(screen.getByTestId("send")).toBeDisabled();
});
