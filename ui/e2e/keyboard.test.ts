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
  await app.reads("shortcut-sheet", /new session/i);
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

/** Whether the focused element, or what is around it, looks different from its unfocused self. */
async function focusIsVisible(app: App): Promise<boolean> {
  return app.driver.executeScript(`
    const element = document.activeElement;
    if (!element || element === document.body) return true;
    const around = [];
    for (let node = element; node && around.length < 5; node = node.parentElement) around.push(node);
    const drawn = (style) => [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow,
      style.backgroundColor, style.borderColor, style.color, style.opacity, style.textDecorationLine].join();
    const look = () => {
      document.getAnimations().forEach((it) => it.finish?.());
      return around.flatMap((node) => [null, "::before", "::after"]
        .map((part) => drawn(getComputedStyle(node, part)))).join("|");
    };
    const focused = look();
    element.blur();
    const unfocused = look();
    element.focus();
    return focused !== unfocused;`);
}
