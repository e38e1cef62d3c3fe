import { Key } from "selenium-webdriver";
import type { Session } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { inspect } from "./support/database";
import { expect, test } from "./support/desk";
import { arrowsAt, findMessage, idsOf, pressOn, reads, versionOf } from "./support/message";
import { until } from "./support/until";

const FIRST = ["first", "You said: first"];

test("an edited message gets its own reply, and the former version is walked back to", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await tell(app, "first");
  await tell(app, "secnod");
  const [typo] = await idsOf(app, "secnod");

  await pressOn(app, typo!, "edit-message");
  await app.says(/former version stays/);
  const box = await app.find("edit-text");
  expect(await box.getProperty("value")).toBe("secnod");
  await box.clear();
  await box.sendKeys("second");
  await desk.screenshot(app, "editing");
  await app.click("edit-send");

  await reads(app, [...FIRST, "second", "You said: second"]);
  const [mended] = await idsOf(app, "second");
  expect(await versionOf(app, mended!)).toMatch(/2 \/ 2/);
  const asked = desk.server.lastRequest.messages.filter(({ role }) => role !== "system");
  expect(asked.map(({ content }) => content)).toEqual([...FIRST, "second"]);
  await desk.screenshot(app, "edited");

  await pressOn(app, mended!, "sibling-previous");
  await reads(app, [...FIRST, "secnod", "You said: secnod"]);
  expect(await versionOf(app, typo!)).toMatch(/1 \/ 2/);
  const head = (await app.storedMessages(session.id)).at(-1);
  await app.quit();
  expect(inspect(desk.dataDir).sessions).toMatchObject([{ id: session.id, headId: head!.id }]);
});

test("E edits a message without a mouse, Escape leaves it as it was", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await tell(app, "by key");
  const [id] = await idsOf(app, "by key");
  const message = await findMessage(app, id!);

  await app.driver.executeScript("arguments[0].focus()", message);
  await app.driver.actions().sendKeys("e").perform();
  await (await app.find("edit-text")).sendKeys(" never mind", Key.ESCAPE);
  await app.gone("edit-text");
  await reads(app, ["by key", "You said: by key"]);

  await app.driver.actions().sendKeys("e").perform();
  await (await app.find("edit-text")).sendKeys(" again", Key.ENTER);
  await reads(app, ["by key again", "You said: by key again"]);
});

test("a reply in the middle is tried again; its arrows stay where they are under the pointer", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "letter");
  for (const text of ["a letter, please", "another", "and another"]) {
    await app.say(text);
    await until(`the letter for ${text}`, async () => {
      const [asked, reply] = (await app.messages()).slice(-2);
      return asked?.text === text && reply?.status === "complete";
    });
  }
  const stored = await app.storedMessages(session.id);
  const long = stored[1]!;
  await use(app, session, "parrot");
  await until("the first reply in sight", () => scrollUpTo(app, long.id));

  await pressOn(app, long.id, "retry");
  await reads(app, ["a letter, please", "You said: a letter, please"]);
  const short = await app.lastMessage("complete");
  const at = await arrowsAt(app, short.id);
  await pressOn(app, short.id, "sibling-previous");
  await findMessage(app, long.id);
  await until("the arrows where they were", async () => {
    return Math.abs((await arrowsAt(app, long.id)) - at) <= 2;
  });
  expect(await app.storedMessages(session.id)).toEqual(stored);
  await desk.screenshot(app, "long version");

  await pressOn(app, long.id, "sibling-next");
  await reads(app, ["a letter, please", "You said: a letter, please"]);
});

/** What is far above is not drawn: up a screen at a time, until it is. */
async function scrollUpTo(app: App, id: number): Promise<boolean> {
  return app.driver.executeScript(`
    const message = document.querySelector('[data-message-id="${id}"]');
    if (message) message.scrollIntoView();
    else document.querySelector('section[aria-label="Messages"]').scrollBy(0, -800);
    return message !== null;`);
}

test("versions are walked by keyboard, and the focus goes along", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await tell(app, "once more");
  const former = await app.lastMessage("complete");
  await pressOn(app, former.id, "retry");
  await until("the second version", async () => {
    const last = (await app.messages()).at(-1);
    return last?.status === "complete" && last.id !== former.id;
  });
  const newer = (await app.messages()).at(-1)!;

  const back = await app.findCss(
    `[data-message-id="${newer.id}"] [data-testid="sibling-previous"]`,
  );
  await app.driver.executeScript("arguments[0].focus()", back);
  await app.driver.actions().sendKeys(Key.ENTER).perform();
  await until("the focus on the former version", async () =>
    app.driver.executeScript(
      `const { activeElement } = document;
       return activeElement.dataset.testid === "sibling-previous" &&
         activeElement.closest("[data-message-id]").dataset.messageId === arguments[0]`,
      String(former.id),
    ),
  );
  const group = await app.findCss('[data-testid="siblings"]');
  expect(await group.getAccessibleName()).toBe("Version 1 of 2");
});

test("a reply that streams goes on while another version is on show", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await tell(app, "count");
  const former = await app.lastMessage("complete");
  await use(app, session, "steady:60:50");
  await pressOn(app, former.id, "retry");
  await app.lastMessageReads(/w3 /);
  const streaming = (await app.messages()).at(-1)!;
  await pressOn(app, streaming.id, "sibling-previous");
  await reads(app, ["count", "You said: count"]);

  await pressOn(app, former.id, "sibling-next");
  await findMessage(app, streaming.id);
  const whole = await app.lastMessage("complete");
  expect(whole.id).toBe(streaming.id);
  expect(whole.text).toMatch(/^w1 w2 .*w50$/);
});

test("a fork has the same past and goes its own way; Back leads to where it came from", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot", { name: "The trunk" });
  await tell(app, "first");
  const reply = await app.lastMessage("complete");
  await tell(app, "second");

  await pressOn(app, reply.id, "fork");
  await reads(app, FIRST);
  await desk.screenshot(app, "forked");
  await tell(app, "elsewhere");
  await reads(app, [...FIRST, "elsewhere", "You said: elsewhere"]);
  await app.clickNamed("button", /^Back$/);
  await reads(app, [...FIRST, "second", "You said: second"]);

  const page = await app.invoke<{ items: Session[] }>("list_sessions", {
    shelf: "active",
    after: null,
    limit: 10,
  });
  expect(page.items.map(({ name }) => name).sort()).toEqual(["The trunk", "The trunk (fork)"]);
  const kept = await app.storedMessages(session.id);
  expect(kept.map(({ text }) => text)).toEqual([...FIRST, "second", "You said: second"]);
});

test("a pin on another branch leads to its message there", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await tell(app, "first");
  const reply = await app.lastMessage("complete");
  await app.invoke("create_pin", {
    newPin: {
      scope: "session",
      sessionId: session.id,
      content: "a fact",
      sourceMessageId: reply.id,
      pinType: "user",
    },
  });
  const [asked] = await idsOf(app, "first");
  await pressOn(app, asked!, "edit-message");
  await (await app.find("edit-text")).sendKeys(" of another kind", Key.ENTER);
  await reads(app, ["first of another kind", "You said: first of another kind"]);

  await app.clickNamed("button", /^Show memory$/);
  await app.click("pin-jump");
  await reads(app, FIRST);
});

async function tell(app: App, text: string): Promise<void> {
  await app.say(text);
  await app.lastMessageReads(new RegExp(`^You said: ${text}$`));
  await app.lastMessage("complete");
}

/** The next replies in the session are this model's. */
async function use(app: App, session: Session, model: string): Promise<void> {
  const endpoint = session.model!.split("/")[0];
  await app.invoke("set_session_model", { id: session.id, model: `${endpoint}/${model}` });
}
