import type { Attachment } from "svelte/attachments";

/** Calls `close` on Escape inside the element, and keeps what is around it open. */
export function onEscape(close: () => void): Attachment<HTMLElement> {
  return (element) => {
    const onkeydown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      close();
    };
    element.addEventListener("keydown", onkeydown);
    return () => element.removeEventListener("keydown", onkeydown);
  };
}
