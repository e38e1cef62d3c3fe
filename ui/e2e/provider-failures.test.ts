import type { Generation } from "../src/lib/ipc/bindings";
import { describe, expect, test } from "./support/desk";

/** What a person must be able to read when the model does this. */
const FAILURES = [
  { model: "unplugged", status: "failed", says: /connection|broke|ended|interrupted/i },
  { model: "busy", status: "failed", says: /too many|rate|limit/i, also: /\b7\b/ },
  { model: "garbled", status: "failed", says: /understood|unreadable|reply|answer/i },
  { model: "missing", status: "failed", says: /model/i },
  { model: "locked", status: "failed", says: /key/i },
] as const;

describe("each way a provider fails has its own clear message", () => {
  for (const { model, status, says, ...more } of FAILURES) {
    test(`${model} leaves the reply ${status} and says why`, async ({ desk }) => {
      const app = await desk.start();
      await desk.chat(app, model);

      await app.say("hello");
      const reply = await app.lastMessage(status);

      await app.says(says);
      if ("also" in more) await app.says(more.also);
      await app.find("retry");
      await desk.screenshot(app, "failed");
      const calls = await app.invoke<Generation[]>("list_generations", { messageId: reply.id });
      expect(calls).toMatchObject([{ status, model, error: expect.stringMatching(says) }]);
    });
  }
});

test("an address where nobody listens says so, and the words are kept", async ({ desk }) => {
  const app = await desk.start();
  await desk.chat(app, "parrot");
  await desk.server.stop();

  await app.say("is anybody there?");
  await app.lastMessage("failed");

  await app.says(/reach|connect|refused/i);
  expect((await app.messages())[0]?.text).toBe("is anybody there?");
  await desk.screenshot(app, "unreachable");
});

for (const model of ["silent", "stuck"]) {
  test(`a ${model} model can be stopped, and the next message is answered`, async ({ desk }) => {
    const app = await desk.start();
    const session = await desk.chat(app, model);

    await app.say("hello?");
    await app.lastMessage("streaming");
    await app.click("stop");
    const reply = await app.lastMessage("interrupted");

    expect(reply.text).toBe(model === "stuck" ? "w1 w2 w3" : "");
    const endpoint = session.model?.split("/")[0];
    await app.invoke("set_session_model", { id: session.id, model: `${endpoint}/parrot` });
    await app.say("again");
    expect((await app.lastMessage("complete")).text).toBe("You said: again");
  });
}
