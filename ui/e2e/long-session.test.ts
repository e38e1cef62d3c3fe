import type { Message } from "../src/lib/ipc/bindings";
import type { App } from "./support/app";
import { expect, test } from "./support/desk";
import { until } from "./support/until";

const MESSAGES = 5_000;
const SESSIONS = 1_000;
/** Rows on show at once, with what a virtual list keeps ready above and below. */
const ROWS_MAX = 80;

test(`a session of ${MESSAGES} messages scrolls to its first with few nodes at a time`, async ({
  desk,
}) => {
  const app = await desk.start();
  const session = await desk.session(app, { name: "A long one" });
  await seedMessages(app, session.id);
  await app.openSession(session.id);
  await until("the newest message", async () =>
    (await app.messages()).some(({ text }) => text === `message ${MESSAGES}`),
  );

  let most = 0;
  await until(
    "the first message at the top",
    async () => {
      const shown = await scrollToTop(app);
      most = Math.max(most, shown.length);
      return shown.includes("message 1");
    },
    300_000,
  );
  expect(most).toBeLessThanOrEqual(ROWS_MAX);
  await desk.screenshot(app, "at the top");

  await app.click("jump-newest");
  await until("the newest message again", async () =>
    (await app.messages()).some(({ text }) => text === `message ${MESSAGES}`),
  );
  expect((await app.messages()).length).toBeLessThanOrEqual(ROWS_MAX);
}, 600_000);

test(`a list of ${SESSIONS} sessions stays virtual and reaches the oldest`, async ({ desk }) => {
  const app = await desk.start();
  await each(
    app,
    SESSIONS,
    `(i) => invoke("create_session", { newSession:
    { name: "session " + i, model: null, personaId: null, saved: true } })`,
  );
  const rows = async () =>
    app.driver.executeScript<string[]>(
      `return [...document.querySelectorAll('[data-testid="session-row"]')].map((row) => row.innerText)`,
    );

  let most = 0;
  await until(
    "the oldest session",
    async () => {
      await scrollBy(app, '[data-testid="session-row"]', 1);
      const shown = await rows();
      most = Math.max(most, shown.length);
      return shown.some((text) => /\bsession 1\b/.test(text));
    },
    300_000,
  );
  expect(most).toBeLessThanOrEqual(ROWS_MAX);
}, 600_000);

async function seedMessages(app: App, sessionId: string): Promise<void> {
  await each(
    app,
    MESSAGES,
    `(i) => invoke("append_message", { newMessage: {
    sessionId: ${JSON.stringify(sessionId)}, role: i % 2 ? "user" : "assistant",
    text: "message " + i, modelId: null } })`,
  );
  const page = await app.invoke<{ items: Message[] }>("list_messages", {
    sessionId,
    before: null,
    limit: 1,
  });
  expect(page.items[0]?.text).toBe(`message ${MESSAGES}`);
}

/** Calls `make(1)` to `make(count)` in the window, one after the other, in steps short enough for a script. */
async function each(app: App, count: number, make: string): Promise<void> {
  const step = 250;
  for (let from = 1; from <= count; from += step) {
    const to = Math.min(count, from + step - 1);
    const failure = await app.driver.executeAsyncScript(
      `const done = arguments[2];
       const { invoke } = window.__TAURI_INTERNALS__;
       const make = ${make};
       (async () => {
         for (let i = arguments[0]; i <= arguments[1]; i += 1) await make(i);
       })().then(() => done(null), (error) => done(JSON.stringify(error)));`,
      from,
      to,
    );
    expect(failure).toBeNull();
  }
}

async function scrollToTop(app: App): Promise<string[]> {
  await scrollBy(app, '[data-testid="message"]', -1);
  return (await app.messages()).map(({ text }) => text);
}

/** Scrolls the list around these rows as far as it goes: up for -1, down for 1. */
async function scrollBy(app: App, row: string, direction: 1 | -1): Promise<void> {
  await app.driver.executeAsyncScript(
    `const [row, direction, done] = arguments;
     let list = document.querySelector(row);
     while (list && !(list.scrollHeight > list.clientHeight + 1 &&
       /auto|scroll/.test(getComputedStyle(list).overflowY))) list = list.parentElement;
     list?.scrollTo({ top: direction < 0 ? 0 : list.scrollHeight, behavior: "instant" });
     setTimeout(done, 50);`,
    row,
    direction,
  );
}
