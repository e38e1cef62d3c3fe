/**
 * What is looked for in all sessions, and what was found.
 *
 * Results follow the typing; an answer that comes late is dropped. What was found stays when the
 * dialog is closed, so that one can go on from one result to the next.
 */
import { ipc, toCommandError } from "$lib/ipc";
import type {
  CommandError,
  LikeWhat,
  MessageHit,
  SearchMode,
  SearchOrder,
  SearchResults,
} from "$lib/ipc";
import { embedding } from "./embedding.svelte";
import { view } from "./view.svelte";

/** So many results come at a time. */
const PAGE_ITEMS = 30;
/** Typing goes on for so long before it is searched: one search less for each key pressed fast. */
const TYPING_MS = 60;
/** Where the web view keeps by what was looked for last, as it keeps the panels' widths. */
const MODE_KEY = "search-mode";
const MODES: readonly SearchMode[] = ["words", "meaning", "both"];

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
  /** The text of what more was looked for like; null where the text is what is looked for. */
  like = $state<string | null>(null);
  #text = $state("");
  #mode = $state<SearchMode>(lastMode());
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

  /** Whether it is looked for by words, by meaning or by both: by words while there is no model. */
  get mode(): SearchMode {
    return embedding.available ? this.#mode : "words";
  }
  set mode(mode: SearchMode) {
    if (mode === this.#mode) return;
    this.#mode = mode;
    localStorage.setItem(MODE_KEY, mode);
    void this.search();
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

  /** Shows the messages that come nearest to what a message or a pin means. */
  async moreLike(what: LikeWhat, text: string): Promise<void> {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    this.#text = "";
    this.#take(null);
    this.like = text;
    this.searching = true;
    view.overlay = "search";
    try {
      const messages = await ipc.moreLike(what, PAGE_ITEMS);
      if (turn === this.#turn) this.messages = messages;
    } catch (error) {
      if (turn === this.#turn) this.error = toCommandError(error);
    } finally {
      if (turn === this.#turn) this.searching = false;
    }
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
        mode: this.mode,
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
    this.like = null;
    if (!page) this.searching = false;
  }
}

function lastMode(): SearchMode {
  const last = localStorage.getItem(MODE_KEY);
  return MODES.find((mode) => mode === last) ?? "words";
}

export const search = new Search();
