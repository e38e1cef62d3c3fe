import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DATABASE, execute } from "./support/database";
import { type Desk, describe, expect, test } from "./support/desk";
import { APP } from "./support/paths";

/** Root may read every file, so it gives that right away before it starts the app. */
const WITHOUT_PRIVILEGE =
  process.getuid?.() === 0
    ? "--inh-caps=-all --bounding-set=-dac_override,-dac_read_search,-fowner"
    : "";

type Case = {
  kind: string;
  /** Spoils a data folder that the app has filled before; returns the folder to start with. */
  spoil: (desk: Desk) => string;
  says: RegExp;
  under?: string;
};

const CASES: Case[] = [
  {
    kind: "corrupt",
    spoil: ({ dataDir }) => {
      const bytes = readFileSync(join(dataDir, DATABASE));
      bytes.fill(0x58, 0, Math.min(bytes.length, 8_192));
      writeFileSync(join(dataDir, DATABASE), bytes);
      return dataDir;
    },
    says: /damaged|corrupt|not a (database|chatkeep)/i,
  },
  {
    kind: "schema_too_new",
    spoil: ({ dataDir }) => {
      execute(
        dataDir,
        `INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                        VALUES (9000, 'from_the_future', '2030-01-01T00:00:00Z', '1')`,
      );
      execute(dataDir, "PRAGMA user_version = 9000");
      return dataDir;
    },
    says: /newer/i,
  },
  {
    kind: "no_permission",
    spoil: ({ dataDir }) => {
      chmodSync(join(dataDir, DATABASE), 0o000);
      return dataDir;
    },
    says: /may not/i,
    under: WITHOUT_PRIVILEGE,
  },
  {
    kind: "synced_folder",
    spoil: ({ home }) => {
      const folder = join(home, "Dropbox", "chats");
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    says: /Dropbox/,
  },
];

describe("a database that cannot be opened is named, and left as it was", () => {
  for (const { kind, spoil, says, under } of CASES) {
    test(`${kind} in the window`, async ({ desk }) => {
      await fill(desk);
      const dataDir = spoil(desk);
      const before = fingerprint(dataDir);

      const app = await desk.start({ dataDir, under });

      const screen = await app.text("failure-screen");
      expect(screen).toMatch(says);
      expect(screen).toContain(join(dataDir, DATABASE));
      expect(await app.isShown("composer")).toBe(false);
      await desk.screenshot(app, "refused");
      await (await app.find("failure-quit")).click().catch(() => {}); // the window goes at once
      expect(await app.exitCode()).not.toBe(0);
      expect(fingerprint(dataDir)).toEqual(before);
    });

    test(`${kind} without a display`, async ({ desk }) => {
      await fill(desk);
      const dataDir = spoil(desk);
      const before = fingerprint(dataDir);
      const inWindow = await desk.start({ dataDir, under });
      const code = await inWindow.quit();

      const { status, stderr } = startWithoutDisplay(desk, dataDir, under);

      expect(stderr).toMatch(says);
      expect(stderr).toContain(join(dataDir, DATABASE));
      expect(stderr).not.toMatch(/panicked/);
      expect(status).toBe(code);
      expect(fingerprint(dataDir)).toEqual(before);
    });
  }
});

test("a folder that can be opened, chosen on the failure screen, opens at once", async ({
  desk,
}) => {
  const synced = join(desk.home, "OneDrive");
  mkdirSync(synced);
  const app = await desk.start({ dataDir: synced });
  expect(await app.text("failure-screen")).toMatch(/OneDrive/);

  await app.invoke("use_data_folder", { path: desk.dataDir });

  await app.find("session-list");
  await app.gone("failure-screen");
  expect(existsSync(join(desk.dataDir, DATABASE))).toBe(true);
  expect(existsSync(join(synced, DATABASE))).toBe(false);
});

test("with nothing wrong but no display, the app says that it needs one", async ({ desk }) => {
  const { status, stderr } = startWithoutDisplay(desk, desk.dataDir);

  expect(status).not.toBe(0);
  expect(stderr).toMatch(/display|window/i);
  expect(stderr).not.toMatch(/panicked/);
});

/** A data folder with a past, closed properly. */
async function fill(desk: Desk): Promise<void> {
  const app = await desk.start();
  await desk.session(app, { name: "From before" });
  expect(await app.quit()).toBe(0);
}

/** The bytes of the database, or nothing where there is none. */
function fingerprint(dataDir: string): Buffer | undefined {
  const file = join(dataDir, DATABASE);
  return existsSync(file) ? readFileSync(file) : undefined;
}

function startWithoutDisplay(desk: Desk, dataDir: string, under = "") {
  const env = { ...desk.env(), DISPLAY: undefined, WAYLAND_DISPLAY: undefined };
  const command = [...under.split(" ").filter(Boolean), "--", APP, "--data-dir", dataDir];
  return spawnSync("setpriv", command, { env, encoding: "utf8", timeout: 120_000 });
}
