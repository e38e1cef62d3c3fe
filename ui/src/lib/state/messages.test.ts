import type { Channel } from "@tauri-apps/api/core";
import { beforeEach, describe, expect, test } from "vitest";
import type {
  BranchPage,
  CommandError,
  Message,
  ReplyEvent,
  Session,
  StartedReply,
} from "$lib/ipc";
import * as backend from "../../test-backend";
import { message, session, settled, stream } from "../../test-backend";

let disk: Message[];
let rows: Map<string, Session>;
let drafts: Map<string | null, string>;
let channel: Channel<ReplyEvent>;
let calls: backend.Call[];
let commands: backend.Commands;
/** The end of the branch on show of session a, where the newest message is not it. */
let head: number | null;

const refused: CommandError = {
  kind: "provider_unreachable",
  message: "The server does not answer.",
  remedy: "Start it.",
};

const find = (id: unknown) => disk.find((row) => row.id === id);
const visible = () => disk.filter((row) => row.deletedAt === null);

/** The branch on show, oldest first. */
function branch(sessionId: string): Message[] {
  const newest = visible().findLast((row) => row.sessionId === sessionId)?.id;
  const rows: Message[] = [];
  let row = find((sessionId === "a" && head) || newest);
  for (; row; row = find(row?.parentId)) rows.unshift(row);
  return rows;
}

function append(changes: Partial<Message>): Message {
  const parent = find(changes.parentId);
  const row = message(disk.length + 1, { depth: (parent?.depth ?? 0) + 1, ...changes });
  disk.push(row);
  head = row.sessionId === "a" ? row.id : head;
  return row;
}

function start(args: backend.Args): StartedReply {
  return answer(args, args.sessionId as string, branch(args.sessionId).at(-1)?.id ?? null);
}

/** Commits what the user said and the empty reply to it, which the test streams. */
function answer(args: backend.Args, sessionId: string, parentId: number | null): StartedReply {
  const user = append({ sessionId, parentId, role: "user", text: args.text });
  return { user: { ...user }, reply: reply(args, user) };
}

function reply(args: backend.Args, { id, sessionId }: Message): Message {
  channel = args.onEvent as unknown as Channel<ReplyEvent>;
  const row = {
    sessionId,
    parentId: id,
    role: "assistant",
    text: "",
    status: "streaming",
  } as const;
  return { ...append(row) };
}

function list(args: backend.Args): BranchPage {
  const all = branch(args.sessionId);
  const end = args.before === null ? all.length : all.findIndex((row) => row.id === args.before);
  const items = all.slice(0, end).slice(-Number(args.limit));
  const next = end > items.length ? (items[0]?.id ?? null) : null;
  const siblings = items.map(({ id, parentId, sessionId }) => ({
    messageId: id,
    ids: visible()
      .filter((row) => row.sessionId === sessionId && row.parentId === parentId)
      .map((row) => row.id),
  }));
  return {
    items: items.map((row) => ({ ...row })),
    next,
    siblings: siblings.filter(({ ids }) => ids.length > 1),
  };
}

/** The session with its head, as a command that moved that returns it. */
const sessionRow = () => ({ ...rows.get("a")!, headId: branch("a").at(-1)?.id ?? null });

/** The newest message that is reached from one. */
function leaf(id: number): number {
  const child = visible().findLast((row) => row.parentId === id);
  return child ? leaf(child.id) : id;
}

const onDisk = (id: number, changes: Partial<Message>) =>
  Object.assign(find(id) as Message, changes);

beforeEach(() => {
  disk = [];
  head = null;
  rows = new Map([
    ["a", session("a")],
    ["b", session("b")],
  ]);
  drafts = new Map();
  ({ calls, commands } = backend.freshWindow({
    list_sessions: () => ({ items: [...rows.values()], next: null }),
    get_session: ({ id }) => (id === "a" ? sessionRow() : rows.get(id)),
    create_session: ({ newSession }) => {
      rows.set("new", session("new", newSession));
      return rows.get("new");
    },
    delete_session: ({ id }) => void rows.delete(id),
    list_messages: list,
    get_message: ({ id }) => {
      const found = find(id);
      if (!found) throw backend.notFound(id);
      return { ...found };
    },
    edit_message: (args) => answer(args, "a", find(args.messageId)!.parentId),
    retry_reply: (args) => ({
      user: null,
      reply: reply(args, find(find(args.messageId)!.parentId)!),
    }),
    show_branch: ({ messageId }) => {
      head = leaf(messageId);
      return sessionRow();
    },
    trash_message: ({ messageId }) => {
      const gone = onDisk(messageId, { deletedAt: 5 });
      for (const row of disk) if (row.parentId === messageId) row.parentId = gone.parentId;
      if (branch("a").at(-1)?.id === messageId) head = gone.parentId;
      return sessionRow();
    },
    trash_branch: ({ messageId }) => {
      const gone = onDisk(messageId, { deletedAt: 5 });
      for (const row of disk) if (find(row.parentId)?.deletedAt) row.deletedAt = 5;
      head = gone.parentId;
      return sessionRow();
    },
    restore_message: ({ messageId }) => {
      for (const row of disk) if (row.deletedAt === 5) row.deletedAt = null;
      head = leaf(messageId);
      return sessionRow();
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

/** 1 - 2 - 3 - 4, and beside 3 - 4 the newer 5 - 6, which is on show. */
function forked() {
  disk = [message(1), message(2), message(3), message(4)];
  disk.push(message(5, { parentId: 2, depth: 3, role: "user", text: "other" }));
  disk.push(message(6, { parentId: 5, depth: 4, role: "assistant", text: "answer" }));
  head = 6;
}

const ids = (items: Message[]) => items.map((item) => item.id);

describe("branches", () => {
  beforeEach(forked);

  test("the versions of a message are known, and walked to", async () => {
    const { messages } = await opened();
    expect(ids(messages.items)).toEqual([1, 2, 5, 6]);
    expect(messages.siblingsOf(5)).toEqual([3, 5]);
    expect(messages.siblingsOf(6)).toEqual([]);
    expect(await messages.showBranch(3)).toBe(true);
    expect(ids(messages.items)).toEqual([1, 2, 3, 4]);
    expect(messages.siblingsOf(3)).toEqual([3, 5]);
  });

  test("an edit shows at once as the newest version, and what followed is not lost", async () => {
    const { messages } = await opened();
    expect(await messages.edit(5, "third")).toBe(true);
    expect(texts(messages.items)).toEqual(["text 1", "text 2", "third", ""]);
    expect(messages.siblingsOf(7)).toEqual([3, 5, 7]);
    stream(channel, delta(8, "word"));
    await messages.showBranch(5);
    expect(texts(messages.items)).toEqual(["text 1", "text 2", "other", "answer"]);
  });

  test("an edit of the first message begins the session anew beside it", async () => {
    const { messages } = await opened();
    await messages.edit(1, "again");
    expect(texts(messages.items)).toEqual(["again", ""]);
    expect(messages.siblingsOf(7)).toEqual([1, 7]);
  });

  test("a reply in the middle is tried again; what followed stands behind the former one", async () => {
    const { messages } = await opened();
    await messages.retry(2);
    expect(ids(messages.items)).toEqual([1, 7]);
    expect(messages.siblingsOf(7)).toEqual([2, 7]);
    await messages.showBranch(2);
    expect(ids(messages.items)).toEqual([1, 2, 5, 6]);
  });

  test("a reply goes on while another version is on show, and is right on return", async () => {
    const { messages } = await opened();
    await messages.retry(6);
    stream(channel, delta(7, "one "));
    await messages.showBranch(6);
    expect(texts(messages.items).at(-1)).toBe("answer");
    stream(channel, delta(7, "two"));
    expect([...messages.streaming.keys()]).toEqual([7]);
    await messages.showBranch(7);
    expect(texts(messages.items).at(-1)).toBe("one two");
    stream(channel, finished(7, { text: "one two." }));
    expect(messages.items.at(-1)).toMatchObject({ text: "one two.", status: "complete" });
  });

  test("a head that moves elsewhere is followed", async () => {
    const { messages } = await opened();
    head = 4;
    await backend.tellChanged("session", "a");
    expect(ids(messages.items)).toEqual([1, 2, 3, 4]);
    const reads = calls.length;
    await backend.tellChanged("session", "a");
    expect(calls.slice(reads).map((call) => call.command)).toEqual(["get_session"]);
  });

  test("a version that comes from elsewhere is counted; one deep in another branch is not read for", async () => {
    const { messages } = await opened();
    append({ parentId: 2, role: "user", text: "elsewhere" });
    append({ parentId: 4, role: "user" });
    head = 6;
    const reads = () => calls.filter((call) => call.command === "list_messages").length;
    const before = reads();
    await backend.tellChanged("message", 8);
    expect(reads()).toBe(before);
    await backend.tellChanged("message", 7);
    expect(messages.siblingsOf(5)).toEqual([3, 5, 7]);
  });

  test("a message on another branch is reached by showing that", async () => {
    const { messages } = await opened();
    expect(await messages.reach(4)).toBe(true);
    expect(ids(messages.items)).toEqual([1, 2, 3, 4]);
  });

  test("a message in the trash is not reached, and the user is told why", async () => {
    const { messages, toasts } = await opened();
    onDisk(4, { deletedAt: 5 });
    expect(await messages.reach(4)).toBe(false);
    expect(toasts.items[0]?.text).toContain("in the trash");
  });

  test("a refused walk leaves the branch on show", async () => {
    const { messages, toasts } = await opened();
    commands.show_branch = () => Promise.reject(backend.busy);
    expect(await messages.showBranch(3)).toBe(false);
    expect(ids(messages.items)).toEqual([1, 2, 5, 6]);
    expect(toasts.items[0]?.tone).toBe("error");
  });

  test("a fork opens with the way back to where it came from", async () => {
    const { sessions, messages, toasts } = await opened();
    commands.fork_session = () => {
      rows.set("fork", session("fork"));
      append({ sessionId: "fork", parentId: null, text: "the same past" });
      return rows.get("fork");
    };
    expect(await sessions.fork(2)).toBe(true);
    await settled();
    expect(texts(messages.items)).toEqual(["the same past"]);
    toasts.items[0]?.back?.();
    await settled();
    expect(sessions.current?.id).toBe("a");
  });
});

test("a walk in a long session begins the list where it began, also on a longer branch", async () => {
  disk = Array.from({ length: 100 }, (_, n) => message(n + 1));
  for (let id = 101; id <= 800; id += 1)
    disk.push(message(id, { parentId: id === 101 ? 80 : id - 1 }));
  for (const row of disk) row.depth = row.id <= 100 ? row.id : row.id - 20;
  head = 100;
  const { messages } = await opened();
  const first = messages.items[0]!.id;
  await messages.showBranch(101);
  expect(messages.items[0]!.id).toBe(first);
  expect(messages.items.at(-1)!.id).toBe(800);
  await messages.showBranch(81);
  expect(messages.items[0]!.id).toBe(first);
  expect(messages.hasOlder).toBe(true);
  while (messages.hasOlder) await messages.loadOlder();
  expect(ids(messages.items)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
});

describe("the trash", () => {
  test("takes one message, those after it move up, and Undo puts it back", async () => {
    disk = [message(1), message(2), message(3)];
    const { messages, toasts } = await opened();
    await messages.trashMessage(2);
    expect(messages.items.map(({ id, parentId }) => [id, parentId])).toEqual([
      [1, null],
      [3, 1],
    ]);
    onDisk(3, { parentId: 2 });
    toasts.items[0]?.undo?.();
    await settled();
    expect(ids(messages.items)).toEqual([1, 2, 3]);
  });

  test("takes a branch with the reply that is being written in it", async () => {
    disk = [message(1), message(2)];
    const { messages } = await opened();
    await messages.send("more");
    await messages.trashBranch(3);
    expect(ids(messages.items)).toEqual([1, 2]);
    expect(calls.find((call) => call.command === "stop_reply")?.args).toEqual({ messageId: 4 });
  });

  test("lists branches, and brings one back where it was, at its message", async () => {
    disk = [message(1), message(2, { deletedAt: 5 })];
    head = 1;
    const trashed = {
      messageId: 2,
      sessionId: "a",
      sessionName: "A",
      beginning: "t",
      deletedAt: 5,
    };
    commands.list_trash = () => (find(2)?.deletedAt ? [trashed] : []);
    const { sessions, messages } = await opened("b");
    const { trash } = await import("./trash.svelte");
    const { view } = await import("./view.svelte");
    await trash.load();
    expect(await trash.restore(trash.items[0]!)).toBe(true);
    await settled();
    expect(trash.items).toEqual([]);
    expect(sessions.current?.id).toBe("a");
    expect(view.jump).toBe(2);
    expect(ids(messages.items)).toEqual([1, 2]);
  });
});

test("changes to another session's messages leave this one alone", async () => {
  disk = [message(1), message(2, { sessionId: "b", parentId: null })];
  const { messages } = await opened();
  const before = calls.length;
  await backend.tellChanged("message", 2);
  expect(texts(messages.items)).toEqual(["text 1"]);
  expect(calls.slice(before).map((call) => call.command)).toEqual(["get_message"]);
});
