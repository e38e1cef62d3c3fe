import { beforeEach, expect, test } from "vitest";
import { freshWindow, notFound, session } from "../../test-backend";

let backend: ReturnType<typeof freshWindow>;

beforeEach(() => {
  backend = freshWindow({ get_session: ({ id }) => session(id) });
});

const load = () => import("./index");

/** What a call was refused with; undefined where it was not. */
async function refusal(call: Promise<unknown>) {
  const { IpcError } = await load();
  try {
    await call;
  } catch (error) {
    return error instanceof IpcError ? error.error : error;
  }
}

test("a command resolves to its data, with its arguments by name", async () => {
  const { ipc } = await load();
  expect(await ipc.getSession("a")).toEqual(session("a"));
  expect(backend.calls).toEqual([{ command: "get_session", args: { id: "a" } }]);
});

test("a refused command throws the backend's typed error", async () => {
  const { ipc } = await load();
  backend.commands.get_session = () => Promise.reject(notFound("a"));
  expect(await refusal(ipc.getSession("a"))).toEqual(notFound("a"));
});

test("an argument Tauri cannot read becomes an error about that argument", async () => {
  const { ipc } = await load();
  const text = "invalid args `id` for command `get_session`: invalid type: null";
  backend.commands.get_session = () => Promise.reject(text);
  expect(await refusal(ipc.getSession("a"))).toMatchObject({
    kind: "invalid_input",
    field: "id",
    message: text,
  });
});

test.each(["command not found", new TypeError("no backend")])(
  "a failure of the transport (%s) is an internal error that keeps its text",
  async (thrown) => {
    const { ipc } = await load();
    backend.commands.get_session = () => Promise.reject(thrown);
    const error = await refusal(ipc.getSession("a"));
    expect(error).toMatchObject({ kind: "internal" });
    expect(error).toHaveProperty("message", expect.stringMatching(/command not found|no backend/));
  },
);

test("half a character is refused before it is sent, wherever it stands", async () => {
  const { ipc } = await load();
  const half = "smile \ud83d";
  expect(await refusal(ipc.renameSession("a", half))).toMatchObject({ kind: "invalid_input" });
  const newSession = { name: half, model: null, personaId: null, saved: true };
  expect(await refusal(ipc.createSession(newSession))).toMatchObject({ field: "name" });
  expect(backend.calls).toEqual([]);
});

test("the observer hears of every call and how it ended", async () => {
  const { ipc, observeCalls } = await load();
  const heard: unknown[] = [];
  observeCalls(({ command, error }) => heard.push([command, error?.kind ?? "ok"]));
  await ipc.getSession("a");
  backend.commands.get_session = () => Promise.reject(notFound("a"));
  await refusal(ipc.getSession("a"));
  expect(heard).toEqual([
    ["getSession", "ok"],
    ["getSession", "not_found"],
  ]);
});
