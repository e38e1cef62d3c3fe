/** The backups of the demo backend: made up, and as slow as real ones. */
import type { Channel } from "@tauri-apps/api/core";
import type {
  AppStatus,
  BackupItem,
  BackupKey,
  BackupLevel,
  BackupNotice,
  BackupPhase,
  BackupProgress,
  BackupSettings,
  BackupStatus,
  PlannedTable,
} from "../src/lib/ipc/bindings";
import type { DemoName } from "./data";

type Args = Record<string, unknown>;
type Tell = { changed: () => void; opened: (status: AppStatus) => void };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEP_MS = 60;
const FOLDER = "/home/ada/.local/share/chatkeep/backups";
const SECOND =
  "/media/ada/Everything that must never be lost, 2026 (do not unplug)/Ada Lovelace/Desktop/Chatkeep backups";
const READY: AppStatus = { state: "ready", keychain: true };
const now = Date.now();

function backup(hoursAgo: number, fields: Partial<BackupItem> = {}): BackupItem {
  const createdAt = now - hoursAgo * HOUR_MS;
  const stamp = new Date(createdAt)
    .toISOString()
    .replace("T", "_")
    .replace(/:|\..*/g, "");
  return {
    id: crypto.randomUUID(),
    name: `chatkeep.db.${stamp}.bak`,
    folder: FOLDER,
    isSecond: false,
    createdAt,
    kind: "full",
    reason: "scheduled",
    bytes: Math.max(1_048_576, 48_234_496 - hoursAgo * 20_000),
    sessions: Math.max(1, 132 - Math.floor(hoursAgo / 12)),
    messages: Math.max(1, 5_412 - Math.floor(hoursAgo * 6)),
    verifiedAt: createdAt + 4_000,
    level: "standard",
    state: "good",
    problem: null,
    pinned: false,
    compressed: false,
    encrypted: false,
    ...fields,
  };
}

const point = (hoursAgo: number) =>
  backup(hoursAgo, {
    name: `chatkeep.db.point-${hoursAgo}.pgd`,
    kind: "delta",
    bytes: 61_440,
    state: "unverified",
    level: null,
    verifiedAt: null,
  });

const drilled = (hoursAgo: number, fields: Partial<BackupItem> = {}) =>
  backup(hoursAgo, { level: "drill", ...fields });

const LITTLE = [
  point(0.2),
  drilled(2),
  backup(2, { isSecond: true, folder: SECOND }),
  point(5),
  backup(26, { reason: "pre_restore", pinned: true }),
  backup(50, {
    state: "damaged",
    problem: "Page 1,204 of 11,776 differs from its digest: the disk may be failing.",
  }),
  drilled(24 * 6, { reason: "pre_migration", encrypted: true, compressed: true }),
  backup(24 * 20, { state: "unverified", level: null, verifiedAt: null, reason: "exit" }),
  backup(24 * 44, { state: "incomplete", problem: "The full backup it builds on is missing." }),
  backup(24 * 400, {
    name: "chatkeep.db (copy of my old laptop, before it was sold, do NOT delete) final-2.bak",
    createdAt: null,
    reason: null,
    sessions: null,
    messages: null,
    state: "unmanaged",
    level: null,
    verifiedAt: null,
  }),
];

const MUCH = Array.from({ length: 200 }, (_, index) => {
  if (index < 120) return index % 4 === 1 ? drilled(index / 4) : point(index / 4);
  return backup((index - 90) * 24, { level: index % 10 === 0 ? "drill" : "standard" });
});

const NOTICES: Record<DemoName, BackupNotice[]> = {
  none: [],
  little: [
    {
      kind: "same_disk",
      message: "All backups are on the same disk as your chats.",
      remedy: "Choose a second folder on another disk.",
    },
  ],
  much: [
    {
      kind: "too_old",
      message: "The last good backup is 9 days old.",
      remedy: "Back up now, and see why the automatic backups fail.",
    },
    {
      kind: "second_folder_missing",
      message: `The second folder ${SECOND} is not there.`,
      remedy: "Plug the disk in, or choose another folder.",
    },
  ],
  failed: [],
};

const TABLES: PlannedTable[] = [
  { table: "sessions", now: 134, then: 131, gained: 2, lost: 5 },
  { table: "messages", now: 5_431, then: 5_388, gained: 14, lost: 57 },
  { table: "semantic_pins", now: 41, then: 41, gained: 0, lost: 0 },
  { table: "conversation_summaries", now: 12, then: 11, gained: 0, lost: 1 },
  { table: "personas", now: 4, then: 4, gained: 0, lost: 0 },
];

/** Any key file opens a demo's backup, and any passphrase but "wrong". */
function requireKey({ encrypted, folder, name }: BackupItem, key: unknown): void {
  const given = key as BackupKey | null;
  const fits = given?.kind === "file" || (given && given.passphrase !== "wrong");
  if (!encrypted || fits) return;
  throw {
    kind: "backup_key",
    message: `The key does not open ${folder}/${name}: Decryption failed.`,
    remedy: "Nothing was changed. Enter its passphrase, or choose the key file it was made for.",
  };
}

export class DemoBackups {
  #items: BackupItem[];
  #status: BackupStatus;
  #failed: boolean;
  #tell: Tell;
  #cancel: (() => void) | null = null;

  constructor(name: DemoName, tell: Tell) {
    this.#items = { none: [], little: LITTLE, much: MUCH, failed: LITTLE }[name];
    this.#failed = name === "failed";
    this.#tell = tell;
    const proven = this.#items.find(({ level }) => level === "drill");
    this.#status = {
      folder: FOLDER,
      secondFolder: name === "much" ? SECOND : null,
      sameDisk: name === "little",
      lastGoodAt: this.#items.find(({ state }) => state === "good")?.createdAt ?? null,
      lastProvenAt: proven?.verifiedAt ?? null,
      lastProvenId: proven?.id ?? null,
      intervalMinutes: 30,
      pointMinutes: 15,
      automatic: true,
      keep: { withinHours: 48, daily: 14, weekly: 8, monthly: 12, maxBytes: 5 * 2 ** 30 },
      keepNewest: null,
      fromEnvironment: name === "much" ? ["interval", "folder"] : [],
      task: null,
      undo: null,
      notices: NOTICES[name],
    };
  }

  backup_status = () => this.#status;
  list_backups = () => this.#items;

  create_backup = async ({ progress }: Args) => {
    await this.#work(progress, ["copy", "read", "check"]);
    const made = drilled(0, { createdAt: Date.now(), verifiedAt: Date.now(), reason: "manual" });
    this.#items = [made, ...this.#items];
    Object.assign(this.#status, { lastGoodAt: made.createdAt, lastProvenAt: made.createdAt });
    this.#status.notices = this.#status.notices.filter(({ kind }) => kind === "same_disk");
    this.#tell.changed();
    return made;
  };
  verify_backup = async ({ id, level, key, progress }: Args) => {
    const found = this.#find(id);
    requireKey(found, key);
    await this.#work(progress, ["read", "check"]);
    if (found.state === "damaged") return found;
    const verified = {
      verifiedAt: Date.now(),
      level: level as BackupLevel,
      state: "good" as const,
    };
    this.#tell.changed();
    return Object.assign(found, verified);
  };
  cancel_backup_task = () => this.#cancel?.();
  set_backup_pinned = ({ id, pinned }: Args) => {
    this.#tell.changed();
    return Object.assign(this.#find(id), { pinned });
  };
  delete_backup = ({ id }: Args) => {
    const doomed = this.#find(id);
    if (doomed.pinned) {
      throw {
        kind: "invalid_input",
        field: "backup",
        limit: "not pinned",
        message: "This backup is pinned.",
        remedy: "Unpin it, then delete it.",
      };
    }
    this.#items = this.#items.filter((one) => one !== doomed);
    this.#tell.changed();
  };

  pick_backup_key = () => "/home/ada/keys/chatkeep.txt";
  plan_restore = async ({ id, key, progress }: Args) => {
    const item = this.#find(id);
    requireKey(item, key);
    await this.#work(progress, ["read", "check"]);
    return {
      backup: item,
      live: this.#failed ? "damaged" : "readable",
      liveProblem: this.#failed ? "The file is not a database." : null,
      tables: this.#failed ? TABLES.map((it) => ({ ...it, now: null, lost: 0 })) : TABLES,
      newestMessageNow: this.#failed ? null : now - 5 * MINUTE_MS,
      newestMessageThen: item.createdAt && item.createdAt - 3 * MINUTE_MS,
      migratesFrom: item.reason === "pre_migration" ? 5 : null,
      warnings: item.state === "unmanaged" ? ["Its checksum was not compared: it has none."] : [],
    };
  };
  restore_backup = async ({ id, progress }: Args) => {
    await this.#work(progress, ["copy", "check", "restore"]);
    return this.#restored(this.#find(id).name);
  };
  undo_restore = async ({ progress }: Args) => {
    await this.#work(progress, ["restore"]);
    this.#status.undo = null;
    this.#tell.changed();
    return { from: "before", at: Date.now(), safetyBackup: null, former: null, status: READY };
  };

  salvage_database = async ({ progress }: Args) => {
    await this.#work(progress, ["read"]);
    return {
      file: "/home/ada/.local/share/chatkeep/chatkeep.db.salvaged",
      complete: false,
      tables: TABLES.map(({ table, then }) => ({
        table,
        rows: then,
        problem: table === "messages" ? "About 120 rows on 3 damaged pages" : null,
      })),
      notes: ["2 pages belong to no table that is known: what was on them is lost."],
    };
  };
  use_salvaged = () => {
    this.#tell.opened(READY);
    return { former: "/home/ada/.local/share/chatkeep/backups/quarantine/1", status: READY };
  };

  pick_second_folder = () =>
    Object.assign(this.#status, { secondFolder: SECOND, sameDisk: false, notices: [] });
  set_second_folder = ({ path }: Args) => Object.assign(this.#status, { secondFolder: path });
  set_backup_settings = ({ settings }: Args) =>
    Object.assign(this.#status, settings as BackupSettings);

  #restored(from: string) {
    const at = Date.now();
    const safety = backup(0, { createdAt: at, verifiedAt: at, reason: "pre_restore" });
    this.#items = [safety, ...this.#items];
    if (!this.#failed) {
      this.#status.undo = { restoredAt: at, backupId: safety.id, name: safety.name };
    }
    this.#failed = false;
    this.#tell.changed();
    this.#tell.opened(READY);
    return { from, at, safetyBackup: safety.name, former: null, status: READY };
  }

  /** Tells of progress until it is done; throws where it was cancelled. */
  async #work(progress: unknown, phases: BackupPhase[]): Promise<void> {
    let cancelled = false;
    this.#cancel = () => (cancelled = true);
    const channel = progress as Channel<BackupProgress>;
    for (const phase of phases) {
      const total = phase === "check" ? 0 : 20;
      for (let done = 0; done <= 20 && !cancelled; done += 1) {
        channel.onmessage({ phase, done, total });
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      }
    }
    if (cancelled) throw { kind: "cancelled", message: "It was cancelled.", remedy: "" };
  }

  #find(id: unknown): BackupItem {
    return this.#items.find((one) => one.id === id)!;
  }
}
