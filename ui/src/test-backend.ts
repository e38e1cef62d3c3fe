/** A backend for unit tests: answers commands from functions, tells changes, streams replies. */
import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { emit } from "@tauri-apps/api/event";
import type { Channel } from "@tauri-apps/api/core";
import { tick } from "svelte";
import { vi } from "vitest";
import type {
  BackupItem,
  BackupStatus,
  Change,
  CommandError,
  ContextItem,
  ContextPlan,
  EmbeddingStatus,
  Endpoint,
  Entity,
  Message,
  MessageHit,
  Part,
  MemoryStats,
  Persona,
  Pin,
  ReplyEvent,
  Session,
  SessionContext,
  Settings,
  Summary,
} from "$lib/ipc";

// Each fake command knows its own arguments; naming them all here would test nothing.
export type Args = Record<string, any>;
export type Commands = Record<string, (args: Args) => unknown>;
export type Call = { command: string; args: Record<string, unknown> };

/** Makes the next import of a store one of a fresh window: nothing of an earlier test is in it. */
export function freshWindow(commands: Commands): { commands: Commands; calls: Call[] } {
  vi.resetModules();
  return answerWith(commands);
}

/** Answers the commands of the stores there are: for views, which share Svelte with the test. */
export function answerWith(commands: Commands): { commands: Commands; calls: Call[] } {
  clearMocks();
  const calls: Call[] = [];
  mockIPC(
    (command, args) => {
      calls.push({ command, args: { ...(args as Record<string, unknown>) } });
      const answer = commands[command];
      if (!answer) throw `unexpected command ${command}`;
      return answer((args ?? {}) as Args) ?? null;
    },
    { shouldMockEvents: true },
  );
  return { commands, calls };
}

/** Tells the window of a commit, and waits until the stores have taken it up. */
export async function tellChanged(entity: Entity, ...ids: (string | number)[]): Promise<void> {
  const changes: Change[] = ids.map((id) => ({ entity, id: String(id) }));
  await emit("changed", { changes });
  await settled();
}

/** Waits until all promises that are under way have been answered. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  await tick();
}

/** Sends one event of a reply to the window. */
export function stream(channel: Channel<ReplyEvent>, event: ReplyEvent): void {
  channel.onmessage(event);
}

/** A promise to be settled by hand: for answers that come late. */
export function later<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

export const notFound = (id: unknown): CommandError => ({
  kind: "not_found",
  entity: "session",
  id: String(id),
  message: `There is no ${String(id)}.`,
  remedy: "It may have been deleted.",
});

export const diskFull: CommandError = {
  kind: "disk_full",
  message: "The disk is full.",
  remedy: "Free some space.",
};

export const busy: CommandError = {
  kind: "busy",
  message: "The database is busy.",
  remedy: "Try again.",
};

export const settings = (changes: Partial<Settings> = {}): Settings => ({
  theme: "system",
  sidebarOpen: true,
  memoryOpen: false,
  lastSessionId: null,
  temporaryHours: 24,
  trashDays: 30,
  summarize: true,
  summaryAfterMessages: 8,
  summaryAfterPercent: 25,
  summaryModel: null,
  recaps: true,
  autoPins: "rules",
  recallPercent: 10,
  recallFrom: "thisSession",
  embeddingModel: "all-MiniLM-L6-v2",
  ...changes,
});

export const session = (id: string, changes: Partial<Session> = {}): Session => ({
  id,
  name: `Session ${id}`,
  model: "ollama/llama3",
  recap: null,
  personaId: null,
  saved: true,
  expiresAt: null,
  headId: null,
  archivedAt: null,
  deletedAt: null,
  pinned: false,
  createdAt: 1_000,
  updatedAt: 1_000,
  ...changes,
});

export const message = (id: number, changes: Partial<Message> = {}): Message => ({
  id,
  uid: `uid-${id}`,
  sessionId: "a",
  parentId: id === 1 ? null : id - 1,
  role: id % 2 === 1 ? "user" : "assistant",
  text: `text ${id}`,
  modelId: null,
  tokenUsage: null,
  importanceScore: 0.5,
  importanceByUser: false,
  tokenCount: null,
  status: "complete",
  depth: id,
  deletedAt: null,
  createdAt: 1_000 + id,
  ...changes,
});

export const messageHit = (messageId: number, changes: Partial<MessageHit> = {}): MessageHit => ({
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
  ...changes,
});

export const pin = (id: string, changes: Partial<Pin> = {}): Pin => ({
  id,
  scope: "session",
  sessionId: "a",
  personaId: null,
  content: `pin ${id}`,
  sourceMessageId: null,
  importanceScore: 0.8,
  pinType: "user",
  source: "user",
  rule: null,
  createdAt: 1_000,
  ...changes,
});

export const summary = (id: string, changes: Partial<Summary> = {}): Summary => ({
  id,
  sessionId: "a",
  summary: `summary ${id}`,
  messageCount: 2,
  startMessageId: 1,
  endMessageId: 2,
  importanceScore: 0.7,
  origin: "user",
  whole: true,
  modelId: null,
  createdAt: 1_000,
  ...changes,
});

export const memoryStats = (changes: Partial<MemoryStats> = {}): MemoryStats => ({
  messages: 0,
  branchMessages: 0,
  summaries: 0,
  pins: 0,
  uncoveredMessages: 0,
  firstUncoveredId: null,
  tokens: { messages: 0, summaries: 0, pins: 0, persona: 0, budget: 6_144 },
  hints: [],
  ...changes,
});

export const persona = (id: string, changes: Partial<Persona> = {}): Persona => ({
  id,
  name: `Persona ${id}`,
  prompt: "",
  description: "",
  icon: "",
  category: "cloud",
  defaultModel: null,
  suggestedModels: [],
  temperature: null,
  maxTokens: null,
  topP: null,
  repeatPenalty: null,
  stopSequences: [],
  isDefault: false,
  createdAt: 1_000,
  updatedAt: 1_000,
  ...changes,
});

export const endpoint = (id: string, changes: Partial<Endpoint> = {}): Endpoint => ({
  id,
  kind: "ollama",
  name: id,
  baseUrl: "http://127.0.0.1:11434",
  createdAt: 1_000,
  ...changes,
});

export const contextItem = (
  part: Part,
  id: string,
  changes: Partial<ContextItem> = {},
): ContextItem => ({
  part,
  id,
  role: part === "message" ? "user" : null,
  beginning: `${part} ${id}`,
  mark: null,
  score: null,
  recalledFrom: null,
  tokens: 10,
  included: true,
  reason: "recent",
  ...changes,
});

export const contextPlan = (changes: Partial<ContextPlan> = {}): ContextPlan => ({
  budget: 6_144,
  used: 0,
  needed: 0,
  items: [],
  olderMessages: 0,
  ...changes,
});

export const sessionContext = (changes: Partial<SessionContext> = {}): SessionContext => ({
  plan: contextPlan(),
  window: 8_192,
  profile: { model: "ollama/llama3", tokenRatio: 1, samples: 0, contextWindow: null },
  exclusions: [],
  ...changes,
});

export const backupItem = (id: string, changes: Partial<BackupItem> = {}): BackupItem => ({
  id,
  name: `chatkeep.db.${id}.bak`,
  folder: "/data/backups",
  isSecond: false,
  createdAt: Date.now() - 2 * 3_600_000,
  kind: "full",
  reason: "scheduled",
  bytes: 2_097_152,
  sessions: 3,
  messages: 1_204,
  verifiedAt: Date.now() - 3_600_000,
  level: "standard",
  state: "good",
  problem: null,
  pinned: false,
  compressed: false,
  encrypted: false,
  ...changes,
});

export const backupStatus = (changes: Partial<BackupStatus> = {}): BackupStatus => ({
  folder: "/data/backups",
  secondFolder: null,
  sameDisk: false,
  lastGoodAt: null,
  lastProvenAt: null,
  lastProvenId: null,
  intervalMinutes: 30,
  pointMinutes: 15,
  automatic: true,
  keep: { withinHours: 48, daily: 14, weekly: 8, monthly: 12, maxBytes: 5 * 2 ** 30 },
  keepNewest: null,
  fromEnvironment: [],
  task: null,
  undo: null,
  notices: [],
  ...changes,
});

export const embeddingStatus = (changes: Partial<EmbeddingStatus> = {}): EmbeddingStatus => ({
  model: "all-MiniLM-L6-v2",
  serving: "all-MiniLM-L6-v2",
  queued: 0,
  messages: 4,
  state: "done",
  problem: null,
  localModels: [
    { name: "all-MiniLM-L6-v2", installed: true },
    { name: "multilingual-e5-small-q4", installed: false },
  ],
  ...changes,
});

export const modelMissing: CommandError = {
  kind: "embedding_model",
  message: "The files of all-MiniLM-L6-v2 are missing.",
  remedy: "Install the app again, or choose another model.",
};
