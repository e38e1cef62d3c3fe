import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BackupItem, Session } from "../src/lib/ipc/bindings";
import { By, Key } from "selenium-webdriver";
import type { App } from "./support/app";
import { backUp, closeBackups, openBackups } from "./support/backups";
import { DATABASE, inspect } from "./support/database";
import { type Desk, expect, test } from "./support/desk";
import { RESTORE_DB } from "./support/paths";
import { until } from "./support/until";

/** Only what a test asks for is backed up: an automatic one would come in between. */
const BY_HAND = { env: { CHATKEEP_BACKUP_INTERVAL: "0" } };

test("a backup is made and proven, its restore shown before it is done, and undone", async ({
  desk,
}) => {
  const app = await desk.start(BY_HAND);
  const kept = await talk(desk, app, "Before the backup");
  await app.reads("banner", /There is no good backup/);
  await app.click("notice-create");
  await app.reads("banner", /same disk/);

  await openBackups(app);
  await app.reads("last-good", /just now/);
  await app.reads("last-proven", /just now/);
  await app.reads("backup", /Proven[\s\S]*1 session, 2 messages · by hand/);
  await app.click("backup-open");
  await app.click("verify-backup");
  await app.reads("toast", /The backup is good/);
  await app.click("pin-backup");
  await app.reads("backup", /Pinned/);
  await desk.screenshot(app, "listed");
  await closeBackups(app);

  await app.invoke("delete_session", { id: kept.id });
  await talk(desk, app, "Since the backup");
  await app.reads("session-list", /Since the backup/);
  expect(await app.text("session-list")).not.toMatch(/Before the backup/);

  await openBackups(app);
  await (await lastOf(app, "restore-backup")).click();
  await app.reads("restore-plan", /Newest message now[\s\S]*Newest message then/);
  const plan = await app.text("restore-plan");
  expect(plan).toMatch(/Sessions\s+1\s+1\s+\+1\s+−1/);
  expect(plan).toMatch(/Messages\s+2\s+2\s+\+2\s+−2/);
  await desk.screenshot(app, "plan");
  expect(namesIn(desk)).toEqual(["Since the backup"]);

  await app.click("confirm-restore");
  await app.gone("backups-dialog");
  await app.reads("session-list", /Before the backup/);
  expect(await app.text("session-list")).not.toMatch(/Since the backup/);
  await app.openSession(kept.id);
  await until("the restored messages", async () => (await app.messages()).length === 2);
  await app.reads("banner", /A backup was restored/);
  await app.settled();
  await desk.screenshot(app, "restored");

  await app.click("notice-undo");
  await app.reads("session-list", /Since the backup/);
  expect(await app.text("session-list")).not.toMatch(/Before the backup/);
  expect(await app.quit()).toBe(0);
  expect(namesIn(desk)).toEqual(["Since the backup"]);
});

test("a backup is a keyboard's length away: opened, walked, expanded, left", async ({ desk }) => {
  const app = await desk.start(BY_HAND);
  await talk(desk, app, "Something");
  for (const _ of [1, 2]) await backUp(app);
  const press = (...keys: string[]) =>
    app.driver
      .actions()
      .sendKeys(...keys)
      .perform();

  await app.driver
    .actions()
    .keyDown(Key.ALT)
    .keyDown(Key.SHIFT)
    .sendKeys("b")
    .keyUp(Key.SHIFT)
    .keyUp(Key.ALT)
    .perform();
  await app.find("backup");
  await until("the focus on the list", async () => {
    await press(Key.TAB);
    return (await focused(app)) === "backup-open";
  });
  await press(Key.ARROW_DOWN, Key.ENTER);
  await app.find("backup-path");
  await press(Key.ESCAPE);
  await app.gone("backups-dialog");
});

test("chats restored by restore-db while the app runs are on show", async ({ desk }) => {
  const app = await desk.start(BY_HAND);
  const kept = await talk(desk, app, "Before the backup");
  await backUp(app);
  await app.invoke("delete_session", { id: kept.id });
  await talk(desk, app, "Since the backup");

  restoreDb(desk, "latest", "--yes");

  await app.reads("session-list", /Before the backup/);
  expect(await app.text("session-list")).not.toMatch(/Since the backup/);
  await app.reads("banner", /A backup was restored/);
  const after = await talk(desk, app, "After the restore");
  expect((await app.storedMessages(after.id)).length).toBe(2);
});

test("a damaged database is restored from the failure screen", async ({ desk }) => {
  await backedUpAndDamaged(desk);
  const app = await desk.start(BY_HAND);
  expect(await app.text("failure-screen")).toMatch(/damaged/);

  await app.click("failure-restore");
  await app.reads("choose-backup", /1 session, 2 messages/);
  await app.settled();
  await desk.screenshot(app, "choose");
  await app.click("choose-backup");
  await app.reads("restore-plan", /cannot be read; it is kept/);
  await app.settled();
  await desk.screenshot(app, "plan");
  await app.click("confirm-restore");

  await app.reads("session-list", /Before the backup/);
  await app.gone("failure-screen");
  await talk(desk, app, "Life goes on");
  expect(await app.quit()).toBe(0);
  expect(inspect(desk.dataDir).integrity).toEqual(["ok"]);
});

test("a damaged database is salvaged from the failure screen, and the damaged one kept", async ({
  desk,
}) => {
  const damaged = await backedUpAndDamaged(desk);
  const app = await desk.start(BY_HAND);

  await app.click("failure-salvage");
  await app.click("start-salvage");
  await app.reads("salvage-report", /Messages\s+2/);
  await app.settled();
  await desk.screenshot(app, "report");
  expect(readFileSync(join(desk.dataDir, DATABASE))).toEqual(damaged);
  await app.click("use-salvaged");

  await app.reads("session-list", /Before the backup/);
  await app.gone("failure-screen");
  expect(await app.quit()).toBe(0);
  expect(inspect(desk.dataDir).integrity).toEqual(["ok"]);
  expect(filesUnder(desk.dataDir).some((file) => readFileSync(file).equals(damaged))).toBe(true);
});

/** A session with one exchange. */
async function talk(desk: Desk, app: App, name: string): Promise<Session> {
  const session = await desk.session(app, { name });
  for (const [role, text] of [
    ["user", `Is this ${name}?`],
    ["assistant", "It is."],
  ]) {
    await app.invoke("append_message", {
      newMessage: { sessionId: session.id, role, text, modelId: null },
    });
  }
  return session;
}

async function lastOf(app: App, name: string) {
  return (await app.driver.findElements(By.css(`[data-testid="${name}"]`))).at(-1)!;
}

async function focused(app: App): Promise<string | null> {
  return app.driver.executeScript("return document.activeElement?.dataset.testid ?? null");
}

function restoreDb(desk: Desk, ...args: string[]): void {
  const command = ["--db", join(desk.dataDir, DATABASE), ...args];
  execFileSync(RESTORE_DB, command, { env: desk.env(BY_HAND), encoding: "utf8" });
}

/** A past, a backup of it, and a database that is none any more. Returns its bytes. */
async function backedUpAndDamaged(desk: Desk): Promise<Buffer> {
  const app = await desk.start(BY_HAND);
  await talk(desk, app, "Before the backup");
  await backUp(app);
  const backups = await app.invoke<BackupItem[]>("list_backups");
  expect(backups.map(({ state, level }) => ({ state, level }))).toEqual([
    { state: "good", level: "drill" },
  ]);
  expect(await app.quit()).toBe(0);
  const file = join(desk.dataDir, DATABASE);
  const bytes = readFileSync(file);
  bytes.fill(0x58, 0, 100);
  writeFileSync(file, bytes);
  return bytes;
}

function namesIn(desk: Desk): string[] {
  return inspect(desk.dataDir).sessions.map(({ name }) => name);
}

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
