import { cleanup, render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Channel } from "@tauri-apps/api/core";
import type { BackupItem, BackupKey, BackupProgress, BackupStatus, RestorePlan } from "$lib/ipc";
import { backups } from "$lib/state/backups.svelte";
import { clock } from "$lib/state/clock.svelte";
import * as backend from "../../test-backend";
import { backupItem, backupStatus, settled } from "../../test-backend";
import BackupsDialog from "./BackupsDialog.svelte";

const DAY_MS = 24 * 3_600_000;

let items: BackupItem[];
let status: BackupStatus;
let calls: backend.Call[];
let commands: backend.Commands;

const plan = (backup: BackupItem): RestorePlan => ({
  backup,
  live: "readable",
  liveProblem: null,
  tables: [
    { table: "sessions", now: 5, then: 3, gained: 1, lost: 3 },
    { table: "semantic_pins", now: 2, then: 2, gained: 0, lost: 0 },
    { table: "refinery_schema_history", now: 6, then: 4, gained: 0, lost: 2 },
  ],
  newestMessageNow: Date.UTC(2026, 10, 21, 9),
  newestMessageThen: Date.UTC(2026, 10, 18, 9),
  migratesFrom: 4,
  warnings: ["Its checksum was not compared: it has none."],
});

beforeEach(() => {
  items = [
    backupItem("point", { kind: "delta", state: "unverified", level: null, verifiedAt: null }),
    backupItem("full", { level: "drill", pinned: true }),
    backupItem("bad", { state: "damaged", problem: "Page 7 differs from its digest." }),
    backupItem("bare", {
      createdAt: null,
      reason: null,
      sessions: null,
      messages: null,
      state: "unmanaged",
    }),
  ];
  status = backupStatus({
    lastGoodAt: Date.now() - 3_600_000,
    lastProvenAt: Date.now() - 3 * DAY_MS,
    sameDisk: true,
  });
  ({ calls, commands } = backend.answerWith({
    backup_status: () => status,
    list_backups: () => items,
    plan_restore: ({ id }) => plan(items.find((item) => item.id === id)!),
    restore_backup: () => ({ from: "a", at: 1, safetyBackup: "b", former: null }),
    delete_backup: () => null,
    set_backup_pinned: () => null,
    verify_backup: ({ id }) => backupItem(id),
    reveal_backup: () => null,
    undo_restore: () => ({ from: "a", at: 1, safetyBackup: "b", former: null }),
    cancel_backup_task: () => null,
  }));
});

afterEach(() => {
  cleanup();
  Object.assign(backups, { status: null, items: null });
});

async function shown() {
  clock.now = Date.now();
  render(BackupsDialog, { open: true });
  await settled();
  return userEvent.setup();
}

const row = (id: string) =>
  screen.getAllByTestId("backup").find(({ dataset }) => dataset.backupId === id)!;
const opener = (id: string) => within(row(id)).getByTestId("backup-open");
const sent = (command: string) => calls.filter((call) => call.command === command);

test("the top tells when the last good backup and the last proven restore were, and where", async () => {
  await shown();
  expect(screen.getByTestId("last-good")).toHaveTextContent("1 h ago");
  expect(screen.getByTestId("last-proven")).toHaveTextContent("3 days ago");
  expect(screen.getByTestId("backup-place")).toHaveTextContent("This disk only");
});

test("without any backup it says so, and nothing is called proven", async () => {
  items = [];
  status = backupStatus();
  await shown();
  expect(screen.getByText("No backups yet")).toBeInTheDocument();
  expect(screen.getByTestId("last-proven")).toHaveTextContent("None yet");
});

test("a row tells age, size, content, proof and what is wrong", async () => {
  await shown();
  expect(row("full")).toHaveTextContent(/2 h ago Proven Pinned 2\.0 MiB · 3 sessions, 1,204 mes/);
  expect(row("point")).toHaveTextContent("Not verified");
  expect(row("bad")).toHaveTextContent("Damaged");
  expect(row("bad")).toHaveTextContent("Page 7 differs from its digest.");
  expect(within(row("bad")).getByTestId("restore-backup")).toBeDisabled();
  expect(row("bare")).toHaveTextContent("chatkeep.db.bare.bak Without a manifest");
});

test("points in time can be left out", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("show-points"));
  expect(screen.getAllByTestId("backup").map(({ dataset }) => dataset.backupId)).toEqual([
    "full",
    "bad",
    "bare",
  ]);
});

test("the arrows go from row to row, Enter shows what can be done with one", async () => {
  const user = await shown();
  opener("point").focus();
  await user.keyboard("{ArrowDown}");
  expect(opener("full")).toHaveFocus();
  await user.keyboard("{Enter}");
  expect(opener("full")).toHaveAttribute("aria-expanded", "true");
  expect(screen.getByTestId("backup-path")).toHaveTextContent("/data/backups/chatkeep.db.full.bak");
  for (const button of ["verify-backup", "drill-backup", "pin-backup", "reveal-backup"]) {
    await user.click(screen.getByTestId(button));
    await settled();
  }
  expect(sent("verify_backup").map(({ args }) => args.level)).toEqual(["standard", "drill"]);
  expect(sent("set_backup_pinned")[0]?.args).toEqual({ id: "full", pinned: false });
  expect(sent("reveal_backup")[0]?.args).toEqual({ id: "full" });
});

test("deleting asks first", async () => {
  const user = await shown();
  await user.click(opener("full"));
  await user.click(screen.getByTestId("delete-backup"));
  expect(sent("delete_backup")).toEqual([]);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(sent("delete_backup")[0]?.args).toEqual({ id: "full" });
});

test("a restore shows what it would change, and is done only when it is agreed to", async () => {
  const user = await shown();
  await user.click(within(row("full")).getByTestId("restore-backup"));
  await settled();
  const page = screen.getByTestId("restore-plan");
  expect(within(page).getByTestId("plan-table")).toHaveTextContent("Sessions53+1−3");
  expect(page).toHaveTextContent("schema 4");
  expect(page).toHaveTextContent("Its checksum was not compared");
  expect(page).toHaveTextContent("can be undone");
  await user.click(screen.getByTestId("restore-back"));
  expect(screen.queryByTestId("restore-dialog")).toBeNull();
  expect(sent("restore_backup")).toEqual([]);

  await user.click(within(row("full")).getByTestId("restore-backup"));
  await settled();
  await user.click(screen.getByTestId("confirm-restore"));
  await settled();
  expect(sent("restore_backup")[0]?.args).toMatchObject({ id: "full" });
  await waitFor(() => expect(screen.queryByTestId("backups-dialog")).toBeNull());
});

test("a restore that fails stays on show with what helps", async () => {
  commands.restore_backup = () =>
    Promise.reject({
      kind: "restore_failed",
      message: "It failed, and was taken back.",
      remedy: "Take an older one.",
    });
  const user = await shown();
  await user.click(within(row("full")).getByTestId("restore-backup"));
  await settled();
  await user.click(screen.getByTestId("confirm-restore"));
  await settled();
  expect(screen.getByTestId("restore-dialog")).toHaveTextContent(
    "It failed, and was taken back. Take an older one.",
  );
});

const wrongKey = {
  kind: "backup_key",
  message: "The key does not open chatkeep.db.sealed.bak.age.",
  remedy: "Enter its passphrase.",
};
const opens = (key: BackupKey | null) =>
  key?.kind === "file" || key?.passphrase === "seven green leaves";

/** An encrypted backup, which one passphrase and every key file opens. */
function sealed() {
  const item = backupItem("sealed", { encrypted: true });
  items = [item, ...items];
  commands.plan_restore = ({ key }) => (opens(key) ? plan(item) : Promise.reject(wrongKey));
  commands.verify_backup = ({ key }) => (opens(key) ? item : Promise.reject(wrongKey));
  commands.pick_backup_key = () => "/home/ada/key.txt";
}

test("an encrypted backup is restored once its passphrase was given; a wrong one says so", async () => {
  sealed();
  const user = await shown();
  await user.click(within(row("sealed")).getByTestId("restore-backup"));
  await settled();
  expect(sent("plan_restore")).toEqual([]);
  expect(screen.getByTestId("backup-passphrase")).toHaveFocus();
  await user.keyboard("green leaves{Enter}");
  await settled();
  expect(screen.getByTestId("backup-key")).toHaveTextContent(wrongKey.message);
  expect(screen.getByTestId("backup-passphrase")).toHaveValue("");
  expect(sent("restore_backup")).toEqual([]);

  await user.keyboard("seven green leaves");
  await user.click(screen.getByTestId("submit-key"));
  await settled();
  expect(screen.getByTestId("restore-plan")).toBeInTheDocument();
  await user.click(screen.getByTestId("confirm-restore"));
  await settled();
  const key = { kind: "passphrase", passphrase: "seven green leaves" };
  expect(sent("restore_backup")[0]?.args).toMatchObject({ id: "sealed", key });
});

test("a key file opens an encrypted backup; picking none asks on", async () => {
  sealed();
  commands.pick_backup_key = () => null;
  const user = await shown();
  await user.click(within(row("sealed")).getByTestId("restore-backup"));
  await settled();
  await user.click(screen.getByTestId("backup-key-file"));
  await settled();
  expect(sent("plan_restore")).toEqual([]);
  commands.pick_backup_key = () => "/home/ada/key.txt";
  await user.click(screen.getByTestId("backup-key-file"));
  await settled();
  const key = { kind: "file", path: "/home/ada/key.txt" };
  expect(sent("plan_restore")[0]?.args).toMatchObject({ id: "sealed", key });
  expect(screen.getByTestId("restore-plan")).toBeInTheDocument();

  await user.click(screen.getByTestId("restore-back"));
  await user.click(within(row("sealed")).getByTestId("restore-backup"));
  await settled();
  expect(screen.getByTestId("backup-key")).toBeInTheDocument();
});

test("a backup that turns out to need a key asks for it", async () => {
  sealed();
  const user = await shown();
  await user.click(within(row("point")).getByTestId("restore-backup"));
  await settled();
  expect(sent("plan_restore")[0]?.args).toMatchObject({ id: "point", key: null });
  await user.type(screen.getByTestId("backup-passphrase"), "seven green leaves{Enter}");
  await settled();
  expect(screen.getByTestId("restore-plan")).toBeInTheDocument();
});

test("verifying an encrypted backup asks for its key first", async () => {
  sealed();
  const user = await shown();
  await user.click(opener("sealed"));
  await user.click(screen.getByTestId("drill-backup"));
  await settled();
  expect(sent("verify_backup")).toEqual([]);
  await user.keyboard("seven green leaves{Enter}");
  await settled();
  expect(screen.queryByTestId("key-dialog")).toBeNull();
  const key = { kind: "passphrase", passphrase: "seven green leaves" };
  expect(sent("verify_backup")[0]?.args).toMatchObject({ id: "sealed", level: "drill", key });
});

test("the last restore can be undone, after a question", async () => {
  status.undo = { restoredAt: Date.now() - 300_000, backupId: "x", name: "x" };
  const user = await shown();
  expect(screen.getByText(/A backup was restored 5 min ago/)).toBeInTheDocument();
  await user.click(screen.getByTestId("undo-restore"));
  expect(sent("undo_restore")).toEqual([]);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(sent("undo_restore")).toHaveLength(1);
});

test("progress is shown in figures, spoken in quarters, and can be stopped", async () => {
  const done = backend.later<BackupItem>();
  let channel!: Channel<BackupProgress>;
  commands.create_backup = ({ progress }) => ((channel = progress), done.promise);
  const user = await shown();
  await user.click(screen.getByTestId("create-backup"));
  await settled();
  channel.onmessage({ phase: "copy", done: 42, total: 100 });
  await settled();
  const task = screen.getByTestId("backup-task");
  expect(within(task).getByRole("progressbar")).toHaveAttribute("aria-valuenow", "42");
  expect(within(task).getByRole("status")).toHaveTextContent("Backing up: copying, 25 %");
  expect(screen.getByTestId("create-backup")).toBeDisabled();
  await user.click(screen.getByTestId("cancel-task"));
  await settled();
  expect(sent("cancel_backup_task")).toHaveLength(1);
  done.resolve(backupItem("new"));
  await settled();
  expect(screen.queryByTestId("backup-task")).toBeNull();
});

test("two hundred backups are all there", async () => {
  items = Array.from({ length: 200 }, (_, index) => backupItem(`b${index}`));
  await shown();
  expect(screen.getAllByTestId("backup")).toHaveLength(200);
});
