import { beforeEach, describe, expect, test } from "vitest";
import { emit } from "@tauri-apps/api/event";
import type { AppStatus, Settings } from "$lib/ipc";
import * as backend from "../../test-backend";
import { session, settled } from "../../test-backend";

let saved: Settings;
let commands: backend.Commands;
let calls: backend.Call[];

const failed: AppStatus = {
  state: "failed",
  failure: {
    kind: "corrupt",
    title: "The database is damaged",
    message: "chatkeep.db cannot be read.",
    remedy: "Choose another data folder.",
    file: "/data/chatkeep.db",
    dataDir: "/data",
  },
};

beforeEach(() => {
  saved = backend.settings({ theme: "dark" });
  ({ commands, calls } = backend.freshWindow({
    app_status: () => ({ state: "ready", keychain: true }),
    get_settings: () => saved,
    update_settings: ({ settings }) => (saved = settings),
    list_sessions: () => ({ items: [session("a")], next: null }),
    get_session: ({ id }) => session(id),
    rename_session: ({ id, name }) => session(id, { name }),
    set_endpoint_key: () => "keychain",
    list_personas: () => [],
    list_endpoints: () => [],
    embedding_status: () => null,
    discover_local_servers: () => [],
    backup_status: () => backend.backupStatus(),
  }));
});

async function started() {
  const { app } = await import("./app.svelte");
  const { sessions } = await import("./sessions.svelte");
  const { start } = await import("./start");
  await start();
  await settled();
  return { app, sessions };
}

describe("start", () => {
  test("fills the stores and opens the session that was on show", async () => {
    saved.lastSessionId = "a";
    const { app, sessions } = await started();
    expect(app.status).toEqual({ state: "ready", keychain: true });
    expect(sessions.items).toHaveLength(1);
    expect(sessions.current?.id).toBe("a");
    expect(document.documentElement.dataset.theme).toBe("dark");
  });

  test("with a database that does not open asks for nothing else", async () => {
    commands.app_status = () => failed;
    const { app } = await started();
    expect(app.status).toEqual(failed);
    expect(calls.map((call) => call.command)).toEqual(["app_status"]);
  });

  test("without a backend is a failure that can be read, not an empty window", async () => {
    commands.app_status = () => Promise.reject(new Error("ipc is gone"));
    const { app } = await started();
    expect(app.status).toMatchObject({ state: "failed", failure: { kind: "other" } });
    expect(app.status).toHaveProperty("failure.message", expect.stringContaining("ipc is gone"));
  });

  test("a database that opens later fills the stores then", async () => {
    commands.app_status = () => failed;
    const { app, sessions } = await started();
    await emit("status-changed", { state: "ready", keychain: false });
    await settled();
    expect(app.status).toEqual({ state: "ready", keychain: false });
    expect(sessions.items).toHaveLength(1);
  });
});

describe("the disk-full banner", () => {
  test("comes with the error, stays while reading, and goes with the next write", async () => {
    const { app, sessions } = await started();
    commands.rename_session = () => Promise.reject(backend.diskFull);
    await sessions.rename("a", "x");
    expect(app.banner).toEqual({ text: "The disk is full.", remedy: "Free some space." });
    await sessions.load();
    expect(app.banner).not.toBeNull();
    commands.rename_session = ({ id, name }) => session(id, { name });
    await sessions.rename("a", "x");
    expect(app.banner).toBeNull();
  });

  test("is not about the disk that backups lie on", async () => {
    const { app } = await started();
    const { backups } = await import("./backups.svelte");
    const { toasts } = await import("./toasts.svelte");
    commands.create_backup = () => Promise.reject(backend.diskFull);
    await backups.create();
    expect(app.banner).toBeNull();
    expect(toasts.items).toMatchObject([{ text: "The disk is full. Free some space." }]);
    app.noteError(backend.diskFull);
    commands.create_backup = () => backend.backupItem("a");
    await backups.create();
    expect(app.banner).not.toBeNull();
  });

  test("is not taken away by a key that went to the keychain", async () => {
    const { app } = await started();
    const { endpoints } = await import("./endpoints.svelte");
    app.noteError(backend.diskFull);
    await endpoints.setKey("openai", "sk");
    expect(app.banner).not.toBeNull();
  });
});

describe("settings", () => {
  test("change at once and are saved whole", async () => {
    const { app } = await started();
    const saving = app.updateSettings({ theme: "light" });
    expect(document.documentElement.dataset.theme).toBe("light");
    await saving;
    expect(saved).toEqual(backend.settings({ theme: "light" }));
  });

  test("that cannot be saved are taken back", async () => {
    const { app } = await started();
    commands.update_settings = () => Promise.reject(backend.diskFull);
    await app.updateSettings({ theme: "light" });
    expect(app.settings.theme).toBe("dark");
    expect(document.documentElement.dataset.theme).toBe("dark");
  });
});
