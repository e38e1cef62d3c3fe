/** What of the window is on show besides the chat: panels, dialogs, and where to scroll. */
import { MediaQuery } from "svelte/reactivity";
import type { MessageId, Session, SessionId, SummaryId } from "$lib/ipc";
import { app } from "./app.svelte";

/** What the panel beside the chat shows. */
export type MemoryTab = "kept" | "context";
export type Overlay = "settings" | "personas" | "backups" | "shortcuts" | "search" | "palette";
export type SettingsSection =
  "providers" | "memory" | "keeping" | "backups" | "search" | "data" | "appearance" | "about";

class View {
  /** The dialog that covers the window. */
  overlay = $state<Overlay | null>(null);
  settingsSection = $state<SettingsSection>("providers");
  /** The picker of the composer that is open. */
  picker = $state<"model" | "persona" | null>(null);
  /** The session whose name is being edited in the list. */
  renaming = $state<SessionId | null>(null);
  /** The session whose deletion for good waits for a yes. */
  deleting = $state.raw<Session | null>(null);
  memoryTab = $state<MemoryTab>("kept");
  /** The message to scroll to; the list takes it up and clears it. */
  jump = $state<MessageId | null>(null);
  /** The summary to show; the memory panel takes it up. */
  summary = $state<SummaryId | null>(null);
  /** Words to mark in the message that is scrolled to. */
  marked: string[] = [];
  /** Puts the cursor into the composer; set by the composer on show. */
  focusComposer: () => void = () => {};
  #narrow = new MediaQuery("max-width: 47.5rem");
  #medium = new MediaQuery("max-width: 68.75rem");
  #sidebarOver = $state(false);
  #memoryOver = $state(false);

  /** Whether the panel lies over the chat for want of room beside it. */
  get sidebarIsOver(): boolean {
    return this.#narrow.current;
  }
  get memoryIsOver(): boolean {
    return this.#medium.current;
  }

  get sidebarOpen(): boolean {
    return this.sidebarIsOver ? this.#sidebarOver : app.settings.sidebarOpen;
  }
  get memoryOpen(): boolean {
    return this.memoryIsOver ? this.#memoryOver : app.settings.memoryOpen;
  }

  openSettings(section: SettingsSection): void {
    this.settingsSection = section;
    this.overlay = "settings";
  }

  toggleSidebar(): void {
    if (this.sidebarIsOver) this.#sidebarOver = !this.#sidebarOver;
    else void app.updateSettings({ sidebarOpen: !app.settings.sidebarOpen });
  }

  toggleMemory(): void {
    if (this.memoryIsOver) this.#memoryOver = !this.#memoryOver;
    else void app.updateSettings({ memoryOpen: !app.settings.memoryOpen });
  }

  /** Shows a summary in the memory panel. */
  showSummary(id: SummaryId): void {
    if (!this.memoryOpen) this.toggleMemory();
    this.memoryTab = "kept";
    this.summary = id;
  }

  /** Closes what lies over the chat. True where something did. */
  closePanels(): boolean {
    const wasOpen =
      (this.sidebarIsOver && this.#sidebarOver) || (this.memoryIsOver && this.#memoryOver);
    this.#sidebarOver = false;
    this.#memoryOver = false;
    return wasOpen;
  }

  /** Edits a session's name in the list, which is brought on show for it. */
  rename(id: SessionId): void {
    if (!this.sidebarOpen) this.toggleSidebar();
    this.renaming = id;
  }
}

export const view = new View();
