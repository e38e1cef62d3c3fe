/**
 * The messages of the session on show, and every reply this window hears.
 *
 * A reply's row grows in memory by its channel's deltas, whether its session is
 * on show or not; disk lags behind by up to half a second. A reply whose channel
 * is gone (the window was reloaded) is read anew at each `changed` event.
 */
import { SvelteMap } from "svelte/reactivity";
import { ipc, replyChannel, toCommandError } from "$lib/ipc";
import type {
  CommandError,
  Generation,
  Message,
  MessageId,
  ReplyEvent,
  SessionId,
  StartedReply,
} from "$lib/ipc";
import { app } from "./app.svelte";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { drafts } from "./drafts.svelte";
import { sessions } from "./sessions.svelte";
import { toasts } from "./toasts.svelte";

const PAGE_ITEMS = 50;
/** So much of a long session is read again when its branch changed elsewhere. */
const RELOAD_ITEMS_MAX = 500;

type ReplyCommand = (channel: ReturnType<typeof replyChannel>) => Promise<StartedReply>;

class Messages {
  /** The loaded end of the branch on show, oldest first. */
  items = $state<Message[]>([]);
  /** False until the newest page of the session is there. */
  loaded = $state(false);
  /** Replies being written, each with its session. */
  streaming = new SvelteMap<MessageId, SessionId>();
  /** Why a reply failed. */
  errors = new SvelteMap<MessageId, CommandError>();
  #sessionId: SessionId | null = null;
  #next = $state<MessageId | null>(null);
  #loading: Promise<void> | null = null;
  /** Rows this window hears by a channel: newer than what is on disk. */
  #heard = new Map<MessageId, Message>();

  /** Refreshes run one after the other, so that the newest reading wins. */
  #refreshing = Promise.resolve();

  constructor() {
    onChanged("message", (ids) => {
      this.#refreshing = this.#refreshing.then(() => this.#refresh(ids.map(Number)));
    });
    sessions.whenOpened((id) => void this.#open(id));
  }

  /** Whether `loadOlder` would bring anything. */
  get hasOlder(): boolean {
    return this.#next !== null;
  }

  async #open(sessionId: SessionId | null): Promise<void> {
    this.#sessionId = sessionId;
    this.items = [];
    this.#next = null;
    this.loaded = sessionId === null;
    if (sessionId !== null) await this.#load(sessionId, null, PAGE_ITEMS);
  }

  /** Loads the page before the oldest message on show. */
  async loadOlder(): Promise<void> {
    if (this.#loading || this.#next === null || this.#sessionId === null) return;
    await this.#load(this.#sessionId, this.#next, PAGE_ITEMS);
  }

  /** Loads older pages until a message is there. False where it is not on this branch. */
  async reach(id: MessageId): Promise<boolean> {
    const sessionId = this.#sessionId;
    await this.#loading;
    while (!this.#has(id) && this.#next !== null && sessionId === this.#sessionId) {
      const before = this.#next;
      await this.loadOlder();
      if (this.#next === before) return false;
    }
    return sessionId === this.#sessionId && this.#has(id);
  }

  async #load(sessionId: SessionId, before: MessageId | null, limit: number): Promise<void> {
    const loading = this.#takePage(sessionId, before, limit);
    this.#loading = loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  async #takePage(sessionId: SessionId, before: MessageId | null, limit: number): Promise<void> {
    const page = await attempt(() => ipc.listMessages(sessionId, before, limit));
    if (sessionId !== this.#sessionId || !page) return;
    const rows = page.items.map((message) => this.#heard.get(message.id) ?? message);
    this.items = before === null ? rows : [...rows, ...this.items];
    this.#next = page.next;
    this.loaded = true;
    for (const message of rows) this.#noteStatus(message);
  }

  /** Sends what the user wrote. False where it was not taken: the text is then still theirs. */
  async send(text: string): Promise<boolean> {
    const from = sessions.current?.id ?? null;
    const session = sessions.current ?? (await sessions.createFromNewChat(text));
    if (!session) return false;
    const sent = await this.#reply((channel) => ipc.sendMessage(session.id, text, channel));
    if (sent) await drafts.clear(from);
    else if (from === null) await sessions.deleteForGood(session.id);
    return sent;
  }

  /** Asks for another reply beside one that failed; the failed one is kept. */
  async retry(id: MessageId): Promise<boolean> {
    return this.#reply((channel) => ipc.retryReply(id, channel));
  }

  /** Lets an interrupted reply go on where it stopped. */
  async continueReply(id: MessageId): Promise<boolean> {
    return this.#reply((channel) => ipc.continueReply(id, channel));
  }

  /** Ends a reply; what was written of it stays. */
  async stop(id: MessageId): Promise<void> {
    await attempt(() => ipc.stopReply(id));
  }

  /** Deletes a message; those that answered it move up. */
  async remove(id: MessageId): Promise<boolean> {
    const done = await attempt(() => ipc.deleteMessage(id));
    if (done === undefined) return false;
    await this.#reload();
    return true;
  }

  /** What each call to a model for a message took, newest first. */
  async generations(id: MessageId): Promise<Generation[] | undefined> {
    return attempt(() => ipc.listGenerations(id));
  }

  /** Starts a reply. Events that overtake the answer to the command wait for it. */
  async #reply(command: ReplyCommand): Promise<boolean> {
    const early: ReplyEvent[] = [];
    let hear = (event: ReplyEvent): void => void early.push(event);
    const started = await attempt(() => command(replyChannel((event) => hear(event))));
    if (!started) return false;
    await this.#loading;
    this.#adopt(started);
    hear = (event) => this.#hear(event);
    early.forEach(hear);
    return true;
  }

  #adopt({ user, reply }: StartedReply): void {
    const row = $state(reply);
    this.#heard.set(row.id, row);
    this.errors.delete(row.id);
    this.#noteStatus(row);
    if (row.sessionId !== this.#sessionId) return;
    if (user) this.#place(user);
    this.#place(row);
  }

  #hear(event: ReplyEvent): void {
    if (event.event === "finished") return this.#finish(event.message, event.error);
    if (event.event === "unsaved") return tellUnsaved(event.error);
    const row = this.#heard.get(event.messageId);
    if (row) row.text += event.text;
  }

  #finish(message: Message, error: CommandError | null): void {
    const row = this.#heard.get(message.id);
    if (row) Object.assign(row, message);
    this.#heard.delete(message.id);
    if (error) this.#noteError(message.id, error);
    this.#noteStatus(message);
    // A page read before the end may arrive after it.
    void this.#loading?.then(() => this.#takeChanged({ id: message.id, message }));
  }

  #noteError(id: MessageId, error: CommandError): void {
    this.errors.set(id, error);
    app.noteError(error);
  }

  #noteStatus({ id, status, sessionId }: Message): void {
    if (status === "streaming") this.streaming.set(id, sessionId);
    else this.streaming.delete(id);
    if (status === "failed" && !this.errors.has(id)) void this.#recallError(id);
  }

  /** Finds out why a reply of an earlier run failed. */
  async #recallError(id: MessageId): Promise<void> {
    const [latest] = (await attempt(() => ipc.listGenerations(id))) ?? [];
    if (!latest?.error || this.errors.has(id)) return;
    this.errors.set(id, { kind: "provider_reply", message: latest.error, remedy: "Try again." });
  }

  /** Puts a message behind its parent; what followed the parent was another branch. */
  #place(message: Message): void {
    if (this.#replace(message)) return;
    const parent = this.items.findIndex((item) => item.id === message.parentId);
    if (parent === -1 && message.parentId !== null) return void this.#reload();
    this.items = [...this.items.slice(0, parent + 1), message];
  }

  #replace(message: Message): boolean {
    const index = this.items.findIndex((item) => item.id === message.id);
    if (index === -1) return false;
    this.items[index] = message;
    return true;
  }

  #has(id: MessageId): boolean {
    return this.items.some((item) => item.id === id);
  }

  /** Takes up what commits changed. What this window hears itself is newer already. */
  async #refresh(ids: MessageId[]): Promise<void> {
    await this.#loading;
    const read = await Promise.all(ids.filter((id) => !this.#heard.has(id)).map(readMessage));
    const stale = read.filter((answer) => this.#takeChanged(answer));
    if (stale.length > 0) await this.#reload();
  }

  /** Takes up one changed message. True where the branch on show is no longer the one on disk. */
  #takeChanged({ id, message }: ReadMessage): boolean {
    if (this.#heard.has(id)) return false;
    if (!message) return this.#has(id);
    if (message.sessionId !== this.#sessionId) return false;
    this.#noteStatus(message);
    return !this.#replace(message);
  }

  async #reload(): Promise<void> {
    if (this.#sessionId === null) return;
    const limit = Math.min(Math.max(this.items.length, PAGE_ITEMS), RELOAD_ITEMS_MAX);
    await this.#load(this.#sessionId, null, limit);
  }
}

/** Text that is not on disk yet is kept and tried again; the user is told why. */
function tellUnsaved(error: CommandError): void {
  app.noteError(error);
  toasts.error(error);
}

type ReadMessage = { id: MessageId; message: Message | null };

/** A message as it is on disk; null where it was deleted. */
async function readMessage(id: MessageId): Promise<ReadMessage> {
  try {
    return { id, message: await ipc.getMessage(id) };
  } catch (error) {
    const failure = toCommandError(error);
    if (failure.kind !== "not_found") toasts.error(failure);
    return { id, message: null };
  }
}

export const messages = new Messages();
