/**
 * Every keyboard shortcut of the app, in one table: the window's key handler and
 * the shortcut sheet both read it. "Mod" is Ctrl, and Command on a Mac.
 */
export type ShortcutGroup = "Sessions" | "Messages" | "Window";

/** Where the keys are heard: anywhere in the window, or only with the focus in a part of it. */
export type ShortcutScope = "window" | "list" | "composer" | "message";

export type Shortcut = {
  id: string;
  keys: string;
  label: string;
  group: ShortcutGroup;
  scope: ShortcutScope;
};

export const shortcuts = [
  { id: "new-session", keys: "Mod+N", label: "New session", group: "Sessions", scope: "window" },
  {
    id: "new-temporary-session",
    keys: "Mod+Shift+N",
    label: "New temporary session",
    group: "Sessions",
    scope: "window",
  },
  {
    id: "previous-session",
    keys: "Mod+ArrowUp",
    label: "Previous session",
    group: "Sessions",
    scope: "window",
  },
  {
    id: "next-session",
    keys: "Mod+ArrowDown",
    label: "Next session",
    group: "Sessions",
    scope: "window",
  },
  {
    id: "open-session",
    keys: "Enter",
    label: "Open the session",
    group: "Sessions",
    scope: "list",
  },
  {
    id: "rename-session",
    keys: "F2",
    label: "Rename the session",
    group: "Sessions",
    scope: "list",
  },
  {
    id: "trash-session",
    keys: "Delete",
    label: "Move the session to the trash",
    group: "Sessions",
    scope: "list",
  },
  { id: "send", keys: "Enter", label: "Send the message", group: "Messages", scope: "composer" },
  { id: "new-line", keys: "Shift+Enter", label: "New line", group: "Messages", scope: "composer" },
  {
    id: "edit-message",
    keys: "E",
    label: "Edit your message",
    group: "Messages",
    scope: "message",
  },
  {
    id: "pin-message",
    keys: "P",
    label: "Pin the message, or what is selected of it",
    group: "Messages",
    scope: "message",
  },
  {
    id: "stop",
    keys: "Escape",
    label: "Stop the reply, or close what is open",
    group: "Messages",
    scope: "window",
  },
  {
    id: "focus-composer",
    keys: "Mod+L",
    label: "Write a message",
    group: "Messages",
    scope: "window",
  },
  { id: "pick-model", keys: "Alt+M", label: "Choose a model", group: "Messages", scope: "window" },
  {
    id: "pick-persona",
    keys: "Alt+P",
    label: "Choose a persona",
    group: "Messages",
    scope: "window",
  },
  { id: "palette", keys: "Mod+K", label: "Go to anything", group: "Window", scope: "window" },
  {
    id: "search",
    keys: "Mod+Shift+F",
    label: "Search all sessions",
    group: "Window",
    scope: "window",
  },
  { id: "personas", keys: "Alt+Shift+P", label: "Personas", group: "Window", scope: "window" },
  { id: "backups", keys: "Alt+Shift+B", label: "Backups", group: "Window", scope: "window" },
  {
    id: "toggle-sidebar",
    keys: "Mod+B",
    label: "Show or hide the sessions",
    group: "Window",
    scope: "window",
  },
  {
    id: "toggle-memory",
    keys: "Mod+J",
    label: "Show or hide memory",
    group: "Window",
    scope: "window",
  },
  { id: "settings", keys: "Mod+,", label: "Settings", group: "Window", scope: "window" },
  {
    id: "shortcut-sheet",
    keys: "Mod+/",
    label: "Keyboard shortcuts",
    group: "Window",
    scope: "window",
  },
] as const satisfies Shortcut[];

export type ShortcutId = (typeof shortcuts)[number]["id"];

const onMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

const names: Record<string, string> = {
  Mod: onMac ? "⌘" : "Ctrl",
  Alt: onMac ? "⌥" : "Alt",
  Shift: onMac ? "⇧" : "Shift",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Delete: "Del",
};

/** The keys of a shortcut as they are written on the keyboard. */
export function keyNames(keys: string): string[] {
  return keys.split("+").map((key) => names[key] ?? key);
}

/** The keys of the shortcut with this id. */
export function keysOf(id: ShortcutId): string {
  return shortcuts.find((shortcut) => shortcut.id === id)!.keys;
}

/** The window-wide shortcut that a key press means, if any. */
export function windowShortcut(event: KeyboardEvent): ShortcutId | undefined {
  const pressed = keysPressed(event);
  return shortcuts.find(({ scope, keys }) => scope === "window" && keys === pressed)?.id;
}

/** Whether a key press is that of a shortcut, for a part of the window that hears its own. */
export function isPressed(id: ShortcutId, event: KeyboardEvent): boolean {
  return keysPressed(event) === keysOf(id);
}

function keysPressed(event: KeyboardEvent): string {
  const mod = onMac ? event.metaKey : event.ctrlKey;
  const key = event.altKey ? keyOfCode(event) : event.key;
  return [mod && "Mod", event.altKey && "Alt", event.shiftKey && "Shift", capital(key)]
    .filter(Boolean)
    .join("+");
}

/** Alt may turn a letter into another character, so its place on the keyboard counts. */
function keyOfCode(event: KeyboardEvent): string {
  return event.code.startsWith("Key") ? event.code.slice("Key".length) : event.key;
}

function capital(key: string): string {
  return key.length === 1 ? key.toUpperCase() : key;
}
