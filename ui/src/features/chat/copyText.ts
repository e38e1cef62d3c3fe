import { toasts } from "$lib/state/toasts.svelte";

/** Puts text on the clipboard. True where it is there. */
export async function copyText(text: string, done?: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    if (done) toasts.show({ text: done });
    return true;
  } catch {
    const message = "The clipboard could not be written.";
    toasts.error({ message, remedy: "Select the text and copy it with the keyboard." });
    return false;
  }
}
