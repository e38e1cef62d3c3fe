import type { Component } from "svelte";

/** One line of a menu: an action, or a line between groups of actions. */
export type MenuItem =
  | "separator"
  | {
      label: string;
      icon?: Component;
      /** The shortcut that does the same, shown at the end of the line. */
      keys?: string;
      danger?: boolean;
      disabled?: boolean;
      /** Whether this is the one that holds now, where the menu is a choice. */
      checked?: boolean;
      onselect: () => void;
    };
