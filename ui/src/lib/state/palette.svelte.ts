/** What the command palette finds for each key that is pressed; a late answer is dropped. */
import { ipc } from "$lib/ipc";
import type { PaletteResults } from "$lib/ipc";
import { attempt } from "./attempt";

const NOTHING: PaletteResults = { sessions: [], personas: [], messages: [] };

class Palette {
  /** The last answer, and what it is the answer to. */
  found = $state.raw<PaletteResults & { text: string }>({ text: "", ...NOTHING });
  #turn = 0;

  async look(text: string): Promise<void> {
    const turn = ++this.#turn;
    const results = await attempt(() => ipc.paletteSearch(text));
    if (turn === this.#turn) this.found = { text, ...(results ?? NOTHING) };
  }
}

export const palette = new Palette();
