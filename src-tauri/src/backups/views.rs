//! What the window is told of backups.

use chatkeep_backup::Level as CheckLevel;
use chatkeep_store::{BackupKeep, Timestamp};
use serde::{Deserialize, Serialize};

use crate::opening::AppStatus;

/// How backing up stands.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupStatus {
    /// The folder of backups.
    pub folder: String,
    /// The folder that full backups are copied to.
    pub second_folder: Option<String>,
    /// Whether all good backups are on the database's disk.
    pub same_disk: bool,
    /// When the newest good backup was made.
    pub last_good_at: Option<Timestamp>,
    /// When a restore was last proven by a drill.
    pub last_proven_at: Option<Timestamp>,
    /// The backup that it was proven with.
    pub last_proven_id: Option<String>,
    /// Minutes between two full backups, if something changed.
    pub interval_minutes: u32,
    /// Minutes between two points in time, if something changed; 0 for none.
    pub point_minutes: u32,
    /// Whether the app backs up by itself.
    pub automatic: bool,
    /// How much is kept.
    pub keep: BackupKeep,
    /// The newest so many full backups are kept and no others: from the environment.
    pub keep_newest: Option<u32>,
    /// Settings that the environment decides.
    pub from_environment: Vec<FixedSetting>,
    /// What is being done now.
    pub task: Option<BackupTask>,
    /// What an undo would take back.
    pub undo: Option<UndoableRestore>,
    /// What should be seen to.
    pub notices: Vec<BackupNotice>,
}

/// A setting that an environment variable decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FixedSetting {
    /// `CHATKEEP_BACKUP_INTERVAL`.
    Interval,
    /// `CHATKEEP_BACKUP_DIR`.
    Folder,
    /// `CHATKEEP_BACKUP_KEEP`.
    Keep,
}

/// A long task. There is one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupTask {
    /// What it does.
    pub kind: BackupTaskKind,
    /// Since when.
    pub started_at: Timestamp,
}

/// What a long task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupTaskKind {
    /// Makes a backup that was asked for.
    Create,
    /// Makes a backup, copies, checks or prunes by itself.
    Automatic,
    /// Checks a backup.
    Verify,
    /// Finds out what a restore would change.
    Plan,
    /// Restores, or takes a restore back.
    Restore,
    /// Reads what is left of a damaged database.
    Salvage,
}

/// A restore that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UndoableRestore {
    /// When it was done.
    pub restored_at: Timestamp,
    /// The backup of what was there before it.
    pub backup_id: String,
    /// That backup's name.
    pub name: String,
}

/// Something about backups that should be seen to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct BackupNotice {
    /// The cause, to branch on.
    pub kind: BackupNoticeKind,
    /// What it is, as a sentence.
    pub message: String,
    /// What can be done, as a sentence.
    pub remedy: String,
}

/// The causes that the window tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupNoticeKind {
    /// The newest good backup is older than a week.
    TooOld,
    /// There is no good backup.
    Never,
    /// All good backups are on the database's disk.
    SameDisk,
    /// The second folder is not there.
    SecondFolderMissing,
    /// The last backup that the app made by itself failed.
    LastFailed,
    /// The database is damaged.
    SourceDamaged,
}

/// A backup as it lies in its folder.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupItem {
    /// What it is called by here; a copy in the second folder has another one.
    pub id: String,
    /// Its file's name.
    pub name: String,
    /// The folder it is in.
    pub folder: String,
    /// Whether that is the second one.
    pub is_second: bool,
    /// When it was made; not known of a file without a manifest.
    pub created_at: Option<Timestamp>,
    /// Whether it stands by itself.
    pub kind: BackupKind,
    /// What it was made for; not known of a file without a manifest.
    pub reason: Option<BackupReason>,
    /// The size of its file.
    pub bytes: u64,
    /// How many sessions are in it.
    pub sessions: Option<u64>,
    /// How many messages are in it.
    pub messages: Option<u64>,
    /// When it was last checked.
    pub verified_at: Option<Timestamp>,
    /// How thoroughly it was checked at best.
    pub level: Option<BackupLevel>,
    /// Whether it can be relied on.
    pub state: BackupState,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Whether it is kept until it is unpinned.
    pub pinned: bool,
    /// Whether it is compressed.
    pub compressed: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// Whether a backup stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupKind {
    /// The whole database.
    Full,
    /// The pages that changed since another backup: a point in time.
    Delta,
}

/// What a backup was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupReason {
    /// A person asked for it.
    Manual,
    /// Its time had come.
    Scheduled,
    /// A new version was about to change the schema.
    PreMigration,
    /// A restore was about to replace the database.
    PreRestore,
    /// Something was about to be deleted for good.
    PreDelete,
    /// An import was about to add much.
    PreImport,
    /// The app was being closed.
    Exit,
}

/// How thoroughly a backup is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupLevel {
    /// Its digests.
    Quick,
    /// The database in it, in full.
    Standard,
    /// A real restore, with every migration, and the store opened on it.
    Drill,
}

/// Whether a backup can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupState {
    /// The database in it was found sound.
    Good,
    /// It was not checked in full yet.
    Unverified,
    /// A check found it damaged.
    Damaged,
    /// It has no manifest; it can be restored, with the checks that need none.
    Unmanaged,
    /// A part of it, or of what it builds on, is missing.
    Incomplete,
}

/// How far a long task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct BackupProgress {
    /// What it is busy with.
    pub phase: BackupPhase,
    /// How much of it is done: pages when copying and restoring, else bytes.
    pub done: u64,
    /// How much there is; 0 if that is not counted.
    pub total: u64,
}

/// What a long task is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupPhase {
    /// Copying the database.
    Copy,
    /// Reading a file and comparing its digests.
    Read,
    /// Compressing or encrypting.
    Pack,
    /// Checking the database.
    Check,
    /// Writing into the live database.
    Restore,
}

/// What a restore would change.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestorePlan {
    /// The backup.
    pub backup: BackupItem,
    /// What there is now.
    pub live: LiveDatabase,
    /// What was met, if what there is now cannot be read.
    pub live_problem: Option<String>,
    /// Rows, by table.
    pub tables: Vec<PlannedTable>,
    /// When the newest message that there is now was written.
    pub newest_message_now: Option<Timestamp>,
    /// When the newest message in the backup was written.
    pub newest_message_then: Option<Timestamp>,
    /// The schema it is brought up to date from, if it is an older one.
    pub migrates_from: Option<u32>,
    /// What was not checked, and what else should be known.
    pub warnings: Vec<String>,
}

/// What is in the live database's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LiveDatabase {
    /// A database that can be read.
    Readable,
    /// A file that cannot be read as one.
    Damaged,
    /// Nothing.
    Missing,
}

/// A table's rows now and after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct PlannedTable {
    /// The table.
    pub table: String,
    /// Rows now; nothing if they cannot be counted.
    pub now: Option<u64>,
    /// Rows in the backup.
    pub then: u64,
    /// Rows that are in the backup and not here now.
    pub gained: u64,
    /// Rows that are here now and not in the backup.
    pub lost: u64,
}

/// A restore that was done.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestoredBackup {
    /// The name of the backup.
    pub from: String,
    /// When.
    pub at: Timestamp,
    /// The name of the backup of what was there before.
    pub safety_backup: Option<String>,
    /// Where the former files are, if they were moved away.
    pub former: Option<String>,
    /// Whether the app has its database now.
    pub status: AppStatus,
}

/// What was read of a damaged database, into a new file.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalvagedDatabase {
    /// The new file.
    pub file: String,
    /// Whether nothing was found to be missing.
    pub complete: bool,
    /// What came of each table.
    pub tables: Vec<SalvagedRows>,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// What was read of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct SalvagedRows {
    /// The table.
    pub table: String,
    /// Rows that were saved.
    pub rows: u64,
    /// What was lost of it.
    pub problem: Option<String>,
}

/// A salvaged database that took the damaged one's place.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
pub(crate) struct SalvageUsed {
    /// Where the damaged files are kept.
    pub former: String,
    /// Whether the app has its database now.
    pub status: AppStatus,
}

impl From<BackupLevel> for CheckLevel {
    fn from(level: BackupLevel) -> Self {
        match level {
            BackupLevel::Quick => Self::Quick,
            BackupLevel::Standard => Self::Standard,
            BackupLevel::Drill => Self::Drill,
        }
    }
}
