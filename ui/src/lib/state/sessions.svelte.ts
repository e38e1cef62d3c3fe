/** The session list of the shelf on show, and the session that is open. */
import { ipc, toCommandError } from "$lib/ipc";
import type {
  MessageId,
  NewSession,
  PersonaId,
  Session,
  SessionCursor,
  SessionId,
  Shelf,
} from "$lib/ipc";
import { sessionName } from "$lib/sessionName";
import { shelfOf, withPage, withSession, withoutSession } from "$lib/sessionList";
import { app } from "./app.svelte";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { newChat } from "./newChat.svelte";
import { toasts } from "./toasts.svelte";

const PAGE_ITEMS = 60;
/** More changed rows than this are cheaper to list again than to get one by one. */
const REFRESH_ITEMS_MAX = 30;

type OpenedHandler = (id: SessionId | null) => void;
type ReadHandler = (session: Session) => void;

class Sessions {
  /** The loaded part of the shelf, in list order. */
  items = $state.raw<Session[]>([]);
  /** The session on show; null is the new chat. */
  current = $state.raw<Session | null>(null);
  /** False until the shelf's first page is there. */
  loaded = $state(false);
  #shelf = $state<Shelf>("active");
  #next = $state.raw<SessionCursor | null>(null);
  #loading: Promise<void> | null = null;
  /** Counts list loads and openings, so that late answers to old ones are dropped. */
  #list = 0;
  #opening = 0;
  #openedHandlers: OpenedHandler[] = [];
  #readHandlers: ReadHandler[] = [];

  /** Refreshes run one after the other, so that the newest reading wins. */
  #refreshing = Promise.resolve();

  constructor() {
    onChanged("session", (ids) => {
      this.#refreshing = this.#refreshing.then(() => this.#refresh(ids));
    });
  }

  get shelf(): Shelf {
    return this.#shelf;
  }

  /** Shows another shelf, from its top. */
  set shelf(shelf: Shelf) {
    if (shelf === this.#shelf) return;
    this.#shelf = shelf;
    this.items = [];
    this.#next = null;
    this.loaded = false;
    void this.load();
  }

  /** Whether `loadMore` would bring anything. */
  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** Model, persona and kind of the chat on show, be it a session yet or not. */
  get chat(): Pick<NewSession, "model" | "personaId" | "saved"> {
    return this.current ?? newChat;
  }

  /** Loads the first page of the shelf, or as many rows as are on show. */
  async load(limit = PAGE_ITEMS): Promise<void> {
    const list = ++this.#list;
    await this.#alone(async () => {
      const page = await attempt(() => ipc.listSessions(this.#shelf, null, limit));
      if (list !== this.#list || !page) return;
      this.items = page.items;
      this.#next = page.next;
      this.loaded = true;
    });
  }

  /** Loads the next page, if there is one and none is under way. */
  async loadMore(): Promise<void> {
    if (this.#loading || this.#next === null) return;
    const [list, after] = [this.#list, this.#next];
    await this.#alone(async () => {
      const page = await attempt(() => ipc.listSessions(this.#shelf, after, PAGE_ITEMS));
      if (list !== this.#list || !page) return;
      this.items = withPage(this.items, page.items);
      this.#next = page.next;
    });
  }

  async #alone(load: () => Promise<void>): Promise<void> {
    const loading = load();
    this.#loading = loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  /** Shows a session; null shows the new chat. */
  async open(id: SessionId | null): Promise<void> {
    const opening = ++this.#opening;
    const session = id === null ? null : await attempt(() => this.#get(id));
    if (opening !== this.#opening || session === undefined) return;
    this.#show(session);
    if (app.settings.lastSessionId !== id) await app.updateSettings({ lastSessionId: id });
  }

  /** Opens the session that was on show last, or the new chat where it is gone or in the trash. */
  async resume(id: SessionId | null): Promise<void> {
    const session = id === null ? null : await attempt(() => find(id));
    await this.open(session && session.deletedAt === null ? session.id : null);
  }

  /** Calls `handler` with each session that is opened, beginning with the one on show. */
  whenOpened(handler: OpenedHandler): void {
    this.#openedHandlers.push(handler);
    handler(this.current?.id ?? null);
  }

  /** Calls `handler` with the session on show, each time it is read from disk. */
  whenRead(handler: ReadHandler): void {
    this.#readHandlers.push(handler);
  }

  #show(session: Session | null): void {
    const lastModel = this.current?.model ?? this.items.find((item) => item.model)?.model;
    if (session === null) newChat.reset(lastModel ?? null);
    this.current = session;
    for (const handler of this.#openedHandlers) handler(session?.id ?? null);
  }

  async #get(id: SessionId): Promise<Session> {
    return this.items.find((item) => item.id === id) ?? ipc.getSession(id);
  }

  /** Makes a session of the new chat, named after its first message, and opens it. */
  async createFromNewChat(firstMessage: string): Promise<Session | undefined> {
    const { model, personaId, saved } = newChat;
    const session = await this.create({ name: sessionName(firstMessage), model, personaId, saved });
    if (session) await this.open(session.id);
    return session;
  }

  async create(newSession: NewSession): Promise<Session | undefined> {
    const session = await attempt(() => ipc.createSession(newSession));
    if (session) this.#put(session);
    return session;
  }

  /** Opens a new session with the same past as a message has; Back opens the former one again. */
  async fork(messageId: MessageId): Promise<boolean> {
    const from = this.current?.id ?? null;
    const session = await attempt(() => ipc.forkSession(messageId));
    if (!session) return false;
    this.#put(session);
    await this.open(session.id);
    toasts.show({ text: "This is a new session, forked.", back: () => void this.open(from) });
    return true;
  }

  async rename(id: SessionId, name: string): Promise<boolean> {
    return this.#change(id, { name }, () => ipc.renameSession(id, name));
  }

  async setPinned(id: SessionId, pinned: boolean): Promise<boolean> {
    return this.#change(id, { pinned }, () => ipc.setSessionPinned(id, pinned));
  }

  async archive(id: SessionId): Promise<boolean> {
    const archivedAt = Date.now();
    const done = await this.#change(id, { archivedAt }, () => ipc.setSessionArchived(id, true));
    if (done) toasts.show({ text: "Archived.", undo: () => void this.unarchive(id) });
    return done;
  }

  async unarchive(id: SessionId): Promise<boolean> {
    return this.#change(id, { archivedAt: null }, () => ipc.setSessionArchived(id, false));
  }

  /** Moves a session to the trash, from where Undo or `restore` brings it back. */
  async trash(id: SessionId): Promise<boolean> {
    const wasOpen = this.current?.id === id;
    const deletedAt = Date.now();
    const done = await this.#change(id, { deletedAt }, () => ipc.trashSession(id));
    if (!done) return false;
    if (wasOpen && this.current?.id === id) await this.open(null);
    toasts.show({ text: "Moved to the trash.", undo: () => void this.#undoTrash(id, wasOpen) });
    return true;
  }

  async #undoTrash(id: SessionId, reopen: boolean): Promise<void> {
    if ((await this.restore(id)) && reopen) await this.open(id);
  }

  async restore(id: SessionId): Promise<boolean> {
    return this.#change(id, { deletedAt: null }, () => ipc.restoreSession(id));
  }

  /** Deletes a session and all that is in it. There is no way back. */
  async deleteForGood(id: SessionId): Promise<boolean> {
    const done = await attempt(() => ipc.deleteSession(id));
    if (done === undefined) return false;
    this.#drop(id);
    return true;
  }

  /** Sets the model of a session; null sets that of the new chat. */
  async setModel(id: SessionId | null, model: string | null): Promise<boolean> {
    if (id !== null) return this.#change(id, { model }, () => ipc.setSessionModel(id, model));
    newChat.chooseModel(model);
    return true;
  }

  /** Sets the persona of a session; null sets that of the new chat. */
  async setPersona(id: SessionId | null, personaId: PersonaId | null): Promise<boolean> {
    if (id !== null)
      return this.#change(id, { personaId }, () => ipc.setSessionPersona(id, personaId));
    newChat.choosePersona(personaId);
    return true;
  }

  /** Keeps a session or makes it temporary; null does so to the new chat. */
  async setSaved(id: SessionId | null, saved: boolean): Promise<boolean> {
    if (id !== null) return this.#change(id, { saved }, () => ipc.setSessionSaved(id, saved));
    newChat.saved = saved;
    return true;
  }

  /** Shows a change at once, then what the backend made of it, or the old state if it refused. */
  async #change(
    id: SessionId,
    expected: Partial<Session>,
    command: () => Promise<Session>,
  ): Promise<boolean> {
    const before = this.items.find((item) => item.id === id) ?? this.current;
    if (before?.id === id) this.#put({ ...before, ...expected });
    const session = await attempt(command);
    if (session) this.#take(session);
    else await this.#refresh([id]);
    return session !== undefined;
  }

  /** Takes up what commits changed, row by row: the rest of the list stays as it is. */
  async #refresh(ids: SessionId[]): Promise<void> {
    await this.#loading;
    if (ids.length > REFRESH_ITEMS_MAX) await this.load(Math.max(PAGE_ITEMS, this.items.length));
    else await Promise.all(ids.map((id) => this.#refreshOne(id)));
  }

  async #refreshOne(id: SessionId): Promise<void> {
    const session = await attempt(() => find(id));
    if (session) this.#take(session);
    else if (session === null) this.#drop(id);
  }

  /** Takes up a session as it was read from disk. */
  #take(session: Session): void {
    this.#put(session);
    if (this.current?.id !== session.id) return;
    for (const handler of this.#readHandlers) handler(session);
  }

  #put(session: Session): void {
    if (this.current?.id === session.id) this.current = session;
    this.items =
      shelfOf(session) === this.#shelf
        ? withSession(this.items, session, this.hasMore)
        : withoutSession(this.items, session.id);
  }

  #drop(id: SessionId): void {
    this.items = withoutSession(this.items, id);
    if (this.current?.id === id) void this.open(null);
  }
}

/** A session; null where there is none with this id. */
async function find(id: SessionId): Promise<Session | null> {
  try {
    return await ipc.getSession(id);
  } catch (error) {
    if (toCommandError(error).kind === "not_found") return null;
    throw error;
  }
}

export const sessions = new Sessions();
