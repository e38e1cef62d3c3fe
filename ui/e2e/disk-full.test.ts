import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "./support/database";
import { expect, test } from "./support/desk";

const IS_ROOT = process.getuid?.() === 0;
if (!IS_ROOT)
  console.warn("\n*** SKIPPED: only root can mount the small disk of disk-full.test.ts ***\n");

test.runIf(IS_ROOT)(
  "a full disk brings a banner, reading goes on, nothing is half-written",
  async ({ desk }) => {
    const disk = join(desk.home, "small-disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
    try {
      const app = await desk.start({ dataDir: disk });
      const session = await desk.chat(app, "parrot");
      await app.say("before");
      await app.lastMessage("complete");
      const before = await app.storedMessages(session.id);

      const ballast = join(disk, "ballast");
      fillDisk(ballast);
      await app.say("words that find no room");
      await app.reads("banner", /disk|space|full/i);
      await desk.screenshot(app, "banner");

      expect(await app.storedMessages(session.id), "reading goes on").toEqual(before);
      expect((await app.messages())[0]?.text).toBe("before");
      expect(await (await app.find("composer")).getProperty("value"), "the words are kept").toMatch(
        /^words that find no room/,
      );

      rmSync(ballast);
      await app.click("send");
      expect((await app.lastMessage("complete")).text).toMatch(
        /^You said: words that find no room/,
      );
      await app.gone("banner");
      expect(await app.quit()).toBe(0);
      const { integrity, foreignKeys, messages } = inspect(disk);
      expect(integrity).toEqual(["ok"]);
      expect(foreignKeys).toEqual([]);
      expect(messages.map(({ role, status }) => [role, status])).toEqual([
        ["user", "complete"],
        ["assistant", "complete"],
        ["user", "complete"],
        ["assistant", "complete"],
      ]);
    } finally {
      execFileSync("umount", ["--lazy", disk]);
    }
  },
);

/** Takes every block that is left, down to the last page. */
function fillDisk(ballast: string): void {
  for (const block of [1024 * 1024, 4_096]) {
    for (;;) {
      try {
        writeFileSync(ballast, Buffer.alloc(block, 1), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        break;
      }
    }
  }
  if (!existsSync(ballast)) throw new Error("The disk was full before it was filled.");
}
