import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "../src/lib/ipc/bindings";
import type { App, ShownMessage } from "./support/app";
import { type Desk, expect, test } from "./support/desk";
import { inspect } from "./support/database";
import { random } from "./support/random";

const KILLS = 20;
/** What was on show this long before the kill must be on disk. */
const PROMISED_MS = 1_000;

/** What the window showed, and when it had certainly shown it. */
type Sighting = { at: number; messages: ShownMessage[] };

test(`${KILLS} kills at random moments of a reply lose nothing that was promised`, async ({
  desk,
}) => {
  const { draw, seed } = random();
  console.log(`crash.test.ts: seed ${seed} (CHATKEEP_E2E_SEED=${seed} repeats it)`);
  const acknowledged = new Map<number, string>();
  let session: Session | undefined;

  for (let round = 1; round <= KILLS; round += 1) {
    const app = await desk.start();
    if (session) await app.openSession(session.id);
    else session = await desk.chat(app, "steady:25:400");
    const killAfterMs = draw(4_000);
    const what = `round ${round} of ${KILLS}, killed after ${killAfterMs} ms, seed ${seed}`;

    const sightings = await talkUntilKilled(app, `message ${round}`, killAfterMs);

    const known = sightings.at(-1)?.messages ?? [];
    for (const { id, role, text } of known) if (role === "user") acknowledged.set(id, text);
    expectOnDisk(desk, acknowledged, promised(sightings), what);
  }

  await expectRecovered(desk, acknowledged, session!);
}, 1_200_000);

/** Sends a message, watches the reply, and kills the app in the middle of it. */
async function talkUntilKilled(app: App, text: string, killAfterMs: number): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  await app.say(text);
  const killAt = Date.now() + killAfterMs;
  while (Date.now() < killAt) {
    const messages = await app.messages();
    sightings.push({ at: Date.now(), messages });
    await sleep(Math.min(50, Math.max(0, killAt - Date.now())));
  }
  const killedAt = Date.now();
  await app.killHard();
  return sightings.filter(({ at }) => at <= killedAt);
}

/** The texts that were on show more than a second before the last sighting. */
function promised(sightings: Sighting[]): ShownMessage[] {
  const killedAt = sightings.at(-1)?.at ?? 0;
  return sightings.findLast(({ at }) => at < killedAt - PROMISED_MS)?.messages ?? [];
}

function expectOnDisk(
  desk: Desk,
  acknowledged: Map<number, string>,
  shown: ShownMessage[],
  what: string,
): void {
  const { integrity, foreignKeys, messages } = inspect(desk.dataDir);
  expect(integrity, what).toEqual(["ok"]);
  expect(foreignKeys, what).toEqual([]);
  const stored = new Map(messages.map((message) => [message.id, message.text]));
  for (const [id, text] of acknowledged)
    expect(stored.get(id), `${what}: message ${id}`).toBe(text);
  for (const { id, text } of shown) {
    expect(stored.get(id), `${what}: message ${id} as shown`).toSatisfy((kept) =>
      kept?.startsWith(text),
    );
  }
}

async function expectRecovered(
  desk: Desk,
  acknowledged: Map<number, string>,
  session: Session,
): Promise<void> {
  const before = inspect(desk.dataDir).messages;
  const app = await desk.start();
  await app.openSession(session.id);
  const after = await app.storedMessages(session.id);

  expect(after.filter(({ status }) => status === "streaming")).toEqual([]);
  expect(after.map(({ id, text }) => [id, text])).toEqual(before.map(({ id, text }) => [id, text]));
  const users = after.filter(({ role }) => role === "user");
  expect(users.length).toBeGreaterThanOrEqual(acknowledged.size);
  const replies = after.filter(({ role }) => role === "assistant");
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(["interrupted"]));
  await app.lastMessage("interrupted");
  expect(await app.isShown("continue")).toBe(true);
  await desk.screenshot(app, "after the last kill");
}
