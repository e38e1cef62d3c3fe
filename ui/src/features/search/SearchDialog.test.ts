import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SearchRequest, SearchResults } from "$lib/ipc";
import { embedding } from "$lib/state/embedding.svelte";
import { search } from "$lib/state/search.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { message, messageHit, session } from "../../test-backend";
import SearchDialog from "./SearchDialog.svelte";

let commands: backend.Commands;
let requests: SearchRequest[];
let answer: (request: SearchRequest) => SearchResults | Promise<SearchResults>;

const found = (fields: Partial<SearchResults> = {}): SearchResults => ({
  messages: [messageHit(1)],
  notes: [],
  next: null,
  total: { count: 1, isExact: true },
  facets: { months: [], roles: [], sessions: [], isComplete: true },
  matched: "words",
  hints: [],
  pending: 0,
  ...fields,
});

beforeEach(async () => {
  requests = [];
  answer = () => found();
  embedding.status = backend.embeddingStatus();
  // At once: what the test before found must not be on show while this one's search waits.
  search.text = "";
  search.mode = "words";
  search.order = "best";
  await search.search();
  ({ commands } = backend.answerWith({
    search: ({ request }) => {
      requests.push(request as SearchRequest);
      return answer(request as SearchRequest);
    },
    get_session: () => session("a"),
    list_messages: () => ({ items: [message(1)], next: null, siblings: [] }),
    list_pins: () => [],
    list_summaries: () => [],
    get_draft: () => "",
    get_settings: () => backend.settings(),
    update_settings: ({ settings }) => settings,
  }));
});

afterEach(cleanup);

async function choose(user: UserEvent, select: string, option: string) {
  screen.getByTestId(select).focus();
  await user.keyboard("{Enter}");
  await screen.findByRole("listbox", { hidden: true });
  await user.click(await screen.findByText(option, { selector: ".grow" }));
}

async function type(text: string) {
  render(SearchDialog, { open: true });
  const user = userEvent.setup();
  await user.type(await screen.findByTestId("search-input"), text);
  return user;
}

test("what is typed is looked for; what is found is marked and is never markup", async () => {
  await type("kettle");
  const row = await screen.findByTestId("search-hit");
  expect(row.querySelector("mark")).toHaveTextContent("kettle");
  expect(row).toHaveTextContent("the kettle <b>sings</b>");
  expect(row.querySelector("b")).toBeNull();
  expect(requests.at(-1)).toMatchObject({ text: "kettle", order: "best", after: null });
});

test("an answer that comes late does not take the place of a newer one", async () => {
  let answerFirst = (_: SearchResults): void => {};
  answer = ({ text }) =>
    text === "a"
      ? new Promise((resolve) => (answerFirst = resolve))
      : found({ messages: [messageHit(2, { sessionName: "newer" })] });
  const user = await type("a");
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  await user.keyboard("b");
  await screen.findByText("newer");
  answerFirst(found({ messages: [messageHit(1, { sessionName: "older" })] }));
  await backend.settled();
  expect(screen.queryByText("older")).toBeNull();
});

test("a count that is clicked is written into the text, and taken out again", async () => {
  answer = () =>
    found({
      facets: {
        months: [],
        roles: [
          { value: "user", count: 3 },
          { value: "assistant", count: 2 },
        ],
        sessions: [],
        isComplete: true,
      },
    });
  const user = await type("kettle");
  const facets = await screen.findByTestId("search-facets");
  const assistant = () =>
    [...facets.querySelectorAll("button")].find((it) => it.textContent.includes("Assistant"))!;
  await user.click(assistant());
  expect(screen.getByTestId("search-input")).toHaveValue("kettle role:assistant");
  await vi.waitFor(() => expect(requests.at(-1)?.text).toBe("kettle role:assistant"));
  await user.click(assistant());
  expect(screen.getByTestId("search-input")).toHaveValue("kettle");
});

test("what was not understood, and what is not searched yet, is said", async () => {
  answer = () =>
    found({ pending: 12, hints: [{ part: "role:cook", problem: "There is no such role." }] });
  await type("role:cook");
  expect(await screen.findByTestId("search-hint")).toHaveTextContent(
    "role:cook There is no such role.",
  );
  expect(screen.getByText(/12 messages not searched yet/)).toBeInTheDocument();
});

test("where no message has all the words, that is said", async () => {
  answer = () => found({ matched: "some_words", total: { count: 1, isExact: false } });
  await type("green kettle");
  expect(await screen.findByTestId("search-total")).toHaveTextContent(
    "No message has all of these words. These have some of them.",
  );
});

test("the next page comes behind the first", async () => {
  answer = ({ after }) =>
    after === null
      ? found({ next: "x", total: { count: 2, isExact: true } })
      : found({ messages: [messageHit(2)] });
  const user = await type("kettle");
  await user.click(await screen.findByTestId("search-more"));
  await vi.waitFor(() => expect(screen.getAllByTestId("search-hit")).toHaveLength(2));
  expect(requests.at(-1)?.after).toBe("x");
  expect(screen.queryByTestId("search-more")).toBeNull();
});

test("by keyboard: down to a result, Enter goes to the message with its words", async () => {
  answer = () => found({ messages: [messageHit(7)] });
  const user = await type("kettle");
  await screen.findByTestId("search-hit");
  await user.keyboard("{ArrowDown}");
  expect(screen.getByTestId("search-hit")).toHaveFocus();
  await user.keyboard("{ArrowUp}");
  expect(screen.getByTestId("search-input")).toHaveFocus();
  await user.keyboard("{ArrowDown}{Enter}");
  await vi.waitFor(() => expect(view.jump).toBe(7));
  expect(view.marked).toEqual(["kettle"]);
  expect(sessions.current?.id).toBe("a");
});

test("an error says what to do and loses nothing", async () => {
  answer = () => {
    throw { kind: "busy", message: "The database is busy.", remedy: "Try again." };
  };
  await type("kettle");
  expect(await screen.findByText("The database is busy.")).toBeInTheDocument();
  expect(screen.getByTestId("search-input")).toHaveValue("kettle");
});

test("by what is looked for is chosen, sent, and remembered by the next window", async () => {
  const user = await type("kettle");
  await vi.waitFor(() => expect(requests.at(-1)).toMatchObject({ mode: "words" }));
  await choose(user, "search-mode", "By meaning");
  await vi.waitFor(() =>
    expect(requests.at(-1)).toMatchObject({ text: "kettle", mode: "meaning" }),
  );
  await choose(user, "search-mode", "By both");
  await vi.waitFor(() => expect(requests.at(-1)).toMatchObject({ text: "kettle", mode: "both" }));
  expect(screen.getByTestId("search-mode")).toHaveTextContent("By both");

  vi.resetModules();
  const window = await import("$lib/state/search.svelte");
  const { embedding: fresh } = await import("$lib/state/embedding.svelte");
  fresh.status = backend.embeddingStatus();
  expect(window.search.mode).toBe("both");
});

test("an order can be chosen for words; by meaning the nearest come first", async () => {
  const user = await type("kettle");
  await choose(user, "search-order", "Newest first");
  await vi.waitFor(() => expect(requests.at(-1)).toMatchObject({ order: "newest" }));
  await choose(user, "search-mode", "By meaning");
  await vi.waitFor(() => expect(screen.getByTestId("search-order")).toBeDisabled());
  expect(screen.getByTestId("search-order")).toHaveTextContent("Best first");
  await choose(user, "search-mode", "By words");
  await vi.waitFor(() => expect(screen.getByTestId("search-order")).toBeEnabled());
  expect(screen.getByTestId("search-order")).toHaveTextContent("Newest first");
});

test.each([
  ["no model is chosen", { model: null, serving: null }, /No model .* is chosen/],
  ["its files are missing", { problem: backend.modelMissing }, /all-MiniLM-L6-v2 cannot be used/],
  ["nothing is embedded yet", { serving: null }, /only starting/],
])("where %s it is looked for by words, and it is said why", async (_, status, told) => {
  search.mode = "both";
  embedding.status = backend.embeddingStatus(status);
  await type("kettle");
  await screen.findByTestId("search-hit");
  expect(requests.at(-1)).toMatchObject({ mode: "words" });
  expect(screen.getByTestId("search-mode")).toBeDisabled();
  expect(screen.getByTestId("search-missing")).toHaveTextContent("Search is by words alone.");
  expect(screen.getByTestId("search-missing")).toHaveTextContent(told);
  await userEvent.click(screen.getByRole("button", { name: "Settings" }));
  expect(view).toMatchObject({ overlay: "settings", settingsSection: "search" });
  // Once the model is there it is as it was chosen.
  embedding.status = backend.embeddingStatus();
  await vi.waitFor(() => expect(screen.getByTestId("search-mode")).toHaveTextContent("By both"));
  expect(screen.queryByTestId("search-missing")).toBeNull();
});

test("by meaning everything is found more or less: no count claims to be one", async () => {
  const facets = { months: [], roles: [], sessions: [], isComplete: false };
  answer = () => found({ facets, total: { count: 1, isExact: false } });
  search.mode = "meaning";
  const user = await type("kettle");
  expect(await screen.findByTestId("search-total")).toHaveTextContent(
    /^1 message, the nearest first$/,
  );
  expect(screen.queryByTestId("search-facets")).toBeNull();
  await choose(user, "search-mode", "By both");
  await screen.findByText("1 message, the best first");
  await choose(user, "search-mode", "By words");
  await screen.findByText("More than 1 message");
});

test("what the backend could find by words alone is said", async () => {
  const problem = "This was found by words alone. The model took too long.";
  answer = () => found({ hints: [{ part: "By meaning", problem }] });
  search.mode = "meaning";
  await type("kettle");
  expect(await screen.findByTestId("search-hint")).toHaveTextContent(`By meaning ${problem}`);
  expect(requests.at(-1)).toMatchObject({ mode: "meaning" });
});

test("more like a message stands under its text until something is typed", async () => {
  const likes: unknown[] = [];
  commands.more_like = ({ what }) => {
    likes.push(what);
    return [messageHit(5, { sessionName: "Boats" })];
  };
  await search.moreLike({ kind: "message", id: 3 }, "The bow leaks");
  expect(view.overlay).toBe("search");
  render(SearchDialog, { open: true });
  expect(await screen.findByTestId("search-like")).toHaveTextContent("More like “The bow leaks”");
  expect(await screen.findByTestId("search-hit")).toHaveTextContent("Boats");
  expect(likes).toEqual([{ kind: "message", id: 3 }]);
  await userEvent.type(screen.getByTestId("search-input"), "tea");
  await vi.waitFor(() => expect(screen.queryByTestId("search-like")).toBeNull());
  expect(await screen.findByTestId("search-hit")).toHaveTextContent("Tea");
});

test("where nothing is like it, or it cannot be told, that is said", async () => {
  commands.more_like = () => [];
  await search.moreLike({ kind: "pin", id: "p" }, "The bow leaks");
  render(SearchDialog, { open: true });
  expect(await screen.findByText("Nothing is like “The bow leaks”")).toBeInTheDocument();
  commands.more_like = () => {
    throw backend.modelMissing;
  };
  await search.moreLike({ kind: "pin", id: "p" }, "The bow leaks");
  expect(await screen.findByText(backend.modelMissing.message)).toBeInTheDocument();
  expect(screen.getByText(backend.modelMissing.remedy!)).toBeInTheDocument();
  expect(screen.queryByText(/Nothing is like/)).toBeNull();
});
