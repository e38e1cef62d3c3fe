/** Whether the index that is searched holds every message, and its repair. */
import { ipc, listenToIndex, progressChannel } from "$lib/ipc";
import type { IndexCheck, IndexProgress, IndexStatus } from "$lib/ipc";
import { attempt } from "./attempt";

class SearchIndex {
  /** Null until it was asked for. */
  status = $state.raw<IndexStatus | null>(null);
  /** What is being done with it at the user's wish. */
  task = $state<"check" | "rebuild" | null>(null);
  progress = $state.raw<IndexProgress | null>(null);
  /** What the last check found. */
  checked = $state.raw<IndexCheck | null>(null);

  /** To be called once, when the window mounts. */
  async listen(): Promise<void> {
    await listenToIndex((status) => (this.status = status));
  }

  async read(): Promise<void> {
    const status = await attempt(() => ipc.indexStatus());
    if (status) this.status = status;
  }

  /** Compares the index with the messages. */
  async check(): Promise<void> {
    await this.#run("check", async (channel) => {
      this.checked = await ipc.checkIndex(channel);
    });
  }

  /** Makes the index anew. Search goes on meanwhile with what is there. */
  async rebuild(): Promise<void> {
    await this.#run("rebuild", async (channel) => {
      this.status = await ipc.rebuildIndex(channel);
      this.checked = null;
    });
  }

  async #run(
    task: "check" | "rebuild",
    work: (channel: ReturnType<typeof progressChannel<IndexProgress>>) => Promise<void>,
  ): Promise<void> {
    if (this.task !== null) return;
    this.task = task;
    await attempt(() => work(progressChannel((progress) => (this.progress = progress))));
    this.task = null;
    this.progress = null;
  }
}

export const searchIndex = new SearchIndex();
