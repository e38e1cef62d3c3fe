/** The app as a whole: whether the database is open, the settings, the disk-full banner. */
import { ipc, toCommandError } from "$lib/ipc";
import type {
  AppStatus,
  CommandError,
  OpenFailure,
  Outcome,
  Settings,
  StorageInfo,
} from "$lib/ipc";
import { attempt } from "./attempt";
import { onChanged } from "./changes";

export type Banner = { text: string; remedy: string };

const DEFAULT_SETTINGS: Settings = {
  theme: "system",
  sidebarOpen: true,
  memoryOpen: false,
  lastSessionId: null,
  temporaryHours: 24,
  trashDays: 30,
  summarize: true,
  summaryAfterMessages: 8,
  summaryAfterPercent: 25,
  summaryModel: null,
  recaps: true,
  autoPins: "rules",
  recallPercent: 10,
  recallFrom: "thisSession",
  embeddingModel: "all-MiniLM-L6-v2",
};

/** Commands that write to the database: one that succeeds shows there is room again. */
const WRITES =
  /^(create|update|rename|fork|show|trash|restore|delete|append|edit|sendMessage|retryReply|continueReply|rejectPin|regenerate|summarizeNow|set(?!EndpointKey))/;

/** Commands about backups: the disk that these find full or not may be another one. */
const BACKUPS = /Backup|SecondFolder|Restore$|salvage/i;

class App {
  /** Null until the backend has answered. */
  status = $state.raw<AppStatus | null>(null);
  settings = $state.raw<Settings>(DEFAULT_SETTINGS);
  /** The error to show while the disk is full. Reading goes on meanwhile. */
  banner = $state.raw<Banner | null>(null);

  constructor() {
    onChanged("settings", () => void this.loadSettings());
  }

  async loadSettings(): Promise<void> {
    const settings = await attempt(() => ipc.getSettings());
    if (settings) this.#apply({ ...DEFAULT_SETTINGS, ...settings });
  }

  /** Changes some settings at once; what cannot be saved is taken back. */
  async updateSettings(changes: Partial<Settings>): Promise<boolean> {
    this.#apply({ ...this.settings, ...changes });
    const saved = await attempt(() => ipc.updateSettings(this.settings));
    if (!saved) await this.loadSettings();
    return saved !== undefined;
  }

  /** Tries to open the database again. Every status is told by an event too, which moves the window. */
  async retryOpen(): Promise<AppStatus | undefined> {
    return attempt(() => ipc.retryOpen());
  }

  /** Lets the user choose another data folder. Undefined where none was chosen or it was refused. */
  async chooseDataFolder(): Promise<AppStatus | undefined> {
    return attempt(async () => {
      const path = await ipc.pickDataFolder();
      return path === null ? undefined : ipc.useDataFolder(path);
    });
  }

  async storageInfo(): Promise<StorageInfo | undefined> {
    return attempt(() => ipc.storageInfo());
  }

  async openDataFolder(): Promise<void> {
    await attempt(() => ipc.openDataFolder());
  }

  async openExternal(url: string): Promise<void> {
    await attempt(() => ipc.openExternal(url));
  }

  async quit(): Promise<void> {
    await attempt(() => ipc.quit());
  }

  /** Asks how the database is. An unreachable backend counts as a failure to open. */
  async askStatus(): Promise<AppStatus> {
    try {
      return await ipc.appStatus();
    } catch (error) {
      return { state: "failed", failure: backendFailure(toCommandError(error)) };
    }
  }

  /** Raises the banner when a call met a full disk, drops it when a write went through. */
  note({ command, error }: Outcome): void {
    if (BACKUPS.test(command)) return;
    if (error) this.noteError(error);
    else if (WRITES.test(command)) this.banner = null;
  }

  noteError({ kind, message, remedy }: CommandError): void {
    if (kind === "disk_full") this.banner = { text: message, remedy };
  }

  #apply(settings: Settings): void {
    this.settings = settings;
    document.documentElement.dataset.theme = settings.theme;
  }
}

function backendFailure({ message, remedy }: CommandError): OpenFailure {
  const title = "Chatkeep could not start";
  return { kind: "other", title, message, remedy, file: "", dataDir: "" };
}

export const app = new App();
