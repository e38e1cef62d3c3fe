import { By, Key } from "selenium-webdriver";
import type { Session } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { type Desk, expect, test } from "./support/desk";
import { embedded, searchMode, WITH_MODELS } from "./support/meaning";
import { pressOn, reads } from "./support/message";
import { until } from "./support/until";
import { openContext } from "./support/views";

const OLD = "Our kitten sleeps on the radiator all afternoon";
/** It means the same and has none of its words. */
const QUESTION = "where do cats nap?";
const OTHERS = ["Pay the electricity bill before Friday", "A recipe for sourdough bread"];

/** Two sessions: one with what is to be found, one on other things, which is on show. */
async function furnish(desk: Desk, app: App): Promise<{ pets: Session; chores: Session }> {
  const pets = await desk.chat(app, "nod", { name: "Pets" });
  await tell(app, OLD);
  const chores = await desk.session(app, { name: "Chores", model: pets.model });
  await app.openSession(chores.id);
  for (const text of OTHERS) await tell(app, text);
  return { pets, chores };
}

/** The reply is short and about nothing, so that it is never what is found. */
async function tell(app: App, text: string): Promise<void> {
  await app.say(text);
  await until(`the answer to ${text}`, async () => {
    const [said, reply] = (await app.messages()).slice(-2);
    return said?.text === text && reply?.text === "Noted." && reply.status === "complete";
  });
}

async function searchFor(app: App, text: string): Promise<void> {
  const box = await app.find("search-input");
  await box.clear();
  await box.sendKeys(text);
}

/** What was found, from the best on. */
async function hits(app: App): Promise<string[]> {
  return app.driver.executeScript(
    `return [...document.querySelectorAll('[data-testid="search-hit"]')].map((it) => it.textContent);`,
  );
}

async function bestHit(app: App, pattern: RegExp): Promise<void> {
  await until(`the best hit to be ${pattern}`, async () =>
    pattern.test((await hits(app))[0] ?? ""),
  );
}

test("a question without any of its words finds the message, which is gone to and lit up", async ({
  desk,
}) => {
  const app = await desk.start(WITH_MODELS);
  const { pets } = await furnish(desk, app);
  await app.click("settings-button");
  await app.click("settings-search");
  await app.reads("embedding-status", /Every one of 6 messages can be found/);
  await desk.screenshot(app, "settings");
  await app.driver.actions().sendKeys(Key.ESCAPE).perform();
  await app.gone("settings-dialog");

  await app.click("search-button");
  await searchFor(app, QUESTION);
  await app.says(/Nothing found/);
  await searchMode(app, "By meaning");
  await bestHit(app, /kitten/);
  await app.settled();
  await desk.screenshot(app, "by meaning");
  await searchMode(app, "By both");
  await bestHit(app, /kitten/);
  await searchFor(app, "sourdough");
  await bestHit(app, /sourdough/);
  await app.settled();
  await desk.screenshot(app, "by both");
  await searchFor(app, QUESTION);
  await bestHit(app, /kitten/);

  await app.click("search-hit");
  await app.gone("search-dialog");
  await reads(app, [OLD, "Noted."]);
  const [old] = await app.messages();
  await app.findCss(`[data-message-id="${old!.id}"].highlighted`);
  const settings = await app.invoke<{ lastSessionId: string }>("get_settings");
  expect(settings.lastSessionId).toBe(pets.id);
});

test("more like a message is found from its toolbar", async ({ desk }) => {
  const app = await desk.start(WITH_MODELS);
  await furnish(desk, app);
  await tell(app, "Does a cat need a warm place to rest?");
  await embedded(app);
  const asked = (await app.messages()).at(-2)!;
  await pressOn(app, asked.id, "more-like-message");
  await app.reads("search-like", /More like “Does a cat need/);
  await bestHit(app, /kitten/);
  expect((await hits(app)).join()).not.toContain("warm place");
  await desk.screenshot(app, "more like this");
  await app.click("search-hit");
  await reads(app, [OLD, "Noted."]);
});

test("what was said in another session is recalled, told with its reason, and left out", async ({
  desk,
}) => {
  const app = await desk.start(WITH_MODELS);
  const { chores } = await furnish(desk, app);
  await app.set({ recallFrom: "everySession", recallPercent: 20 });
  await embedded(app);
  await openContext(app);
  await tell(app, QUESTION);
  expect(told(desk)).toContain(OLD);

  const reason = await app.reads("context-panel", /Recalled: [^\n]*, \d\d\s% alike, from “Pets”/);
  expect(reason).toContain("kitten");
  await desk.screenshot(app, "recalled");
  await app.clickCss(`[data-part="recalled"] [data-testid="context-exclude"]`);
  await app.findCss(`[data-part="recalled"][data-reason="left_out"]`);
  await tell(app, `Again, ${QUESTION}`);
  expect(told(desk)).not.toContain(OLD);

  await app.clickCss(`[data-part="recalled"] [data-testid="context-jump"]`);
  await reads(app, [OLD, "Noted."]);
  await app.openSession(chores.id);
  await app.set({ recallFrom: "thisSession" });
  await tell(app, `Once more, ${QUESTION}`);
  expect(told(desk)).not.toContain(OLD);
});

test("without a model it is said what is missing, and words are found as ever", async ({
  desk,
}) => {
  const app = await desk.start({ env: { CHATKEEP_MODEL_DIR: desk.home } });
  await furnish(desk, app);
  await app.click("search-button");
  await app.reads("search-missing", /Search is by words alone\..*all-MiniLM-L6-v2/);
  expect(await (await app.find("search-mode")).isEnabled()).toBe(false);
  await desk.screenshot(app, "no model");
  await searchFor(app, "kitten");
  await bestHit(app, /kitten/);
  await app.click("search-hit");
  await reads(app, [OLD, "Noted."]);
  expect(await app.driver.findElements(By.css('[data-testid="more-like-message"]'))).toEqual([]);

  await app.click("settings-button");
  await app.click("settings-search");
  await app.reads("banner", /all-MiniLM-L6-v2/);
  await app.reads("index-status", /Every one of 6 messages/);
  await desk.screenshot(app, "no model, settings");
});

/** What the model was told beside the messages, in the newest request. */
function told(desk: Desk): string {
  const system = desk.server.lastRequest.messages.filter(({ role }) => role === "system");
  return system.map(({ content }) => content).join("\n");
}
