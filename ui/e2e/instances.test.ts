import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Desk, expect, test } from "./support/desk";
import { APP } from "./support/paths";

test("a second start hands over to the first window and ends", async ({ desk }) => {
  const first = await desk.start();
  await desk.chat(first, "parrot");

  const second = await startBeside(desk);

  expect(second).toEqual({ code: 0 });
  await first.say("still here?");
  expect((await first.lastMessage("complete")).text).toBe("You said: still here?");
});

test("a second process that cannot see the first is refused, and says who holds the file", async ({
  desk,
}) => {
  const first = await desk.start();
  await desk.chat(first, "parrot");
  await first.say("mine");
  await first.lastMessage("complete");

  const second = await desk.start({ bus: await desk.anotherBus() });

  const screen = await second.text("failure-screen");
  expect(screen).toMatch(/already open|in use|another|locked/i);
  expect(screen).toContain("chatkeep.db");
  expect(screen).toContain(String(first.pid));
  await desk.screenshot(second, "refused");
  expect(await second.quit()).not.toBe(0);
  await first.say("still mine");
  await first.lastMessageReads(/^You said: still mine$/);
});

/** Starts the app as a person would by a second double click, without WebDriver. */
async function startBeside(desk: Desk): Promise<{ code: number }> {
  const options = { env: desk.env(), timeout: 60_000 };
  const child = promisify(execFile)(APP, ["--data-dir", desk.dataDir], options);
  return child.then(
    () => ({ code: 0 }),
    (error: { code: number }) => ({ code: error.code }),
  );
}
