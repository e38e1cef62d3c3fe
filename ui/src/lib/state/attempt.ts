import { toCommandError } from "$lib/ipc";
import { toasts } from "./toasts.svelte";

/** Runs an action of the user's; a failure becomes a toast and `undefined`. */
export async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    toasts.error(toCommandError(error));
    return undefined;
  }
}
