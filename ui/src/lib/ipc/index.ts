/**
 * The one door to the backend: the only importer of the generated bindings.
 *
 * A command here resolves to its data or throws an [IpcError]; nothing else
 * comes out, whatever the backend or the transport did.
 */
import { Channel } from "@tauri-apps/api/core";
import { commands, events, type Change, type CommandError } from "./bindings";
import type {
  AppStatus,
  EmbeddingStatus,
  IndexStatus,
  MemoryWork,
  ReplyEvent,
  Settings as SavedSettings,
} from "./bindings";
import { IpcError, notWellFormed, toCommandError } from "./errors";

export type * from "./bindings";
/** What is read is always whole; only what is saved may leave settings out. */
export type Settings = Required<SavedSettings>;
export { IpcError, toCommandError } from "./errors";

type Commands = typeof commands;
export type CommandName = keyof Commands;
type Result = { status: "ok"; data: unknown } | { status: "error"; error: unknown };
type DataOf<R> = R extends { status: "ok"; data: infer D } ? D : never;

/** Every command, with its result unwrapped. */
export type Ipc = {
  [K in CommandName]: (
    ...args: Parameters<Commands[K]>
  ) => Promise<DataOf<Awaited<ReturnType<Commands[K]>>>>;
};

/** How a call ended: what the disk-full banner listens to. */
export type Outcome = { command: CommandName; error: CommandError | null };

let observer: (outcome: Outcome) => void = () => {};

/** Tells `listener` how every call ends. There is one listener. */
export function observeCalls(listener: (outcome: Outcome) => void): void {
  observer = listener;
}

async function call(command: CommandName, args: unknown[]): Promise<unknown> {
  const result = await settle(command, args);
  const error = result.status === "error" ? toCommandError(result.error) : null;
  observer({ command, error });
  if (error) throw new IpcError(error);
  return result.status === "ok" ? result.data : null;
}

async function settle(command: CommandName, args: unknown[]): Promise<Result> {
  const malformed = notWellFormed(args);
  if (malformed) return { status: "error", error: malformed };
  try {
    const run = commands[command] as (...args: unknown[]) => Promise<Result>;
    return await run(...args);
  } catch (error) {
    return { status: "error", error };
  }
}

/** The backend's commands. */
export const ipc = Object.fromEntries(
  (Object.keys(commands) as CommandName[]).map((name) => [
    name,
    (...args: unknown[]) => call(name, args),
  ]),
) as Ipc;

/** A channel whose events go to `listener` until the reply has finished. */
export function replyChannel(listener: (event: ReplyEvent) => void): Channel<ReplyEvent> {
  const channel = new Channel<ReplyEvent>();
  channel.onmessage = listener;
  return channel;
}

/** A channel whose events, such as how far a long task is, go to `listener`. */
export function progressChannel<T>(listener: (event: T) => void): Channel<T> {
  const channel = new Channel<T>();
  channel.onmessage = listener;
  return channel;
}

/** Calls `listener` with what each commit touched. Resolves once it listens. */
export async function listenToChanges(listener: (changes: Change[]) => void): Promise<void> {
  await events.changed.listen((event) => listener(event.payload.changes));
}

/** Calls `listener` when the database opens or fails to. Resolves once it listens. */
export async function listenToStatus(listener: (status: AppStatus) => void): Promise<void> {
  await events.statusChanged.listen((event) => listener(event.payload));
}

/** Calls `listener` when backups or what is known of them changed. Resolves once it listens. */
export async function listenToBackups(listener: () => void): Promise<void> {
  await events.backupsChanged.listen(() => listener());
}

/** Calls `listener` when a model begins or ends work for the memory. Resolves once it listens. */
export async function listenToMemoryWork(
  listener: (work: MemoryWork | null) => void,
): Promise<void> {
  await events.memoryWorkChanged.listen((event) => listener(event.payload));
}

/** Calls `listener` when the index that is searched changed. Resolves once it listens. */
export async function listenToIndex(listener: (status: IndexStatus) => void): Promise<void> {
  await events.indexChanged.listen((event) => listener(event.payload));
}

/** Calls `listener` when the embedding got further, rests or goes on. Resolves once it listens. */
export async function listenToEmbedding(
  listener: (status: EmbeddingStatus) => void,
): Promise<void> {
  await events.embeddingChanged.listen((event) => listener(event.payload));
}
