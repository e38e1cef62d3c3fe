import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenFailure } from "$lib/ipc";
import * as backend from "../../test-backend";
import { settled } from "../../test-backend";
import FailureScreen from "./FailureScreen.svelte";

const failure: OpenFailure = {
  kind: "synced_folder",
  title: "The data folder is synced",
  message: "/home/ada/OneDrive/chatkeep is kept by OneDrive.",
  remedy: "Choose a folder on this machine.",
  file: "/home/ada/OneDrive/chatkeep/chatkeep.db",
  dataDir: "/home/ada/OneDrive/chatkeep",
};

let calls: backend.Call[];
let picked: string | null;

beforeEach(() => {
  picked = "/home/ada/data";
  ({ calls } = backend.answerWith({
    retry_open: () => ({ state: "failed", failure }),
    pick_data_folder: () => picked,
    use_data_folder: () => ({ state: "failed", failure: { ...failure, kind: "locked" } }),
    open_data_folder: () => null,
    quit: () => null,
  }));
});

afterEach(cleanup);

async function shown() {
  render(FailureScreen, { failure });
  return userEvent.setup();
}

const commandsSent = () => calls.map((call) => call.command);

test("says what is wrong, names the file and what can be done, and reads that first", async () => {
  await shown();
  const page = screen.getByTestId("failure-screen");
  for (const text of [failure.title, failure.message, failure.remedy, failure.file])
    expect(page).toHaveTextContent(text);
  expect(screen.getByRole("heading", { level: 1 })).toHaveFocus();
});

test("trying again says that it still cannot be opened", async () => {
  const user = await shown();
  await user.click(screen.getByTestId("failure-retry"));
  await settled();
  expect(commandsSent()).toEqual(["retry_open"]);
  expect(screen.getByText(/it still cannot be opened/)).toBeInTheDocument();
});

test("another data folder is opened; picking none changes nothing", async () => {
  const user = await shown();
  picked = null;
  await user.click(screen.getByTestId("failure-choose"));
  await settled();
  expect(commandsSent()).toEqual(["pick_data_folder"]);
  picked = "/home/ada/data";
  await user.click(screen.getByTestId("failure-choose"));
  await settled();
  expect(calls.at(-1)).toEqual({ command: "use_data_folder", args: { path: "/home/ada/data" } });
});

test("the folder can be looked at and the app can be quit, by keyboard", async () => {
  const user = await shown();
  screen.getByTestId("failure-open").focus();
  await user.keyboard("{Enter}{Tab}{Enter}");
  await settled();
  expect(commandsSent()).toEqual(["open_data_folder", "quit"]);
});
