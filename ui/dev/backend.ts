/** Answers the app's commands from memory, so that the window can be looked at in a browser. */
import type { Channel } from "@tauri-apps/api/core";
import type { Change, Message, ReplyEvent, Session } from "../src/lib/ipc/bindings";
import { message, session, type DemoData } from "./data";
import { CONVERSATIONS } from "./texts";

type Args = Record<string, unknown>;
type Stream = { timer: ReturnType<typeof setInterval>; end: () => void };

const WORD_MS = 30;

export class DemoBackend {
  #data: DemoData;
  #changed: (changes: Change[]) => void;
  #drafts = new Map<unknown, string>();
  #streams = new Map<number, Stream>();

  constructor(data: DemoData, changed: (changes: Change[]) => void) {
    this.#data = data;
    this.#changed = changed;
  }

  /** The result of a command; throws a CommandError as the real one would. */
  answer(command: string, args: Args): unknown {
    const method = (this as unknown as Record<string, unknown>)[command];
    if (typeof method !== "function") return null;
    return structuredClone(method.call(this, args) ?? null);
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

  list_messages = ({ sessionId, before, limit }: Args) => {
    const all = this.#messages(sessionId);
    const end = before === null ? all.length : all.findIndex((one) => one.id >= Number(before));
    const start = Math.max(0, end - Number(limit));
    return { items: all.slice(start, end), next: start > 0 ? all[start]!.id : null };
  };
  get_message = ({ id }: Args) => this.#message(id);
  delete_message = ({ id }: Args) => {
    const found = this.#message(id);
    const list = this.#messages(found.sessionId);
    list.splice(list.indexOf(found), 1);
    this.#tell("message", String(id));
  };
  list_generations = ({ messageId }: Args) =>
    this.#data.generations.filter((one) => one.messageId === messageId);

  list_personas = () => this.#data.personas;
  list_summaries = ({ sessionId }: Args) =>
    this.#data.summaries.filter((one) => one.sessionId === sessionId);
  list_pins = ({ sessionId }: Args) => this.#data.pins.filter((one) => one.sessionId === sessionId);
  create_pin = ({ newPin }: Args) => {
    const pin = { ...(newPin as object), id: crypto.randomUUID() } as DemoData["pins"][number];
    this.#data.pins.push(Object.assign(pin, { importanceScore: 0.8, createdAt: Date.now() }));
    this.#tell("pin", pin.id);
    return pin;
  };
  delete_pin = ({ id }: Args) => {
    this.#data.pins = this.#data.pins.filter((one) => one.id !== id);
    this.#tell("pin", String(id));
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
    const user = this.#append(sessionId, { role: "user", text: text as string });
    return { user, reply: this.#reply(sessionId, onEvent as Channel<ReplyEvent>) };
  };
  retry_reply = ({ messageId, onEvent }: Args) => {
    const failed = this.#message(messageId);
    const list = this.#messages(failed.sessionId);
    list.splice(list.indexOf(failed), 1);
    return { user: null, reply: this.#reply(failed.sessionId, onEvent as Channel<ReplyEvent>) };
  };
  continue_reply = ({ messageId, onEvent }: Args) => {
    const reply = this.#message(messageId);
    reply.status = "streaming";
    this.#stream(reply, onEvent as Channel<ReplyEvent>);
    return { user: null, reply };
  };
  stop_reply = ({ messageId }: Args) => this.#streams.get(Number(messageId))?.end();

  #reply(sessionId: unknown, channel: Channel<ReplyEvent>): Message {
    const modelId = this.#session(sessionId).model;
    const reply = this.#append(sessionId, { role: "assistant", modelId, status: "streaming" });
    this.#stream(reply, channel);
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
    const appended = message(String(sessionId), fields);
    const list = this.#messages(sessionId);
    list.push(appended);
    this.#data.messages.set(String(sessionId), list);
    this.#patch(sessionId, { updatedAt: Date.now() });
    this.#tell("message", String(appended.id));
    return appended;
  }

  #messages(sessionId: unknown): Message[] {
    return this.#data.messages.get(String(sessionId)) ?? [];
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
