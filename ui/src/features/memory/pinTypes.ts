import type { PinType } from "$lib/ipc";

/** The kinds of pin, as people are told of them. */
export const pinTypes: { value: PinType; label: string }[] = [
  { value: "user", label: "Note" },
  { value: "code", label: "Code" },
  { value: "concept", label: "Concept" },
  { value: "system", label: "Instruction" },
  { value: "auto", label: "Found automatically" },
];

export function pinTypeLabel(type: PinType): string {
  return pinTypes.find(({ value }) => value === type)?.label ?? type;
}
