/** Answers the app's commands from memory, so that the window can be looked at in a browser. */
import type { Channel } from "@tauri-apps/api/core";
import type {
  Change,
  Exclusion,
  Message,
  ReplyEvent,
  SearchRequest,
  Session,
} from "../src/lib/ipc/bindings";
import type { DemoBackups } from "./backups";
import { demoContext } from "./context";
import { message, session, type DemoData } from "./data";
import { DemoMemory } from "./memory";
import { demoPalette, demoSearch } from "./search";
import { CONVERSATIONS } from "./texts";

type Args = Record<string, unknown>;
type Stream = { timer: ReturnType<typeof setInterval>; end: () => void };

const WORD_MS = 30;

export class DemoBackend {
  #data: DemoData;
  #backups: DemoBackups;
  #changed: (changes: Change[]) => void;
  #drafts = new Map<unknown, string>();
  #streams = new Map<number, Stream>();
  #windows = new Map<string, number | null>();
  #exclusions = new Map<string, Exclusion[]>();
  #memory: DemoMemory;

  constructor(data: DemoData, backups: DemoBackups, changed: (changes: Change[]) => void) {
    this.#data = data;
    this.#backups = backups;
    this.#changed = changed;
    this.#memory = new DemoMemory({
      data,
      session: (id) => this.#session(id),
      branch: (id) => this.#branch(id),
      tell: (entity, id) => this.#tell(entity, id),
    });
  }

  /** The result of a command; throws a CommandError as the real one would. */
  async answer(command: string, args: Args): Promise<unknown> {
    const twins = { ...this.#backups, ...this.#memory, ...this } as unknown as Record<
      string,
      unknown
    >;
    const method = twins[command];
    if (typeof method !== "function") return null;
    return structuredClone((await method(args)) ?? null);
  }

  app_status = () => this.#data.status;
  get_settings = () => this.#data.settings;
  update_settings = ({ settings }: Args) => Object.assign(this.#data.settings, settings);
  storage_info = () => ({
    dataDir: "/home/ada/.local/share/chatkeep",
    databaseFile: "/home/ada/.local/share/chatkeep/chatkeep.db",
    databaseBytes: 48_234_496,
    walBytes: 1_245_184,
    logDir: "/home/ada/.local/share/chatkeep/logs",
    sessions: this.#data.sessions.length,
    messages: [...this.#data.messages.values()].reduce((sum, list) => sum + list.length, 0),
    sqliteVersion: "3.53.2",
    appVersion: "0.1.0",
  });

  list_sessions = ({ shelf, after, limit }: Args) => {
    const onShelf = this.#data.sessions
      .filter((one) => shelfOf(one) === shelf)
      .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updatedAt - a.updatedAt);
    const from = Number(after ?? 0);
    const next = from + Number(limit);
    return { items: onShelf.slice(from, next), next: next < onShelf.length ? String(next) : null };
  };

  get_session = ({ id }: Args) => this.#session(id);
  create_session = ({ newSession }: Args) => {
    const created = session(crypto.randomUUID(), newSession as Partial<Session>);
    if (!created.saved) created.expiresAt = Date.now() + 24 * 3_600_000;
    this.#data.sessions.push(created);
    this.#tell("session", created.id);
    return created;
  };
  rename_session = ({ id, name }: Args) => this.#patch(id, { name: name as string });
  set_session_model = ({ id, model }: Args) => this.#patch(id, { model: model as string });
  set_session_persona = ({ id, personaId }: Args) =>
    this.#patch(id, { personaId: personaId as string });
  set_session_pinned = ({ id, pinned }: Args) => this.#patch(id, { pinned: pinned as boolean });
  set_session_archived = ({ id, archived }: Args) =>
    this.#patch(id, { archivedAt: archived ? Date.now() : null });
  set_session_saved = ({ id, saved }: Args) =>
    this.#patch(id, {
      saved: saved as boolean,
      expiresAt: saved ? null : Date.now() + 24 * 3_600_000,
    });
  trash_session = ({ id }: Args) => this.#patch(id, { deletedAt: Date.now() });
  restore_session = ({ id }: Args) => this.#patch(id, { deletedAt: null });
  delete_session = ({ id }: Args) => {
    this.#data.sessions = this.#data.sessions.filter((one) => one.id !== id);
    this.#tell("session", String(id));
  };

  search = ({ request }: Args) => demoSearch(this.#data, request as SearchRequest);
  palette_search = ({ text }: Args) => demoPalette(this.#data, String(text));
  index_status = () => ({
    total: [...this.#data.messages.values()].flat().length,
    pending: 0,
    isScrubbing: false,
  });
  more_like = ({ limit }: Args) =>
    demoSearch(this.#data, {
      text: "",
      order: "newest",
      after: null,
      limit: Number(limit),
      utcOffsetMinutes: 0,
    }).messages;
  check_vectors = () => ({ isSound: true, problems: [] });
  rebuild_vectors = () => null;
  embedding_status = () => {
    const messages = [...this.#data.messages.values()].flat().length;
    const model = this.#data.settings.embeddingModel || null;
    return {
      model,
      serving: model,
      queued: 0,
      messages,
      state: "done",
      problem: null,
      localModels: [
        { name: "all-MiniLM-L6-v2", installed: true },
        { name: "multilingual-e5-small-q4", installed: false },
      ],
    };
  };
  set_embedding_model = ({ model }: Args) => {
    this.#data.settings.embeddingModel = String(model ?? "");
    return this.embedding_status();
  };
  set_embedding_paused = () => this.embedding_status();
  list_embedding_models = () => [];
  check_index = () => ({ isSound: true, problems: [] });
  rebuild_index = () => this.index_status();

  list_messages = ({ sessionId, before, limit }: Args) => {
    const all = this.#branch(sessionId);
    const end = before === null ? all.length : all.findIndex((one) => one.id === before);
    const start = Math.max(0, end - Number(limit));
    const items = all.slice(start, end);
    return { items, next: start > 0 ? all[start]!.id : null, siblings: this.#siblings(items) };
  };
  get_message = ({ id }: Args) => this.#message(id);
  show_branch = ({ messageId }: Args) => {
    const leaf = this.#leaf(this.#message(messageId));
    return this.#patch(leaf.sessionId, { headId: leaf.id });
  };
  fork_session = ({ messageId }: Args) => {
    const last = this.#message(messageId);
    const source = this.#session(last.sessionId);
    const id = crypto.randomUUID();
    this.#data.sessions.push(session(id, { ...source, id, name: `${source.name} (fork)` }));
    this.#patch(id, { headId: null, updatedAt: Date.now() });
    for (const { id: _, ...copied } of this.#branchTo(last)) this.#append(id, copied);
    return this.#session(id);
  };
  trash_message = ({ messageId }: Args) => {
    const gone = this.#message(messageId);
    for (const child of this.#children(gone)) child.parentId = gone.parentId;
    return this.#trash([gone]);
  };
  trash_branch = ({ messageId }: Args) => {
    const branch = [this.#message(messageId)];
    for (const one of branch) branch.push(...this.#children(one));
    return this.#trash(branch);
  };
  restore_message = ({ messageId }: Args) => {
    const found = this.#message(messageId);
    const at = found.deletedAt;
    for (const one of this.#messages(found.sessionId)) {
      if (one.deletedAt === at) one.deletedAt = null;
    }
    return this.show_branch({ messageId });
  };
  list_trash = () =>
    [...this.#data.messages.values()]
      .flat()
      .filter((one) => one.deletedAt && !this.#parent(one)?.deletedAt)
      .map(({ id, sessionId, text, deletedAt }) => {
        const sessionName = this.#session(sessionId).name;
        return { messageId: id, sessionId, sessionName, beginning: text.slice(0, 200), deletedAt };
      });
  list_generations = ({ messageId }: Args) =>
    this.#data.generations.filter((one) => one.messageId === messageId);

  list_personas = () => this.#data.personas;

  get_context = ({ sessionId }: Args) => {
    const session = this.#session(sessionId);
    const { id, model, personaId } = session;
    return demoContext({
      model: model ?? "",
      contextWindow: this.#windows.get(model ?? "") ?? null,
      persona: this.#data.personas.find((one) => one.id === personaId),
      pins: this.#memory.pinsFor(session),
      summaries: this.#memory.summariesOf(id),
      messages: this.#messages(id),
      exclusions: this.#exclusions.get(id) ?? [],
    });
  };
  set_excluded = ({ sessionId, exclusion, excluded }: Args) => {
    const one = exclusion as Exclusion;
    const others = (this.#exclusions.get(String(sessionId)) ?? []).filter(
      ({ part, itemId }) => part !== one.part || itemId !== one.itemId,
    );
    this.#exclusions.set(String(sessionId), excluded ? [...others, one] : others);
    this.#tell("session", String(sessionId));
  };
  set_context_window = ({ model, tokens }: Args) => {
    this.#windows.set(String(model), tokens as number | null);
    this.#tell("settings", String(model));
  };
  set_message_importance = ({ id, score }: Args) => {
    const importanceByUser = score !== null;
    const marked = { importanceScore: Number(score ?? 0.5), importanceByUser };
    Object.assign(this.#message(id), marked);
    this.#tell("message", String(id));
  };

  get_draft = ({ sessionId }: Args) => this.#drafts.get(sessionId) ?? "";
  set_draft = ({ sessionId, text }: Args) => void this.#drafts.set(sessionId, text as string);

  list_endpoints = () => this.#data.endpoints;
  discover_local_servers = () => this.#data.servers;
  create_endpoint = ({ newEndpoint }: Args) => {
    const { kind, name, baseUrl } = newEndpoint as {
      kind: "ollama";
      name: string;
      baseUrl: string;
    };
    const endpoint = { id: kind, kind, name, baseUrl, createdAt: Date.now() };
    const state = { endpoint, key: "none" as const };
    this.#data.endpoints = [...this.#data.endpoints, state];
    this.#tell("endpoint", kind);
    return state;
  };
  list_models = ({ endpointId }: Args) => {
    if (endpointId === "lab") {
      throw {
        kind: "provider_unreachable",
        message: "Lab server does not answer at http://10.0.0.12:8000/v1.",
        remedy: "Start the server, or check its address in the settings.",
      };
    }
    const names =
      endpointId === "ollama"
        ? ["llama3.2:3b", "qwen2.5-coder:7b", "gemma3:12b"]
        : ["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"];
    return names.map((id) => ({ id, reference: `${String(endpointId)}/${id}`, endpointId }));
  };

  send_message = ({ sessionId, text, onEvent }: Args) => {
    const parentId = this.#branch(sessionId).at(-1)?.id ?? null;
    return this.#ask(sessionId, parentId, text, onEvent);
  };
  edit_message = ({ messageId, text, onEvent }: Args) => {
    const { sessionId, parentId } = this.#message(messageId);
    return this.#ask(sessionId, parentId, text, onEvent);
  };
  retry_reply = ({ messageId, onEvent }: Args) => {
    const { sessionId, parentId } = this.#message(messageId);
    return { user: null, reply: this.#reply(sessionId, parentId, onEvent) };
  };
  continue_reply = ({ messageId, onEvent }: Args) => {
    const reply = this.#message(messageId);
    reply.status = "streaming";
    this.#stream(reply, onEvent as Channel<ReplyEvent>);
    return { user: null, reply };
  };
  stop_reply = ({ messageId }: Args) => this.#streams.get(Number(messageId))?.end();

  #ask(sessionId: unknown, parentId: number | null, text: unknown, channel: unknown) {
    const user = this.#append(sessionId, { parentId, role: "user", text: text as string });
    return { user, reply: this.#reply(sessionId, user.id, channel) };
  }

  #reply(sessionId: unknown, parentId: number | null, channel: unknown): Message {
    const modelId = this.#session(sessionId).model;
    const asked = { parentId, role: "assistant", modelId, status: "streaming" } as const;
    const reply = this.#append(sessionId, asked);
    this.#stream(reply, channel as Channel<ReplyEvent>);
    return structuredClone(reply);
  }

  #stream(reply: Message, channel: Channel<ReplyEvent>): void {
    const words = CONVERSATIONS[0]!.turns[1]!.split(/(?<=\s)/);
    const end = (status: Message["status"]) => {
      clearInterval(this.#streams.get(reply.id)?.timer);
      this.#streams.delete(reply.id);
      reply.status = status;
      channel.onmessage({ event: "finished", message: structuredClone(reply), error: null });
      this.#tell("message", String(reply.id));
    };
    const timer = setInterval(() => {
      const text = words.splice(0, 2).join("");
      if (text === "") return end("complete");
      reply.text += text;
      channel.onmessage({ event: "delta", messageId: reply.id, text });
    }, WORD_MS);
    this.#streams.set(reply.id, { timer, end: () => end("interrupted") });
  }

  #append(sessionId: unknown, fields: Partial<Message>): Message {
    const depth = (this.#parent(fields)?.depth ?? 0) + 1;
    const appended = message(String(sessionId), { ...fields, sessionId: String(sessionId), depth });
    const list = this.#messages(sessionId);
    list.push(appended);
    this.#data.messages.set(String(sessionId), list);
    this.#patch(sessionId, { updatedAt: Date.now(), headId: appended.id });
    this.#tell("message", String(appended.id));
    return appended;
  }

  #messages(sessionId: unknown): Message[] {
    return this.#data.messages.get(String(sessionId)) ?? [];
  }

  /** The branch on show, oldest first. */
  #branch(sessionId: unknown): Message[] {
    const { headId } = this.#session(sessionId);
    return headId === null ? [] : this.#branchTo(this.#message(headId));
  }

  #branchTo(last: Message): Message[] {
    const branch: Message[] = [];
    for (let one: Message | undefined = last; one; one = this.#parent(one)) branch.push(one);
    return branch.reverse();
  }

  #parent({ parentId }: Partial<Message>): Message | undefined {
    return parentId ? this.#message(parentId) : undefined;
  }

  #childrenOf(sessionId: string, parentId: number | null): Message[] {
    return this.#messages(sessionId).filter((one) => one.parentId === parentId && !one.deletedAt);
  }

  #children({ sessionId, id }: Message): Message[] {
    return this.#childrenOf(sessionId, id);
  }

  #leaf(from: Message): Message {
    const newest = this.#children(from).at(-1);
    return newest ? this.#leaf(newest) : from;
  }

  #siblings(items: Message[]) {
    const all = items.map(({ id, sessionId, parentId }) => ({
      messageId: id,
      ids: this.#childrenOf(sessionId, parentId).map((one) => one.id),
    }));
    return all.filter(({ ids }) => ids.length > 1);
  }

  #trash(gone: Message[]): Session {
    const [{ sessionId, parentId }] = gone as [Message];
    const deletedAt = Date.now();
    for (const one of gone) Object.assign(one, { deletedAt });
    for (const one of gone) this.#tell("message", String(one.id));
    const next = this.#childrenOf(sessionId, parentId).at(-1) ?? this.#parent({ parentId });
    return this.#patch(sessionId, { headId: next ? this.#leaf(next).id : null });
  }

  #message(id: unknown): Message {
    for (const list of this.#data.messages.values()) {
      const found = list.find((one) => one.id === id);
      if (found) return found;
    }
    throw notFound("message", id);
  }

  #session(id: unknown): Session {
    const found = this.#data.sessions.find((one) => one.id === id);
    if (!found) throw notFound("session", id);
    return found;
  }

  #patch(id: unknown, changes: Partial<Session>): Session {
    const found = Object.assign(this.#session(id), changes);
    this.#tell("session", found.id);
    return found;
  }

  /** After the answer, as a commit's changes arrive in the real window. */
  #tell(entity: Change["entity"], id: string): void {
    setTimeout(() => this.#changed([{ entity, id }]));
  }
}

function shelfOf({ deletedAt, archivedAt }: Session): string {
  if (deletedAt !== null) return "trash";
  return archivedAt === null ? "active" : "archived";
}

function notFound(entity: string, id: unknown) {
  const message = `There is no ${entity} ${String(id)}.`;
  return {
    kind: "not_found",
    entity,
    id: String(id),
    message,
    remedy: "It may have been deleted.",
  };
}
