import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { MessageHit, SearchRequest, SearchResults } from "$lib/ipc";
import { search } from "$lib/state/search.svelte";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";
import * as backend from "../../test-backend";
import { message, session } from "../../test-backend";
import SearchDialog from "./SearchDialog.svelte";

let requests: SearchRequest[];
let answer: (request: SearchRequest) => SearchResults | Promise<SearchResults>;

const hit = (messageId: number, fields: Partial<MessageHit> = {}): MessageHit => ({
  messageId,
  sessionId: "a",
  sessionName: "Tea",
  role: "user",
  modelId: null,
  createdAt: 0,
  onBranch: true,
  snippet: [
    { text: "the ", isMatch: false },
    { text: "kettle", isMatch: true },
    { text: " <b>sings</b>", isMatch: false },
  ],
  ...fields,
});

const found = (fields: Partial<SearchResults> = {}): SearchResults => ({
  messages: [hit(1)],
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
  // At once: what the test before found must not be on show while this one's search waits.
  search.text = "";
  await search.search();
  backend.answerWith({
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
  });
});

afterEach(cleanup);

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
      : found({ messages: [hit(2, { sessionName: "newer" })] });
  const user = await type("a");
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  await user.keyboard("b");
  await screen.findByText("newer");
  answerFirst(found({ messages: [hit(1, { sessionName: "older" })] }));
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

test("the next page comes behind the first", async () => {
  answer = ({ after }) =>
    after === null
      ? found({ next: "x", total: { count: 2, isExact: true } })
      : found({ messages: [hit(2)] });
  const user = await type("kettle");
  await user.click(await screen.findByTestId("search-more"));
  await vi.waitFor(() => expect(screen.getAllByTestId("search-hit")).toHaveLength(2));
  expect(requests.at(-1)?.after).toBe("x");
  expect(screen.queryByTestId("search-more")).toBeNull();
});

test("by keyboard: down to a result, Enter goes to the message with its words", async () => {
  answer = () => found({ messages: [hit(7)] });
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
