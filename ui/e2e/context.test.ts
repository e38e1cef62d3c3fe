import { Key } from "selenium-webdriver";
import type { Pin } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { type Desk, expect, test } from "./support/desk";
import { openContext } from "./support/views";
import { until } from "./support/until";

/** An item of the panel as it stands in the window. */
type ShownItem = {
  part: string;
  id: string;
  included: boolean;
  reason: string;
  text: string;
};

const FACT = "The boat is called Pelikan.";

async function shownItems(app: App): Promise<ShownItem[]> {
  return app.driver.executeScript(`
    return [...document.querySelectorAll('[data-testid="context-item"]')].map((item) => ({
      part: item.dataset.part,
      id: item.dataset.id,
      included: item.dataset.included === "true",
      reason: item.dataset.reason,
      text: item.innerText,
    }));`);
}

async function itemOf(app: App, part: string, id: string | number, reason: string) {
  return until(`the ${part} ${id} to be listed as ${reason}`, async () =>
    (await shownItems(app)).find(
      (item) => item.part === part && item.id === String(id) && item.reason === reason,
    ),
  );
}

/** What the model was told beside the messages, in the newest request. */
function system(desk: Desk): string {
  const told = desk.server.lastRequest.messages.filter(({ role }) => role === "system");
  return told.map(({ content }) => content).join("\n");
}

async function setWindow(app: App, tokens: string): Promise<void> {
  await app.click("edit-context-window");
  const input = await app.find("context-window-input");
  await input.clear();
  await input.sendKeys(tokens, Key.ENTER);
}

test("the panel shows what is sent as it changes; what is left out is not on the wire", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await openContext(app);
  await app.says(/Nothing to send yet/);

  await app.say("hello there");
  const reply = await app.lastMessage("complete");
  await itemOf(app, "message", reply.id, "last_message");
  await itemOf(app, "message", reply.id - 1, "last_message");

  const about = { sessionId: session.id, scope: "session", sourceMessageId: null };
  const newPin = { ...about, content: FACT, pinType: "user" };
  const pin = await app.invoke<Pin>("create_pin", { newPin });
  const pinned = await itemOf(app, "pin", pin.id, "pinned");
  expect(pinned).toMatchObject({ included: true, text: expect.stringContaining(FACT) });
  await desk.screenshot(app, "pinned");
  await app.say("what is it called?");
  await app.lastMessageReads(/You said: what is it called/);
  expect(system(desk)).toContain(FACT);

  await app.clickCss(`[data-part="pin"] [data-testid="context-exclude"]`);
  expect(await itemOf(app, "pin", pin.id, "left_out")).toMatchObject({ included: false });
  await app.say("and now?");
  await app.lastMessageReads(/You said: and now/);
  expect(system(desk)).not.toContain(FACT);

  await app.clickCss(`[data-part="pin"] [data-testid="context-exclude"]`);
  await itemOf(app, "pin", pin.id, "pinned");
  await app.say("once more");
  await app.lastMessageReads(/You said: once more/);
  expect(system(desk)).toContain(FACT);
});

test("a message that is left out is not sent, and one that is clicked is shown", async ({
  desk,
}) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await app.say("the first words");
  const first = await app.lastMessage("complete");
  await app.say("the second words");
  await app.lastMessageReads(/You said: the second/);
  await openContext(app);

  await app.clickCss(`[data-id="${first.id}"] [data-testid="context-exclude"]`);
  await itemOf(app, "message", first.id, "left_out");
  await app.say("the third words");
  await app.lastMessageReads(/You said: the third/);
  const sent = desk.server.lastRequest.messages.map(({ content }) => content);
  expect(sent).toContain("the first words");
  expect(sent).not.toContain("You said: the first words");

  await app.clickCss(`[data-id="${first.id}"] [data-testid="context-jump"]`);
  await app.findCss(`[data-message-id="${first.id}"].highlighted`);
});

test("a window that is too small says so, in the panel and in the failed reply", async ({
  desk,
}) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await openContext(app);

  await setWindow(app, "12");
  await app.says(/from 256 to 100,000,000/);
  await desk.screenshot(app, "refused");
  await app.driver.actions().sendKeys(Key.ESCAPE).perform();
  await setWindow(app, "256");
  await app.reads("context-window", /^256, set by you/);

  const long = "many words ".repeat(150).trim();
  await app.say(long);
  await app.lastMessage("failed");
  await app.says(/needs about \d+ tokens.*room for 192/);
  await app.says(/This does not fit/);
  expect(desk.server.requests).toEqual([]);
  await desk.screenshot(app, "too small");

  await app.click("edit-context-window");
  await app.click("context-window-known");
  await app.reads("context-window", /^(?!.*set by you)/);
  await app.click("retry");
  await app.lastMessageReads(/You said: many words/);
});

test("a mark for a message is on disk and in the panel", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await app.say("remember the milk");
  const reply = await app.lastMessage("complete");
  await openContext(app);

  await app.clickCss(`[data-id="${reply.id}"] [data-testid="context-mark"]`);
  await app.clickNamed('[role="menuitem"]', /^Does not matter$/);
  await app.findCss(`[data-id="${reply.id}"] [data-mark="0"]`);
  await app.clickCss(`[data-message-id="${reply.id}"] [data-testid="mark-message"]`);
  await app.findCss(`[data-id="${reply.id}"] [data-mark="1"]`);

  const stored = await app.storedMessages(session.id);
  expect(stored.at(-1)).toMatchObject({ importanceScore: 1, importanceByUser: true });
});
