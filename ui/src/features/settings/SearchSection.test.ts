import { cleanup, render, screen, waitFor } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EmbeddingStatus, Settings } from "$lib/ipc";
import { app } from "$lib/state/app.svelte";
import { embedding } from "$lib/state/embedding.svelte";
import { endpoints } from "$lib/state/endpoints.svelte";
import { searchIndex } from "$lib/state/searchIndex.svelte";
import { toasts } from "$lib/state/toasts.svelte";
import * as backend from "../../test-backend";
import { embeddingStatus, endpoint, settled } from "../../test-backend";
import SearchSection from "./SearchSection.svelte";

let status: EmbeddingStatus;
let saved: Settings;
let commands: backend.Commands;
let calls: backend.Call[];

beforeEach(async () => {
  status = embeddingStatus();
  saved = backend.settings();
  embedding.status = null;
  embedding.checked = null;
  embedding.busy = false;
  searchIndex.checked = null;
  ({ commands, calls } = backend.answerWith({
    get_settings: () => saved,
    update_settings: ({ settings }) => (saved = settings),
    index_status: () => ({ total: 4, pending: 0, isScrubbing: false }),
    embedding_status: () => status,
    set_embedding_model: ({ model }) => (status = embeddingStatus({ model })),
    set_embedding_paused: ({ paused }) =>
      (status = { ...status, state: paused ? "paused" : "working" }),
    check_vectors: () => ({ isSound: true, problems: [] }),
    rebuild_vectors: () => null,
    list_endpoints: () => [{ endpoint: endpoint("ollama", { name: "Kitchen" }), key: "none" }],
    list_models: () => [],
    list_embedding_models: ({ endpointId }) => [`${endpointId}/nomic-embed-text`],
  }));
  await app.loadSettings();
  await endpoints.load();
  await settled();
});

afterEach(cleanup);

async function shown() {
  render(SearchSection);
  await settled();
  return userEvent.setup();
}

async function choose(user: UserEvent, select: string, option: RegExp) {
  screen.getByTestId(select).focus();
  await user.keyboard("{Enter}");
  await screen.findByRole("listbox", { hidden: true });
  await user.click(await screen.findByText(option, { selector: ".grow" }));
  await settled();
}

const model = () => screen.getByTestId("embedding-model");
const told = () => screen.getByTestId("embedding-status");
const chosen = () =>
  calls.filter(({ command }) => command === "set_embedding_model").map(({ args }) => args.model);

test("when all is embedded it is said, and there is nothing to pause", async () => {
  await shown();
  expect(model()).toHaveTextContent("all-MiniLM-L6-v2");
  expect(told()).toHaveTextContent("Every one of 4 messages can be found.");
  expect(screen.queryByTestId("pause-embedding")).toBeNull();
  expect(screen.queryByRole("progressbar")).toBeNull();
});

test("how far it is stands there, and it rests while the user wants it to", async () => {
  status = embeddingStatus({ queued: 3, state: "working" });
  const user = await shown();
  expect(told()).toHaveTextContent("At work: 3 messages to go.");
  expect(screen.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "25");
  await user.click(screen.getByTestId("pause-embedding"));
  await waitFor(() => expect(told()).toHaveTextContent("Paused until you let it go on: 3"));
  await user.click(screen.getByRole("button", { name: "Go on" }));
  await waitFor(() => expect(told()).toHaveTextContent("At work"));
});

test("off is a choice, and then search is by words alone", async () => {
  const user = await shown();
  await choose(user, "embedding-model", /^Off$/);
  expect(chosen()).toEqual([null]);
  await waitFor(() => expect(told()).toHaveTextContent("found by their words alone"));
  expect(screen.queryByTestId("check-vectors")).toBeNull();
  expect(screen.getByTestId("recall-missing")).toHaveTextContent("Nothing is recalled now.");
});

test("a connected server's model is chosen by its name and the server's", async () => {
  const user = await shown();
  await choose(user, "embedding-model", /^nomic-embed-text — Kitchen$/);
  expect(chosen()).toEqual(["ollama/nomic-embed-text"]);
  await waitFor(() => expect(model()).toHaveTextContent("nomic-embed-text — Kitchen"));
});

test("a model that is not installed is told of and cannot be chosen", async () => {
  const user = await shown();
  model().focus();
  await user.keyboard("{Enter}");
  const option = await screen.findByText("multilingual-e5-small-q4 — not installed");
  expect(option.closest("[data-select-item]")).toHaveAttribute("data-disabled");
});

test("what is chosen is on show also where its server does not answer", async () => {
  commands.list_embedding_models = () => Promise.reject(backend.busy);
  status = embeddingStatus({ model: "gone/nomic" });
  await shown();
  await waitFor(() => expect(model()).toHaveTextContent("nomic — not found"));
});

test("while all is embedded anew the former model is searched by", async () => {
  status = embeddingStatus({ model: "ollama/nomic-embed-text", queued: 4, state: "working" });
  await shown();
  expect(told()).toHaveTextContent("4 messages to go. Until then all-MiniLM-L6-v2 is searched by.");
});

test("a model that does not work is told, and the one before stays chosen", async () => {
  const user = await shown();
  commands.set_embedding_model = () => Promise.reject(backend.modelMissing);
  await choose(user, "embedding-model", /^nomic-embed-text/);
  await waitFor(() => expect(toasts.items.at(-1)?.text).toContain("files of all-MiniLM"));
  await waitFor(() => expect(model()).toBeEnabled());
  expect(model()).toHaveTextContent("all-MiniLM-L6-v2");
});

test("why the work cannot go on is said, with what to do", async () => {
  status = embeddingStatus({ queued: 4, state: "failed", problem: backend.modelMissing });
  await shown();
  expect(screen.getByRole("alert")).toHaveTextContent(backend.modelMissing.message);
  expect(screen.getByRole("alert")).toHaveTextContent(backend.modelMissing.remedy!);
  expect(told()).toHaveTextContent("Cannot go on: 4 messages to go.");
});

test("the vectors are checked, and read anew where they are wrong", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("check-vectors"));
  expect(await screen.findByText("Checked: all is as in the database.")).toBeInTheDocument();
  commands.check_vectors = () => ({ isSound: false, problems: ["2 vectors are wrong."] });
  await user.click(screen.getByTestId("check-vectors"));
  expect(await screen.findByText("2 vectors are wrong.")).toBeInTheDocument();
  await user.click(screen.getByTestId("rebuild-vectors"));
  await waitFor(() => expect(screen.queryByTestId("vectors-check")).toBeNull());
  expect(calls.map(({ command }) => command)).toContain("rebuild_vectors");
});

test("from where and how much is recalled is saved; nothing is asked where none is", async () => {
  const user = await shown();
  expect(screen.getByTestId("recall-from")).toHaveTextContent("This session");
  await choose(user, "recall-from", /^Every session$/);
  expect(saved).toEqual(backend.settings({ recallFrom: "everySession" }));
  expect(screen.getByLabelText("Recall from")).toHaveAccessibleDescription(/any session may be/);
  const percent = screen.getByTestId("recall-percent");
  await user.clear(percent);
  await user.type(percent, "51{Enter}");
  expect(screen.getByText(/whole number of percent from 0 to 50/)).toBeInTheDocument();
  await user.clear(percent);
  await user.type(percent, "0{Enter}");
  await waitFor(() => expect(screen.queryByTestId("recall-from")).toBeNull());
  expect(saved).toEqual(backend.settings({ recallFrom: "everySession", recallPercent: 0 }));
});
