import { Key } from "selenium-webdriver";
import type { App } from "./app";
import { until } from "./until";

export async function openBackups(app: App): Promise<void> {
  await app.click("backups-button");
  await app.find("last-good");
  await app.settled();
}

export async function closeBackups(app: App): Promise<void> {
  await app.driver.actions().sendKeys(Key.ESCAPE).perform();
  await app.gone("backups-dialog");
}

/** Makes a backup as a person would, after one that the app makes by itself. */
export async function backUp(app: App): Promise<void> {
  await openBackups(app);
  await until("nothing else to be under way", async () =>
    (await app.find("create-backup")).isEnabled(),
  );
  await app.click("create-backup");
  await app.reads("toast", /Backed up, and verified/);
  await closeBackups(app);
}
