import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Settings } from "$lib/ipc";
import { app } from "$lib/state/app.svelte";
import * as backend from "../../test-backend";
import { settled } from "../../test-backend";
import KeepingSection from "./KeepingSection.svelte";

let saved: Settings;
let full: boolean;

beforeEach(async () => {
  saved = backend.settings({ theme: "dark", temporaryHours: 12 });
  full = false;
  backend.answerWith({
    get_settings: () => saved,
    update_settings: ({ settings }) => {
      if (full) throw backend.diskFull;
      return (saved = settings);
    },
  });
  await app.loadSettings();
});

afterEach(cleanup);

const hours = () => screen.getByTestId("temporary-hours");
const days = () => screen.getByTestId("trash-days");

async function enter(field: HTMLElement, text: string) {
  const user = userEvent.setup();
  await user.clear(field);
  await user.type(field, text);
  await user.tab();
  await settled();
}

test("what is entered is saved when the field is left, and nothing else changes", async () => {
  render(KeepingSection);
  expect(hours()).toHaveValue("12");
  await enter(hours(), "720");
  await enter(days(), "1");
  expect(saved).toEqual(backend.settings({ theme: "dark", temporaryHours: 720, trashDays: 1 }));
});

test("Enter saves too", async () => {
  render(KeepingSection);
  await userEvent.clear(days());
  await userEvent.type(days(), "7{Enter}");
  await settled();
  expect(saved.trashDays).toBe(7);
});

test.each(["0", "721", "1.5", "-3", "many", ""])(
  "%j hours are refused where they are typed",
  async (text) => {
    render(KeepingSection);
    await enter(hours(), text === "" ? " " : text);
    expect(screen.getByRole("alert")).toHaveTextContent("whole number of hours from 1 to 720");
    expect(hours()).toHaveAttribute("aria-invalid", "true");
    expect(saved.temporaryHours).toBe(12);
  },
);

test("what could not be saved stays in the field, to be tried again", async () => {
  render(KeepingSection);
  full = true;
  await enter(days(), "9");
  expect(days()).toHaveValue("9");
  expect(app.settings.trashDays).toBe(30);
  full = false;
  await userEvent.type(days(), "{Enter}");
  await settled();
  expect(saved.trashDays).toBe(9);
});
