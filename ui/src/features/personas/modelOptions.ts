/** The models of every endpoint as lines of a picker. */
import { modelName } from "$lib/modelReference";
import type { ModelGroup } from "$lib/state/endpoints.svelte";

export type ModelOption = { value: string; label: string };

/** Every model there is, and those in `kept` even where their endpoint does not answer now. */
export function modelOptions(groups: ModelGroup[], kept: string[]): ModelOption[] {
  const offered = groups.flatMap(({ endpoint, models }) =>
    models.map((model) => ({ value: model.reference, label: `${model.id} — ${endpoint.name}` })),
  );
  const known = new Set(offered.map((option) => option.value));
  const missing = kept
    .filter((reference) => !known.has(reference))
    .map((reference) => ({ value: reference, label: `${modelName(reference)} — not found` }));
  return [...offered, ...missing];
}
