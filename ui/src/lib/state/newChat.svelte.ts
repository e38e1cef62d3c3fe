/** What the chat that is not yet a session will be made with. */
import type { PersonaId } from "$lib/ipc";
import { endpoints } from "./endpoints.svelte";
import { personas } from "./personas.svelte";

class NewChat {
  /** False makes a temporary session. */
  saved = $state(true);
  #usualModel = $state<string | null>(null);
  #chosenModel = $state<string | null>(null);
  /** Undefined until the user chooses; null is "no persona". */
  #chosenPersona = $state<PersonaId | null | undefined>(undefined);

  /** The chosen model, else the chosen persona's, else the one used last, else the first there is. */
  get model(): string | null {
    const persona = personas.find(this.#chosenPersona ?? null);
    const usual = this.#chosenModel ?? persona?.defaultModel ?? this.#usualModel;
    return usual ?? defaultPersonasModel() ?? firstModel();
  }

  /** The chosen persona, else the default one of the model's category. */
  get personaId(): PersonaId | null {
    if (this.#chosenPersona !== undefined) return this.#chosenPersona;
    const category = endpoints.categoryOf(this.model);
    return category === null ? null : (personas.defaultOf(category)?.id ?? null);
  }

  chooseModel(model: string | null): void {
    this.#chosenModel = model;
  }

  /** Takes a persona, and with it the model it is made for. */
  choosePersona(id: PersonaId | null): void {
    this.#chosenPersona = id;
    if (personas.find(id)?.defaultModel) this.#chosenModel = null;
  }

  /** Starts over. `usualModel` is what was talked to last. */
  reset(usualModel: string | null): void {
    this.saved = true;
    this.#usualModel = usualModel;
    this.#chosenModel = null;
    this.#chosenPersona = undefined;
  }
}

function defaultPersonasModel(): string | null {
  return personas.items.find((p) => p.isDefault && p.defaultModel !== null)?.defaultModel ?? null;
}

function firstModel(): string | null {
  return endpoints.models.find((group) => group.models.length > 0)?.models[0]?.reference ?? null;
}

export const newChat = new NewChat();
