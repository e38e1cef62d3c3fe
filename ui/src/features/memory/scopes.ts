/** Where a pin counts, as people are told of it. */
import Globe from "@lucide/svelte/icons/globe";
import MessageSquare from "@lucide/svelte/icons/message-square";
import UserRound from "@lucide/svelte/icons/user-round";
import type { Component } from "svelte";
import type { Persona, PinScope } from "$lib/ipc";

export type ScopeOption = {
  value: PinScope;
  label: string;
  icon: Component;
  /** True where it cannot be chosen: a session without a persona has none to keep a pin for. */
  disabled: boolean;
};

/** The scopes a pin of a session with this persona may have. */
export function scopesFor(persona: Persona | null): ScopeOption[] {
  const ofPersona = persona ? `Persona “${persona.name}”` : "Persona (this session has none)";
  return [
    { value: "session", label: "This session", icon: MessageSquare, disabled: false },
    { value: "persona", label: ofPersona, icon: UserRound, disabled: persona === null },
    { value: "all", label: "Every session", icon: Globe, disabled: false },
  ];
}
