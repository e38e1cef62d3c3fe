import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Settings } from "$lib/ipc";
import { app } from "$lib/state/app.svelte";
import { endpoints } from "$lib/state/endpoints.svelte";
import * as backend from "../../test-backend";
import { endpoint, settled } from "../../test-backend";
import MemorySection from "./MemorySection.svelte";

let saved: Settings;

beforeEach(async () => {
  saved = backend.settings();
  backend.answerWith({
    get_settings: () => saved,
    update_settings: ({ settings }) => (saved = settings),
    list_endpoints: () => [{ endpoint: endpoint("ollama"), key: "none" }],
    list_models: () => [{ id: "tiny", reference: "ollama/tiny", endpointId: "ollama" }],
  });
  await app.loadSettings();
  await endpoints.load();
  await settled();
});

afterEach(cleanup);

test("without summaries in the background nothing asks when they are due", async () => {
  render(MemorySection);
  await userEvent.click(screen.getByRole("switch", { name: "Summarise in the background" }));
  await settled();
  expect(saved.summarize).toBe(false);
  expect(screen.queryByTestId("summary-after-messages")).toBeNull();
});

test("when a summary is due is set within limits", async () => {
  render(MemorySection);
  const messages = screen.getByTestId("summary-after-messages");
  await userEvent.clear(messages);
  await userEvent.type(messages, "1{Enter}");
  expect(screen.getByRole("alert")).toHaveTextContent("from 2 to 200");
  await userEvent.type(messages, "6{Enter}");
  const percent = screen.getByTestId("summary-after-percent");
  await userEvent.clear(percent);
  await userEvent.type(percent, "40{Enter}");
  await settled();
  expect(saved).toEqual(backend.settings({ summaryAfterMessages: 16, summaryAfterPercent: 40 }));
});

test("what is chosen is on show, also a model whose provider does not answer", async () => {
  const chosen = { summaryModel: "gone/small", recaps: false, autoPins: "model" } as const;
  saved = backend.settings(chosen);
  await app.loadSettings();
  render(MemorySection);
  expect(screen.getByLabelText("Model for memory")).toHaveTextContent("small — not found");
  expect(screen.getByLabelText("Find pins automatically")).toHaveTextContent("the model");
  await userEvent.click(screen.getByRole("switch", { name: "Name new sessions by the model" }));
  await settled();
  expect(saved).toEqual(backend.settings({ ...chosen, recaps: true }));
});
