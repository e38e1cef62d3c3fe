import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Message, Pin } from "$lib/ipc";
import { messages } from "$lib/state/messages.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import * as backend from "../../test-backend";
import { message, session, settled } from "../../test-backend";
import MessageItem from "./MessageItem.svelte";

let calls: backend.Call[];
let disk: Message[];
let pins: Pin[];
/** The reply on show: each test has its own, as the window's stores outlive a test. */
let id = 0;

beforeEach(() => {
  id += 10;
  disk = [];
  pins = [];
  ({ calls } = backend.answerWith({
    get_session: ({ id }) => session(id),
    list_messages: () => ({ items: disk, next: null }),
    list_generations: () => [{ id: 1, error: "The server is gone." }],
    list_pins: () => pins,
    list_summaries: () => [],
    update_settings: ({ settings }) => settings,
    open_external: () => null,
    create_pin: ({ newPin }) => {
      pins = [{ ...newPin, id: "p", importanceScore: 0.8, createdAt: 1 }];
      return pins[0];
    },
    continue_reply: () => ({ user: null, reply: message(id, { status: "streaming" }) }),
    retry_reply: () => ({ user: null, reply: message(id + 2, { status: "streaming" }) }),
  }));
});

afterEach(cleanup);

async function shown(changes: Partial<Message>, last = true) {
  disk = [message(id - 1), message(id, changes)];
  await sessions.open("a");
  await settled();
  const [previous, reply] = messages.items;
  const on = { ondetails: vi.fn(), ondelete: vi.fn() };
  render(MessageItem, { message: reply!, previous, last, highlighted: false, ...on });
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

test("a reply that others follow cannot be made anew, as they would be lost from sight", async () => {
  await shown({ status: "interrupted" }, false);
  expect(screen.queryByTestId("retry")).toBeNull();
  expect(screen.queryByTestId("continue")).toBeNull();
});

test("a message is pinned with its source, and shows that it is", async () => {
  const { user } = await shown({ text: "A fact" });
  await user.click(screen.getByTestId("pin-message"));
  await settled();
  const newPin = { sessionId: "a", content: "A fact", sourceMessageId: id };
  expect(sent("create_pin")).toMatchObject([{ args: { newPin } }]);
  expect(screen.getByTestId("pin-message")).toHaveAttribute("aria-pressed", "true");
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
