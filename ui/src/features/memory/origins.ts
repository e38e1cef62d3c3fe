/** Where pins and summaries come from, in plain words. */
import type { FactKind, Pin, Summary } from "$lib/ipc";
import { modelName } from "$lib/modelReference";

const KINDS: Record<FactKind, string> = {
  preference: "a preference of yours",
  fact: "a fact about you",
  decision: "a decision",
  remember: "you asked to remember it",
};

/** How a pin that nobody set by hand was found. */
export function pinOrigin({ source, rule }: Pin): string {
  const finder = source === "model" ? "Found by the model" : "Found by a rule";
  return rule === null ? finder : `${finder}: ${KINDS[rule]}`;
}

/** Who wrote a summary. */
export function summaryOrigin({ origin, modelId }: Summary): string {
  if (origin === "user") return "Yours";
  if (origin === "model") return modelName(modelId) || "Model";
  return "Made without a model";
}
