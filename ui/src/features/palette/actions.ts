/** What can be done from the command palette, beside going somewhere. */
import Brain from "@lucide/svelte/icons/brain";
import Keyboard from "@lucide/svelte/icons/keyboard";
import PanelLeft from "@lucide/svelte/icons/panel-left";
import Search from "@lucide/svelte/icons/search";
import Settings from "@lucide/svelte/icons/settings";
import SquarePen from "@lucide/svelte/icons/square-pen";
import TimerIcon from "@lucide/svelte/icons/timer";
import Users from "@lucide/svelte/icons/users";
import type { Component } from "svelte";
import { shortcuts, type ShortcutId } from "$lib/shortcuts";

export type PaletteAction = { id: ShortcutId; label: string; keys: string; icon: Component };

const ICONS: Partial<Record<ShortcutId, Component>> = {
  "new-session": SquarePen,
  "new-temporary-session": TimerIcon,
  search: Search,
  "toggle-sidebar": PanelLeft,
  "toggle-memory": Brain,
  personas: Users,
  settings: Settings,
  "shortcut-sheet": Keyboard,
};

const ACTIONS: PaletteAction[] = shortcuts.flatMap(({ id, label, keys }) => {
  const icon = ICONS[id];
  return icon ? [{ id, label, keys, icon }] : [];
});

/** The actions whose name holds every word that was typed. */
export function actionsFor(text: string): PaletteAction[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return ACTIONS.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
}
