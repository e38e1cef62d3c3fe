/** What makes messages found by their meaning: the model, how far it has got, and its rest. */
import { ipc, listenToEmbedding } from "$lib/ipc";
import type { EmbeddingStatus, EndpointId, IndexCheck } from "$lib/ipc";
import { modelName } from "$lib/modelReference";
import { app } from "./app.svelte";
import { attempt } from "./attempt";

class Embedding {
  /** Null until it was asked for. */
  status = $state.raw<EmbeddingStatus | null>(null);
  /** Whether a model is being tried or the vectors are being read. */
  busy = $state(false);
  /** What the last check found. */
  checked = $state.raw<IndexCheck | null>(null);

  /** Whether messages can be found by meaning: something is embedded, or about to be. */
  get available(): boolean {
    return this.missing === null;
  }

  /** What is missing to find by meaning; null where nothing is. */
  get missing(): string | null {
    const { status } = this;
    if (!status) return "Whether messages can be found by meaning is not known yet.";
    if (status.model === null) return "No model that finds by meaning is chosen.";
    if (status.problem) return `The model ${modelName(status.model)} cannot be used now.`;
    if (status.serving === null) return "The model that finds by meaning is only starting.";
    return null;
  }

  /** To be called once, when the window mounts. */
  async listen(): Promise<void> {
    await listenToEmbedding((status) => (this.status = status));
  }

  async read(): Promise<void> {
    await this.#take(() => ipc.embeddingStatus());
  }

  /** Chooses the model, which is tried first; null turns finding by meaning off. */
  async choose(model: string | null): Promise<void> {
    this.busy = true;
    await this.#take(() => ipc.setEmbeddingModel(model));
    await app.loadSettings();
    this.busy = false;
  }

  /** Lets the work rest until the app ends, or go on. */
  async pause(paused: boolean): Promise<void> {
    await this.#take(() => ipc.setEmbeddingPaused(paused));
  }

  /** The models of an endpoint that embed; none where it does not answer. */
  async modelsOf(id: EndpointId): Promise<string[]> {
    try {
      return await ipc.listEmbeddingModels(id);
    } catch {
      // What is offered is then what is on this computer; the providers' section tells of the rest.
      return [];
    }
  }

  /** Compares the vectors in memory with those of the database. */
  async check(): Promise<void> {
    this.busy = true;
    this.checked = (await attempt(() => ipc.checkVectors())) ?? null;
    this.busy = false;
  }

  /** Reads the vectors anew. */
  async rebuild(): Promise<void> {
    this.busy = true;
    this.checked = null;
    await attempt(() => ipc.rebuildVectors());
    this.busy = false;
  }

  async #take(ask: () => Promise<EmbeddingStatus>): Promise<void> {
    const status = await attempt(ask);
    if (status) this.status = status;
  }
}

export const embedding = new Embedding();
