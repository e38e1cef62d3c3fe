import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenFailure, RestorePlan, SalvagedDatabase } from "$lib/ipc";
import * as backend from "../../test-backend";
import { settled } from "../../test-backend";
import FailureScreen from "./FailureScreen.svelte";

const failure: OpenFailure = {
  kind: "synced_folder",
  title: "The data folder is synced",
  message: "/home/ada/OneDrive/chatkeep is kept by OneDrive.",
  remedy: "Choose a folder on this machine.",
  file: "/home/ada/OneDrive/chatkeep/chatkeep.db",
  dataDir: "/home/ada/OneDrive/chatkeep",
};

const damaged: OpenFailure = { ...failure, kind: "corrupt", title: "The database is damaged" };

let calls: backend.Call[];
let commands: backend.Commands;
let picked: string | null;

beforeEach(() => {
  picked = "/home/ada/data";
  ({ calls, commands } = backend.answerWith({
    retry_open: () => ({ state: "failed", failure }),
    pick_data_folder: () => picked,
    use_data_folder: () => ({ state: "failed", failure: { ...failure, kind: "locked" } }),
    open_data_folder: () => null,
    quit: () => null,
    backup_status: () => backend.backupStatus(),
    list_backups: () => [backend.backupItem("new"), backend.backupItem("old")],
  }));
});

afterEach(cleanup);

async function shown(what = failure) {
  render(FailureScreen, { failure: what });
  return userEvent.setup();
}

const commandsSent = () => calls.map((call) => call.command);
const argsOf = (command: string) => calls.find((call) => call.command === command)?.args;

test("says what is wrong, names the file and what can be done, and reads that first", async () => {
  await shown();
  const page = screen.getByTestId("failure-screen");
  for (const text of [failure.title, failure.message, failure.remedy, failure.file])
    expect(page).toHaveTextContent(text);
  expect(screen.getByRole("heading", { level: 1 })).toHaveFocus();
});

test("trying again says that it still cannot be opened", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("failure-retry"));
  await settled();
  expect(commandsSent()).toEqual(["retry_open"]);
  expect(screen.getByText(/it still cannot be opened/)).toBeInTheDocument();
});

test("another data folder is opened; picking none changes nothing", async () => {
  const user = await shown();
  picked = null;
  await user.click(screen.getByTestId("failure-choose"));
  await settled();
  expect(commandsSent()).toEqual(["pick_data_folder"]);
  picked = "/home/ada/data";
  await user.click(screen.getByTestId("failure-choose"));
  await settled();
  expect(calls.at(-1)).toEqual({ command: "use_data_folder", args: { path: "/home/ada/data" } });
});

test("the folder can be looked at and the app can be quit, by keyboard", async () => {
  const user = await shown();
  screen.getByTestId("failure-open").focus();
  await user.keyboard("{Enter}{Tab}{Enter}");
  await settled();
  expect(commandsSent()).toEqual(["open_data_folder", "quit"]);
});

const plan: RestorePlan = {
  backup: backend.backupItem("old"),
  live: "damaged",
  liveProblem: "The file is not a database.",
  tables: [{ table: "messages", now: null, then: 1_204, gained: 1_204, lost: 0 }],
  newestMessageNow: null,
  newestMessageThen: 1_700_000_000_000,
  migratesFrom: null,
  warnings: [],
};

const salvaged: SalvagedDatabase = {
  file: "/data/salvaged.db",
  complete: false,
  tables: [
    { table: "drafts", rows: 0, problem: null },
    { table: "messages", rows: 1_100, problem: "about 104 rows" },
  ],
  notes: ["2 pages are lost."],
};

test("restoring and salvaging are offered only where the database is at fault", async () => {
  await shown();
  expect(screen.queryByTestId("failure-restore")).toBeNull();
  expect(screen.queryByTestId("failure-salvage")).toBeNull();
  cleanup();
  await shown({ ...failure, kind: "schema_too_new" });
  expect(screen.getByTestId("failure-restore")).toBeInTheDocument();
  expect(screen.queryByTestId("failure-salvage")).toBeNull();
});

test("a backup is chosen, planned and restored, by keyboard", async () => {
  commands.plan_restore = () => plan;
  commands.restore_backup = () => ({ from: "old", at: 1, safetyBackup: null, former: "/kept" });
  const user = await shown(damaged);
  screen.getByTestId("failure-restore").focus();
  await user.keyboard("{Enter}");
  await settled();
  expect(screen.getAllByTestId("choose-backup")[0]).toHaveFocus();
  await user.keyboard("{ArrowDown}{Enter}");
  await settled();
  expect(argsOf("plan_restore")).toMatchObject({ id: "old" });
  const page = screen.getByTestId("restore-plan");
  expect(page).toHaveFocus();
  expect(page).toHaveTextContent("cannot be read; it is kept");
  expect(page).not.toHaveTextContent("can be undone");
  expect(commandsSent()).not.toContain("restore_backup");
  await user.click(screen.getByTestId("confirm-restore"));
  await settled();
  expect(argsOf("restore_backup")).toMatchObject({ id: "old" });
});

test("an encrypted backup asks for its key, and the list is a step back", async () => {
  const encrypted = { encrypted: true };
  commands.list_backups = () => [backend.backupItem("new", encrypted), backend.backupItem("old")];
  commands.plan_restore = ({ key }) =>
    key ? plan : Promise.reject({ kind: "backup_key", message: "A key is needed.", remedy: "" });
  commands.restore_backup = () => ({ from: "new", at: 1, safetyBackup: null, former: "/kept" });
  const user = await shown(damaged);
  await user.click(screen.getByTestId("failure-restore"));
  await settled();
  await user.click(screen.getAllByTestId("choose-backup")[0]!);
  await settled();
  await user.keyboard("half a passphrase");
  await user.click(screen.getByTestId("restore-back"));
  await user.click(screen.getAllByTestId("choose-backup")[0]!);
  await settled();
  expect(screen.getByTestId("backup-passphrase")).toHaveValue("");
  await user.keyboard("seven green leaves{Enter}");
  await settled();
  await user.click(screen.getByTestId("confirm-restore"));
  await settled();
  const key = { kind: "passphrase", passphrase: "seven green leaves" };
  expect(argsOf("restore_backup")).toMatchObject({ id: "new", key });
});

test("a backup that cannot be restored says why, and the list is a step back", async () => {
  commands.plan_restore = () =>
    Promise.reject({ kind: "backup_unusable", message: "It is damaged.", remedy: "Take another." });
  const user = await shown(damaged);
  await user.click(screen.getByTestId("failure-restore"));
  await settled();
  await user.click(screen.getAllByTestId("choose-backup")[0]!);
  await settled();
  expect(screen.getByTestId("restore-dialog")).toHaveTextContent("It is damaged. Take another.");
  expect(screen.getByTestId("confirm-restore")).toBeDisabled();
  await user.click(screen.getByTestId("restore-back"));
  expect(screen.getAllByTestId("choose-backup")).toHaveLength(2);
});

test("salvaging reports what could not be read before anything is put to use", async () => {
  commands.salvage_database = () => salvaged;
  commands.use_salvaged = () => ({ former: "/kept", status: { state: "ready", keychain: true } });
  const user = await shown(damaged);
  await user.click(screen.getByTestId("failure-salvage"));
  expect(commandsSent()).not.toContain("salvage_database");
  await user.click(screen.getByTestId("start-salvage"));
  await settled();
  const report = screen.getByTestId("salvage-report");
  for (const text of ["Not everything could be read.", "1,100", "about 104 rows", "2 pages are"])
    expect(report).toHaveTextContent(text);
  expect(report).not.toHaveTextContent("Drafts");
  expect(report).toHaveFocus();
  expect(commandsSent()).not.toContain("use_salvaged");
  await user.click(screen.getByTestId("use-salvaged"));
  await settled();
  expect(commandsSent()).toContain("use_salvaged");
});
