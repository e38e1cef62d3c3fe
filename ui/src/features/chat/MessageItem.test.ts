import { cleanup, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Message, Pin, Siblings, Summary } from "$lib/ipc";
import { embedding } from "$lib/state/embedding.svelte";
import { messages } from "$lib/state/messages.svelte";
import { search } from "$lib/state/search.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { message, pin, session, settled, summary } from "../../test-backend";
import MessageItem from "./MessageItem.svelte";

let calls: backend.Call[];
let commands: backend.Commands;
let disk: Message[];
let pins: Pin[];
let siblings: Siblings[];
/** The reply on show: each test has its own, as the window's stores outlive a test. */
let id = 0;

beforeEach(() => {
  id += 10;
  disk = [];
  pins = [];
  siblings = [];
  embedding.status = backend.embeddingStatus();
  ({ calls, commands } = backend.answerWith({
    get_session: ({ id }) => session(id),
    list_messages: () => ({ items: disk, next: null, siblings }),
    list_generations: () => [{ id: 1, error: "The server is gone." }],
    list_pins: () => pins,
    list_summaries: () => [],
    update_settings: ({ settings }) => settings,
    open_external: () => null,
    create_pin: ({ newPin }) => {
      pins = [pin("p", newPin)];
      return pins[0];
    },
    continue_reply: () => ({ user: null, reply: message(id, { status: "streaming" }) }),
    edit_message: ({ text }) => ({
      user: message(id + 4, { role: "user", text, parentId: id - 1 }),
      reply: message(id + 5, { role: "assistant", status: "streaming" }),
    }),
    retry_reply: () => ({ user: null, reply: message(id + 2, { status: "streaming" }) }),
  }));
});

afterEach(cleanup);

type As = { last?: boolean; live?: boolean; covering?: Summary };

async function shown(changes: Partial<Message>, { last = true, live = true, covering }: As = {}) {
  disk = [message(id - 1), message(id, changes)];
  await sessions.open("a");
  await settled();
  const [previous, reply] = messages.items;
  const on = { onwalk: vi.fn(), ondetails: vi.fn(), ondelete: vi.fn() };
  render(MessageItem, {
    message: reply!,
    previous,
    last,
    live,
    summary: covering,
    highlighted: false,
    ...on,
  });
  await settled();
  return { user: userEvent.setup(), ...on };
}

const sent = (command: string) => calls.filter((call) => call.command === command);

test("a stopped reply offers to go on and to try again", async () => {
  const { user } = await shown({ status: "interrupted", text: "So far" });
  expect(screen.getByText("Stopped here")).toBeVisible();
  await user.click(screen.getByTestId("continue"));
  expect(sent("continue_reply")).toMatchObject([{ args: { messageId: id } }]);
});

test("a failed reply says why, also when it failed in an earlier run", async () => {
  const { user } = await shown({ status: "failed", text: "" });
  expect(screen.getByRole("group", { name: "The reply failed" })).toHaveTextContent(
    "The server is gone.",
  );
  await user.click(screen.getByTestId("retry"));
  expect(sent("retry_reply")).toMatchObject([{ args: { messageId: id } }]);
});

test("a stopped reply that others follow can be tried again beside them, but not go on", async () => {
  const { user } = await shown({ status: "interrupted" }, { last: false });
  expect(screen.queryByTestId("continue")).toBeNull();
  await user.click(screen.getByTestId("retry"));
  expect(sent("retry_reply")).toMatchObject([{ args: { messageId: id } }]);
});

test("any complete reply can be tried again", async () => {
  const { user } = await shown({}, { last: false });
  await user.click(screen.getByTestId("retry"));
  expect(sent("retry_reply")).toMatchObject([{ args: { messageId: id } }]);
});

test("in the trash nothing of a message changes", async () => {
  await shown({ role: "user" }, { live: false });
  for (const action of ["edit-message", "fork", "delete"]) {
    expect(screen.queryByTestId(action)).toBeNull();
  }
  screen.getByTestId("message").focus();
  await userEvent.keyboard("e");
  expect(screen.queryByTestId("edit-text")).toBeNull();
});

test("versions are walked by arrows, up to the first and the last", async () => {
  siblings = [{ messageId: id, ids: [id - 5, id, id + 3] }];
  const { user, onwalk } = await shown({});
  expect(screen.getByRole("group", { name: "Version 2 of 3" })).toHaveTextContent("2 / 3");
  await user.click(screen.getByTestId("sibling-previous"));
  screen.getByTestId("sibling-next").focus();
  await user.keyboard("{Enter}");
  expect(onwalk.mock.calls).toEqual([[id - 5], [id + 3]]);
});

test("the arrow beyond the last version does nothing, and keeps the focus", async () => {
  siblings = [{ messageId: id, ids: [id - 5, id] }];
  const { user, onwalk } = await shown({});
  const next = screen.getByTestId("sibling-next");
  expect(next).toHaveAttribute("aria-disabled", "true");
  await user.click(next);
  expect(onwalk).not.toHaveBeenCalled();
  expect(next).toHaveFocus();
});

test("a message without siblings has no arrows", async () => {
  await shown({});
  expect(screen.queryByTestId("siblings")).toBeNull();
});

test("one's own message is edited in its place and sent as another version", async () => {
  const { user } = await shown({ role: "user", text: "frist" });
  await user.click(screen.getByTestId("edit-message"));
  expect(screen.getByTestId("edit-text")).toHaveValue("frist");
  expect(screen.getByText(/former version stays/)).toBeVisible();
  await user.clear(screen.getByTestId("edit-text"));
  await user.keyboard("first{Shift>}{Enter}{/Shift}and second{Enter}");
  expect(sent("edit_message")).toMatchObject([
    { args: { messageId: id, text: "first\nand second" } },
  ]);
});

test("E on a message begins the edit, Escape drops it and gives the focus back", async () => {
  const { user } = await shown({ role: "user", text: "as it was" });
  screen.getByTestId("message").focus();
  await user.keyboard("e");
  expect(screen.getByTestId("edit-text")).toHaveFocus();
  await user.keyboard("never mind{Escape}");
  expect(screen.getByTestId("message-text")).toHaveTextContent("as it was");
  expect(screen.getByTestId("message")).toHaveFocus();
  expect(sent("edit_message")).toEqual([]);
});

test("an edit of nothing but space is not sent", async () => {
  const { user } = await shown({ role: "user" });
  await user.click(screen.getByTestId("edit-message"));
  await user.clear(screen.getByTestId("edit-text"));
  await user.keyboard("  {Enter}");
  expect(screen.getByTestId("edit-send")).toBeDisabled();
  expect(sent("edit_message")).toEqual([]);
});

test("an edit that is refused stays in its box", async () => {
  commands.edit_message = () => Promise.reject(backend.diskFull);
  const { user } = await shown({ role: "user" });
  await user.click(screen.getByTestId("edit-message"));
  await user.keyboard(" and more{Enter}");
  await settled();
  expect(screen.getByTestId("edit-text")).toHaveValue(`text ${id} and more`);
});

test("E on a reply edits nothing", async () => {
  const { user } = await shown({});
  screen.getByTestId("message").focus();
  await user.keyboard("e");
  expect(screen.queryByTestId("edit-text")).toBeNull();
});

test("a message is pinned with its source, and shows that it is", async () => {
  const { user } = await shown({ text: "A fact" });
  await user.click(screen.getByTestId("pin-message"));
  await settled();
  const newPin = { sessionId: "a", content: "A fact", sourceMessageId: id };
  expect(sent("create_pin")).toMatchObject([{ args: { newPin } }]);
  expect(screen.getByTestId("pin-message")).toHaveAttribute("aria-pressed", "true");
});

test("P pins the message that has the focus", async () => {
  const { user } = await shown({ text: "A fact" });
  screen.getByTestId("message").focus();
  await user.keyboard("p");
  expect(sent("create_pin")).toMatchObject([{ args: { newPin: { content: "A fact" } } }]);
});

test("P pins only what is selected of it", async () => {
  const { user } = await shown({ role: "user", text: "Tea, and a long story" });
  screen.getByTestId("message").focus();
  const text = screen.getByTestId("message-text").querySelector("p")!.firstChild!;
  document.getSelection()!.setBaseAndExtent(text, 0, text, 3);
  await user.keyboard("p");
  document.getSelection()!.removeAllRanges();
  expect(sent("create_pin")).toMatchObject([
    { args: { newPin: { content: "Tea", pinType: "user", sourceMessageId: id } } },
  ]);
});

test("code is pinned as it was written", async () => {
  const { user } = await shown({ text: "Look:\n\n```js\nlet a = 1 < 2;\n```" });
  await user.click(screen.getByRole("button", { name: "Pin the code" }));
  const newPin = { content: "let a = 1 < 2;", pinType: "code", sourceMessageId: id };
  expect(sent("create_pin")).toMatchObject([{ args: { newPin } }]);
  await settled();
  expect(screen.getByTestId("pin-message")).toHaveAttribute("aria-pressed", "false");
});

test("a message that a summary covers leads to it", async () => {
  await shown({});
  expect(screen.queryByTestId("show-summary")).toBeNull();
  cleanup();
  const { user } = await shown({}, { covering: summary("s") });
  await user.click(screen.getByRole("button", { name: "Covered by a summary: show it" }));
  expect(view.summary).toBe("s");
});

test("a link goes to the browser, and only one that leads to the network or to mail", async () => {
  const { user } = await shown({ text: "[out](https://a.example/x) [in](settings/data)" });
  await user.click(screen.getByRole("link", { name: "out" }));
  await user.click(screen.getByRole("link", { name: "in" }));
  expect(sent("open_external")).toEqual([
    { command: "open_external", args: { url: "https://a.example/x" } },
  ]);
});

test("code is copied as it was written", async () => {
  const { user } = await shown({ text: "```js\nlet a = 1 < 2;\n```" });
  await user.click(screen.getByRole("button", { name: "Copy the code" }));
  expect(await navigator.clipboard.readText()).toBe("let a = 1 < 2;");
});

test("one's own words are shown as they were typed", async () => {
  await shown({ role: "user", text: "# not a *heading*\n<b>not bold</b>" });
  expect(screen.getByTestId("message-text").querySelector("h1, h3, b, em")).toBeNull();
  expect(screen.getByTestId("message-text").textContent).toBe("# not a *heading*\n<b>not bold</b>");
});

test("a very long message is shown in part until more is asked for", async () => {
  const { user } = await shown({ role: "user", text: "x".repeat(250_000) });
  const shownChars = () => screen.getByTestId("message-text").textContent.length;
  expect(shownChars()).toBe(100_000);
  await user.click(screen.getByRole("button", { name: /Show more/ }));
  expect(shownChars()).toBe(250_000);
});

test("details and deletion are asked for by buttons", async () => {
  const { user, ondetails, ondelete } = await shown({});
  await user.click(screen.getByRole("button", { name: "Details" }));
  await user.click(screen.getByRole("button", { name: "Delete" }));
  expect(ondetails).toHaveBeenCalledOnce();
  expect(ondelete).toHaveBeenCalledOnce();
});

test("more like a message is looked for from its toolbar, unless there is no model", async () => {
  const { user } = await shown({ text: "The bow leaks" });
  commands.more_like = () => [];
  await user.click(screen.getByTestId("more-like-message"));
  await settled();
  expect(sent("more_like")).toMatchObject([{ args: { what: { kind: "message", id } } }]);
  expect(view.overlay).toBe("search");
  expect(search.like).toBe("The bow leaks");
  embedding.status = backend.embeddingStatus({ model: null });
  await waitFor(() => expect(screen.queryByTestId("more-like-message")).toBeNull());
});
