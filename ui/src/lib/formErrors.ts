/** Puts a refused value's error at its field, and every other error at the form's foot. */
import type { CommandError } from "$lib/ipc";

/** The error of one field, or undefined where the error is about something else. */
export function fieldError(error: CommandError | null, field: string): string | undefined {
  return error?.kind === "invalid_input" && same(error.field, field) ? told(error) : undefined;
}

/** The error, unless it stands at one of the form's fields already. */
export function formError(error: CommandError | null, fields: string[]): string | undefined {
  if (error === null || fields.some((field) => fieldError(error, field))) return undefined;
  return told(error);
}

/** What happened and what helps, in one line. */
export function told({ message, remedy }: Pick<CommandError, "message" | "remedy">): string {
  return `${message} ${remedy}`.trim();
}

/** The backend says "max tokens" where TypeScript says "maxTokens". */
function same(a: string, b: string): boolean {
  return letters(a) === letters(b);
}

function letters(name: string): string {
  return name.replace(/[^a-z0-9]/gi, "").toLowerCase();
}
