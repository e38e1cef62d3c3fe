/**
 * How long a key typed into the palette takes to its paint, with the results it brought:
 *
 *     CHATKEEP_MEASURE=DIR npx vitest run --config e2e/measure/vitest.config.ts
 *
 * DIR is a data folder that nothing has open, and none that the benchmark left: without its trigger
 * the app finds the index wrong and makes it anew meanwhile. CHATKEEP_APP is the program, if not the
 * debug build.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Key } from "selenium-webdriver";
import type { BranchPage, Page, Session, SessionCursor } from "../../src/lib/ipc/bindings";
import type { App } from "../support/app";
import { test } from "../support/desk";

/** Words that are typed, and letters of each. */
const WORDS = 60;
const LETTERS = 5;
/** Longer than any key takes. */
const PATIENCE_MS = 400;

/** In the page: notes when a key went down and when the results that it brought were painted. */
const WATCH = `
  window.keyDown = 0;
  window.painted = 0;
  addEventListener("keydown", () => { window.keyDown = performance.now(); window.painted = 0; }, true);
  new MutationObserver(() => requestAnimationFrame(() => {
    // A message is delivered after the frame was drawn.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.painted = performance.now(); };
    port2.postMessage(null);
  })).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributeFilter: ["data-selected"],
  });`;

/** The longest word of the newest message of each of the latest sessions. */
async function words(app: App): Promise<string[]> {
  const latest = { shelf: "active", after: null, limit: WORDS };
  const { items } = await app.invoke<Page<Session, SessionCursor>>("list_sessions", latest);
  const found = items.map(async ({ id }) => {
    const newest = { sessionId: id, before: null, limit: 1 };
    const page = await app.invoke<BranchPage>("list_messages", newest);
    const all = page.items[0]?.text.match(/\p{Letter}+/gu) ?? [];
    return all.reduce((a, b) => (b.length > a.length ? b : a), "");
  });
  return (await Promise.all(found)).filter((word) => word.length >= LETTERS);
}

function at(sorted: number[], part: number): string {
  return `${Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN)} ms`;
}

test("from a key in the palette to its paint", async ({ desk }) => {
  const dataDir = process.env.CHATKEEP_MEASURE;
  if (!dataDir) throw new Error("CHATKEEP_MEASURE must name a data folder.");
  // Nothing else is to be done meanwhile: no backup, no embedding.
  const env = { CHATKEEP_BACKUP_INTERVAL: "0", CHATKEEP_MODEL_DIR: desk.home };
  const app = await desk.start({ dataDir, env });
  await app.driver.executeScript(WATCH);
  const times: number[] = [];
  for (const word of await words(app)) {
    await app.driver.actions().keyDown(Key.CONTROL).sendKeys("k").keyUp(Key.CONTROL).perform();
    const input = await app.find("palette-input");
    await sleep(PATIENCE_MS); // it comes in with an animation
    for (const letter of word.slice(0, LETTERS)) {
      await input.sendKeys(letter);
      await sleep(PATIENCE_MS);
      times.push(await app.driver.executeScript("return window.painted - window.keyDown;"));
    }
    await input.sendKeys(Key.ESCAPE);
    await app.gone("palette");
  }
  times.sort((a, b) => a - b);
  console.log(
    `${times.length} keys: p50 ${at(times, 0.5)}, p95 ${at(times, 0.95)}, longest ${at(times, 1)}`,
  );
});
