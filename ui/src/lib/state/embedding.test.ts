import { emit } from "@tauri-apps/api/event";
import { beforeEach, expect, test } from "vitest";
import type { EmbeddingStatus } from "$lib/ipc";
import * as backend from "../../test-backend";
import { embeddingStatus, freshWindow, settled } from "../../test-backend";

let status: EmbeddingStatus;
let commands: backend.Commands;
let calls: backend.Call[];

beforeEach(() => {
  status = embeddingStatus();
  ({ commands, calls } = freshWindow({
    embedding_status: () => status,
    set_embedding_model: ({ model }) => (status = embeddingStatus({ model })),
    set_embedding_paused: ({ paused }) =>
      embeddingStatus({ queued: 3, state: paused ? "paused" : "working" }),
    get_settings: () => backend.settings({ embeddingModel: status.model ?? "" }),
    check_vectors: () => ({ isSound: false, problems: ["2 vectors are wrong."] }),
    rebuild_vectors: () => null,
  }));
});

async function open() {
  const { embedding } = await import("./embedding.svelte");
  const { app } = await import("./app.svelte");
  const { toasts } = await import("./toasts.svelte");
  await embedding.listen();
  return { embedding, app, toasts };
}

test("nothing can be found by meaning before it was asked", async () => {
  const { embedding } = await open();
  expect(embedding.available).toBe(false);
  await embedding.read();
  expect(embedding.available).toBe(true);
  expect(embedding.missing).toBeNull();
});

test("what the backend tells takes the place of what was read", async () => {
  const { embedding } = await open();
  await embedding.read();
  await emit("embedding-changed", embeddingStatus({ queued: 7, state: "working" }));
  await settled();
  expect(embedding.status).toMatchObject({ queued: 7, state: "working" });
  expect(embedding.available).toBe(true);
});

test.each([
  [{ model: null, serving: null }, /is chosen/],
  [{ problem: backend.modelMissing }, /all-MiniLM-L6-v2 cannot be used/],
  [{ serving: null, queued: 4 }, /only starting/],
])("%j: it is said what is missing", async (changes, told) => {
  status = embeddingStatus(changes);
  const { embedding } = await open();
  await embedding.read();
  expect(embedding.available).toBe(false);
  expect(embedding.missing).toMatch(told);
});

test("a model that is chosen is in the settings too, which are saved whole", async () => {
  const { embedding, app } = await open();
  await embedding.choose("ollama/nomic-embed-text");
  expect(embedding.status?.model).toBe("ollama/nomic-embed-text");
  expect(app.settings.embeddingModel).toBe("ollama/nomic-embed-text");
  await embedding.choose(null);
  expect(calls.filter(({ command }) => command === "set_embedding_model").at(-1)?.args).toEqual({
    model: null,
  });
  expect(embedding.available).toBe(false);
});

test("a model that does not work is told, and the one before stays", async () => {
  const { embedding, toasts } = await open();
  await embedding.read();
  commands.set_embedding_model = () => Promise.reject(backend.modelMissing);
  await embedding.choose("multilingual-e5-small-q4");
  expect(toasts.items.at(-1)?.text).toContain(backend.modelMissing.message);
  expect(embedding.status?.model).toBe("all-MiniLM-L6-v2");
  expect(embedding.busy).toBe(false);
});

test("it is paused and goes on", async () => {
  const { embedding } = await open();
  await embedding.pause(true);
  expect(embedding.status?.state).toBe("paused");
  await embedding.pause(false);
  expect(embedding.status?.state).toBe("working");
});

test("a check's findings stand until the vectors are read anew", async () => {
  const { embedding } = await open();
  await embedding.check();
  expect(embedding.checked).toEqual({ isSound: false, problems: ["2 vectors are wrong."] });
  await embedding.rebuild();
  expect(embedding.checked).toBeNull();
  expect(embedding.busy).toBe(false);
});

test("an endpoint that does not answer offers no models", async () => {
  const { embedding } = await open();
  commands.list_embedding_models = () => Promise.reject(backend.busy);
  expect(await embedding.modelsOf("ollama")).toEqual([]);
  commands.list_embedding_models = ({ endpointId }) => [`${endpointId}/nomic`];
  expect(await embedding.modelsOf("ollama")).toEqual(["ollama/nomic"]);
});
