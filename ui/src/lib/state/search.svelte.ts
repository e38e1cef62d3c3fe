/**
 * What is looked for in all sessions, and what was found.
 *
 * Results follow the typing; an answer that comes late is dropped. What was found stays when the
 * dialog is closed, so that one can go on from one result to the next.
 */
import { ipc, toCommandError } from "$lib/ipc";
import type { CommandError, MessageHit, SearchOrder, SearchResults } from "$lib/ipc";

/** So many results come at a time. */
const PAGE_ITEMS = 30;
/** Typing goes on for so long before it is searched: one search less for each key pressed fast. */
const TYPING_MS = 60;

class Search {
  /** The first page, with counts and facets; null before anything was looked for. */
  results = $state.raw<SearchResults | null>(null);
  /** The messages of all pages that were loaded. */
  messages = $state.raw<MessageHit[]>([]);
  error = $state.raw<CommandError | null>(null);
  /** Whether an answer is awaited. */
  searching = $state(false);
  /** Where the next page begins; null where there is none. */
  next = $state<string | null>(null);
  #text = $state("");
  #order = $state<SearchOrder>("best");
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts the searches, so that a late answer to an old one is dropped. */
  #turn = 0;

  /** What the user typed. */
  get text(): string {
    return this.#text;
  }
  set text(text: string) {
    if (text === this.#text) return;
    this.#text = text;
    this.#searchSoon();
  }

  /** Which results come first. */
  get order(): SearchOrder {
    return this.#order;
  }
  set order(order: SearchOrder) {
    if (order === this.#order) return;
    this.#order = order;
    void this.search();
  }

  #searchSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.search(), TYPING_MS);
  }

  /** Looks for the text as it is now. */
  async search(): Promise<void> {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    if (this.#text.trim() === "") return this.#take(null);
    const page = await this.#ask(turn, null);
    if (page) this.#take(page);
  }

  /** Loads the page after those that are there. */
  async loadMore(): Promise<void> {
    if (this.searching || this.next === null) return;
    const turn = ++this.#turn;
    const page = await this.#ask(turn, this.next);
    if (!page) return;
    this.messages = [...this.messages, ...page.messages];
    this.next = page.next;
  }

  async #ask(turn: number, after: string | null): Promise<SearchResults | null> {
    this.searching = true;
    try {
      const page = await ipc.search({
        text: this.#text,
        order: this.#order,
        after,
        limit: PAGE_ITEMS,
        utcOffsetMinutes: -new Date().getTimezoneOffset(),
      });
      return turn === this.#turn ? page : null;
    } catch (error) {
      if (turn === this.#turn) this.error = toCommandError(error);
      return null;
    } finally {
      if (turn === this.#turn) this.searching = false;
    }
  }

  #take(page: SearchResults | null): void {
    this.results = page;
    this.messages = page?.messages ?? [];
    this.next = page?.next ?? null;
    this.error = null;
    if (!page) this.searching = false;
  }
}

export const search = new Search();
