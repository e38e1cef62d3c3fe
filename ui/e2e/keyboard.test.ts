import { Key } from "selenium-webdriver";
import type { App } from "./support/app";
import { expect, test } from "./support/desk";
import { until } from "./support/until";

test("a whole journey without a mouse: new chat, send, sessions, settings, shortcut sheet", async ({
  desk,
}) => {
  const app = await desk.start();
  const endpoint = await desk.connect(app);
  const old = await desk.session(app, { name: "An older chat", model: `${endpoint}/parrot` });
  await app.openSession(old.id);

  await press(app, Key.CONTROL, "n");
  await until("the composer to have the focus", async () => (await focused(app)) === "composer");
  await type(app, "typed from the keyboard");
  await type(app, Key.chord(Key.SHIFT, Key.ENTER));
  await type(app, "on two lines");
  expect(await (await app.find("composer")).getProperty("value")).toBe(
    "typed from the keyboard\non two lines",
  );

  await press(app, Key.CONTROL, "/");
  const sheet = await app.text("shortcut-sheet");
  expect(sheet).toMatch(/new session/i);
  await desk.screenshot(app, "shortcut sheet");
  await press(app, Key.ESCAPE);
  await app.gone("shortcut-sheet");

  await press(app, Key.CONTROL, ",");
  await app.find("settings-dialog");
  await press(app, Key.ESCAPE);
  await app.gone("settings-dialog");
});

test("Tab reaches every part of the window, and focus can be seen", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await app.say("hello");
  await app.lastMessage("complete");

  const reached = new Set<string>();
  for (let i = 0; i < 60; i += 1) {
    await press(app, Key.TAB);
    reached.add(await focused(app));
    expect(await focusIsVisible(app), `focus on ${await focused(app)}`).toBe(true);
  }

  for (const part of [
    "new-chat",
    "session-row",
    "composer",
    "model-picker",
    "persona-picker",
    "settings-button",
  ]) {
    expect([...reached]).toContain(part);
  }
});

async function press(app: App, ...keys: string[]): Promise<void> {
  const actions = app.driver.actions();
  for (const key of keys) actions.keyDown(key);
  for (const key of keys.reverse()) actions.keyUp(key);
  await actions.perform();
}

async function type(app: App, text: string): Promise<void> {
  await (await app.driver.switchTo().activeElement()).sendKeys(text);
}

/** The test id of the focused element, or of what holds it. */
async function focused(app: App): Promise<string> {
  return app.driver.executeScript(
    `return document.activeElement?.closest("[data-testid]")?.dataset.testid ?? document.activeElement?.tagName`,
  );
}

/** Whether the focused element looks different from its unfocused self: an outline or a ring. */
async function focusIsVisible(app: App): Promise<boolean> {
  return app.driver.executeScript(`
    const element = document.activeElement;
    if (!element || element === document.body) return true;
    const ringed = (node) => {
      const style = getComputedStyle(node);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    };
    for (let node = element, up = 0; node && up < 4; node = node.parentElement, up += 1)
      if (ringed(node)) return true;
    return false;`);
}
