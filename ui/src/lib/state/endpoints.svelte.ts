/** The places models are reached at, what each offers, and local servers found nearby. */
import { SvelteMap } from "svelte/reactivity";
import { ipc, toCommandError } from "$lib/ipc";
import type {
  CommandError,
  Endpoint,
  EndpointId,
  EndpointState,
  EndpointUpdate,
  KeyPlace,
  LocalServer,
  Model,
  NewEndpoint,
  PersonaCategory,
} from "$lib/ipc";
import { parseModelReference } from "$lib/modelReference";
import { attempt } from "./attempt";
import { onChanged } from "./changes";

/** What an endpoint answered when asked for its models. */
export type ModelList = { models: Model[]; error: CommandError | null; loading: boolean };
export type ModelGroup = ModelList & { endpoint: Endpoint };

const NOT_ASKED: ModelList = { models: [], error: null, loading: false };

class Endpoints {
  items = $state.raw<EndpointState[]>([]);
  #lists = new SvelteMap<EndpointId, ModelList>();
  #found = $state.raw<LocalServer[]>([]);

  /** The models of every endpoint, or the error it answered with. */
  models: ModelGroup[] = $derived(
    this.items.map(({ endpoint }) => ({ endpoint, ...this.modelsOf(endpoint.id) })),
  );
  /** Servers running on this machine that are not endpoints yet. */
  discovered: LocalServer[] = $derived(this.#found.filter((server) => !this.#has(server)));

  constructor() {
    onChanged("endpoint", () => void this.#loadItems());
  }

  /** Loads the endpoints, then asks each for its models without waiting for the answers. */
  async load(): Promise<void> {
    await this.#loadItems();
    for (const { endpoint } of this.items) void this.loadModels(endpoint.id);
  }

  async #loadItems(): Promise<void> {
    const items = await attempt(() => ipc.listEndpoints());
    if (items) this.items = items;
  }

  modelsOf(id: EndpointId): ModelList {
    return this.#lists.get(id) ?? NOT_ASKED;
  }

  /** Asks an endpoint for its models: also the test of its address and key. */
  async loadModels(id: EndpointId): Promise<ModelList> {
    this.#lists.set(id, { ...this.modelsOf(id), loading: true });
    const list = await askForModels(id);
    this.#lists.set(id, list);
    return list;
  }

  async discover(): Promise<void> {
    const found = await attempt(() => ipc.discoverLocalServers());
    if (found) this.#found = found;
  }

  /** Makes an endpoint of a server found on this machine. */
  async use({ kind, name, baseUrl }: LocalServer): Promise<EndpointState | undefined> {
    return attempt(() => this.create({ kind, name, baseUrl }));
  }

  /** Adds an endpoint. Throws, so that the form can show the error at its field. */
  async create(newEndpoint: NewEndpoint): Promise<EndpointState> {
    const created = await ipc.createEndpoint(newEndpoint);
    await this.#loadItems();
    void this.loadModels(created.endpoint.id);
    return created;
  }

  /** Changes name and address. Throws, so that the form can show the error at its field. */
  async update(id: EndpointId, update: EndpointUpdate): Promise<void> {
    await ipc.updateEndpoint(id, update);
    await this.#loadItems();
    void this.loadModels(id);
  }

  async remove(id: EndpointId): Promise<boolean> {
    const done = await attempt(() => ipc.deleteEndpoint(id));
    if (done === undefined) return false;
    this.items = this.items.filter((item) => item.endpoint.id !== id);
    this.#lists.delete(id);
    return true;
  }

  /** Keeps a key and says where. Throws, so that the form can show the error at its field. */
  async setKey(id: EndpointId, key: string): Promise<KeyPlace> {
    const place = await ipc.setEndpointKey(id, key);
    await this.#loadItems();
    void this.loadModels(id);
    return place;
  }

  async clearKey(id: EndpointId): Promise<void> {
    const done = await attempt(() => ipc.clearEndpointKey(id));
    if (done === undefined) return;
    await this.#loadItems();
    void this.loadModels(id);
  }

  /** Whether a model runs on this machine or with a provider; null where its endpoint is gone. */
  categoryOf(reference: string | null): PersonaCategory | null {
    const id = parseModelReference(reference)?.endpointId;
    const kind = this.items.find((item) => item.endpoint.id === id)?.endpoint.kind;
    if (kind === undefined) return null;
    return kind === "ollama" || kind === "openai_compatible" ? "local" : "cloud";
  }

  #has({ baseUrl }: LocalServer): boolean {
    return this.items.some((item) => sameAddress(item.endpoint.baseUrl, baseUrl));
  }
}

async function askForModels(id: EndpointId): Promise<ModelList> {
  try {
    return { models: await ipc.listModels(id), error: null, loading: false };
  } catch (error) {
    return { models: [], error: toCommandError(error), loading: false };
  }
}

/** "http://localhost:11434/" and "http://127.0.0.1:11434" are one server. */
function sameAddress(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(url: string): string {
  return url
    .toLowerCase()
    .replace(/\/+$/, "")
    .replace("://localhost", "://127.0.0.1")
    .replace("://[::1]", "://127.0.0.1");
}

export const endpoints = new Endpoints();
