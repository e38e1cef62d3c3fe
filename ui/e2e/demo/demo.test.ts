import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import type { Message, Persona, Session } from "../../src/lib/ipc/bindings";
import type { App } from "../support/app";
import { backUp } from "../support/backups";
import { Desk } from "../support/desk";
import { DEMO } from "../support/paths";
import { setTheme, type View, VIEWS } from "../support/views";
import { LONG, MANY, MODELS, PINS, type Sample, SAMPLES, SUMMARY } from "./samples";

const WIDTHS = [900, 1600];
const THEMES = ["light", "dark"] as const;

let desk: Desk;
let app: App;
let endpoint: string;

beforeAll(async () => {
  rmSync(DEMO, { recursive: true, force: true });
  mkdirSync(DEMO, { recursive: true });
  desk = await Desk.lay("demo", MODELS);
  app = await desk.start();
});

afterAll(() => desk.clear());

test("no data", async () => {
  await photograph("1-no-data", [{ name: "first start", open: async () => {} }]);
});

test("a little data", async () => {
  endpoint = await desk.connect(app, "Workshop server");
  let session: Session | undefined;
  for (const sample of SAMPLES) session = await tell(sample);
  await remember(session!);
  await makePersona(session!);
  await backUp(app);
  await photograph("2-a-little", VIEWS, session);
});

test("a reply that streams, one that was stopped, and one that failed", async () => {
  for (const theme of THEMES) {
    await setTheme(app, theme);
    const session = await desk.session(app, {
      name: "Bread, code and Kyoto",
      model: model("llama3.3"),
    });
    await app.openSession(session.id);
    await app.say("Tell me everything at once.");
    await app.lastMessageReads(/Mix on Friday|mix on Friday/);
    await take("3-replies", "streaming", theme, 1600);
    await app.click("stop");
    await app.lastMessage("interrupted");
    await take("3-replies", "stopped", theme, 1600);
    await app.invoke("set_session_model", { id: session.id, model: model("no-such-model") });
    await app.say("And with another model?");
    await app.lastMessage("failed");
    await take("3-replies", "failed", theme, 1600);
  }
});

test("much data", async () => {
  for (const sample of MANY) await tell(sample);
  const long = await tell(LONG);
  for (const { id } of (await firstSessions(3)).slice(1)) {
    await app.invoke("set_session_pinned", { id, pinned: true });
  }
  const open = async () => app.openSession(long.id);
  await photograph("4-much", [{ name: "chat", open }], long);
});

test("a data folder that must not be used", async () => {
  const refused = await desk.start({ dataDir: join(desk.home, "Dropbox") });
  await refused.find("failure-screen");
  await refused.settled();
  save("5-failure", await refused.driver.takeScreenshot());
});

const model = (name: string) => `${endpoint}/${name}`;

/** A conversation with a past. */
async function tell({ name, model: modelName, turns }: Sample): Promise<Session> {
  const session = await desk.session(app, { name, model: model(modelName) });
  for (const [role, text] of turns) {
    const modelId = role === "assistant" ? model(modelName) : null;
    await app.invoke("append_message", {
      newMessage: { sessionId: session.id, role, text, modelId },
    });
  }
  return session;
}

async function remember({ id: sessionId }: Session): Promise<void> {
  const messages: Message[] = await app.storedMessages(sessionId);
  const [first, last] = [messages[0]!, messages.at(-1)!];
  for (const content of PINS) {
    const newPin = { sessionId, content, sourceMessageId: last.id, pinType: "user" };
    await app.invoke("create_pin", { newPin });
  }
  const ends = { startMessageId: first.id, endMessageId: last.id };
  await app.invoke("create_summary", { newSummary: { sessionId, summary: SUMMARY, ...ends } });
}

async function makePersona({ id }: Session): Promise<void> {
  const fields = {
    name: "Baker",
    prompt: "You are a patient baker. Give weights in grams and temperatures in °C.",
    description: "Bread, and nothing but bread",
    icon: "🥖",
    category: "local",
    defaultModel: model("gemma3:27b"),
    suggestedModels: [model("gemma3:27b")],
    temperature: 0.6,
    maxTokens: 2048,
    topP: 0.9,
    repeatPenalty: 1.1,
    stopSequences: ["###"],
  };
  const persona = await app.invoke<Persona>("create_persona", { fields });
  await app.invoke("set_session_persona", { id, personaId: persona.id });
}

async function firstSessions(limit: number): Promise<Session[]> {
  const shelf = { shelf: "active", after: null, limit };
  return (await app.invoke<{ items: Session[] }>("list_sessions", shelf)).items;
}

/** Every view in both themes and both widths. */
async function photograph(folder: string, views: View[], session?: Session): Promise<void> {
  for (const theme of THEMES) {
    await setTheme(app, theme);
    for (const width of WIDTHS) {
      await resize(width);
      for (const view of views) {
        await view.open(app, { session: session! });
        await take(folder, view.name, theme, width);
        await view.close?.(app);
      }
    }
  }
}

async function resize(width: number): Promise<void> {
  await app.driver.manage().window().setRect({ width, height: 1000 });
}

async function take(folder: string, view: string, theme: string, width: number): Promise<void> {
  await app.settled();
  const name = `${folder}--${view.replaceAll(" ", "-")}--${theme}-${width}`;
  save(name, await app.driver.takeScreenshot());
}

function save(name: string, png: string): void {
  const file = join(DEMO, `${name}.png`);
  writeFileSync(file, png, "base64");
  console.log(file);
}
