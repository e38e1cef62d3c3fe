import { beforeEach, expect, test } from "vitest";
import type { CommandError, EndpointState, LocalServer } from "$lib/ipc";
import * as backend from "../../test-backend";
import { endpoint, persona, settled } from "../../test-backend";

let rows: EndpointState[];
let found: LocalServer[];
let commands: backend.Commands;

const unreachable: CommandError = {
  kind: "provider_unreachable",
  message: "Lab does not answer.",
  remedy: "Start it.",
};
const model = (endpointId: string, id: string) => ({
  id,
  endpointId,
  reference: `${endpointId}/${id}`,
});

beforeEach(() => {
  rows = [
    { endpoint: endpoint("ollama"), key: "none" },
    { endpoint: endpoint("anthropic", { kind: "anthropic", baseUrl: "https://a" }), key: "none" },
  ];
  found = [];
  ({ commands } = backend.freshWindow({
    list_endpoints: () => [...rows],
    list_models: ({ endpointId }) => {
      if (endpointId === "anthropic") throw unreachable;
      return [model(endpointId, "llama3")];
    },
    discover_local_servers: () => found,
    create_endpoint: ({ newEndpoint }) => {
      const { kind, name, baseUrl } = newEndpoint as LocalServer;
      const state = { endpoint: endpoint(kind, { kind, name, baseUrl }), key: "none" as const };
      rows.push(state);
      return state;
    },
    delete_endpoint: ({ id }) => void (rows = rows.filter((row) => row.endpoint.id !== id)),
    list_personas: () => [
      persona("cloud", { isDefault: true, category: "cloud" }),
      persona("local", { isDefault: true, category: "local" }),
      persona("coder", { category: "local", defaultModel: "ollama/coder" }),
    ],
  }));
});

async function stores() {
  const { endpoints } = await import("./endpoints.svelte");
  const { personas } = await import("./personas.svelte");
  const { newChat } = await import("./newChat.svelte");
  await Promise.all([endpoints.load(), personas.load()]);
  await settled();
  return { endpoints, newChat };
}

test("an endpoint that does not answer has its error; the others have their models", async () => {
  const { endpoints } = await stores();
  expect(
    endpoints.models.map(({ endpoint, models, error }) => [
      endpoint.id,
      models.map((item) => item.reference),
      error,
    ]),
  ).toEqual([
    ["ollama", ["ollama/llama3"], null],
    ["anthropic", [], unreachable],
  ]);
});

test("a server found on this machine is offered until it is an endpoint", async () => {
  const { endpoints } = await stores();
  const known = { kind: "ollama" as const, name: "Ollama", baseUrl: "http://localhost:11434/" };
  const fresh = {
    kind: "openai_compatible" as const,
    name: "LM Studio",
    baseUrl: "http://127.0.0.1:1234/v1",
  };
  found = [
    { ...known, models: ["llama3"] },
    { ...fresh, models: ["phi"] },
  ];
  await endpoints.discover();
  expect(endpoints.discovered.map((server) => server.name)).toEqual(["LM Studio"]);
  await endpoints.use(endpoints.discovered[0]!);
  await settled();
  expect(endpoints.discovered).toEqual([]);
  expect(endpoints.models.at(-1)?.models[0]?.reference).toBe("openai_compatible/llama3");
});

test("a removed endpoint takes its models along", async () => {
  const { endpoints } = await stores();
  expect(await endpoints.remove("ollama")).toBe(true);
  expect(endpoints.models.map((group) => group.endpoint.id)).toEqual(["anthropic"]);
});

test("a test that fails and then succeeds shows the newer answer", async () => {
  const { endpoints } = await stores();
  commands.list_models = ({ endpointId }) => [model(endpointId, "claude")];
  const answer = endpoints.loadModels("anthropic");
  expect(endpoints.modelsOf("anthropic").loading).toBe(true);
  expect(await answer).toEqual({
    models: [model("anthropic", "claude")],
    error: null,
    loading: false,
  });
});

test("a new chat takes the last model, and the default persona of its category", async () => {
  const { newChat } = await stores();
  newChat.reset(null);
  expect([newChat.model, newChat.personaId]).toEqual(["ollama/llama3", "local"]);
  newChat.reset("anthropic/claude");
  expect([newChat.model, newChat.personaId]).toEqual(["anthropic/claude", "cloud"]);
});

test("a chosen persona brings its model, a model chosen after it stays", async () => {
  const { newChat } = await stores();
  newChat.reset("anthropic/claude");
  newChat.choosePersona("coder");
  expect([newChat.model, newChat.personaId]).toEqual(["ollama/coder", "coder"]);
  newChat.chooseModel("anthropic/claude");
  expect([newChat.model, newChat.personaId]).toEqual(["anthropic/claude", "coder"]);
  newChat.choosePersona(null);
  expect(newChat.personaId).toBeNull();
});
