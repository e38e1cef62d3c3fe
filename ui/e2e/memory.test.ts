import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Key } from "selenium-webdriver";
import type { MemoryStats, Pin, Session, Summary } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { DATABASE, execute } from "./support/database";
import { type Desk, expect, test } from "./support/desk";
import { pressOn } from "./support/message";
import { ModelServer } from "./support/model-server";
import { openMemory } from "./support/views";
import { until } from "./support/until";

/** Between two looks at a model that did not answer the app waits a minute. */
const RETRY_MS = 180_000;
/** So long a window, in tokens, holds only the end of what `longChat` says. */
const SMALL_WINDOW = 600;

const listPins = (app: App, { id }: Session) => app.invoke<Pin[]>("list_pins", { sessionId: id });
const listSummaries = (app: App, { id }: Session) =>
  app.invoke<Summary[]>("list_summaries", { sessionId: id });
const statsOf = (app: App, { id }: Session) =>
  app.invoke<MemoryStats>("get_memory_stats", { sessionId: id });

/** Selects a text of a message in the window, as dragging over it would. */
async function select(app: App, text: string): Promise<void> {
  const found = await app.driver.executeScript(
    `const walker = document.createTreeWalker(document.querySelector("section.scroller"), 4);
     for (let node; (node = walker.nextNode()); ) {
       const at = node.data.indexOf(arguments[0]);
       if (at === -1 || !node.parentElement.closest('[data-testid="message-text"]')) continue;
       node.parentElement.scrollIntoView({ block: "center" });
       getSelection().setBaseAndExtent(node, at, node, at + arguments[0].length);
       return true;
     }
     return false;`,
    text,
  );
  expect(found, `a message that says ${text}`).toBe(true);
}

/** A session with so many messages that most of them do not fit into a small window. */
async function longChat(app: App, desk: Desk, more: Partial<Session> = {}): Promise<Session> {
  const session = await desk.chat(app, "scribe", more);
  const { model } = session;
  await app.invoke("set_context_window", { model, tokens: SMALL_WINDOW });
  for (let turn = 0; turn < 40; turn++) {
    const role = turn % 2 === 0 ? "user" : "assistant";
    const text = `Number ${turn} of what was said about the tides, the moon and the harbour wall.`;
    const newMessage = { sessionId: session.id, role, text, modelId: null };
    await app.invoke("append_message", { newMessage });
  }
  return session;
}

async function shownContext(app: App): Promise<string[]> {
  await app.click("memory-tab-context");
  await app.find("context-item");
  return app.driver.executeScript(`
    return [...document.querySelectorAll('[data-testid="context-item"]')]
      .filter((item) => item.dataset.included === "true")
      .map((item) => item.dataset.part + ": " + item.querySelector(".text").innerText);`);
}

test("what is selected of a message is pinned and sent; the same text is not pinned twice", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await app.say("The boat is called Pelikan and it lies in the old harbour.");
  await app.lastMessageReads(/Pelikan/);
  const { id } = await app.lastMessage("complete");

  await select(app, "The boat is called Pelikan");
  await app.find("pin-selection");
  await app.settled();
  await desk.screenshot(app, "selected");
  await app.click("pin-selection");
  await app.says(/Pinned\./);
  expect(await listPins(app, session)).toMatchObject([
    { content: "The boat is called Pelikan", sourceMessageId: id - 1, source: "user" },
  ]);

  await openMemory(app);
  await app.reads("pin", /The boat is called Pelikan/);
  const pinned = "pin: The boat is called Pelikan";
  await until("the pin in the context", async () => (await shownContext(app)).includes(pinned));

  await select(app, "The boat is called Pelikan");
  await app.click("pin-selection");
  await app.says(/Already pinned\./);
  expect(await listPins(app, session)).toHaveLength(1);
});

test("code is pinned by its button, everywhere by a menu, and then counts in another session", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "letter");
  await app.say("How do I open it?");
  await app.lastMessage("complete");
  await app.clickNamed("button", /^Pin the code$/);
  await openMemory(app);
  await app.reads("pin", /Code/);

  await app.click("pin-scope");
  await app.clickNamed('[role="menuitem"]', /Every session$/);
  await app.findCss('[data-testid="pin-scope"][data-scope="all"]');
  await app.settled();
  await desk.screenshot(app, "code");
  const [pin] = await listPins(app, session);
  expect(pin).toMatchObject({ pinType: "code", scope: "all", sessionId: null });

  const other = await desk.session(app, { name: "Another one" });
  await app.openSession(other.id);
  await app.reads("pin", /Code/);
  expect(await listPins(app, other)).toEqual([pin]);
});

test("a stated preference becomes a pin, leads to its message, is rejected and stays away", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "scribe");
  await app.set({ autoPins: "rules" });
  await openMemory(app);
  const stated = "I prefer short answers without lists.";
  await app.say(stated);
  const reply = await app.lastMessage("complete");

  await app.reads("pin-origin", /Found by a rule: a preference of yours/);
  await app.settled();
  await desk.screenshot(app, "found");
  await app.click("pin-jump");
  await app.findCss(`[data-message-id="${reply.id - 1}"].highlighted`);

  await app.click("reject-pin");
  await app.gone("pin");
  await app.clickNamed("button", /^Undo$/);
  await app.find("pin");
  await app.click("reject-pin");
  await app.gone("pin");

  await app.say(stated);
  await until("the second reply", async () => (await app.messages()).length === 4);
  await app.lastMessage("complete");
  // What is found after the same reply comes later than what would have been found again.
  await app.say("Remember that the key lies under the third stone.");
  await app.reads("pin", /third stone/);
  expect((await listPins(app, session)).map(({ rule }) => rule)).toEqual(["remember"]);
});

test("a long chat is summarised in the background; the summary is sent for its messages", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await longChat(app, desk);
  await app.set({ summarize: true });
  await openMemory(app);
  await app.say("And what of the wind?");
  await app.lastMessageReads(/You said: And what of the wind/);

  await app.reads("summary", /asked about tides.*scribe/s);
  const [summary] = await listSummaries(app, session);
  const stored = await app.storedMessages(session.id);
  expect(summary).toMatchObject({ origin: "model", startMessageId: stored[0]!.id });
  await app.settled();
  await desk.screenshot(app, "summary");

  const sent = await shownContext(app);
  expect(sent.filter((item) => item.startsWith("summary:"))).not.toEqual([]);
  expect(sent.join("\n")).not.toContain("Number 0 of");
  await desk.screenshot(app, "context");
  await app.say("Go on.");
  await app.lastMessageReads(/You said: Go on/);
  const replies = desk.server
    .requestsFor("scribe")
    .filter(({ messages }) => messages.some(({ content }) => content === "Go on."));
  const told = replies[0]!.messages.map(({ content }) => content).join("\n");
  expect(told).toContain("asked about tides");
  expect(told).not.toContain("Number 0 of");

  await app.click("memory-tab-kept");
  await app.click("summary-first");
  await app.findCss(`[data-message-id="${stored[0]!.id}"].covered`);
  await pressOn(app, stored[0]!.id, "show-summary");
  await until("the summary to have the focus", () =>
    app.driver.executeScript<boolean>(
      `return document.activeElement.querySelector('[data-testid="summary"]') !== null`,
    ),
  );
});

test("while its model is away a summary is made of pieces; it is replaced when the model is back", async ({
  desk,
}) => {
  const writers = await ModelServer.start();
  try {
    const app = await desk.start();
    const session = await longChat(app, desk);
    const { url } = writers;
    const endpoint = await desk.know(app, "Writers", url);
    await writers.stop();
    await app.set({ summarize: true, summaryModel: `${endpoint}/scribe` });
    await openMemory(app);
    await app.say("Is the tide going out?");
    await app.lastMessageReads(/You said: Is the tide/);

    await app.reads("summary", /Made without a model.*Will be replaced/s);
    await app.findCss('[data-testid="health-hint"][data-kind="extractive_left"]');
    await app.settled();
    await desk.screenshot(app, "pieces");
    const [pieces] = await listSummaries(app, session);
    expect(pieces).toMatchObject({ origin: "extractive", modelId: null });
    await app.click("regenerate-summary");
    await app.findCss('[data-testid="toast"][role="alert"]');
    expect(await listSummaries(app, session)).toEqual([pieces]);

    await writers.startAgain(url);
    const replaced = async () =>
      (await listSummaries(app, session)).every(({ origin }) => origin === "model");
    await until("the summary to be replaced", replaced, RETRY_MS);
    await app.reads("summary", /asked about tides/);
    expect((await listSummaries(app, session)).at(-1)).toMatchObject({
      id: pieces!.id,
      startMessageId: pieces!.startMessageId,
      endMessageId: pieces!.endMessageId,
    });
  } finally {
    await writers.stop();
  }
});

test("a new session is named by a recap after its first exchange; a name of one's own stays", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "scribe", { name: "Why is the water gone?" });
  await app.set({ recaps: true });
  await app.say("Why is the water gone?");
  await app.lastMessage("complete");
  await app.reads("session-list", /Tides and the moon/);
  expect(await app.invoke("get_session", { id: session.id })).toMatchObject({
    name: "Tides and the moon",
    recap: "Tides and the moon",
  });

  const other = await desk.session(app, { name: "To be renamed", model: session.model });
  await app.invoke("rename_session", { id: other.id, name: "Mine" });
  await app.openSession(other.id);
  await app.say("And now?");
  await app.lastMessage("complete");
  await app.reads("session-list", /Mine\s+Tides and the moon/);
});

test("the figures say what is not covered, and a hint's button summarises it", async ({ desk }) => {
  const app = await desk.start();
  const session = await longChat(app, desk);
  await openMemory(app);
  await app.findCss('[data-testid="health-hint"][data-kind="uncovered"]');
  await app.reads("memory-health", /40\s+Messages|Messages\s+40/);
  const before = await statsOf(app, session);
  expect(before).toMatchObject({ branchMessages: 40, summaries: 0, pins: 0 });
  expect(before.uncoveredMessages).toBeGreaterThanOrEqual(8);
  await app.settled();
  await desk.screenshot(app, "hint");

  await app.click("mend");
  await app.reads("summary", /asked about tides/);
  await app.gone("health-hint");
  expect(await statsOf(app, session)).toMatchObject({ summaries: 1, uncoveredMessages: 0 });
});

test("a summary of one's own begins where none covers, and is edited by keyboard", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  await app.say("one");
  await app.lastMessage("complete");
  await openMemory(app);
  await app.click("add-summary");
  await app.reads("summary-start", /You: one/);
  const text = await app.find("summary-text");
  await text.sendKeys("They counted to one.");
  await app.click("save-summary");
  await app.reads("summary", /They counted to one\.\s+Yours/);
  await app.driver.executeScript(`document.querySelector('[data-testid="edit-summary"]').focus()`);
  await app.driver.actions().sendKeys(Key.ENTER).perform();
  await (await app.find("summary-text")).sendKeys(" And stopped.");
  await app.click("save-summary");
  await app.reads("summary", /They counted to one\. And stopped\./);
  expect(await listSummaries(app, session)).toMatchObject([{ messageCount: 2, origin: "user" }]);
});

test("a temporary session whose time is over is gone at the next start, and so are its words", async ({
  desk,
}) => {
  const secret = "Quittengelee im Keller";
  const before = await desk.start();
  const session = await desk.chat(before, "parrot", { name: "Not for long", saved: false });
  await before.say(secret);
  await before.lastMessageReads(new RegExp(secret));
  await before.lastMessage("complete");
  const about = { sessionId: session.id, sourceMessageId: null, scope: "session" };
  const newPin = { ...about, content: `Pinned: ${secret}`, pinType: "user" };
  await before.invoke("create_pin", { newPin });
  await before.quit();
  // The app's clock is the computer's: what is moved is the end of the session's time.
  execute(desk.dataDir, `UPDATE sessions SET expires_at = 1 WHERE id = '${session.id}'`);

  const app = await desk.start();
  await until("the session to be gone", async () => {
    const page = await app.invoke<{ items: Session[] }>("list_sessions", {
      shelf: "active",
      after: null,
      limit: 10,
    });
    return page.items.length === 0;
  });
  await until("its words to be gone from the disk", async () =>
    ["", "-wal"].every((suffix) => {
      const bytes = readFileSync(join(desk.dataDir, DATABASE + suffix));
      return !bytes.includes(secret);
    }),
  );
  expect(await app.text("session-list")).not.toMatch(/Not for long/);
});
