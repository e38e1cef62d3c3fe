/** Which messages of the branch on show a summary stands for. */
import type { MessageId, Summary } from "$lib/ipc";

/** The summary that counts for a message. Ids grow along a branch, and a range ends on its own. */
export function coveringSummary(
  id: MessageId,
  summaries: Summary[],
  onBranch: (id: MessageId) => boolean,
): Summary | undefined {
  return summaries.find(
    ({ startMessageId, endMessageId, whole }) =>
      whole && startMessageId <= id && id <= endMessageId && onBranch(endMessageId),
  );
}
