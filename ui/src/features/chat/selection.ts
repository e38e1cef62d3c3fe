/** What of one message's text is selected. */
import type { MessageId, PinType } from "$lib/ipc";

export type Selected = { messageId: MessageId; text: string; pinType: PinType; range: Range };

const TEXT = '[data-testid="message-text"]';

/** Null where nothing is selected, or more than one message's text. */
export function selectedText(selection = document.getSelection()): Selected | null {
  const text = selection?.toString().trim();
  if (!selection || !text) return null;
  const range = selection.getRangeAt(0);
  const around = elementOf(range.commonAncestorContainer);
  const messageId = Number(around?.closest<HTMLElement>("[data-message-id]")?.dataset.messageId);
  if (!around?.closest(TEXT) || !messageId) return null;
  const pinType = around.closest(".md-code pre") ? "code" : "user";
  return { messageId, text, pinType, range };
}

function elementOf(node: Node): Element | null {
  return node instanceof Element ? node : node.parentElement;
}
