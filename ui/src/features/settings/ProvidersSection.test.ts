import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EndpointState, LocalServer, NewEndpoint } from "$lib/ipc";
import { app } from "$lib/state/app.svelte";
import { endpoints } from "$lib/state/endpoints.svelte";
import { toasts } from "$lib/state/toasts.svelte";
import * as backend from "../../test-backend";
import { endpoint, settled } from "../../test-backend";
import ProvidersSection from "./ProvidersSection.svelte";

let rows: EndpointState[];
let found: LocalServer[];
let calls: backend.Call[];
let commands: backend.Commands;
let keychain: boolean;

beforeEach(() => {
  rows = [];
  found = [];
  keychain = true;
  ({ calls, commands } = backend.answerWith({
    list_endpoints: () => [...rows],
    list_models: ({ endpointId }) => [
      { id: "gpt", reference: `${endpointId}/gpt`, endpointId: endpointId },
    ],
    discover_local_servers: () => found,
    create_endpoint: ({ newEndpoint }) => {
      const { kind, name, baseUrl } = newEndpoint as NewEndpoint;
      const made = endpoint(kind, { kind, name, baseUrl: baseUrl ?? "https://usual" });
      rows.push({ endpoint: made, key: "none" });
      return rows.at(-1);
    },
    set_endpoint_key: ({ id }) => {
      rows = rows.map((row) =>
        row.endpoint.id === id ? { ...row, key: keychain ? "keychain" : "this_run" } : row,
      );
      return keychain ? "keychain" : "this_run";
    },
    clear_endpoint_key: ({ id }) => {
      rows = rows.map((row) => (row.endpoint.id === id ? { ...row, key: "none" } : row));
    },
    update_endpoint: ({ id, update }) => {
      rows = rows.map((row) =>
        row.endpoint.id === id ? { ...row, endpoint: { ...row.endpoint, ...update } } : row,
      );
      return rows[0];
    },
    delete_endpoint: ({ id }) => void (rows = rows.filter((row) => row.endpoint.id !== id)),
  }));
});

afterEach(cleanup);

async function shown() {
  app.status = { state: "ready", keychain };
  await endpoints.load();
  await endpoints.discover();
  render(ProvidersSection);
  await settled();
  return userEvent.setup();
}

const sent = (command: string) =>
  calls.filter((call) => call.command === command).map((call) => call.args);

test("a provider is added with its key, its models are listed and the key's place is told", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("add-endpoint"));
  await user.click(screen.getByTestId("endpoint-kind-openai"));
  expect(screen.getByTestId("save-endpoint")).toBeDisabled();
  await user.type(screen.getByTestId("endpoint-key"), " sk-test ");
  await user.click(screen.getByTestId("save-endpoint"));
  await settled();
  expect(sent("create_endpoint")).toEqual([
    { newEndpoint: { kind: "openai", name: "OpenAI", baseUrl: null } },
  ]);
  expect(sent("set_endpoint_key")).toEqual([{ id: "openai", key: "sk-test" }]);
  expect(screen.getByTestId("endpoint-result")).toHaveTextContent("Connected, 1 model: gpt");
  expect(screen.getByText("Key in keychain")).toBeInTheDocument();
  expect(toasts.items.at(-1)?.text).toBe("The key is in your system’s keychain.");
  expect(screen.getByTestId("add-endpoint")).toHaveFocus();
});

test("without a keychain the page says so and the key is marked", async () => {
  keychain = false;
  rows = [{ endpoint: endpoint("openai", { kind: "openai" }), key: "this_run" }];
  await shown();
  expect(screen.getByRole("alert")).toHaveTextContent("No keychain was found.");
  expect(screen.getByText("Key for this run only")).toBeInTheDocument();
});

test("a refused address is told at the address", async () => {
  const user = await shown();
  commands.create_endpoint = () =>
    Promise.reject({
      kind: "invalid_input",
      field: "address",
      limit: "an http address",
      message: "“nowhere” is not an address.",
      remedy: "Begin with http://.",
    });
  await user.click(screen.getByTestId("add-endpoint"));
  await user.type(screen.getByTestId("endpoint-url"), "nowhere");
  await user.click(screen.getByTestId("save-endpoint"));
  await settled();
  expect(screen.getByTestId("endpoint-url")).toHaveAccessibleDescription(
    "“nowhere” is not an address. Begin with http://.",
  );
});

test("a failed test of the connection shows what happened and what helps", async () => {
  rows = [{ endpoint: endpoint("ollama"), key: "none" }];
  const user = await shown();
  commands.list_models = () =>
    Promise.reject({
      kind: "provider_unreachable",
      message: "Nothing answers.",
      remedy: "Start Ollama.",
    });
  await user.click(screen.getByTestId("test-endpoint"));
  await settled();
  expect(screen.getByTestId("endpoint-result")).toHaveTextContent("Nothing answers. Start Ollama.");
});

test("a server found on this machine is added with one press", async () => {
  found = [{ kind: "ollama", name: "Ollama", baseUrl: "http://127.0.0.1:11434", models: ["a"] }];
  const user = await shown();
  await user.click(screen.getByRole("button", { name: "Add Ollama" }));
  await settled();
  expect(sent("create_endpoint")).toEqual([
    { newEndpoint: { kind: "ollama", name: "Ollama", baseUrl: "http://127.0.0.1:11434" } },
  ]);
  expect(screen.queryByTestId("local-server")).toBeNull();
  expect(screen.getByTestId("endpoint")).toHaveTextContent("Ollama");
});

test("editing changes name and address; a key can be forgotten; Escape leaves", async () => {
  rows = [{ endpoint: endpoint("openai", { kind: "openai", name: "Work" }), key: "keychain" }];
  const user = await shown();
  await user.click(screen.getByTestId("edit-endpoint"));
  await user.click(screen.getByTestId("clear-key"));
  await settled();
  expect(screen.getByText("No key")).toBeInTheDocument();
  await user.clear(screen.getByTestId("endpoint-name"));
  await user.type(screen.getByTestId("endpoint-name"), "Home");
  await user.click(screen.getByTestId("save-endpoint"));
  await settled();
  expect(screen.getByRole("heading", { name: /Home/ })).toBeInTheDocument();
  await user.click(screen.getByTestId("edit-endpoint"));
  await user.keyboard("{Escape}");
  expect(screen.queryByTestId("endpoint-form")).toBeNull();
  expect(screen.getByTestId("edit-endpoint")).toHaveFocus();
});

test("removing a provider asks first", async () => {
  rows = [{ endpoint: endpoint("ollama"), key: "none" }];
  const user = await shown();
  await user.click(screen.getByTestId("delete-endpoint"));
  expect(sent("delete_endpoint")).toEqual([]);
  await user.click(screen.getByTestId("confirm"));
  await settled();
  expect(screen.queryByTestId("endpoint")).toBeNull();
});
