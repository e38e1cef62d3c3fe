//! Proving that a backup can be used, before it is needed.

use std::path::Path;
use std::time::Instant;

use chatkeep_store::{DATABASE_FILE, OpenOptions, Shelf, Timestamp, messages, sessions};

use crate::chain;
use crate::check::{self, FullText};
use crate::control::Control;
use crate::create::elapsed_ms;
use crate::database::Facts;
use crate::digest;
use crate::error::{At, Error, Result};
use crate::files::{self, WorkFile};
use crate::folder::{Backup, BackupFolder, Place, State};
use crate::manifest::{Level, Manifest, Verification};
use crate::pack::Key;

/// How a backup is checked.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    /// How thoroughly.
    pub level: Level,
    /// What opens it, if it is encrypted.
    pub key: Option<&'a Key>,
    /// The time now.
    pub now: Timestamp,
}

/// Checks a backup and notes the outcome in its manifest.
///
/// # Errors
/// [`Error::Invalid`], if it does not pass; that is noted too.
pub fn verify(
    place: &Place,
    backup: Backup,
    check: &Check<'_>,
    control: &Control,
) -> Result<Backup> {
    let folder = BackupFolder::open(&place.backups)?;
    let _lock = folder.lock("backup-db verify", control)?;
    verify_locked(place, &folder, backup, check, control)
}

/// As [`verify`], for a caller who holds the folder's lock.
pub(crate) fn verify_locked(
    place: &Place,
    folder: &BackupFolder,
    backup: Backup,
    check: &Check<'_>,
    control: &Control,
) -> Result<Backup> {
    let start = Instant::now();
    let outcome = run(place, folder, &backup, check, control);
    let what = match &outcome {
        Ok(()) => None,
        Err(Error::Invalid { what, .. }) => Some(what.clone()),
        // No key, no room, cancelled: that says nothing about the backup.
        Err(_) => return outcome.map(|()| backup),
    };
    let noted = note(backup, check, what, elapsed_ms(start));
    outcome.and(noted)
}

fn run(
    place: &Place,
    folder: &BackupFolder,
    backup: &Backup,
    check: &Check<'_>,
    control: &Control,
) -> Result<()> {
    if let State::Damaged(what) = &backup.state {
        return Err(Error::invalid(&backup.path, what.clone()));
    }
    match check.level {
        Level::Quick => quick(backup, control),
        Level::Standard => {
            let work = folder.work_file("verify.db")?;
            standard(backup, check.key, &work.path, FullText::Ids, control).map(drop)
        }
        Level::Drill => drill(place, backup, check, control),
    }
}

fn quick(backup: &Backup, control: &Control) -> Result<()> {
    let manifest = backup.require_manifest()?;
    let found = digest::digest_file(&backup.path, control)?;
    if found != manifest.payload.digests {
        return Err(Error::invalid(
            &backup.path,
            "its digest is not the one in its manifest",
        ));
    }
    Ok(())
}

/// Makes the database of a backup at `to` and checks it in full.
pub(crate) fn standard(
    backup: &Backup,
    key: Option<&Key>,
    to: &Path,
    full_text: FullText,
    control: &Control,
) -> Result<Facts> {
    chain::materialise(backup, key, to, control)?;
    let facts =
        check::check(to, full_text, control).map_err(|error| chain::named(backup, error))?;
    if let Some(manifest) = backup.manifest() {
        check::compare(&facts, manifest, &backup.path)?;
    }
    Ok(facts)
}

/// A whole restore, into a data folder of its own on the live database's disk: there is room for
/// one there, and a store does not open in the synced folder that backups may lie in.
fn drill(place: &Place, backup: &Backup, check: &Check<'_>, control: &Control) -> Result<()> {
    let beside = BackupFolder::create(place.beside().path())?;
    let trial: WorkFile = beside.work_file("drill")?;
    files::create_private_folder(&trial.path)?;
    let database = trial.path.join(DATABASE_FILE);
    let facts = standard(backup, check.key, &database, FullText::Words, control)?;
    let opened = OpenOptions::new(&trial.path)
        .holder("a restore drill")
        .open();
    let store = opened.at("open", &database)?;
    let count = store
        .read(|tx| {
            let page = sessions::list(tx, Shelf::Active, None, 10)?;
            for session in &page.items {
                messages::list(tx, session.id, None, 50)?;
            }
            sessions::count(tx)
        })
        .at("read", &database)?;
    let expected = facts.content.get("sessions").map_or(0, |it| it.rows);
    if count != expected {
        return Err(Error::invalid(
            &backup.path,
            format!("the restored store has {count} sessions; the backup has {expected}"),
        ));
    }
    Ok(())
}

/// Writes the outcome into the manifest; a backup without one has nowhere to keep it.
fn note(
    mut backup: Backup,
    check: &Check<'_>,
    what: Option<String>,
    duration_ms: u64,
) -> Result<Backup> {
    if let State::Managed(manifest) = &mut backup.state {
        manifest.verification = Some(outcome(manifest, check, what, duration_ms));
        manifest.write(&backup.path)?;
    }
    Ok(backup)
}

/// A quick check that passes does not take away what a thorough one has proven.
fn outcome(
    manifest: &Manifest,
    check: &Check<'_>,
    what: Option<String>,
    duration_ms: u64,
) -> Verification {
    let before = manifest.verification.as_ref().filter(|it| it.ok);
    let ok = what.is_none();
    let drilled = before.and_then(|it| it.drilled_at_ms);
    Verification {
        at_ms: check.now.as_ms(),
        level: before.map_or(check.level, |it| it.level.max(check.level)),
        ok,
        what,
        duration_ms,
        drilled_at_ms: match check.level {
            Level::Drill if ok => Some(check.now.as_ms()),
            _ => drilled,
        },
    }
}
