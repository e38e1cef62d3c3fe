import type { KeyPlace } from "$lib/ipc";
import { toasts } from "$lib/state/toasts.svelte";

const places: Record<KeyPlace, string> = {
  keychain: "The key is in your system’s keychain.",
  this_run: "There is no keychain: the key is kept until Chatkeep quits.",
};

/** Tells the user where a key went. */
export function tellKeyPlace(place: KeyPlace): void {
  toasts.show({ text: places[place] });
}
