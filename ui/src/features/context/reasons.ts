/** Why an item is sent or is not, in plain words. */
import type { ContextItem, Reason } from "$lib/ipc";

const REASONS: Record<Reason, string> = {
  prompt: "The persona’s prompt, always sent",
  last_message: "Your last message, always sent",
  newest: "One of the newest messages",
  pinned: "Pinned",
  recalled: "Recalled: it is about what you said last",
  summary: "Stands for the messages it covers",
  recent: "Recent, and there is room for it",
  important: "Older, but it matters",
  no_room: "There is no room for it",
  covered: "A summary that is sent covers it",
  not_needed: "What it covers is sent itself, or newer summaries are enough",
  left_out: "You left it out",
  empty: "There is nothing in it",
};

/** Why an item is sent or is not; `excluded` says whether the user left out this very item. */
export function reasonOf({ reason, role }: ContextItem, excluded: boolean): string {
  if (reason === "last_message" && role !== "user") return "Follows your last message";
  // What a tool answered goes with what asked for it.
  if (reason === "left_out" && !excluded) return "You left out what it belongs to";
  return REASONS[reason];
}
