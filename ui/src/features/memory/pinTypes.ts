import type { PinType } from "$lib/ipc";

/** The kinds of pin, as people are told of them. */
const pinTypes: { value: PinType; label: string }[] = [
  { value: "user", label: "Note" },
  { value: "code", label: "Code" },
  { value: "concept", label: "Concept" },
  { value: "system", label: "Instruction" },
  { value: "auto", label: "Found automatically" },
];

/** The kinds a pin may be given: only what found it makes a pin one that was found. */
export function pinTypesFor(type: PinType): { value: PinType; label: string }[] {
  return pinTypes.filter(({ value }) => value !== "auto" || type === "auto");
}

export function pinTypeLabel(type: PinType): string {
  return pinTypes.find(({ value }) => value === type)?.label ?? type;
}
