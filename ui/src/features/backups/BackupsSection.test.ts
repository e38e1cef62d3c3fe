import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BackupStatus } from "$lib/ipc";
import { backups } from "$lib/state/backups.svelte";
import * as backend from "../../test-backend";
import { backupStatus, settled } from "../../test-backend";
import BackupsSection from "./BackupsSection.svelte";

let status: BackupStatus;
let calls: backend.Call[];

beforeEach(() => {
  status = backupStatus();
  ({ calls } = backend.answerWith({
    backup_status: () => status,
    set_backup_settings: ({ settings }) => (status = { ...status, ...settings }),
    pick_second_folder: () => (status = { ...status, secondFolder: "/media/disk" }),
    set_second_folder: ({ path }) => (status = { ...status, secondFolder: path }),
  }));
});

afterEach(() => {
  cleanup();
  backups.status = null;
});

async function shown() {
  render(BackupsSection);
  await settled();
  return userEvent.setup();
}

async function enter(name: string, text: string) {
  await userEvent.clear(screen.getByTestId(name));
  await userEvent.type(screen.getByTestId(name), `${text}{Enter}`);
  await settled();
}

test("each setting is saved where it is entered, and nothing else changes", async () => {
  await shown();
  await enter("backup-interval", "60");
  await enter("backup-points", "0");
  await enter("keep-weekly", "52");
  await enter("keep-size", "20");
  expect(status).toEqual(
    backupStatus({
      intervalMinutes: 60,
      pointMinutes: 0,
      keep: { withinHours: 48, daily: 14, weekly: 52, monthly: 12, maxBytes: 20 * 2 ** 30 },
    }),
  );
});

test("what is out of range is refused where it is typed", async () => {
  await shown();
  await enter("backup-interval", "4");
  expect(screen.getByRole("alert")).toHaveTextContent("whole number of minutes from 5 to 10080");
  expect(status.intervalMinutes).toBe(30);
});

test("turned off, there is no interval to set", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("backup-automatic-switch"));
  await settled();
  expect(status.automatic).toBe(false);
  expect(screen.queryByTestId("backup-interval")).toBeNull();
});

test("what the environment decides is shown as fixed, with the variable's name", async () => {
  status = backupStatus({
    fromEnvironment: ["interval", "folder", "keep"],
    intervalMinutes: 2,
    keepNewest: 10,
  });
  await shown();
  expect(screen.getByTestId("backup-interval")).toBeDisabled();
  expect(screen.getByTestId("backup-interval")).toHaveAccessibleDescription(
    "Set by CHATKEEP_BACKUP_INTERVAL.",
  );
  expect(screen.getByTestId("backup-automatic-switch")).toBeDisabled();
  expect(screen.getByTestId("keep-newest")).toHaveTextContent("10 full backups");
  expect(screen.queryByTestId("keep-daily")).toBeNull();
  expect(screen.getByText("Set by CHATKEEP_BACKUP_DIR.")).toBeInTheDocument();
});

test("a second folder is chosen, and let go of again", async () => {
  const user = await shown();
  expect(screen.getByText(/the live database may not/)).toBeInTheDocument();
  await user.click(screen.getByTestId("choose-second-folder"));
  await settled();
  expect(screen.getByTestId("second-folder")).toHaveTextContent("/media/disk");
  await user.click(screen.getByTestId("forget-second-folder"));
  await settled();
  expect(screen.queryByTestId("second-folder")).toBeNull();
  expect(calls.at(-1)).toEqual({ command: "set_second_folder", args: { path: null } });
});
