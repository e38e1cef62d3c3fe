/**
 * Model references, "endpointId/model": what a session or a persona holds.
 *
 * The model's own name may hold slashes ("openai/meta-llama/Llama-3"), an
 * endpoint's id never does: the first slash parts them.
 */
export type ModelReference = { endpointId: string; model: string };

/** The parts of a reference, or null where it is not one. */
export function parseModelReference(reference: string | null): ModelReference | null {
  if (reference === null) return null;
  const slash = reference.indexOf("/");
  if (slash <= 0 || slash === reference.length - 1) return null;
  return { endpointId: reference.slice(0, slash), model: reference.slice(slash + 1) };
}

/** What a person calls the model: its own name without the endpoint. */
export function modelName(reference: string | null): string {
  return parseModelReference(reference)?.model ?? reference ?? "";
}
