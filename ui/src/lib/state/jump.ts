/** Going to a message, in whichever session and branch it is. */
import type { MessageId, SessionId } from "$lib/ipc";
import { sessions } from "./sessions.svelte";
import { view } from "./view.svelte";

/**
 * Opens a session and brings a message of it on show; null opens the session only. `words` are
 * marked in the message.
 */
export async function openMessage(
  sessionId: SessionId,
  messageId: MessageId | null,
  words: string[] = [],
): Promise<void> {
  if (sessions.current?.id !== sessionId) await sessions.open(sessionId);
  if (sessions.current?.id !== sessionId) return;
  view.closePanels();
  view.marked = words;
  view.jump = messageId;
}
