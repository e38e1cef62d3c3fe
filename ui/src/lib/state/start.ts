/** Connects the stores to the backend and fills them. */
import { listenToBackups, listenToChanges, listenToStatus, observeCalls } from "$lib/ipc";
import type { AppStatus } from "$lib/ipc";
import { app } from "./app.svelte";
import { backups } from "./backups.svelte";
import { dispatchChanges } from "./changes";
import { drafts } from "./drafts.svelte";
import { edits } from "./edits";
import { embedding } from "./embedding.svelte";
import { endpoints } from "./endpoints.svelte";
import { memory } from "./memory.svelte";
import { personas } from "./personas.svelte";
import { searchIndex } from "./searchIndex.svelte";
import { sessions } from "./sessions.svelte";

/** To be called once, when the window mounts. */
export async function start(): Promise<void> {
  observeCalls((outcome) => app.note(outcome));
  await Promise.all([
    listenToChanges(dispatchChanges),
    listenToBackups(() => void backups.refresh()),
    listenToStatus(enter),
    searchIndex.listen(),
    embedding.listen(),
    memory.listen(),
  ]);
  await enter(await app.askStatus());
}

/** Takes up the state of the database: all stores are filled from the one that is open now. */
async function enter(status: AppStatus): Promise<void> {
  app.status = status;
  if (status.state !== "ready") return;
  drafts.reset();
  edits.clear();
  await app.loadSettings();
  const { lastSessionId } = app.settings;
  await Promise.all([personas.load(), endpoints.load(), sessions.load()]);
  await sessions.resume(lastSessionId);
  void endpoints.discover();
  void backups.loadStatus();
  void embedding.read();
}
