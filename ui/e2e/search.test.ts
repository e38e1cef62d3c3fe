import { Key } from "selenium-webdriver";
import type { Session } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { type Desk, expect, test } from "./support/desk";
import { pressOn, idsOf, reads } from "./support/message";
import { until } from "./support/until";

/** Two sessions; the first is on show. */
async function twoSessions(desk: Desk, app: App): Promise<[Session, Session]> {
  const boats = await desk.chat(app, "parrot", { name: "Boats" });
  await tell(app, "The Pelikan leaks at the bow");
  const tea = await desk.session(app, { name: "Tea", model: boats.model });
  await app.openSession(tea.id);
  await tell(app, "Green tea steeps two minutes");
  return [boats, tea];
}

async function tell(app: App, text: string): Promise<void> {
  await app.say(text);
  await app.lastMessageReads(new RegExp(`You said: ${text}`));
}

async function searchFor(app: App, text: string): Promise<void> {
  const box = await app.find("search-input");
  await box.clear();
  await box.sendKeys(text);
}

/** What is marked by the highlight API, which leaves no element behind. */
async function markedWords(app: App): Promise<string[]> {
  return app.driver.executeScript(
    `return [...(CSS.highlights?.get("searched") ?? [])].map((range) => range.toString());`,
  );
}

test("what is typed is found in another session, gone to, and marked there", async ({ desk }) => {
  const app = await desk.start();
  await twoSessions(desk, app);

  await app.click("search-button");
  await searchFor(app, "pelikan");
  const hit = await app.find("search-hit");
  await desk.screenshot(app, "found");
  expect(await hit.getProperty("textContent")).toMatch(/Boats[\s\S]*Pelikan/);

  await hit.click();
  await app.gone("search-dialog");
  await reads(app, ["The Pelikan leaks at the bow", "You said: The Pelikan leaks at the bow"]);
  await until("the words to be marked", async () => {
    const words = await markedWords(app);
    return words.length > 0 && words.every((word) => word === "Pelikan");
  });
  await desk.screenshot(app, "gone to");
});

test("a message on another branch is found, and its branch is shown", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await tell(app, "an oar of ash");
  const [former] = await idsOf(app, "an oar of ash");
  await pressOn(app, former!, "edit-message");
  const box = await app.find("edit-text");
  await box.clear();
  await box.sendKeys("an oar of spruce");
  await app.click("edit-send");
  await app.lastMessageReads(/You said: an oar of spruce/);

  await app.click("search-button");
  await searchFor(app, '"oar of ash" role:user');
  await app.says(/Another branch/);
  await (await app.find("search-input")).sendKeys(Key.ARROW_DOWN);
  await app.driver.actions().sendKeys(Key.ENTER).perform();
  await reads(app, ["an oar of ash", "You said: an oar of ash"]);
});

test("anything that can be typed is a query, and a wrong filter is told", async ({ desk }) => {
  const app = await desk.start();
  await twoSessions(desk, app);
  await app.click("search-button");
  for (const text of ['"', "tea AND (", "NEAR(", "*", "-", "role:cook tea", "a:b:c", "'; --"]) {
    await searchFor(app, text);
    await app.find("search-total");
    expect(await app.isShown("banner")).toBe(false);
  }
  await searchFor(app, "role:cook tea");
  await app.reads("search-hint", /role:cook/);
});

test("the palette goes to a session, a message and an action by keyboard alone", async ({
  desk,
}) => {
  const app = await desk.start();
  const [boats] = await twoSessions(desk, app);
  const press = (...keys: string[]) =>
    app.driver
      .actions()
      .sendKeys(...keys)
      .perform();
  const openPalette = async () => {
    await app.driver.actions().keyDown(Key.CONTROL).sendKeys("k").keyUp(Key.CONTROL).perform();
    await app.find("palette-input");
  };

  await openPalette();
  await press("boat");
  await until("the session to be offered", async () => /Boats/.test(await app.text("palette")));
  await desk.screenshot(app, "palette");
  await press(Key.ENTER);
  await app.gone("palette");
  await until("the session to be open", async () => {
    const settings = await app.invoke<{ lastSessionId: string }>("get_settings");
    return settings.lastSessionId === boats.id;
  });

  await openPalette();
  await press("shortcuts");
  await until("the action to be offered", async () =>
    /Keyboard shortcuts/.test(await app.text("palette")),
  );
  await press(Key.ENTER);
  await app.find("shortcut-sheet");
});

test("the index is checked and made anew from the settings", async ({ desk }) => {
  const app = await desk.start();
  await twoSessions(desk, app);
  await app.click("settings-button");
  await app.click("settings-search");
  await app.reads("index-status", /Every one of 4 messages/);
  await app.click("check-index");
  await app.reads("index-check", /holds what the messages hold/);
  await app.click("rebuild-index");
  await app.reads("index-status", /Every one of 4 messages/);
  await app.driver.actions().sendKeys(Key.ESCAPE).perform();
  await app.click("search-button");
  await searchFor(app, "green");
  await app.find("search-hit");
});
