import type { Channel } from "@tauri-apps/api/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ReplyEvent, SessionContext } from "$lib/ipc";
import * as backend from "../../test-backend";
import { contextItem, contextPlan, message, session, sessionContext } from "../../test-backend";

let commands: backend.Commands;
let calls: backend.Call[];
let used: number;
let channel: Channel<ReplyEvent>;

const readings = () => calls.filter(({ command }) => command === "get_context").length;
const withUsed = (tokens: number): SessionContext =>
  sessionContext({ plan: contextPlan({ used: tokens }) });

beforeEach(() => {
  used = 100;
  ({ commands, calls } = backend.freshWindow({
    get_context: () => withUsed(used),
    set_excluded: () => null,
    set_message_importance: ({ id }) => message(id),
    set_context_window: () => sessionContext().profile,
    list_sessions: () => ({ items: [session("a"), session("b")], next: null }),
    list_messages: () => ({ items: [message(1)], next: null, siblings: [] }),
    list_pins: () => [],
    list_summaries: () => [],
    get_message: ({ id }) => message(id),
    get_session: ({ id }) => session(id),
    get_draft: () => "",
    set_draft: () => null,
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
    send_message: ({ onEvent }) => {
      channel = onEvent;
      return { user: message(3), reply: message(4, { status: "streaming", text: "" }) };
    },
  }));
});

afterEach(() => vi.useRealTimers());

async function watching(id = "a") {
  const { sessions } = await import("./sessions.svelte");
  const { context } = await import("./context.svelte");
  const { messages } = await import("./messages.svelte");
  const { dispatchChanges } = await import("./changes");
  const { listenToChanges } = await import("$lib/ipc");
  await listenToChanges(dispatchChanges);
  await sessions.load();
  await sessions.open(id);
  const stop = context.watch(id);
  await backend.settled();
  return { context, messages, stop };
}

/** Long enough for a reading that was put off. */
const later = async () => {
  await new Promise((resolve) => setTimeout(resolve, 150));
  await backend.settled();
};

test("a burst of commits is answered by one reading", async () => {
  const { context } = await watching();
  expect(context.value?.plan.used).toBe(100);
  used = 200;
  await backend.tellChanged("pin", "p");
  await backend.tellChanged("summary", "s");
  await backend.tellChanged("message", 1);
  expect(readings()).toBe(1);
  await later();
  expect(context.value?.plan.used).toBe(200);
  expect(readings()).toBe(2);
});

test("nothing is read while nobody looks", async () => {
  const { context, stop } = await watching();
  await backend.tellChanged("pin", "p");
  stop();
  await later();
  await backend.tellChanged("pin", "p");
  await later();
  expect(readings()).toBe(1);
  expect(context.value).not.toBeNull();
});

test("another session, the theme and a growing reply are no reason to read", async () => {
  const { messages } = await watching();
  await messages.send("go on");
  await later();
  const before = readings();
  await backend.tellChanged("message", 4);
  await backend.tellChanged("session", "b");
  await backend.tellChanged("settings", "");
  await later();
  expect(readings()).toBe(before);
  backend.stream(channel, { event: "finished", message: message(4), error: null });
  await backend.tellChanged("message", 4);
  await later();
  expect(readings()).toBe(before + 1);
});

test("a model's window is told as a setting with its name", async () => {
  await watching();
  await backend.tellChanged("settings", "ollama/llama3");
  await later();
  expect(readings()).toBe(2);
});

test("a late answer does not replace a newer one, nor that of another session", async () => {
  const { context, stop } = await watching();
  const late = backend.later<SessionContext>();
  commands.get_context = () => late.promise;
  void context.read();
  stop();
  commands.get_context = () => withUsed(7);
  context.watch("b");
  expect(context.value).toBeNull();
  await backend.settled();
  late.resolve(withUsed(999));
  await backend.settled();
  expect(context.value?.plan.used).toBe(7);
});

test("what cannot be read says why, and is there again after the next reading", async () => {
  const { context } = await watching();
  commands.get_context = () => Promise.reject(backend.notFound("ollama"));
  await context.read();
  expect(context.value).toBeNull();
  expect(context.error?.kind).toBe("not_found");
  commands.get_context = () => withUsed(1);
  await context.read();
  expect(context.error).toBeNull();
});

test("leaving an item out and marking a message are shown at once", async () => {
  const { context } = await watching();
  used = 90;
  await context.setExcluded(contextItem("pin", "p"), true);
  expect(calls.find(({ command }) => command === "set_excluded")?.args).toEqual({
    sessionId: "a",
    exclusion: { part: "pin", itemId: "p" },
    excluded: true,
  });
  expect(context.value?.plan.used).toBe(90);
  used = 80;
  await context.mark(1, 0);
  expect(context.value?.plan.used).toBe(80);
});

test("an item that cannot be left out stays, and the user is told", async () => {
  const { context } = await watching();
  const { toasts } = await import("./toasts.svelte");
  commands.set_excluded = () => Promise.reject(backend.busy);
  await context.setExcluded(contextItem("pin", "p"), true);
  expect(toasts.items[0]?.tone).toBe("error");
  expect(context.value?.exclusions).toEqual([]);
});
