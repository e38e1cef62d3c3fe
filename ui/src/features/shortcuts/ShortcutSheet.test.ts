import { cleanup, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { shortcuts } from "$lib/shortcuts";
import ShortcutSheet from "./ShortcutSheet.svelte";

afterEach(cleanup);

test("lists every shortcut of the table and closes by Escape", async () => {
  render(ShortcutSheet, { open: true });
  const sheet = await screen.findByTestId("shortcut-sheet");
  for (const { label } of shortcuts) expect(sheet).toHaveTextContent(label);
  expect(sheet.querySelectorAll("dt")).toHaveLength(shortcuts.length);
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByTestId("shortcut-sheet")).toBeNull());
});
