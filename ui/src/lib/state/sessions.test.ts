import { beforeEach, describe, expect, test } from "vitest";
import type { Page, Session } from "$lib/ipc";
import * as backend from "../../test-backend";
import { session, settled } from "../../test-backend";

let rows: Map<string, Session>;
let calls: backend.Call[];
let commands: backend.Commands;

const change = (id: string, changes: Partial<Session>) => {
  const row = rows.get(id);
  if (!row) throw backend.notFound(id);
  rows.set(id, { ...row, ...changes });
  return rows.get(id);
};

function list(args: backend.Args): Page<Session, string> {
  const [after, limit] = [Number(args.after ?? 0), Number(args.limit)];
  const onShelf = [...rows.values()]
    .filter((row) => (row.deletedAt !== null ? "trash" : "active") === args.shelf)
    .sort((a, b) => b.updatedAt - a.updatedAt);
  const more = onShelf.length > after + limit;
  return { items: onShelf.slice(after, after + limit), next: more ? String(after + limit) : null };
}

beforeEach(() => {
  rows = new Map();
  for (let n = 1; n <= 150; n += 1) rows.set(`s${n}`, session(`s${n}`, { updatedAt: n * 10 }));
  ({ calls, commands } = backend.freshWindow({
    list_sessions: list,
    get_session: ({ id }) => change(id, {}),
    create_session: ({ newSession }) => {
      rows.set("new", session("new", { ...(newSession as object), updatedAt: 9_000 }));
      return rows.get("new");
    },
    rename_session: ({ id, name }) => change(id, { name }),
    set_session_pinned: ({ id, pinned }) => change(id, { pinned }),
    set_session_model: ({ id, model }) => change(id, { model }),
    set_session_archived: ({ id, archived }) => change(id, { archivedAt: archived ? 1 : null }),
    trash_session: ({ id }) => change(id, { deletedAt: 5 }),
    restore_session: ({ id }) => change(id, { deletedAt: null }),
    delete_session: ({ id }) => void rows.delete(id),
    update_settings: ({ settings }) => settings,
    get_settings: () => backend.settings(),
  }));
});

async function store() {
  const { dispatchChanges } = await import("./changes");
  const { listenToChanges } = await import("$lib/ipc");
  const { sessions } = await import("./sessions.svelte");
  const { toasts } = await import("./toasts.svelte");
  await listenToChanges(dispatchChanges);
  await sessions.load();
  return { sessions, toasts };
}

const ids = (items: Session[]) => items.map((item) => item.id);

describe("paging", () => {
  test("all sessions come, newest first, each once", async () => {
    const { sessions } = await store();
    expect(ids(sessions.items).slice(0, 2)).toEqual(["s150", "s149"]);
    while (sessions.hasMore) await sessions.loadMore();
    expect(ids(sessions.items)).toEqual(Array.from({ length: 150 }, (_, n) => `s${150 - n}`));
  });

  test("asking twice at once loads one page", async () => {
    const { sessions } = await store();
    const before = sessions.items.length;
    await Promise.all([sessions.loadMore(), sessions.loadMore()]);
    expect(sessions.items.length).toBe(before * 2);
    expect(calls.filter((call) => call.command === "list_sessions")).toHaveLength(2);
  });

  test("a page of the shelf left behind is dropped when it arrives late", async () => {
    const { sessions } = await store();
    const late = backend.later<Page<Session, string>>();
    commands.list_sessions = () => late.promise;
    const more = sessions.loadMore();
    commands.list_sessions = list;
    change("s1", { deletedAt: 5 });
    sessions.shelf = "trash";
    late.resolve({ items: [session("late")], next: null });
    await more;
    await settled();
    expect(ids(sessions.items)).toEqual(["s1"]);
  });
});

describe("changes told by the backend", () => {
  test("a renamed session is read alone, the other rows stay the same objects", async () => {
    const { sessions } = await store();
    const untouched = sessions.items[3];
    change("s149", { name: "told anew" });
    await backend.tellChanged("session", "s149", "s149");
    expect(sessions.items[1]?.name).toBe("told anew");
    expect(sessions.items[3]).toBe(untouched);
    expect(calls.map((call) => call.command)).toEqual(["list_sessions", "get_session"]);
  });

  test("a new session stands on top, a deleted one is gone", async () => {
    const { sessions } = await store();
    rows.set("x", session("x", { updatedAt: 99_999 }));
    rows.delete("s150");
    await backend.tellChanged("session", "x", "s150");
    expect(ids(sessions.items).slice(0, 2)).toEqual(["x", "s149"]);
  });

  test("a change that arrives during a load is not lost under the older page", async () => {
    const { sessions } = await store();
    const late = backend.later<Page<Session, string>>();
    commands.list_sessions = () => late.promise;
    const loading = sessions.load();
    const old = list({ shelf: "active", limit: 60 });
    change("s150", { name: "newer" });
    const told = backend.tellChanged("session", "s150");
    late.resolve(old);
    await Promise.all([loading, told]);
    await settled();
    expect(sessions.items[0]?.name).toBe("newer");
  });

  test("many changes at once are one list, as long as before", async () => {
    const { sessions } = await store();
    await sessions.loadMore();
    for (const id of rows.keys()) change(id, { name: "imported" });
    await backend.tellChanged("session", ...rows.keys());
    expect(sessions.items).toHaveLength(120);
    expect(sessions.items.every((item) => item.name === "imported")).toBe(true);
    expect(calls.filter((call) => call.command === "get_session")).toHaveLength(0);
  });
});

describe("actions", () => {
  test("a pin shows at once and is taken back when the backend refuses", async () => {
    const { sessions, toasts } = await store();
    const refused = backend.later<void>();
    commands.set_session_pinned = async () => {
      await refused.promise;
      throw backend.busy;
    };
    const pinning = sessions.setPinned("s100", true);
    expect(sessions.items[0]).toMatchObject({ id: "s100", pinned: true });
    refused.resolve();
    expect(await pinning).toBe(false);
    expect(sessions.items[0]?.id).toBe("s150");
    expect(sessions.items.find((item) => item.id === "s100")?.pinned).toBe(false);
    expect(toasts.items[0]).toMatchObject({
      tone: "error",
      text: "The database is busy. Try again.",
    });
  });

  test("trashing the open session shows the new chat; Undo brings it back and opens it", async () => {
    const { sessions, toasts } = await store();
    await sessions.open("s150");
    await sessions.trash("s150");
    expect(ids(sessions.items)[0]).toBe("s149");
    expect(sessions.current).toBeNull();
    toasts.items[0]?.undo?.();
    await settled();
    expect(ids(sessions.items)[0]).toBe("s150");
    expect(sessions.current?.id).toBe("s150");
    expect(rows.get("s150")?.deletedAt).toBeNull();
  });

  test("deleting for good closes the session and drops its row", async () => {
    const { sessions } = await store();
    change("s7", { deletedAt: 5 });
    sessions.shelf = "trash";
    await settled();
    await sessions.open("s7");
    await sessions.deleteForGood("s7");
    expect(sessions.items).toEqual([]);
    expect(sessions.current).toBeNull();
  });

  test("the session opened last wins, however late the first one answers", async () => {
    const { sessions } = await store();
    const late = backend.later<Session>();
    commands.get_session = () => late.promise;
    const first = sessions.open("s1");
    await sessions.open("s150");
    late.resolve(session("s1"));
    await first;
    expect(sessions.current?.id).toBe("s150");
  });

  test("the model of the new chat is kept until its first message makes a session", async () => {
    const { sessions } = await store();
    await sessions.open(null);
    await sessions.setModel(null, "lab/qwen");
    await sessions.setSaved(null, false);
    expect(sessions.chat).toMatchObject({ model: "lab/qwen", saved: false });
    expect(calls.map((call) => call.command)).not.toContain("create_session");
    await sessions.createFromNewChat("# Plan\nthe rest");
    expect(sessions.current).toMatchObject({
      id: "new",
      name: "Plan",
      model: "lab/qwen",
      saved: false,
    });
  });

  test("a session in the trash is not resumed at start", async () => {
    const { sessions } = await store();
    change("s3", { deletedAt: 5 });
    await sessions.resume("s3");
    expect(sessions.current).toBeNull();
    await sessions.resume("gone");
    expect(sessions.current).toBeNull();
    await sessions.resume("s4");
    expect(sessions.current?.id).toBe("s4");
  });
});
