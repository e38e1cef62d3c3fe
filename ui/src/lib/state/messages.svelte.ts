/**
 * The branch on show of the session on show, and every reply this window hears.
 *
 * A reply's row grows in memory by its channel's deltas, whether its branch is on
 * show or not; disk lags behind by up to half a second. A reply whose channel is
 * gone (the window was reloaded) is read anew at each `changed` event.
 *
 * Which branch is on show is the session's head on disk. Wherever that moves, the
 * branch is read again from as far back as it was loaded.
 */
import { SvelteMap } from "svelte/reactivity";
import { ipc, replyChannel, toCommandError } from "$lib/ipc";
import type {
  BranchPage,
  CommandError,
  Generation,
  Message,
  MessageId,
  ReplyEvent,
  Session,
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
/** The most that one page may hold. */
const PAGE_ITEMS_MAX = 500;

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
  /** The reply this window asked for last: it is always shown to who asked. */
  asked = $state<MessageId | null>(null);
  /** Counts the times the branch was read again: what is on show may then be another branch. */
  readings = $state(0);
  /** The versions of each message on show that has any: it and its siblings, oldest first. */
  #siblings = new SvelteMap<MessageId, readonly MessageId[]>();
  #sessionId: SessionId | null = null;
  #next = $state<MessageId | null>(null);
  #loading: Promise<void> | null = null;
  /** Rows this window hears by a channel: newer than what is on disk. */
  #heard = new Map<MessageId, Message>();
  /** Readings of the branch run one after the other, so that the newest wins. */
  #refreshing = Promise.resolve();

  constructor() {
    onChanged("message", (ids) => void this.#inTurn(() => this.#refresh(ids.map(Number))));
    sessions.whenOpened((id) => void this.#open(id));
    sessions.whenRead((session) => void this.#inTurn(() => this.#follow(session)));
  }

  #inTurn(refresh: () => Promise<void>): Promise<void> {
    this.#refreshing = this.#refreshing.then(refresh);
    return this.#refreshing;
  }

  /** Whether `loadOlder` would bring anything. */
  get hasOlder(): boolean {
    return this.#next !== null;
  }

  /** A message and its siblings, oldest first; none where it has no siblings. */
  siblingsOf(id: MessageId): readonly MessageId[] {
    return this.#siblings.get(id) ?? [];
  }

  async #open(sessionId: SessionId | null): Promise<void> {
    this.#sessionId = sessionId;
    this.items = [];
    this.#siblings.clear();
    this.#next = null;
    this.loaded = sessionId === null;
    if (sessionId !== null) await this.#alone(() => this.#readNewest(sessionId));
  }

  async #readNewest(sessionId: SessionId): Promise<void> {
    const page = await attempt(() => ipc.listMessages(sessionId, null, PAGE_ITEMS));
    if (page && sessionId === this.#sessionId) this.#showBranchOf(page);
  }

  /** Loads the page before the oldest message on show. */
  async loadOlder(): Promise<void> {
    const [sessionId, before] = [this.#sessionId, this.#next];
    if (this.#loading || before === null || sessionId === null) return;
    await this.#alone(async () => {
      const page = await attempt(() => ipc.listMessages(sessionId, before, PAGE_ITEMS));
      if (!page || sessionId !== this.#sessionId || before !== this.#next) return;
      this.#takePage(page, this.items);
    });
  }

  /**
   * Brings a message on show: loads older pages down to it, and shows its branch first where it
   * is on another. False where it cannot be shown.
   */
  async reach(id: MessageId): Promise<boolean> {
    await this.#loading;
    if (this.#has(id)) return true;
    const message = await attempt(() => ipc.getMessage(id));
    if (!message || message.sessionId !== this.#sessionId) return false;
    if (await this.#loadDownTo(message)) return true;
    if (message.deletedAt !== null) return tellTrashed();
    return (await this.showBranch(id)) && this.#loadDownTo(message);
  }

  /** Loads older pages as long as the message may be on one. False where it is not on this branch. */
  async #loadDownTo({ id, depth, sessionId }: Message): Promise<boolean> {
    while (!this.#has(id) && this.#next !== null && sessionId === this.#sessionId) {
      const [oldest, before] = [this.items[0], this.#next];
      if (oldest && oldest.depth < depth) return false;
      await this.loadOlder();
      if (this.#next === before) return false;
    }
    return sessionId === this.#sessionId && this.#has(id);
  }

  async #alone(load: () => Promise<void>): Promise<void> {
    const loading = load();
    this.#loading = loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  #showBranchOf(page: BranchPage): void {
    this.#siblings.clear();
    this.#takePage(page, []);
    this.readings += 1;
  }

  #takePage({ items, next, siblings }: BranchPage, newer: Message[]): void {
    const rows = items.map((message) => this.#heard.get(message.id) ?? message);
    this.items = [...rows, ...newer];
    this.#next = next;
    this.loaded = true;
    for (const { messageId, ids } of siblings) this.#siblings.set(messageId, ids);
    for (const message of rows) this.#noteStatus(message);
  }

  /** Puts the branch through a message on show, down to its newest leaf. */
  async showBranch(id: MessageId): Promise<boolean> {
    const session = await attempt(() => ipc.showBranch(id));
    if (!session) return false;
    await this.#inTurn(() => this.#follow(session));
    return true;
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

  /** Says something else in the place of a message of one's own, which stays as its sibling. */
  async edit(id: MessageId, text: string): Promise<boolean> {
    return this.#reply((channel) => ipc.editMessage(id, text, channel));
  }

  /** Asks for another reply beside one that has ended; that one is kept as its sibling. */
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

  /** Moves one message to the trash; those after it move up. Undo brings it back between them. */
  async trashMessage(id: MessageId): Promise<boolean> {
    return this.#trash(id, "Moved the message to the trash.", () => ipc.trashMessage(id));
  }

  /** Moves a message and all after it to the trash; what of it is still being written is stopped. */
  async trashBranch(id: MessageId): Promise<boolean> {
    const from = this.items.findIndex((item) => item.id === id);
    const written = this.items.slice(from).filter((item) => this.streaming.has(item.id));
    await Promise.all(written.map((item) => this.stop(item.id)));
    return this.#trash(id, "Moved the branch to the trash.", () => ipc.trashBranch(id));
  }

  async #trash(id: MessageId, text: string, command: () => Promise<Session>): Promise<boolean> {
    if (!(await attempt(command))) return false;
    await this.#inTurn(() => this.#readAgain());
    toasts.show({ text, undo: () => void this.restore(id) });
    return true;
  }

  /** Takes a message out of the trash, with what went there with it. */
  async restore(id: MessageId): Promise<boolean> {
    if (!(await attempt(() => ipc.restoreMessage(id)))) return false;
    await this.#inTurn(() => this.#readAgain());
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
    this.asked = row.id;
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

  /** Puts a message behind its parent. What followed that is another branch now, and its sibling. */
  #place(message: Message): void {
    if (this.#replace(message)) return;
    const parent = this.items.findIndex((item) => item.id === message.parentId);
    const parentIsAbove = parent === -1 && (message.parentId !== null || this.#next !== null);
    if (parentIsAbove) return void this.#inTurn(() => this.#readAgain());
    const former = this.items[parent + 1];
    if (former) this.#siblings.set(message.id, [...this.#versionsOf(former.id), message.id]);
    this.items = [...this.items.slice(0, parent + 1), message];
  }

  #versionsOf(id: MessageId): readonly MessageId[] {
    return this.#siblings.get(id) ?? [id];
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
    if (stale.length > 0) await this.#readAgain();
  }

  /** Takes up one changed message. True where the branch on show is no longer the one on disk. */
  #takeChanged({ id, message }: ReadMessage): boolean {
    if (this.#heard.has(id)) return false;
    if (!message) return this.#isKnown(id);
    if (message.sessionId !== this.#sessionId) return false;
    this.#noteStatus(message);
    if (message.deletedAt !== null) return this.#isKnown(id);
    return !this.#replace(message) && this.#isNewVersion(message);
  }

  /** Whether a message is on show, or a version of one that is. */
  #isKnown(id: MessageId): boolean {
    return this.#has(id) || [...this.#siblings.values()].some((ids) => ids.includes(id));
  }

  /** Whether a message that is not on show stands beside or behind one that is, and is not known. */
  #isNewVersion({ id, parentId }: Message): boolean {
    return (parentId === null || this.#has(parentId)) && !this.#isKnown(id);
  }

  /** Reads the branch again where a session's head is not the end of what is on show. */
  async #follow(session: Session): Promise<void> {
    await this.#loading;
    const end = this.items.at(-1)?.id ?? null;
    if (session.id === this.#sessionId && session.headId !== end) await this.#readAgain();
  }

  /** Reads the branch again, from as far back as it is loaded. */
  async #readAgain(): Promise<void> {
    await this.#loading;
    const [sessionId, oldest] = [this.#sessionId, this.items[0]];
    if (sessionId === null) return;
    await this.#alone(async () => {
      const page = await attempt(() => readDownTo(sessionId, oldest, this.items.length));
      if (page && sessionId === this.#sessionId) this.#showBranchOf(page);
    });
  }
}

/**
 * The newest messages of the branch on show, down to one that was the oldest on show before: the
 * list then begins where it did, and the reader's place in it stays.
 */
async function readDownTo(
  sessionId: SessionId,
  oldest: Message | undefined,
  count: number,
): Promise<BranchPage> {
  const limit = Math.min(Math.max(count, PAGE_ITEMS), PAGE_ITEMS_MAX);
  let page = await ipc.listMessages(sessionId, null, limit);
  while (oldest && page.next !== null && page.items[0]!.depth > oldest.depth) {
    page = joined(await ipc.listMessages(sessionId, page.next, PAGE_ITEMS_MAX), page);
  }
  const start = page.items.findIndex((message) => message.id === oldest?.id);
  return start > 0 ? { ...page, items: page.items.slice(start), next: oldest!.id } : page;
}

function joined(older: BranchPage, newer: BranchPage): BranchPage {
  const items = [...older.items, ...newer.items];
  return { items, next: older.next, siblings: [...older.siblings, ...newer.siblings] };
}

function tellTrashed(): false {
  const remedy = "Restore it from the trash to see it.";
  toasts.error({ message: "That message is in the trash.", remedy });
  return false;
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
