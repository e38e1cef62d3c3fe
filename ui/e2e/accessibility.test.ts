import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, Result } from "axe-core";
import type { Theme } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { type Desk, describe, expect, test } from "./support/desk";
import { furnishRecall, MEANING_VIEWS, WITH_MODELS } from "./support/meaning";
import { furnish, setTheme, VIEWS } from "./support/views";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const ALL = [...VIEWS, ...MEANING_VIEWS];

describe("axe-core finds no serious violation", () => {
  for (const theme of ["light", "dark"] as const) {
    test(`in any main view, ${theme}`, async ({ desk }) => {
      const app = await desk.start(WITH_MODELS);
      await setTheme(app, theme);
      const room = await furnish(desk, app);
      await furnishRecall(desk, app);
      const found: Record<string, string[]> = {};
      for (const view of ALL) {
        await view.open(app, room);
        found[view.name] = await violations(app);
        await desk.screenshot(app, `${view.name} ${theme}`);
        await view.close?.(app);
      }
      expect(found).toEqual(Object.fromEntries(ALL.map(({ name }) => [name, []])));
    });

    test(`on the empty window and the failure screen, ${theme}`, async ({ desk }) => {
      expect(await emptyWindow(desk, theme)).toEqual([]);
      expect(await failureScreen(desk)).toEqual([]);
    });
  }
});

async function emptyWindow(desk: Desk, theme: Theme): Promise<string[]> {
  const app = await desk.start();
  await setTheme(app, theme);
  const found = await violations(app);
  await app.quit();
  return found;
}

async function failureScreen(desk: Desk): Promise<string[]> {
  const app = await desk.start({ dataDir: `${desk.home}/Dropbox` });
  await app.find("failure-screen");
  return violations(app);
}

/** Serious and critical violations, one line each: the rule, and the elements that break it. */
async function violations(app: App): Promise<string[]> {
  await app.driver.executeScript(AXE);
  await app.settled();
  const results = await app.driver.executeAsyncScript<AxeResults>(
    `const done = arguments[0];
     axe.run(document, { resultTypes: ["violations"] }).then(done, (error) => done(String(error)));`,
  );
  return results.violations.filter(isSerious).map(describeViolation);
}

const isSerious = ({ impact }: Result) => impact === "serious" || impact === "critical";

const describeViolation = ({ id, nodes }: Result) =>
  `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")} (${failureSummary})`).join("; ")}`;
