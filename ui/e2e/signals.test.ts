import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "./support/database";
import { type Desk, expect, test } from "./support/desk";

/** A manifest, as far as it matters here. */
type Manifest = { reason: string; created_at_ms: number; content: { messages: { rows: number } } };

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  test(`${signal} in the middle of a reply ends the app in order`, async ({ desk }) => {
    const app = await desk.start();
    const session = await desk.chat(app, "steady:25:400");
    await app.say("Tell me a long story.");
    const shown = await app.lastMessageReads(/\S+(\s+\S+){20}/);

    const toldAt = Date.now();
    expect(await app.end(signal)).toBe(0);

    // Nothing is left for the next start to mend.
    const { integrity, messages } = inspect(desk.dataDir);
    expect(integrity).toEqual(["ok"]);
    const reply = messages.find(({ id }) => id === shown.id)!;
    expect(reply.status).toBe("interrupted");
    expect(reply.text.startsWith(shown.text)).toBe(true);
    const last = newestManifest(desk);
    expect(last.reason).toBe("exit");
    expect(last.created_at_ms).toBeGreaterThanOrEqual(toldAt);
    expect(last.content.messages.rows).toBe(messages.length);

    const again = await desk.start();
    await again.openSession(session.id);
    expect((await again.lastMessage("interrupted")).text).toBe(reply.text.trim());
  });
}

function newestManifest(desk: Desk): Manifest {
  const folder = join(desk.dataDir, "backups");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const manifests = names
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Manifest)
    .toSorted((a, b) => b.created_at_ms - a.created_at_ms);
  return manifests[0]!;
}
