/** What is known of backups, in the user's words. */
import { formatBytes } from "$lib/bytes";
import { dateLabel, exactTime, timeAgo, type DateGroup } from "$lib/dates";
import type {
  BackupItem,
  BackupLevel,
  BackupNotice,
  BackupPhase,
  BackupProgress,
  BackupReason,
  BackupState,
  BackupStatus,
  PlannedTable,
  SalvagedRows,
  UndoableRestore,
} from "$lib/ipc";
import type { TaskName } from "$lib/state/backups.svelte";

type Tone = "neutral" | "accent" | "warning" | "danger" | "success";
export type StateBadge = { label: string; tone: Tone; hint: string };

const TASKS: Record<TaskName, string> = {
  create: "Backing up",
  verify: "Verifying a backup",
  drill: "Restoring a backup into a temporary place",
  plan: "Finding out what would change",
  restore: "Restoring",
  undo: "Undoing the restore",
  salvage: "Reading what can be read",
};

const PHASES: Record<BackupPhase, string> = {
  copy: "copying",
  read: "reading",
  pack: "compressing",
  check: "checking",
  restore: "writing",
};

const REASONS: Record<BackupReason, string> = {
  manual: "by hand",
  scheduled: "automatic",
  exit: "when Chatkeep was closed",
  pre_migration: "before an upgrade",
  pre_restore: "before a restore",
  pre_delete: "before a deletion",
  pre_import: "before an import",
};

/** The tables that mean something to a person, in the order to tell of them. */
const TABLES = new Map([
  ["sessions", "Sessions"],
  ["messages", "Messages"],
  ["conversation_summaries", "Summaries"],
  ["semantic_pins", "Pins"],
  ["pins_of_any_scope", "Pins"],
  ["personas", "Personas"],
  ["drafts", "Drafts"],
  ["endpoints", "Providers"],
  ["settings", "Settings"],
  ["model_profiles", "Settings of models"],
  ["context_exclusions", "Kept out of context"],
  ["generations", "Calls to models"],
]);

export function taskLabel(name: TaskName): string {
  return TASKS[name];
}

export function phaseLabel({ phase }: BackupProgress): string {
  return PHASES[phase];
}

/** Null where nothing is counted. */
export function percentDone(progress: BackupProgress | null): number | null {
  if (!progress || progress.total === 0) return null;
  return Math.min(100, Math.round((progress.done / progress.total) * 100));
}

/** "20 Nov 2026, 18:30"; a file without a manifest is only known by its name. */
export function madeText({ createdAt, name }: BackupItem): string {
  return createdAt === null ? name : exactTime(createdAt);
}

export function reasonLabel(reason: BackupReason | null): string {
  return reason === null ? "for an unknown reason" : REASONS[reason];
}

export function tableLabel(table: string): string {
  return TABLES.get(table) ?? table;
}

/** What was proven about a backup, or what is wrong with it. */
export function stateBadge({ state, level, kind }: BackupItem): StateBadge {
  if (state === "good") return proven(level);
  // A point is tried out when it is made; only a full backup is not to be left unverified.
  const tone = kind === "full" ? "warning" : "neutral";
  const badges: Record<Exclude<BackupState, "good">, StateBadge> = {
    unverified: { label: "Not verified", tone, hint: "It was not checked in full yet." },
    damaged: { label: "Damaged", tone: "danger", hint: "It cannot be restored." },
    incomplete: {
      label: "Incomplete",
      tone: "danger",
      hint: "A part of it, or of what it builds on, is missing.",
    },
    unmanaged: {
      label: "Without a manifest",
      tone: "neutral",
      hint: "It can be restored; its checksum cannot be compared.",
    },
  };
  return badges[state];
}

function proven(level: BackupLevel | null): StateBadge {
  if (level === "drill") {
    return { label: "Proven", tone: "success", hint: "It was restored in a drill, and opened." };
  }
  if (level === "standard") {
    return { label: "Verified", tone: "success", hint: "The database in it was checked in full." };
  }
  return { label: "Checksum verified", tone: "neutral", hint: "Its bytes are what was written." };
}

/** "Restored in a drill 3 days ago". */
export function verifiedText({ verifiedAt, level }: BackupItem, now: number): string {
  if (verifiedAt === null || level === null) return "Never verified";
  const how = {
    quick: "Checksum compared",
    standard: "Checked in full",
    drill: "Restored in a drill",
  }[level];
  return `${how} ${timeAgo(verifiedAt, now)}`;
}

/** "48 MiB · 132 sessions, 5,412 messages · automatic". */
export function contentText({ bytes, sessions, messages, kind, reason }: BackupItem): string {
  const rows = [rowsText(sessions, "session"), rowsText(messages, "message")].filter(Boolean);
  const point = kind === "delta" ? "point" : null;
  const why = reason === null ? null : reasonLabel(reason);
  return [formatBytes(bytes), rows.join(", "), point, why].filter(Boolean).join(" · ");
}

function rowsText(count: number | null, noun: string): string | null {
  if (count === null) return null;
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Whether it holds a database that can be read. */
export function canRestore({ state }: BackupItem): boolean {
  return state !== "damaged" && state !== "incomplete";
}

/** Items, newest first, under "Today", "Yesterday" and so on. */
export function groupByAge(items: readonly BackupItem[], now: number): DateGroup<BackupItem>[] {
  const groups: DateGroup<BackupItem>[] = [];
  for (const item of items) {
    const label = item.createdAt === null ? "Without a date" : dateLabel(item.createdAt, now);
    const last = groups.at(-1);
    if (last?.label === label) last.items.push(item);
    else groups.push({ label, items: [item] });
  }
  return groups;
}

/** "Every 30 min where something changed, with points every 15 min." */
export function automaticText({ automatic, intervalMinutes, pointMinutes }: BackupStatus): string {
  if (!automatic) return "Backups are made only when you ask.";
  const points = pointMinutes > 0 ? `, with points every ${pointMinutes} min` : "";
  return `Every ${intervalMinutes} min if something changed${points}.`;
}

/** A damaged database is urgent; a second folder can wait. */
export function noticeTone({ kind }: BackupNotice): "info" | "warning" | "danger" {
  if (kind === "source_damaged") return "danger";
  return kind === "same_disk" ? "info" : "warning";
}

/** "A backup was restored 5 min ago." */
export function restoredText({ restoredAt }: UndoableRestore, now: number): string {
  return `A backup was restored ${timeAgo(restoredAt, now)}.`;
}

/** The tables that a restore changes, without the database's own bookkeeping. */
export function changedTables(tables: readonly PlannedTable[]): PlannedTable[] {
  return told(tables).filter((it) => it.gained > 0 || it.lost > 0 || (it.now ?? 0) !== it.then);
}

/** The tables of which something was read, and every one of which something was not. */
export function salvagedTables(tables: readonly SalvagedRows[]): SalvagedRows[] {
  const read = told(tables).filter(({ rows, problem }) => rows > 0 || problem !== null);
  const others = tables.filter(({ table, problem }) => problem !== null && !TABLES.has(table));
  return [...read, ...others];
}

function told<T extends { table: string }>(tables: readonly T[]): T[] {
  const names = [...TABLES.keys()];
  return tables
    .filter(({ table }) => TABLES.has(table))
    .toSorted((a, b) => names.indexOf(a.table) - names.indexOf(b.table));
}

const URGENCY: BackupNotice["kind"][] = [
  "source_damaged",
  "last_failed",
  "never",
  "too_old",
  "second_folder_missing",
  "same_disk",
];

/** The notice to show where there is room for one. */
export function mostUrgent(notices: readonly BackupNotice[]): BackupNotice | undefined {
  return notices.toSorted((a, b) => URGENCY.indexOf(a.kind) - URGENCY.indexOf(b.kind))[0];
}
