import type { Persona, PersonaFields } from "../src/lib/ipc/bindings";
import { expect, test } from "./support/desk";

const POET: PersonaFields = {
  name: "Poet",
  prompt: "You answer in verse.",
  description: "For long evenings",
  icon: "🪶",
  category: "cloud",
  defaultModel: null,
  suggestedModels: [],
  temperature: 1.25,
  maxTokens: 321,
  topP: 0.75,
  repeatPenalty: null,
  stopSequences: ["THE END", "###"],
};

test("a persona's prompt and parameters are on the wire", async ({ desk }) => {
  const app = await desk.start();
  const persona = await app.invoke<Persona>("create_persona", { fields: POET });
  await desk.chat(app, "parrot", { personaId: persona.id });

  await app.say("hello");
  await app.lastMessage("complete");

  const request = desk.server.lastRequest;
  expect(request).toMatchObject({ temperature: 1.25, top_p: 0.75, stop: ["THE END", "###"] });
  expect(request.max_completion_tokens ?? request.max_tokens).toBe(321);
  expect(request.messages[0]).toMatchObject({ role: "system", content: "You answer in verse." });
});

test("a persona without parameters sends none of them", async ({ desk }) => {
  const app = await desk.start();
  const none = { temperature: null, maxTokens: null, topP: null, stopSequences: [] };
  const persona = await app.invoke<Persona>("create_persona", { fields: { ...POET, ...none } });
  await desk.chat(app, "parrot", { personaId: persona.id });

  await app.say("hello");
  await app.lastMessage("complete");

  const sent = Object.keys(desk.server.lastRequest);
  for (const name of ["temperature", "top_p", "max_tokens", "max_completion_tokens", "stop"]) {
    expect(sent).not.toContain(name);
  }
});

test("a persona chosen in the window is the one the next request uses", async ({ desk }) => {
  const app = await desk.start();
  await app.invoke("create_persona", { fields: POET });
  await desk.chat(app, "parrot");

  await app.click("persona-picker");
  await app.clickNamed('[role="option"], [role="menuitem"], [role="menuitemradio"]', /Poet/);
  await app.reads("persona-picker", /Poet/);
  await app.say("hello");
  await app.lastMessage("complete");

  expect(desk.server.lastRequest.temperature).toBe(1.25);
});
