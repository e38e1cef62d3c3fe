import type { Settings, TrashedBranch } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { type Desk, expect, test } from "./support/desk";
import { idsOf, pressOn, reads } from "./support/message";
import { until } from "./support/until";

const ALL = ["one", "You said: one", "two", "You said: two"];

test("one message is deleted, those after it stay, and Undo puts it back between them", async ({
  desk,
}) => {
  const app = await talked(desk);
  const [id] = await idsOf(app, "You said: one");

  await pressOn(app, id!, "delete");
  await app.find("delete-dialog");
  await app.settled();
  await desk.screenshot(app, "asked");
  await app.click("delete-message");
  await reads(app, ["one", "two", "You said: two"]);
  await app.clickNamed("button", /^Undo$/);
  await reads(app, ALL);
});

test("a branch is deleted with all after it, and Undo brings all of it back", async ({ desk }) => {
  const app = await talked(desk);
  const [id] = await idsOf(app, "two");

  await pressOn(app, id!, "delete");
  await app.click("delete-branch");
  await reads(app, ["one", "You said: one"]);
  await app.clickNamed("button", /^Undo$/);
  await reads(app, ALL);
});

test("the last message is deleted without a question, and Undo brings it back", async ({
  desk,
}) => {
  const app = await talked(desk);
  const [id] = await idsOf(app, "You said: two");

  await pressOn(app, id!, "delete");
  await reads(app, ALL.slice(0, 3));
  expect(await app.isShown("delete-dialog")).toBe(false);
  await app.clickNamed("button", /^Undo$/);
  await reads(app, ALL);
});

test("what was deleted is found in the trash after a restart, and restored where it was", async ({
  desk,
}) => {
  const before = await talked(desk);
  const [two] = await idsOf(before, "two");
  await pressOn(before, two!, "delete");
  await before.click("delete-branch");
  await reads(before, ["one", "You said: one"]);
  const gone = await desk.session(before, { name: "A whole session" });
  await before.invoke("trash_session", { id: gone.id });
  await before.quit();

  const app = await desk.start();
  await openTrash(app);
  await app.reads("trash-note", /for good 30 days after/);
  await app.reads("trashed-branch", /two\s+A test\s+just now · 30 days left/);
  expect(await app.text("session-list")).toMatch(/A whole session/);
  await desk.screenshot(app, "trash");

  await app.click("restore-branch");
  await reads(app, ALL);
  await app.gone("trashed-branch");
  expect(await app.invoke<TrashedBranch[]>("list_trash")).toEqual([]);
});

test("how long things are kept is set in the settings, within limits", async ({ desk }) => {
  const app = await desk.start();
  await desk.connect(app);
  const temporary = await desk.session(app, { name: "Not for long", saved: false });
  await app.reads("session-list", /24 h left/);

  await app.click("settings-button");
  await app.click("settings-keeping");
  await enter(app, "trash-days", "366");
  await app.says(/whole number of days from 1 to 365/);
  await enter(app, "trash-days", "7");
  await enter(app, "temporary-hours", "2");
  await until("both to be saved", async () => {
    const { trashDays, temporaryHours } = await app.invoke<Settings>("get_settings");
    return trashDays === 7 && temporaryHours === 2;
  });
  await desk.screenshot(app, "keeping");

  await app.invoke("append_message", {
    newMessage: { sessionId: temporary.id, role: "user", text: "still here", modelId: null },
  });
  await app.reads("session-list", /2 h left/);
});

async function talked(desk: Desk): Promise<App> {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  for (const text of ["one", "two"]) {
    await app.say(text);
    await app.lastMessageReads(new RegExp(`^You said: ${text}$`));
    await app.lastMessage("complete");
  }
  return app;
}

async function openTrash(app: App): Promise<void> {
  await app.clickNamed("button", /choose a shelf/);
  await app.clickNamed('[role="menuitem"]', /^Trash$/);
}

async function enter(app: App, field: string, text: string): Promise<void> {
  const input = await app.find(field);
  await input.clear();
  await input.sendKeys(text, "\uE007");
}
