import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LETTER } from "./letter";

/** The body of one chat request, as it arrived. */
export type ChatRequest = {
  model: string;
  messages: { role: string; content: string }[];
  [parameter: string]: unknown;
};

/** One chat request to be answered. */
export type Reply = { request: ChatRequest; response: ServerResponse; server: ModelServer };
/** What a model does with a request; the numbers are from its name. */
export type Behaviour = (reply: Reply, ...numbers: number[]) => Promise<void>;

/**
 * What each model does, by the first part of its name; "steady:20:60" calls `steady` with 20, 60.
 * The names are what `GET /v1/models` lists.
 */
const BEHAVIOURS: Record<string, Behaviour> = {
  /** Says back what it was told. */
  parrot,
  /** Says the same to everything, which is about nothing. */
  nod: saying("Noted."),
  /** Streams "w1 w2 w3 …", one word every so many milliseconds; goes on where it was cut. */
  steady: (reply, pauseMs = 20, count = 60) =>
    speak(reply, countFrom(reply.request, count), pauseMs),
  /** A letter with headings, lists, a table, code, and a script that must never run. */
  letter: saying(LETTER),
  /** The connection breaks after five words. */
  unplugged: unplug,
  /** The connection breaks the first time and answers the second. */
  flaky: (reply) =>
    reply.server.requestsFor("flaky").length === 1 ? unplug(reply) : parrot(reply),
  /** Too many requests; free again in seven seconds. */
  busy: ({ response }) => refuse(response, 429, "Rate limit reached", { "retry-after": "7" }),
  /** A stream whose second event is not JSON. */
  garbled: async ({ response }) => {
    begin(response);
    sayWord(response, "w1 ");
    response.end('data: {"choices":[{"delta":{"content":"w2\n\n');
  },
  /** Says back what it was told, and does what the app asks of a model for its memory. */
  scribe: (reply) => remember(reply) ?? parrot(reply),
  /** Never answers at all. */
  silent: () => new Promise(() => {}),
  /** Says three words and then nothing more, without ending. */
  stuck: ({ response }) => {
    begin(response);
    for (const word of count(1, 3)) sayWord(response, word);
    return new Promise(() => {});
  },
  /** Is listed, but was removed since. */
  missing: ({ response }) => refuse(response, 404, "The model `missing` does not exist"),
  /** Wants another key. */
  locked: ({ response }) => refuse(response, 401, "Incorrect API key provided"),
};

function parrot(reply: Reply): Promise<void> {
  return speak(reply, words(`You said: ${lastWords(reply.request)}`));
}

/** What a good model answers where the app asks for a summary, a name or facts. */
function remember(reply: Reply): Promise<void> | undefined {
  const instruction = reply.request.messages.find(({ role }) => role === "system")?.content ?? "";
  const asked = Object.keys(MEMORIES).find((beginning) => instruction.startsWith(beginning));
  return asked === undefined ? undefined : speak(reply, words(MEMORIES[asked]!));
}

/** Answers, by how the app's instruction begins. */
const MEMORIES: Record<string, string> = {
  "You write the memory": "The user asked about tides; the assistant explained the moon's part.",
  "You give a chat": "Tides and the moon",
  "You find what is worth": '{"facts": []}',
};

async function unplug({ response }: Reply): Promise<void> {
  begin(response);
  for (const word of count(1, 5)) sayWord(response, word);
  await sleep(200);
  response.destroy();
}

/** A model that gives this answer, a word every so many milliseconds. */
export function saying(text: string, pauseMs = 0): Behaviour {
  return (reply) => speak(reply, words(text), pauseMs);
}

/** A small OpenAI-compatible server whose models misbehave on request. */
export class ModelServer {
  readonly #server: Server;
  /** Every chat request so far, oldest first. */
  readonly requests: ChatRequest[] = [];
  /** The Authorization header of every request so far. */
  readonly authorizations: (string | undefined)[] = [];

  private constructor(private readonly behaviours: Record<string, Behaviour>) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(behaviours = BEHAVIOURS): Promise<ModelServer> {
    const server = new ModelServer(behaviours);
    await server.#listen(0);
    return server;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  /** Answers again where it answered before it was stopped. */
  async startAgain(url: string): Promise<void> {
    await this.#listen(Number(new URL(url).port));
  }

  /** The base URL, as a person would type it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  requestsFor(model: string): ChatRequest[] {
    return this.requests.filter((request) => request.model === model);
  }

  /** The newest chat request. */
  get lastRequest(): ChatRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error("The model server has received no chat request.");
    return request;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.authorizations.push(incoming.headers.authorization);
    const route = `${incoming.method} ${incoming.url}`;
    if (route === "GET /v1/models") return listModels(response, Object.keys(this.behaviours));
    if (route !== "POST /v1/chat/completions")
      return refuse(response, 404, `No such page: ${route}`);
    const request = (await bodyOf(incoming)) as ChatRequest;
    this.requests.push(request);
    const [name = "", ...numbers] = request.model.split(":");
    const behave = this.behaviours[name] ?? unknown;
    await behave({ request, response, server: this }, ...numbers.map(Number));
  }
}

const unknown: Behaviour = ({ request, response }) =>
  refuse(response, 404, `No model named ${request.model}`);

async function bodyOf(incoming: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString("utf8"));
}

function listModels(response: ServerResponse, names: string[]): void {
  const data = names.map((id) => ({ id, object: "model", owned_by: "tests" }));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ object: "list", data }));
}

async function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Promise<void> {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message, type: "error", code: status } }));
}

async function speak({ response, request }: Reply, said: string[], pauseMs = 0): Promise<void> {
  begin(response);
  for (const word of said) {
    if (response.destroyed) return;
    sayWord(response, word);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  event(response, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  const spent = { prompt_tokens: request.messages.length * 10, completion_tokens: said.length };
  const usage = { ...spent, total_tokens: spent.prompt_tokens + spent.completion_tokens };
  event(response, { choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function begin(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  event(response, { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] });
}

function sayWord(response: ServerResponse, content: string): void {
  event(response, { choices: [{ index: 0, delta: { content }, finish_reason: null }] });
}

function event(response: ServerResponse, data: object): void {
  const whole = { id: "chatcmpl-1", object: "chat.completion.chunk", model: "test", ...data };
  response.write(`data: ${JSON.stringify(whole)}\n\n`);
}

function lastWords(request: ChatRequest): string {
  return request.messages.findLast(({ role }) => role === "user")?.content ?? "nothing";
}

function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

function count(first: number, last: number): string[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => `w${first + i} `);
}

/** "w1 … wN", or what is left of it when the request ends in the first part of it. */
function countFrom(request: ChatRequest, last: number): string[] {
  const lastUser = request.messages.findLastIndex(({ role }) => role === "user");
  const cut = request.messages.slice(lastUser + 1).map(({ content }) => content);
  const said = /w(\d+)\s*$/.exec(cut.join(""))?.[1] ?? "0";
  return count(Number(said) + 1, last);
}
