import { beforeEach, expect, test } from "vitest";
import { emit } from "@tauri-apps/api/event";
import type { Channel } from "@tauri-apps/api/core";
import type { BackupItem, BackupProgress, BackupStatus } from "$lib/ipc";
import * as backend from "../../test-backend";
import { backupItem, backupStatus, settled } from "../../test-backend";

let items: BackupItem[];
let status: BackupStatus;
let commands: backend.Commands;
let calls: backend.Call[];

beforeEach(() => {
  items = [backupItem("a")];
  status = backupStatus();
  ({ commands, calls } = backend.freshWindow({
    list_backups: () => items,
    backup_status: () => status,
    set_backup_settings: ({ settings }) => ({ ...status, ...settings }),
    cancel_backup_task: () => null,
  }));
});

async function stores() {
  const { backups } = await import("./backups.svelte");
  const { toasts } = await import("./toasts.svelte");
  const { listenToBackups } = await import("$lib/ipc");
  await listenToBackups(() => void backups.refresh());
  return { backups, toasts, told: () => toasts.items.map(({ text }) => text) };
}

test("a task is on show with its progress until it ends, and is told of", async () => {
  const { backups, told } = await stores();
  const done = backend.later<BackupItem>();
  let channel!: Channel<BackupProgress>;
  commands.create_backup = ({ progress }) => ((channel = progress), done.promise);
  const creating = backups.create();
  await settled();
  expect(backups.busy).toBe(true);
  channel.onmessage({ phase: "copy", done: 1, total: 4 });
  expect(backups.task).toMatchObject({ name: "create", progress: { phase: "copy", done: 1 } });
  done.resolve(backupItem("b"));
  await creating;
  channel.onmessage({ phase: "copy", done: 4, total: 4 });
  expect(backups.task).toBeNull();
  expect(told()).toEqual(["Backed up, and verified."]);
});

test("a failure says what helps; what the user stopped is no failure", async () => {
  const { backups, told } = await stores();
  commands.create_backup = () => Promise.reject(backend.busy);
  await backups.create();
  expect(told()).toEqual(["The database is busy. Try again."]);
  commands.undo_restore = () =>
    Promise.reject({ kind: "cancelled", message: "It was cancelled.", remedy: "" });
  await backups.undo();
  expect(told()).toHaveLength(1);
  expect(backups.busy).toBe(false);
});

test("a backup that turns out damaged is told as an error with the reason", async () => {
  const { backups, toasts } = await stores();
  commands.verify_backup = () =>
    backupItem("a", { state: "damaged", problem: "Page 4 differs from its digest." });
  await backups.verify(items[0]!, "drill", null);
  expect(toasts.items).toMatchObject([
    { tone: "error", text: "The backup is not good. Page 4 differs from its digest." },
  ]);
  expect(calls.at(-1)?.args).toMatchObject({ id: "a", level: "drill" });
});

test("a change is read again: the list only where it is on show", async () => {
  const { backups } = await stores();
  await emit("backups-changed", null);
  await settled();
  expect(calls.map(({ command }) => command)).toEqual(["backup_status"]);
  await backups.load();
  items = [backupItem("b"), ...items];
  await emit("backups-changed", null);
  await settled();
  expect(backups.items).toHaveLength(2);
});

test("settings are saved whole; what is refused is told and changes nothing", async () => {
  const { backups } = await stores();
  await backups.loadStatus();
  expect(await backups.updateSettings({ intervalMinutes: 60 })).toBe(true);
  const { automatic, pointMinutes, keep } = status;
  expect(calls.at(-1)?.args).toEqual({
    settings: { automatic, pointMinutes, keep, intervalMinutes: 60 },
  });
  commands.set_backup_settings = () => Promise.reject(backend.diskFull);
  expect(await backups.updateSettings({ intervalMinutes: 5 })).toBe(false);
  expect(backups.status?.intervalMinutes).toBe(60);
});
