import type { CommandError } from "../src/lib/ipc/bindings";
import { Refused } from "./support/app";
import { expect, test } from "./support/desk";

test("a lone surrogate is refused with a clear error, and nothing is stored", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");

  await app.driver.executeScript(`
    const composer = document.querySelector('[data-testid="composer"]');
    composer.value = "half a pair: \\ud83d";
    composer.dispatchEvent(new InputEvent("input", { bubbles: true }));`);
  await app.click("send");

  const shown = await app.reads("toast", /character|surrogate|unicode|text/i);
  expect(shown).not.toBe("");
  await desk.screenshot(app, "refused");
  expect(await app.storedMessages(session.id)).toEqual([]);
  expect(desk.server.requests).toEqual([]);
});

for (const [what, text] of [
  ["a NUL byte", "zero \u0000 byte"],
  ["more than 10 MiB", "x".repeat(10 * 1024 * 1024 + 1)],
] as const) {
  test(`${what} in a message is refused by field and limit`, async ({ desk }) => {
    const app = await desk.start();
    const session = await desk.session(app, {});
    const newMessage = { sessionId: session.id, role: "user", text, modelId: null };

    const refusal = await app.invoke("append_message", { newMessage }).catch(reason);

    expect(refusal).toMatchObject({
      kind: "invalid_input",
      field: "message",
      limit: expect.stringMatching(/./),
      remedy: expect.stringMatching(/./),
    });
    expect(await app.storedMessages(session.id)).toEqual([]);
  });
}

test("each session keeps its own draft, through a kill as well", async ({ desk }) => {
  const app = await desk.start();
  const one = await desk.session(app, { name: "One" });
  const two = await desk.session(app, { name: "Two" });
  for (const [session, text] of [
    [one, "draft for one"],
    [two, "draft for two"],
  ] as const) {
    await app.openSession(session.id);
    await (await app.find("composer")).sendKeys(text);
  }
  await app.driver.sleep(1_500); // a draft is written once typing pauses
  await app.killHard();

  const again = await desk.start();
  for (const [session, text] of [
    [one, "draft for one"],
    [two, "draft for two"],
  ] as const) {
    await again.openSession(session.id);
    expect(await (await again.find("composer")).getProperty("value")).toBe(text);
  }
});

function reason(error: unknown): CommandError {
  if (error instanceof Refused) return error.reason;
  throw error;
}
