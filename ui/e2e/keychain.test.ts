import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EndpointState, KeyPlace } from "../src/lib/ipc/bindings";
import { type Desk, expect, test } from "./support/desk";

const KEY = "sk-test-0123456789-this-must-never-be-on-disk";

test("a key lies in the keychain, is sent after a restart, and is nowhere on disk", async ({
  desk,
}) => {
  await desk.bus.startKeychain(desk.env());
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  const id = session.model!.split("/")[0];
  expect(await app.invoke<KeyPlace>("set_endpoint_key", { id, key: KEY })).toBe("keychain");
  await app.quit();

  const again = await desk.start();
  await again.openSession(session.id);
  await again.say("hello");
  await again.lastMessage("complete");

  expect(desk.server.authorizations.at(-1)).toBe(`Bearer ${KEY}`);
  await again.quit();
  expect(filesWith(desk, KEY)).toEqual([]);
});

test("without a keychain the app says so and keeps the key for this run only", async ({ desk }) => {
  const app = await desk.start();
  const session = await desk.chat(app, "parrot");
  const id = session.model!.split("/")[0];
  expect(await app.invoke<KeyPlace>("set_endpoint_key", { id, key: KEY })).toBe("this_run");

  await app.click("settings-button");
  await app.reads("settings-dialog", /keychain|this run/i);
  await desk.screenshot(app, "settings without a keychain");
  await app.quit();

  const again = await desk.start();
  const states = await again.invoke<EndpointState[]>("list_endpoints");
  expect(states.find(({ endpoint }) => endpoint.id === id)?.key).toBe("none");
  await again.quit();
  expect(filesWith(desk, KEY)).toEqual([]);
});

test("no log holds a word of a message", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "unplugged");
  await app.say("a secret between us: xylophone");
  await app.lastMessage("failed");
  await app.quit();

  const holders = filesWith(desk, "xylophone").map((file) => file.slice(desk.dataDir.length + 1));
  expect(holders.filter((file) => !/^(backups\/)?chatkeep\.db\b/.test(file))).toEqual([]);
  expect(app.log).not.toContain("xylophone");
});

/** Every file of the data folder and of the app's other folders that holds these bytes. */
function filesWith(desk: Desk, text: string): string[] {
  return [desk.dataDir, desk.home].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name))
      .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
      .filter((file) => !file.includes("keyrings"))
      .filter((file) => readFileSync(file).includes(text)),
  );
}
