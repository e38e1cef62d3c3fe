//! The backups in both folders, as the window shows them.

use std::cmp::Reverse;

use chatkeep_backup::{
    Backup, BackupFolder, Error, Kind, Level, Manifest, Place, Reason, Result, State,
};
use chatkeep_store::Timestamp;

use super::second;
use super::views::{BackupItem, BackupKind, BackupLevel, BackupReason, BackupState};

/// Begins the id of a backup in the second folder, where a copy has the same uid.
const SECOND: &str = "second/";

/// A backup that was looked for.
pub(crate) struct Found {
    pub(crate) folder: BackupFolder,
    pub(crate) backup: Backup,
    pub(crate) is_second: bool,
}

/// The folders that are there, and whether it is the second one.
pub(crate) fn folders(place: &Place) -> Vec<(BackupFolder, bool)> {
    let first = BackupFolder::open(&place.backups).ok();
    let second = second::open(place);
    let first = first.into_iter().map(|it| (it, false));
    first.chain(second.map(|it| (it, true))).collect()
}

/// Every backup, newest first.
pub(crate) fn all(place: &Place) -> Result<Vec<BackupItem>> {
    let mut items = Vec::new();
    for (folder, is_second) in folders(place) {
        let backups = folder.list()?;
        items.extend(backups.iter().map(|it| among(it, &backups, is_second)));
    }
    items.sort_by_key(|it| Reverse(it.created_at));
    Ok(items)
}

/// The backup with this id.
pub(crate) fn find(place: &Place, id: &str) -> Result<Found> {
    let wants_second = id.starts_with(SECOND);
    for (folder, is_second) in folders(place) {
        let backups = match is_second == wants_second {
            true => folder.list()?,
            false => continue,
        };
        if let Some(backup) = backups.into_iter().find(|it| id_of(it, is_second) == id) {
            return Ok(Found {
                folder,
                backup,
                is_second,
            });
        }
    }
    Err(Error::NotFound {
        what: "this backup is gone".into(),
    })
}

/// A full backup whose database was found sound.
pub(crate) fn is_good_full(manifest: &Manifest) -> bool {
    manifest.kind == Kind::Full && manifest.is_verified()
}

/// One backup by itself.
pub(crate) fn item(backup: &Backup, is_second: bool) -> BackupItem {
    let manifest = backup.manifest();
    let rows = |table: &str| Some(manifest?.content.get(table).map_or(0, |it| it.rows));
    let checked = manifest.and_then(|it| it.verification.as_ref());
    let (state, problem) = state(backup);
    let folder = backup.path.parent().unwrap_or(&backup.path);
    let name = backup.name();
    BackupItem {
        id: id_of(backup, is_second),
        folder: folder.display().to_string(),
        is_second,
        created_at: manifest.map(Manifest::created),
        kind: match manifest {
            Some(manifest) => kind(manifest.kind),
            None if name.contains(".pgd") => BackupKind::Delta,
            None => BackupKind::Full,
        },
        reason: manifest.map(|it| reason(it.reason)),
        bytes: manifest.map_or_else(|| size(backup), |it| it.payload.digests.bytes),
        sessions: rows("sessions"),
        messages: rows("messages"),
        verified_at: checked.map(|it| Timestamp::from_ms(it.at_ms)),
        level: checked.filter(|it| it.ok).map(|it| level(it.level)),
        state,
        problem,
        pinned: manifest.is_some_and(|it| it.pinned),
        compressed: name.contains(".zst"),
        encrypted: name.ends_with(".age"),
        name,
    }
}

/// One backup among the others of its folder: a delta is no better than what it builds on.
fn among(backup: &Backup, all: &[Backup], is_second: bool) -> BackupItem {
    let mut item = item(backup, is_second);
    let is_sound = matches!(item.state, BackupState::Good | BackupState::Unverified);
    if let Some((state, problem)) = is_sound.then(|| base_problem(backup, all)).flatten() {
        item.state = state;
        item.problem = Some(problem.to_owned());
    }
    item
}

fn base_problem(backup: &Backup, all: &[Backup]) -> Option<(BackupState, &'static str)> {
    let mut next = backup.manifest()?.base.as_ref();
    let mut steps = 0;
    while let Some(base) = next.filter(|_| steps <= all.len()) {
        let of_base = |it: &&Manifest| it.backup_id == base.backup_id;
        let Some(found) = all.iter().filter_map(Backup::manifest).find(of_base) else {
            return Some((BackupState::Incomplete, "What it builds on is missing."));
        };
        if found.is_condemned() {
            return Some((BackupState::Damaged, "What it builds on is damaged."));
        }
        next = found.base.as_ref();
        steps += 1;
    }
    None
}

fn id_of(backup: &Backup, is_second: bool) -> String {
    let id = backup
        .manifest()
        .map_or_else(|| backup.name(), |it| it.backup_id.to_string());
    match is_second {
        true => format!("{SECOND}{id}"),
        false => id,
    }
}

fn state(backup: &Backup) -> (BackupState, Option<String>) {
    match &backup.state {
        State::Unmanaged => (BackupState::Unmanaged, None),
        State::Damaged(what) if !backup.path.exists() => {
            (BackupState::Incomplete, Some(what.clone()))
        }
        State::Damaged(what) => (BackupState::Damaged, Some(what.clone())),
        State::Managed(manifest) => match &manifest.verification {
            Some(checked) if !checked.ok => (BackupState::Damaged, checked.what.clone()),
            _ if manifest.is_verified() => (BackupState::Good, None),
            _ => (BackupState::Unverified, None),
        },
    }
}

fn size(backup: &Backup) -> u64 {
    std::fs::metadata(&backup.path).map_or(0, |it| it.len())
}

fn kind(kind: Kind) -> BackupKind {
    match kind {
        Kind::Full => BackupKind::Full,
        Kind::Delta => BackupKind::Delta,
    }
}

fn reason(reason: Reason) -> BackupReason {
    match reason {
        Reason::Manual => BackupReason::Manual,
        Reason::Scheduled => BackupReason::Scheduled,
        Reason::PreMigration => BackupReason::PreMigration,
        Reason::PreRestore => BackupReason::PreRestore,
        Reason::PreDelete => BackupReason::PreDelete,
        Reason::PreImport => BackupReason::PreImport,
        Reason::Exit => BackupReason::Exit,
    }
}

fn level(level: Level) -> BackupLevel {
    match level {
        Level::Quick => BackupLevel::Quick,
        Level::Standard => BackupLevel::Standard,
        Level::Drill => BackupLevel::Drill,
    }
}
