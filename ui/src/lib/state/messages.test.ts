import type { Channel } from "@tauri-apps/api/core";
import { beforeEach, describe, expect, test } from "vitest";
import type { CommandError, Message, ReplyEvent, Session, StartedReply } from "$lib/ipc";
import * as backend from "../../test-backend";
import { message, session, settled, stream } from "../../test-backend";

let disk: Message[];
let rows: Map<string, Session>;
let drafts: Map<string | null, string>;
let channel: Channel<ReplyEvent>;
let calls: backend.Call[];
let commands: backend.Commands;

const refused: CommandError = {
  kind: "provider_unreachable",
  message: "The server does not answer.",
  remedy: "Start it.",
};

function start(args: backend.Args): StartedReply {
  channel = args.onEvent as unknown as Channel<ReplyEvent>;
  const parent = disk.filter((row) => row.sessionId === args.sessionId).at(-1);
  const id = disk.length + 1;
  const sessionId = args.sessionId as string;
  const user = message(id, {
    sessionId,
    parentId: parent?.id ?? null,
    role: "user",
    text: args.text,
  });
  const reply = message(id + 1, { sessionId, role: "assistant", text: "", status: "streaming" });
  disk.push(user, reply);
  return { user: { ...user }, reply: { ...reply } };
}

function list(args: backend.Args) {
  const before = (args.before as number | null) ?? Infinity;
  const older = disk.filter((row) => row.sessionId === args.sessionId && row.id < before);
  const items = older.slice(-Number(args.limit));
  const next = older.length > items.length ? (items[0]?.id ?? null) : null;
  return { items: items.map((row) => ({ ...row })), next };
}

const onDisk = (id: number, changes: Partial<Message>) =>
  Object.assign(disk.find((row) => row.id === id) as Message, changes);

beforeEach(() => {
  disk = [];
  rows = new Map([
    ["a", session("a")],
    ["b", session("b")],
  ]);
  drafts = new Map();
  ({ calls, commands } = backend.freshWindow({
    list_sessions: () => ({ items: [...rows.values()], next: null }),
    get_session: ({ id }) => rows.get(id),
    create_session: ({ newSession }) => {
      rows.set("new", session("new", newSession));
      return rows.get("new");
    },
    delete_session: ({ id }) => void rows.delete(id),
    list_messages: list,
    get_message: ({ id }) => {
      const found = disk.find((row) => row.id === id);
      if (!found) throw backend.notFound(id);
      return { ...found };
    },
    delete_message: ({ id }) => {
      const gone = disk.find((row) => row.id === id);
      disk = disk.filter((row) => row.id !== id);
      for (const row of disk) if (row.parentId === id) row.parentId = gone?.parentId ?? null;
    },
    list_generations: () => [{ error: "The server hung up." }],
    send_message: start,
    stop_reply: () => null,
    set_draft: ({ sessionId, text }) => void drafts.set(sessionId, text),
    update_settings: ({ settings }) => settings,
    get_settings: () => backend.settings(),
  }));
});

async function store() {
  const { dispatchChanges } = await import("./changes");
  const { listenToChanges } = await import("$lib/ipc");
  const { sessions } = await import("./sessions.svelte");
  const { messages } = await import("./messages.svelte");
  const { toasts } = await import("./toasts.svelte");
  const { app } = await import("./app.svelte");
  await listenToChanges(dispatchChanges);
  await sessions.load();
  return { sessions, messages, toasts, app };
}

async function opened(id = "a") {
  const stores = await store();
  await stores.sessions.open(id);
  await settled();
  return stores;
}

const texts = (items: Message[]) => items.map((item) => item.text);
const delta = (messageId: number, text: string): ReplyEvent => ({
  event: "delta",
  messageId,
  text,
});
const finished = (id: number, changes: Partial<Message>, error: CommandError | null = null) => {
  const row = onDisk(id, { status: "complete", ...changes });
  return { event: "finished", message: { ...row }, error } satisfies ReplyEvent;
};

describe("a reply", () => {
  test("grows by its deltas and ends with its last event", async () => {
    const { messages } = await opened();
    expect(await messages.send("hello")).toBe(true);
    expect(texts(messages.items)).toEqual(["hello", ""]);
    expect([...messages.streaming.keys()]).toEqual([2]);
    stream(channel, delta(2, "Hi "));
    stream(channel, delta(2, "there"));
    expect(messages.items[1]).toMatchObject({ text: "Hi there", status: "streaming" });
    stream(channel, finished(2, { text: "Hi there.", tokenUsage: 4 }));
    expect(messages.items[1]).toMatchObject({ text: "Hi there.", status: "complete" });
    expect(messages.streaming.size).toBe(0);
  });

  test("is whole when its events overtake the answer to the command", async () => {
    const { messages } = await opened();
    const late = backend.later<StartedReply>();
    let answer!: StartedReply;
    commands.send_message = (args) => {
      answer = start(args);
      return late.promise;
    };
    const sending = messages.send("hello");
    await settled();
    stream(channel, delta(2, "all of it"));
    stream(channel, finished(2, { text: "all of it" }));
    late.resolve(answer);
    await sending;
    expect(messages.items.at(-1)).toMatchObject({ text: "all of it", status: "complete" });
    expect(messages.streaming.size).toBe(0);
  });

  test("goes on while another session is open and is right on return", async () => {
    const { sessions, messages } = await opened();
    await messages.send("hello");
    stream(channel, delta(2, "one "));
    await sessions.open("b");
    await settled();
    expect(messages.items).toEqual([]);
    stream(channel, delta(2, "two "));
    onDisk(2, { text: "one " });
    await sessions.open("a");
    await settled();
    stream(channel, delta(2, "three"));
    expect(texts(messages.items)).toEqual(["hello", "one two three"]);
    stream(channel, finished(2, { text: "one two three" }));
    expect(messages.items[1]?.status).toBe("complete");
  });

  test("that ends while its session is being read again does not stay streaming", async () => {
    const { sessions, messages } = await opened();
    await messages.send("hello");
    await sessions.open("b");
    const late = backend.later<void>();
    commands.list_messages = (args) => {
      const old = list(args);
      return late.promise.then(() => old);
    };
    const opening = sessions.open("a");
    await settled();
    stream(channel, finished(2, { text: "done" }));
    late.resolve();
    await opening;
    await settled();
    expect(messages.items[1]).toMatchObject({ text: "done", status: "complete" });
    expect(messages.streaming.size).toBe(0);
  });

  test("that fails keeps its text and its error", async () => {
    const { messages } = await opened();
    await messages.send("hello");
    stream(channel, delta(2, "half"));
    stream(channel, finished(2, { text: "half", status: "failed" }, refused));
    expect(messages.items[1]).toMatchObject({ text: "half", status: "failed" });
    expect(messages.errors.get(2)).toEqual(refused);
  });

  test("that meets a full disk raises the banner", async () => {
    const { messages, app } = await opened();
    await messages.send("hello");
    stream(channel, finished(2, { status: "failed" }, backend.diskFull));
    expect(app.banner?.text).toBe("The disk is full.");
  });

  test("tried again takes the place of the failed one, which is kept on disk", async () => {
    disk = [message(1, { text: "hello" }), message(2, { text: "", status: "failed" })];
    const { messages } = await opened();
    commands.retry_reply = (args) => {
      channel = args.onEvent as unknown as Channel<ReplyEvent>;
      const reply = message(3, { parentId: 1, role: "assistant", text: "", status: "streaming" });
      return { user: null, reply };
    };
    await messages.retry(2);
    stream(channel, delta(3, "better"));
    expect(texts(messages.items)).toEqual(["hello", "better"]);
  });

  test("continued goes on in its own row, after what was there", async () => {
    disk = [message(1), message(2, { text: "half", status: "interrupted" })];
    const { messages } = await opened();
    commands.continue_reply = (args) => {
      channel = args.onEvent as unknown as Channel<ReplyEvent>;
      return { user: null, reply: { ...onDisk(2, { status: "streaming" }) } };
    };
    await messages.continueReply(2);
    stream(channel, delta(2, " and whole"));
    expect(texts(messages.items)).toEqual(["text 1", "half and whole"]);
    expect([...messages.streaming.keys()]).toEqual([2]);
  });

  test("of an earlier window is read anew at each change until it ends", async () => {
    disk = [message(1), message(2, { text: "so", status: "streaming" })];
    const { messages } = await opened();
    expect([...messages.streaming.keys()]).toEqual([2]);
    onDisk(2, { text: "so far" });
    await backend.tellChanged("message", 2);
    expect(messages.items[1]?.text).toBe("so far");
    onDisk(2, { text: "so far so good", status: "complete" });
    await backend.tellChanged("message", 2);
    expect(messages.items[1]).toMatchObject({ text: "so far so good", status: "complete" });
    expect(messages.streaming.size).toBe(0);
  });

  test("heard by its channel is not overwritten by the older text on disk", async () => {
    const { messages } = await opened();
    await messages.send("hello");
    stream(channel, delta(2, "newest"));
    onDisk(2, { text: "new" });
    await backend.tellChanged("message", 1, 2);
    expect(texts(messages.items)).toEqual(["hello", "newest"]);
  });

  test("that failed in an earlier run tells why", async () => {
    disk = [message(1), message(2, { status: "failed" })];
    const { messages } = await opened();
    expect(messages.errors.get(2)?.message).toBe("The server hung up.");
  });
});

describe("the first message of a new chat", () => {
  test("makes the session, is its name, and empties the draft", async () => {
    const { sessions, messages } = await opened();
    await sessions.open(null);
    await messages.send("What is a monad?\nIn short.");
    expect(sessions.current).toMatchObject({ id: "new", name: "What is a monad?" });
    expect(texts(messages.items)).toEqual(["What is a monad?\nIn short.", ""]);
    expect(drafts.get(null)).toBe("");
  });

  test("that is refused leaves no empty session and keeps the draft", async () => {
    const { sessions, messages, toasts } = await opened();
    await sessions.open(null);
    commands.send_message = () => Promise.reject(refused);
    expect(await messages.send("hello")).toBe(false);
    expect([...rows.keys()]).toEqual(["a", "b"]);
    expect(sessions.current).toBeNull();
    expect(drafts.has(null)).toBe(false);
    expect(toasts.items[0]?.text).toBe("The server does not answer. Start it.");
  });
});

describe("a long session", () => {
  beforeEach(() => {
    disk = Array.from({ length: 180 }, (_, n) => message(n + 1));
  });

  test("begins with its newest messages and gets older ones in front", async () => {
    const { messages } = await opened();
    expect(messages.items.at(-1)?.id).toBe(180);
    expect(messages.hasOlder).toBe(true);
    while (messages.hasOlder) await messages.loadOlder();
    expect(messages.items.map((item) => item.id)).toEqual(disk.map((row) => row.id));
  });

  test("is read back to a message that is looked for", async () => {
    const { messages } = await opened();
    expect(await messages.reach(20)).toBe(true);
    expect(messages.items.some((item) => item.id === 20)).toBe(true);
    expect(await messages.reach(999)).toBe(false);
  });

  test("an old page that comes after another session was opened is dropped", async () => {
    const { sessions, messages } = await opened();
    const late = backend.later<void>();
    commands.list_messages = (args) => {
      const page = list(args);
      return args.sessionId === "a" ? late.promise.then(() => page) : page;
    };
    const loading = messages.loadOlder();
    await sessions.open("b");
    late.resolve();
    await loading;
    await settled();
    expect(messages.items).toEqual([]);
    expect(messages.hasOlder).toBe(false);
  });
});

test("a deleted message goes and what answered it moves up", async () => {
  disk = [message(1), message(2), message(3)];
  const { messages } = await opened();
  await messages.remove(2);
  expect(messages.items.map(({ id, parentId }) => [id, parentId])).toEqual([
    [1, null],
    [3, 1],
  ]);
});

test("changes to another session's messages leave this one alone", async () => {
  disk = [message(1), message(2, { sessionId: "b", parentId: null })];
  const { messages } = await opened();
  const before = calls.length;
  await backend.tellChanged("message", 2);
  expect(texts(messages.items)).toEqual(["text 1"]);
  expect(calls.slice(before).map((call) => call.command)).toEqual(["get_message"]);
});
