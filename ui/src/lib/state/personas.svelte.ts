/** Every persona. */
import { ipc } from "$lib/ipc";
import type { Persona, PersonaCategory, PersonaFields, PersonaId } from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";
import { toasts } from "./toasts.svelte";

class Personas {
  items = $state.raw<Persona[]>([]);

  constructor() {
    onChanged("persona", () => void this.load());
  }

  async load(): Promise<void> {
    const personas = await attempt(() => ipc.listPersonas());
    if (personas) this.items = personas;
  }

  find(id: PersonaId | null): Persona | null {
    return this.items.find((persona) => persona.id === id) ?? null;
  }

  defaultOf(category: PersonaCategory): Persona | null {
    return this.items.find((p) => p.category === category && p.isDefault) ?? null;
  }

  /** Saves a new persona. Throws, so that the editor can show the error at its field. */
  async create(fields: PersonaFields): Promise<Persona> {
    return this.#put(await ipc.createPersona(fields));
  }

  /** Saves a persona's fields. Throws, so that the editor can show the error at its field. */
  async update(id: PersonaId, fields: PersonaFields): Promise<Persona> {
    return this.#put(await ipc.updatePersona(id, fields));
  }

  async duplicate(persona: Persona): Promise<Persona | undefined> {
    const fields = { ...fieldsOf(persona), name: copyName(persona.name) };
    return attempt(() => this.create(fields));
  }

  async makeDefault(id: PersonaId): Promise<void> {
    const done = await attempt(() => ipc.setDefaultPersona(id));
    if (done) await this.load();
  }

  /** Deletes a persona; its sessions stay and have none. */
  async remove(persona: Persona): Promise<boolean> {
    const done = await attempt(() => ipc.deletePersona(persona.id));
    if (done === undefined) return false;
    this.items = this.items.filter((item) => item.id !== persona.id);
    toasts.show({ text: `Deleted the persona “${persona.name}”.` });
    return true;
  }

  #put(persona: Persona): Persona {
    const known = this.items.some((item) => item.id === persona.id);
    this.items = known
      ? this.items.map((item) => (item.id === persona.id ? persona : item))
      : [...this.items, persona];
    return persona;
  }
}

const NAME_CHARS_MAX = 200;

function copyName(name: string): string {
  const suffix = " (copy)";
  return [...name].slice(0, NAME_CHARS_MAX - suffix.length).join("") + suffix;
}

/** What of a persona its user sets. */
export function fieldsOf(persona: Persona): PersonaFields {
  const { id: _id, isDefault: _isDefault, createdAt: _c, updatedAt: _u, ...fields } = persona;
  return fields;
}

export const personas = new Personas();
