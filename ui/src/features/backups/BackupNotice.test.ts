import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BackupNotice as Notice, BackupStatus } from "$lib/ipc";
import { backups } from "$lib/state/backups.svelte";
import { clock } from "$lib/state/clock.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { backupItem, backupStatus, settled } from "../../test-backend";
import BackupNotice from "./BackupNotice.svelte";

const DAY_MS = 24 * 3_600_000;

const notice = (kind: Notice["kind"]): Notice => ({
  kind,
  message: `It is ${kind}.`,
  remedy: "Do something.",
});

let calls: backend.Call[];

beforeEach(() => {
  ({ calls } = backend.answerWith({
    backup_status: () => backups.status,
    create_backup: () => backupItem("new"),
    undo_restore: () => ({ from: "a", at: 1, safetyBackup: "b", former: null }),
    pick_second_folder: () => backupStatus({ secondFolder: "/media/disk" }),
  }));
});

afterEach(() => {
  cleanup();
  backups.status = null;
  view.overlay = null;
  clock.now = Date.now();
});

async function shown(changes: Partial<BackupStatus>) {
  backups.status = backupStatus(changes);
  render(BackupNotice);
  await settled();
  return userEvent.setup();
}

const sent = () => calls.map((call) => call.command);

test("nothing is said while all is well", async () => {
  await shown({});
  expect(screen.queryByTestId("banner")).toBeNull();
});

test("the most urgent notice is shown alone, with what helps on a button", async () => {
  const user = await shown({ notices: [notice("same_disk"), notice("too_old")] });
  expect(screen.getByTestId("banner")).toHaveTextContent("It is too_old. Do something.");
  await user.click(screen.getByTestId("notice-create"));
  await settled();
  expect(sent()).toContain("create_backup");
});

test("a dismissed notice stays away for a week, and comes back if there is still reason", async () => {
  const user = await shown({ notices: [notice("never")] });
  await user.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.queryByTestId("banner")).toBeNull();
  clock.now = Date.now() + 8 * DAY_MS;
  await settled();
  expect(screen.getByTestId("banner")).toHaveTextContent("It is never.");
});

test("that there is one disk only is not said every week", async () => {
  const user = await shown({ notices: [notice("same_disk")] });
  await user.click(screen.getByRole("button", { name: "Dismiss" }));
  clock.now = Date.now() + 80 * DAY_MS;
  await settled();
  expect(screen.queryByTestId("banner")).toBeNull();
});

test("one dismissed does not hide another", async () => {
  const user = await shown({ notices: [notice("last_failed"), notice("second_folder_missing")] });
  await user.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(screen.getByTestId("banner")).toHaveTextContent("It is second_folder_missing.");
  await user.click(screen.getByTestId("notice-folder"));
  await settled();
  expect(screen.queryByTestId("banner")).toBeNull();
});

test("a restore is offered to be undone for a day", async () => {
  const restoredAt = Date.now() - 60_000;
  const user = await shown({ undo: { restoredAt, backupId: "x", name: "x" } });
  await user.click(screen.getByTestId("notice-undo"));
  await settled();
  expect(sent()).toContain("undo_restore");
  clock.now = restoredAt + DAY_MS + 1;
  await settled();
  expect(screen.queryByTestId("notice-undo")).toBeNull();
});

test("a damaged database leads to the backups", async () => {
  const user = await shown({ notices: [notice("source_damaged")] });
  expect(screen.getByRole("alert")).toHaveTextContent("It is source_damaged.");
  await user.click(screen.getByRole("button", { name: "Backups" }));
  expect(view.overlay).toBe("backups");
});
