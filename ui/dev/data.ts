/** What the demo backend holds at its start. */
import type {
  AppStatus,
  EndpointState,
  Generation,
  LocalServer,
  Message,
  Persona,
  Pin,
  Session,
  Settings,
  Summary,
} from "../src/lib/ipc/bindings";
import { CONVERSATIONS, FAILED_REPLY, TOPICS } from "./texts";

export type DemoName = "none" | "little" | "much" | "failed";
export type DemoData = {
  status: AppStatus;
  sessions: Session[];
  messages: Map<string, Message[]>;
  personas: Persona[];
  summaries: Summary[];
  pins: Pin[];
  generations: Generation[];
  endpoints: EndpointState[];
  servers: LocalServer[];
  settings: Settings;
};

const HOUR_MS = 3_600_000;
const now = Date.now();
let lastMessageId = 0;

const persona = (fields: Partial<Persona>): Persona => ({
  id: "default-cloud",
  name: "Assistant",
  prompt: "You are a helpful, precise assistant.",
  description: "For everyday questions",
  icon: "✨",
  category: "cloud",
  defaultModel: null,
  suggestedModels: [],
  temperature: 0.7,
  maxTokens: 4096,
  topP: 1,
  repeatPenalty: null,
  stopSequences: [],
  isDefault: false,
  createdAt: now,
  updatedAt: now,
  ...fields,
});

const PERSONAS = [
  persona({ isDefault: true }),
  persona({
    id: "default-local",
    name: "Local assistant",
    icon: "🖥️",
    category: "local",
    isDefault: true,
  }),
  persona({
    id: "p-editor",
    name: "Line editor",
    icon: "✍️",
    description: "Tightens prose, keeps the voice",
  }),
  persona({
    id: "p-rust",
    name: "Rust reviewer",
    icon: "🦀",
    description: "Reviews code for soundness",
    temperature: 0.2,
  }),
];

const ENDPOINTS: EndpointState[] = [
  {
    endpoint: {
      id: "ollama",
      kind: "ollama",
      name: "Ollama",
      baseUrl: "http://127.0.0.1:11434",
      createdAt: now,
    },
    key: "none",
  },
  {
    endpoint: {
      id: "anthropic",
      kind: "anthropic",
      name: "Anthropic",
      baseUrl: "https://api.anthropic.com",
      createdAt: now,
    },
    key: "keychain",
  },
  {
    endpoint: {
      id: "lab",
      kind: "openai_compatible",
      name: "Lab server",
      baseUrl: "http://10.0.0.12:8000/v1",
      createdAt: now,
    },
    key: "none",
  },
];

const SERVERS: LocalServer[] = [
  {
    kind: "ollama",
    name: "Ollama",
    baseUrl: "http://127.0.0.1:11434",
    models: ["llama3.2:3b", "qwen2.5-coder:7b", "nomic-embed-text"],
  },
];

export function session(id: string, fields: Partial<Session>): Session {
  return {
    id,
    name: "New chat",
    model: "anthropic/claude-sonnet-4-5",
    recap: null,
    personaId: null,
    saved: true,
    expiresAt: null,
    headId: null,
    archivedAt: null,
    deletedAt: null,
    pinned: false,
    createdAt: now,
    updatedAt: now,
    ...fields,
  };
}

export function message(sessionId: string, fields: Partial<Message>): Message {
  const id = ++lastMessageId;
  return {
    id,
    uid: crypto.randomUUID(),
    sessionId,
    parentId: null,
    role: "user",
    text: "",
    modelId: null,
    tokenUsage: null,
    importanceScore: 0.5,
    importanceByUser: false,
    tokenCount: null,
    status: "complete",
    depth: 1,
    deletedAt: null,
    createdAt: Date.now(),
    ...fields,
  };
}

/** The data set with this name. */
export function demoData(name: DemoName): DemoData {
  const data: DemoData = {
    status: { state: "ready", keychain: true },
    sessions: [],
    messages: new Map(),
    personas: PERSONAS,
    summaries: [],
    pins: [],
    generations: [],
    endpoints: [],
    servers: SERVERS,
    settings: {
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
    },
  };
  if (name === "failed") data.status = failed();
  if (name === "little" || name === "much") fillLittle(data);
  if (name === "much") fillMuch(data);
  for (const one of data.sessions) one.headId = data.messages.get(one.id)?.at(-1)?.id ?? null;
  if (name === "little" || name === "much") branchOff(data);
  return data;
}

function failed(): AppStatus {
  const file = "/home/ada/.local/share/chatkeep/chatkeep.db";
  return {
    state: "failed",
    failure: {
      kind: "corrupt",
      title: "The database is damaged",
      message: `${file} is not a readable SQLite database. It was left as it is.`,
      remedy: "Choose another data folder, or look at the file.",
      file,
      dataDir: "/home/ada/.local/share/chatkeep",
    },
  };
}

function fillLittle(data: DemoData): void {
  data.endpoints = ENDPOINTS;
  CONVERSATIONS.forEach(({ turns, hoursAgo, ...fields }, index) => {
    const id = `s-${index}`;
    const at = now - hoursAgo * HOUR_MS;
    data.sessions.push(session(id, { ...fields, createdAt: at, updatedAt: at }));
    data.messages.set(id, chain(id, turns, at));
  });
  const [first] = data.sessions;
  if (first) addMemory(data, first.id);
  breakReplies(data);
}

function chain(sessionId: string, turns: string[], at: number): Message[] {
  let parentId: number | null = null;
  return turns.map((text, index) => {
    const reply = index % 2 === 1;
    const one = message(sessionId, {
      parentId,
      role: reply ? "assistant" : "user",
      text,
      modelId: reply ? "anthropic/claude-sonnet-4-5" : null,
      depth: index + 1,
      createdAt: at - (turns.length - index) * 90_000,
    });
    parentId = one.id;
    return one;
  });
}

/** Other versions of the first session's end, and something in the trash. */
function branchOff(data: DemoData): void {
  const list = data.messages.get("s-0") ?? [];
  const [asked, reply] = list.slice(-2);
  if (!asked || !reply) return;
  const { parentId, depth } = asked;
  list.push(message("s-0", { parentId, depth, text: "And how would I measure that?" }));
  for (const text of ["A second try at the same answer.", "A third one, shorter."]) {
    const fields = { parentId: asked.id, depth: depth + 1, modelId: reply.modelId };
    list.push(message("s-0", { ...fields, role: "assistant", text }));
  }
  const deletedAt = now - 50 * HOUR_MS;
  const gone = { parentId: reply.id, depth: depth + 2, deletedAt };
  list.push(message("s-0", { ...gone, text: "Never mind: I asked this in the wrong session." }));
  const old = data.sessions.at(-1);
  if (old) Object.assign(old, { deletedAt });
}

function pin(id: string, fields: Partial<Pin>): Pin {
  const place = { scope: "session", sessionId: "s-0", personaId: null } as const;
  const found = { pinType: "user", source: "user", rule: null } as const;
  const scores = { content: "", sourceMessageId: null, importanceScore: 0.8, createdAt: now };
  return { id, ...place, ...found, ...scores, ...fields };
}

function summary(id: string, fields: Partial<Summary>): Summary {
  const range = { messageCount: 4, startMessageId: 0, endMessageId: 0 };
  const origin = { origin: "user", modelId: null, whole: true } as const;
  const rest = { summary: "", importanceScore: 0.7, createdAt: now };
  return { id, sessionId: "s-0", ...range, ...origin, ...rest, ...fields };
}

function addMemory(data: DemoData, sessionId: string): void {
  const list = data.messages.get(sessionId) ?? [];
  const [start, reply, , end] = list;
  if (!start || !reply || !end) return;
  data.summaries.push(
    summary("sum-1", {
      summary:
        "Compared WAL with rollback journals for a desktop app; chose WAL with FULL commits for user text.",
      startMessageId: start.id,
      endMessageId: end.id,
      origin: "model",
      modelId: "anthropic/claude-haiku-4-5",
    }),
  );
  data.pins.push(
    pin("pin-1", {
      content: "A checkpoint never blocks readers, but a long reader keeps the WAL from shrinking.",
      sourceMessageId: reply.id,
    }),
    pin("pin-2", {
      content: "I'm building a desktop app on SQLite.",
      sourceMessageId: start.id,
      importanceScore: 0.7,
      pinType: "auto",
      source: "rule",
      rule: "fact",
    }),
    pin("pin-3", {
      content: "Answers in British spelling, with metric units.",
      scope: "all",
      sessionId: null,
      importanceScore: 0.75,
      pinType: "system",
    }),
  );
}

/** One reply that was stopped and one that failed, to see how they look. */
function breakReplies(data: DemoData): void {
  const cut = data.messages.get("s-1")?.at(-1);
  if (cut) Object.assign(cut, { status: "interrupted", text: cut.text.slice(0, 420) });
  const bad = data.messages.get("s-2")?.at(-1);
  if (!bad) return;
  Object.assign(bad, { status: "failed", text: "" });
  data.generations.push({
    id: 1,
    sessionId: "s-2",
    messageId: bad.id,
    purpose: "reply",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    promptTokens: 812,
    completionTokens: null,
    firstTokenMs: null,
    totalMs: 30_012,
    status: "failed",
    error: FAILED_REPLY,
    createdAt: now,
  });
}

function fillMuch(data: DemoData): void {
  for (let index = 0; index < 2000; index++) {
    const id = `m-${index}`;
    const at = now - (index + 30) * 5 * HOUR_MS;
    const name = `${TOPICS[index % TOPICS.length]} ${index}`;
    data.sessions.push(session(id, { name, createdAt: at, updatedAt: at }));
  }
  const long = CONVERSATIONS.flatMap(({ turns }) => turns.slice(0, turns.length & ~1));
  const turns = Array.from({ length: 5000 }, (_, index) => long[index % long.length]!);
  const long_session = session("s-long", { name: "The long one, 5,000 messages", updatedAt: now });
  data.sessions.unshift(long_session);
  data.messages.set("s-long", chain("s-long", turns, now));
  addMuchMemory(data);
}

const PINNED = [
  { content: "Nothing longer than a page, please.", source: "rule", rule: "preference" },
  { content: "We ship on the first Monday of the month.", source: "model", rule: "decision" },
  { content: "أفضّل الإجابات القصيرة، مع مثال واحد لكل فكرة.", source: "rule", rule: "preference" },
  { content: "回答は日本語で、敬体で書いてください。コードの注釈は英語のままで構いません。" },
  {
    content: "const MAX = 1 << 20; // the largest request that the proxy lets through",
    pinType: "code",
  },
  {
    content:
      "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3),
  },
  { content: "A very long note. ".repeat(60), pinType: "concept" },
  {
    content: "Remember that the budget meeting moved to Thursday.",
    source: "rule",
    rule: "remember",
  },
] as const;

const SUMMED_UP = [
  { origin: "model", modelId: "ollama/hf.co/unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF:Q4_K_M" },
  { origin: "extractive", summary: "“Should I use WAL?” — “WAL is the better default …”" },
  { origin: "user", summary: "ملخّص: اخترنا الوضع الجديد بعد مقارنة طويلة بين الخيارين." },
  { origin: "model", modelId: "ollama/llama3.2:3b", whole: false },
] as const;

/** 500 pins and 200 summaries, in every length and several scripts. */
function addMuchMemory(data: DemoData): void {
  const list = data.messages.get("s-long") ?? [];
  for (let index = 0; index < 500; index++) {
    const fields = PINNED[index % PINNED.length]!;
    const sourceMessageId = list[list.length - 1 - index]?.id ?? null;
    const place = { sessionId: "s-long", sourceMessageId, importanceScore: 0.9 - index / 1000 };
    data.pins.push(pin(`pin-m-${index}`, { ...place, ...fields }));
  }
  for (let index = 0; index < 200; index++) {
    const [startMessageId, endMessageId] = [list[index * 24]!.id, list[index * 24 + 23]!.id];
    const range = { sessionId: "s-long", startMessageId, endMessageId, messageCount: 24 };
    const text = {
      summary: "They went over it again and settled the details. ".repeat(1 + (index % 9)),
    };
    data.summaries.push(
      summary(`sum-m-${index}`, { ...range, ...text, ...SUMMED_UP[index % SUMMED_UP.length] }),
    );
  }
}
