//! Keeping what is damaged for a look, without filling the disk with it.

use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_store::Timestamp;

use crate::files;
use crate::folder::BackupFolder;

/// A damaged database is copied at every attempt to back it up; one copy a day is enough.
const KEEP_EVERY_MS: i64 = 24 * 60 * 60 * 1000;
const PREFIX: &str = "damaged-";

/// Keeps the copy of a damaged database, unless one was kept within the day; tells where a copy is.
pub(crate) fn keep_copy(folder: &BackupFolder, copy: &Path, now: Timestamp) -> Option<PathBuf> {
    let quarantine = folder.quarantine().ok()?;
    if let Some(recent) = newest_copy(&quarantine, now) {
        return Some(recent);
    }
    let kept = quarantine.join(format!("{PREFIX}{}.db", now.as_ms()));
    // The damage itself is the error to tell; a copy that cannot be kept is told by its absence.
    files::publish(copy, &kept).ok()?;
    Some(kept)
}

fn newest_copy(quarantine: &Path, now: Timestamp) -> Option<PathBuf> {
    let entries = fs::read_dir(quarantine).ok()?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| kept_at(path).is_some_and(|at| (now.as_ms() - at).abs() < KEEP_EVERY_MS))
}

fn kept_at(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(PREFIX)?.strip_suffix(".db")?.parse().ok()
}
