import { expect, test } from "./support/desk";
import { inspect } from "./support/database";

test("a message gets a reply, and both are in the database file", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");

  await app.say("hello there");
  const reply = await app.lastMessage("complete");

  expect(reply.text).toBe("You said: hello there");
  await desk.screenshot(app, "answered");
  expect(await app.quit()).toBe(0);
  const { messages } = inspect(desk.dataDir);
  expect(messages).toMatchObject([
    { sessionId: session.id, role: "user", text: "hello there", status: "complete" },
    { sessionId: session.id, role: "assistant", text: "You said: hello there", status: "complete" },
  ]);
});

test("the request carries the conversation so far, oldest first", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");

  await app.say("first");
  await app.lastMessage("complete");
  await app.say("second");
  await app.lastMessageReads(/You said: second/);

  const spoken = desk.server.lastRequest.messages.filter(({ role }) => role !== "system");
  expect(spoken.map(({ role, content }) => [role, content])).toEqual([
    ["user", "first"],
    ["assistant", "You said: first"],
    ["user", "second"],
  ]);
});

test("Stop leaves an interrupted reply, and Continue goes on in the same message", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "steady:40:60");

  await app.say("count");
  await app.lastMessageReads(/w5 /);
  await app.click("stop");
  const cut = await app.lastMessage("interrupted");
  expect(cut.text).toMatch(/^w1 w2/);
  expect(cut.text).not.toContain("w60");
  await desk.screenshot(app, "stopped");

  await app.click("continue");
  const whole = await app.lastMessage("complete");
  expect(whole.id).toBe(cut.id);
  expect(whole.text.startsWith(cut.text)).toBe(true);
  expect(whole.text).toMatch(/w60$/);
  const stored = await app.storedMessages(session.id);
  expect(stored.map(({ id, status }) => [id, status])).toEqual([
    [expect.any(Number), "complete"],
    [cut.id, "complete"],
  ]);
});

test("a reply whose connection broke fails clearly, and Try again keeps it beside the new one", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "flaky");

  await app.say("are you there?");
  const failed = await app.lastMessage("failed");
  expect(failed.text).toMatch(/^w1 w2 w3 w4 w5/);
  await desk.screenshot(app, "failed");

  await app.click("retry");
  const answered = await app.lastMessage("complete");
  expect(answered.text).toBe("You said: are you there?");
  expect(answered.id).not.toBe(failed.id);
  expect(desk.server.requestsFor("flaky")).toHaveLength(2);
  await app.quit();
  const replies = inspect(desk.dataDir).messages.filter(({ role }) => role === "assistant");
  expect(replies.map(({ id, status }) => [id, status])).toEqual([
    [failed.id, "failed"],
    [answered.id, "complete"],
  ]);
  expect(new Set(replies.map(({ parentId }) => parentId)).size).toBe(1);
  expect(inspect(desk.dataDir).sessions).toMatchObject([{ id: session.id, headId: answered.id }]);
});

test("a reply in Markdown is drawn, and its script never runs", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "letter");

  await app.say("tell me about the WAL");
  await app.lastMessage("complete");

  const drawn = () =>
    app.driver.executeScript(`
      const text = [...document.querySelectorAll('[data-testid="message-text"]')].at(-1);
      const count = (selector) => text.querySelectorAll(selector).length;
      return { headings: count("h1, h2, h3, h4, h5, h6"), items: count("ol > li"), rows: count("tbody tr"),
        code: count("pre code"), scripts: count("script"), handlers: count("[onerror]") };`);
  const all = { headings: 1, items: 3, rows: 2, code: 1, scripts: 0, handlers: 0 };
  await expect.poll(drawn, { timeout: 60_000 }).toEqual(all);
  expect(await app.driver.getTitle()).not.toBe("hacked");
  await desk.screenshot(app, "markdown");
});

test("after a restart everything is found again: sessions, messages, drafts, pins, summaries", async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot", { name: "Kept through a restart" });
  await app.say("remember me");
  const reply = await app.lastMessage("complete");
  const newPin = {
    scope: "session",
    sessionId: session.id,
    content: "a fact",
    sourceMessageId: reply.id,
    pinType: "user",
  };
  await app.invoke("create_pin", { newPin });
  const ends = { startMessageId: reply.id - 1, endMessageId: reply.id };
  await app.invoke("create_summary", {
    newSummary: { sessionId: session.id, summary: "They said hello.", ...ends },
  });
  const composer = await app.find("composer");
  await composer.sendKeys("half a thought");
  const before = await app.storedMessages(session.id);
  await app.driver.sleep(1_500); // a draft is written once typing pauses
  expect(await app.quit()).toBe(0);

  const again = await desk.start();
  await again.openSession(session.id);
  await again.lastMessage("complete");
  expect((await again.messages()).map(({ text }) => text)).toEqual([
    "remember me",
    "You said: remember me",
  ]);
  expect(await (await again.find("composer")).getProperty("value")).toBe("half a thought");
  expect(await again.storedMessages(session.id)).toEqual(before);
  expect(await again.invoke("list_pins", { sessionId: session.id })).toMatchObject([newPin]);
  expect(await again.invoke("list_summaries", { sessionId: session.id })).toMatchObject([ends]);
  expect(await again.text("session-list")).toContain("Kept through a restart");
  await desk.screenshot(again, "found again");
});
