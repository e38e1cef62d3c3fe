/** Search in the demo's messages: a plain scan, for looks only. */
import type {
  Facet,
  MessageHit,
  PaletteResults,
  SearchRequest,
  SearchResults,
  SnippetPart,
} from "../src/lib/ipc/bindings";
import type { DemoData } from "./data";

const SNIPPET_CHARS = 160;
const FILTER = /(^|\s)(role|session|after|before):("[^"]*"|\S*)/g;

export function demoSearch(data: DemoData, request: SearchRequest): SearchResults {
  const words = wordsOf(request.text.replace(FILTER, " "));
  const role = /(?:^|\s)role:(\S+)/.exec(request.text)?.[1];
  const all = hits(data, words).filter((hit) => !role || hit.role === role);
  const from = Number(request.after ?? 0);
  const next = from + request.limit;
  return {
    messages: all.slice(from, next),
    notes: from === 0 ? notes(data, words) : [],
    next: next < all.length ? String(next) : null,
    total: { count: all.length, isExact: true },
    facets: {
      months: counts(all.map((hit) => new Date(hit.createdAt).toISOString().slice(0, 7))),
      roles: counts(all.map((hit) => hit.role)),
      sessions: data.sessions
        .map(({ id, name }) => ({
          sessionId: id,
          name,
          count: all.filter((hit) => hit.sessionId === id).length,
        }))
        .filter(({ count }) => count > 0)
        .sort((a, b) => b.count - a.count)
        .slice(0, 12),
      isComplete: true,
    },
    matched: "words",
    hints: request.text.includes("role:nobody")
      ? [{ part: "role:nobody", problem: "There is no such role." }]
      : [],
    pending: 0,
  };
}

export function demoPalette(data: DemoData, text: string): PaletteResults {
  const words = wordsOf(text);
  const named = (name: string) => words.every((word) => name.toLowerCase().includes(word));
  return {
    sessions: data.sessions
      .filter((one) => one.deletedAt === null && named(one.name))
      .sort((a, b) => b.updatedAt - a.updatedAt)
      .slice(0, 8)
      .map(({ id, name, updatedAt, archivedAt }) => ({
        sessionId: id,
        name: marked(name, words),
        updatedAt,
        isArchived: archivedAt !== null,
      })),
    personas: data.personas
      .filter(({ name }) => words.length > 0 && named(name))
      .slice(0, 5)
      .map(({ id, icon, name }) => ({ personaId: id, icon, name: marked(name, words) })),
    messages: words.length > 0 ? hits(data, words).slice(0, 8) : [],
  };
}

function hits(data: DemoData, words: string[]): MessageHit[] {
  const names = new Map(data.sessions.map(({ id, name }) => [id, name]));
  return [...data.messages.values()]
    .flat()
    .filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)))
    .sort((a, b) => b.createdAt - a.createdAt)
    .map(({ id, sessionId, role, modelId, createdAt, text }, index) => ({
      messageId: id,
      sessionId,
      sessionName: names.get(sessionId) ?? "",
      role,
      modelId,
      createdAt,
      onBranch: index % 5 !== 3,
      snippet: marked(around(text, words[0] ?? ""), words),
    }));
}

function notes(data: DemoData, words: string[]): SearchResults["notes"] {
  return data.sessions
    .filter(({ name }) => words.length > 0 && words.every((w) => name.toLowerCase().includes(w)))
    .slice(0, 3)
    .map(({ id, name, createdAt }) => ({
      kind: "session",
      id,
      sessionId: id,
      sessionName: name,
      messageId: null,
      createdAt,
      snippet: marked(name, words),
    }));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().replaceAll(/["*-]/g, " ").split(/\s+/).filter(Boolean);
}

function around(text: string, word: string): string {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - SNIPPET_CHARS / 3);
  const part = text.slice(at, at + SNIPPET_CHARS).replaceAll(/\s+/g, " ");
  return `${at > 0 ? "… " : ""}${part}${at + SNIPPET_CHARS < text.length ? " …" : ""}`;
}

function marked(text: string, words: string[]): SnippetPart[] {
  if (words.length === 0) return [{ text, isMatch: false }];
  const escaped = words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return text
    .split(new RegExp(`(${escaped.join("|")})`, "i"))
    .map((part, index) => ({ text: part, isMatch: index % 2 === 1 }))
    .filter((part) => part.text !== "");
}

function counts(values: string[]): Facet[] {
  const found = new Map<string, number>();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return [...found].map(([value, count]) => ({ value, count }));
}
