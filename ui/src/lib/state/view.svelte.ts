/** What of the window is on show besides the chat: panels, dialogs, and where to scroll. */
import { MediaQuery } from "svelte/reactivity";
import type { MessageId, Session, SessionId } from "$lib/ipc";
import { app } from "./app.svelte";

/** What the panel beside the chat shows. */
export type MemoryTab = "kept" | "context";
export type Overlay = "settings" | "personas" | "shortcuts" | "search" | "palette";

class View {
  /** The dialog that covers the window. */
  overlay = $state<Overlay | null>(null);
  /** The picker of the composer that is open. */
  picker = $state<"model" | "persona" | null>(null);
  /** The session whose name is being edited in the list. */
  renaming = $state<SessionId | null>(null);
  /** The session whose deletion for good waits for a yes. */
  deleting = $state.raw<Session | null>(null);
  memoryTab = $state<MemoryTab>("kept");
  /** The message to scroll to; the list takes it up and clears it. */
  jump = $state<MessageId | null>(null);
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

  toggleSidebar(): void {
    if (this.sidebarIsOver) this.#sidebarOver = !this.#sidebarOver;
    else void app.updateSettings({ sidebarOpen: !app.settings.sidebarOpen });
  }

  toggleMemory(): void {
    if (this.memoryIsOver) this.#memoryOver = !this.#memoryOver;
    else void app.updateSettings({ memoryOpen: !app.settings.memoryOpen });
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
