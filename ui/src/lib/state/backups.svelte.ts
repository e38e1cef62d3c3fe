/** The backups there are, how safe the history is, and the one long task that may run. */
import { ipc, progressChannel, toCommandError } from "$lib/ipc";
import type {
  BackupItem,
  BackupKey,
  BackupLevel,
  BackupProgress,
  BackupSettings,
  BackupStatus,
  CommandError,
  RestoredBackup,
  RestorePlan,
  SalvagedDatabase,
} from "$lib/ipc";
import { attempt } from "./attempt";
import { toasts } from "./toasts.svelte";

export type TaskName = "create" | "verify" | "drill" | "plan" | "restore" | "undo" | "salvage";
/** What this window has asked for and waits on. */
export type Task = { name: TaskName; backupId: string | null; progress: BackupProgress | null };

class Backups {
  /** Null until the backend has answered. */
  status = $state.raw<BackupStatus | null>(null);
  /** Newest first. Null until the backend has answered. */
  items = $state.raw<BackupItem[] | null>(null);
  task = $state.raw<Task | null>(null);
  /** Counts readings, so that a late answer to an old one is dropped. */
  #reading = 0;

  /** Whether anything long runs, here or by itself. */
  get busy(): boolean {
    return this.task !== null || Boolean(this.status?.task);
  }

  /** How safe the history is: for the notice, and the top of the view. */
  async loadStatus(): Promise<void> {
    const status = await attempt(() => ipc.backupStatus());
    if (status) this.status = status;
  }

  async load(): Promise<void> {
    const reading = ++this.#reading;
    const [items] = await Promise.all([attempt(() => ipc.listBackups()), this.loadStatus()]);
    if (reading === this.#reading) this.items = items ?? this.items ?? [];
  }

  /** Reads again what was told to have changed: the list only where it was ever on show. */
  async refresh(): Promise<void> {
    await (this.items ? this.load() : this.loadStatus());
  }

  async create(): Promise<void> {
    const made = await this.#tell(() => this.#run("create", null, (on) => ipc.createBackup(on)));
    if (made) toasts.show({ text: "Backed up, and verified." });
  }

  /** The key is of an encrypted one, here and below; it goes no further than this call. */
  async verify({ id }: BackupItem, level: BackupLevel, key: BackupKey | null): Promise<void> {
    const name = level === "drill" ? "drill" : "verify";
    const checked = await this.#tell(() =>
      this.#run(name, id, (on) => ipc.verifyBackup(id, level, key, on)),
    );
    if (checked?.state === "good") toasts.show({ text: verified(level) });
    else if (checked) toasts.error({ message: "The backup is not good.", remedy: told(checked) });
  }

  async setPinned({ id }: BackupItem, pinned: boolean): Promise<void> {
    await this.#tell(() => ipc.setBackupPinned(id, pinned));
  }

  async remove({ id }: BackupItem): Promise<void> {
    await this.#tell(() => ipc.deleteBackup(id));
  }

  /** The file with the key of a backup, if the user picks one. */
  async pickKey(): Promise<string | null> {
    return (await this.#tell(() => ipc.pickBackupKey())) ?? null;
  }

  async reveal({ id }: BackupItem): Promise<void> {
    await this.#tell(() => ipc.revealBackup(id));
  }

  /** What a restore would change. Throws, so that the dialog can show the error. */
  plan({ id }: BackupItem, key: BackupKey | null): Promise<RestorePlan> {
    return this.#run("plan", id, (on) => ipc.planRestore(id, key, on));
  }

  /** Puts a backup in the place of what there is. Throws, so that the dialog can show the error. */
  restore({ id }: BackupItem, key: BackupKey | null): Promise<RestoredBackup> {
    return this.#run("restore", id, (on) => ipc.restoreBackup(id, key, on));
  }

  async undo(): Promise<void> {
    const undone = await this.#tell(() => this.#run("undo", null, (on) => ipc.undoRestore(on)));
    if (undone) toasts.show({ text: "The restore was undone." });
  }

  /** Reads what can be read of the damaged database. Throws, so that the dialog can show the error. */
  salvage(): Promise<SalvagedDatabase> {
    return this.#run("salvage", null, (on) => ipc.salvageDatabase(on));
  }

  /** Opens what was salvaged; the window then moves by itself. False where it was refused. */
  async useSalvaged(): Promise<boolean> {
    const used = await this.#tell(() => ipc.useSalvaged());
    if (used) toasts.show({ text: `The damaged database is kept in ${used.former}.` });
    return used !== undefined;
  }

  async cancel(): Promise<void> {
    await attempt(() => ipc.cancelBackupTask());
  }

  async pickSecondFolder(): Promise<void> {
    const status = await this.#tell(() => ipc.pickSecondFolder());
    if (status) this.status = status;
  }

  async forgetSecondFolder(): Promise<void> {
    const status = await this.#tell(() => ipc.setSecondFolder(null));
    if (status) this.status = status;
  }

  /** Changes some settings. False where they were not saved. */
  async updateSettings(changes: Partial<BackupSettings>): Promise<boolean> {
    if (!this.status) return false;
    const { automatic, intervalMinutes, pointMinutes, keep } = this.status;
    const settings = { automatic, intervalMinutes, pointMinutes, keep, ...changes };
    const status = await this.#tell(() => ipc.setBackupSettings(settings));
    if (status) this.status = status;
    return status !== undefined;
  }

  async #run<T>(
    name: TaskName,
    backupId: string | null,
    start: (on: ReturnType<typeof progressChannel<BackupProgress>>) => Promise<T>,
  ): Promise<T> {
    const task: Task = { name, backupId, progress: null };
    this.task = task;
    const onprogress = (progress: BackupProgress) => {
      if (this.task?.name === name) this.task = { ...task, progress };
    };
    try {
      return await start(progressChannel<BackupProgress>(onprogress));
    } finally {
      this.task = null;
    }
  }

  /** Runs an action whose failure is told in a toast; one that was stopped is no failure. */
  async #tell<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (thrown) {
      const error = failure(thrown);
      // Of a full disk too: the banner does not tell of those that backups lie on.
      if (error) toasts.error({ message: error.message, remedy: error.remedy });
      return undefined;
    }
  }
}

/** The error to tell of; null where the user stopped the task: that is no failure. */
export function failure(thrown: unknown): CommandError | null {
  const error = toCommandError(thrown);
  return error.kind === "cancelled" ? null : error;
}

function verified(level: BackupLevel): string {
  return level === "drill" ? "Restored in a drill: the backup is good." : "The backup is good.";
}

function told({ problem }: BackupItem): string {
  return problem ?? "Make a new one.";
}

export const backups = new Backups();
