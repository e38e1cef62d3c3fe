import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { createRawSnippet, tick } from "svelte";
import { afterEach, expect, test } from "vitest";
import StepList from "./StepList.svelte";

afterEach(cleanup);

const items = Array.from({ length: 120 }, (_, index) => ({ id: `i${index}` }));
const row = createRawSnippet((item: () => { id: string }) => ({
  render: () => `<span>${item().id}</span>`,
}));
const shownCount = () => screen.getAllByText(/^i\d+$/).length;

test("a long list is shown in steps, and the focus goes on to what came", async () => {
  render(StepList, { items, row });
  expect(shownCount()).toBe(50);
  await userEvent.click(screen.getByRole("button", { name: "Show 50 more of 120" }));
  await tick();
  expect(shownCount()).toBe(100);
  expect(document.activeElement).toHaveTextContent(/^i50$/);
  await userEvent.click(screen.getByRole("button", { name: "Show 20 more of 120" }));
  await tick();
  expect(document.activeElement).toHaveTextContent(/^i100$/);
  expect(screen.queryByRole("button")).toBeNull();
});

test("what is asked for is brought on show with all before it, and has the focus", async () => {
  const { rerender } = render(StepList, { items, row });
  await rerender({ reveal: "i77" });
  await tick();
  expect(shownCount()).toBe(78);
  expect(document.activeElement).toHaveTextContent(/^i77$/);
});

test("a short list has no steps", () => {
  render(StepList, { items: items.slice(0, 50), row });
  expect(shownCount()).toBe(50);
  expect(screen.queryByRole("button")).toBeNull();
});
