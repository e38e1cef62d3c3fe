/** Turns whatever a call can be rejected with into a typed error. */
import type { CommandError } from "./bindings";

/** A call the backend refused or could not do. `error` says why and what helps. */
export class IpcError extends Error {
  constructor(readonly error: CommandError) {
    super(error.message);
    this.name = "IpcError";
  }
}

/** The typed error behind anything that was thrown or rejected with. */
export function toCommandError(thrown: unknown): CommandError {
  if (thrown instanceof IpcError) return thrown.error;
  if (isCommandError(thrown)) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return refusedArgument(text) ?? internal(text);
}

function isCommandError(value: unknown): value is CommandError {
  if (typeof value !== "object" || value === null) return false;
  return "kind" in value && "message" in value && "remedy" in value;
}

/** Tauri rejects arguments it cannot read with a bare string, before our code runs. */
function refusedArgument(text: string): CommandError | null {
  const field = /^invalid args `([^`]+)` for command/.exec(text)?.[1];
  if (field === undefined) return null;
  const remedy = "Check the value and try again.";
  return { kind: "invalid_input", field, limit: "a readable value", message: text, remedy };
}

function internal(text: string): CommandError {
  const message = `Something went wrong inside Chatkeep: ${text}`;
  return { kind: "internal", message, remedy: "Try again. If it stays, restart Chatkeep." };
}

/**
 * The error for the first string in `value` that holds half a character.
 *
 * JSON cannot carry a lone surrogate to Rust: it would be replaced on the way,
 * and what is stored would differ from what was typed.
 */
export function notWellFormed(value: unknown, field = "text"): CommandError | null {
  if (typeof value === "string") return value.isWellFormed() ? null : halfCharacter(field);
  if (typeof value !== "object" || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const error = notWellFormed(inner, Array.isArray(value) ? field : key);
    if (error) return error;
  }
  return null;
}

function halfCharacter(field: string): CommandError {
  return {
    kind: "invalid_input",
    field,
    limit: "whole Unicode characters",
    message: `The ${field} contains half of a character (a lone surrogate).`,
    remedy: "Delete the broken character (often an emoji that was cut in two) and try again.",
  };
}
