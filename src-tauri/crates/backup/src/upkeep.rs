//! Looking after a folder of backups: removing what is no longer kept, pinning, exporting.

use std::path::Path;

use chatkeep_store::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::check::FullText;
use crate::control::{Control, Phase};
use crate::create;
use crate::database;
use crate::digest;
use crate::error::{At, Error, Result};
use crate::files;
use crate::folder::{Backup, BackupFolder, State};
use crate::manifest::{Kind, Manifest, manifest_path};
use crate::names::{self, Form};
use crate::pack::Key;
use crate::retention::{self, Policy};
use crate::verify;

/// What was done with one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The backup.
    pub id: Uuid,
    /// Its file's name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why it stays; empty: it went.
    pub keep: Vec<&'static str>,
}

/// Whether backups are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// They are.
    Remove,
    /// It is only told which would be.
    DryRun,
}

/// Removes the backups that `policy` does not keep. Files that are no managed backup stay.
///
/// # Errors
/// [`Error::Usage`] for a policy that keeps nothing, and what the file system says.
pub fn prune(
    folder: &BackupFolder,
    policy: &Policy,
    how: Prune,
    now: Timestamp,
    control: &Control,
) -> Result<Vec<Pruned>> {
    let _lock = folder.lock("backup-db prune", control)?;
    let backups = folder.list()?;
    let manifests: Vec<Manifest> = backups
        .iter()
        .filter_map(Backup::manifest)
        .cloned()
        .collect();
    let decisions = retention::decide(policy, &manifests, now)?;
    let managed = backups.iter().filter(|it| it.manifest().is_some());
    let mut pruned = Vec::new();
    // Newest first, so that no delta ever lies there without what it builds on.
    for ((backup, manifest), decision) in managed.zip(&manifests).zip(decisions) {
        if decision.keep.is_empty() && how == Prune::Remove {
            control.check()?;
            remove(backup)?;
        }
        pruned.push(Pruned {
            id: decision.id,
            name: backup.name(),
            bytes: manifest.payload.digests.bytes,
            keep: decision.keep,
        });
    }
    if how == Prune::Remove {
        remove_empty_manifests(&backups)?;
    }
    Ok(pruned)
}

/// Removes one backup for good.
///
/// # Errors
/// [`Error::Usage`], if another backup builds on it or it is pinned.
pub fn delete(folder: &BackupFolder, backup: &Backup, control: &Control) -> Result<()> {
    let _lock = folder.lock("backup-db", control)?;
    if let Some(manifest) = backup.manifest() {
        if manifest.pinned {
            return Err(Error::usage(format!(
                "{} is pinned; unpin it first",
                backup.name()
            )));
        }
        let builds_on = |it: &Manifest| {
            it.base
                .as_ref()
                .is_some_and(|base| base.backup_id == manifest.backup_id)
        };
        if let Some(other) = folder
            .list()?
            .iter()
            .find(|it| it.manifest().is_some_and(builds_on))
        {
            return Err(Error::usage(format!("{} builds on it", other.name())));
        }
    }
    remove(backup)
}

/// The data first: a manifest without data is known for what it is, and swept by the next prune.
fn remove(backup: &Backup) -> Result<()> {
    files::remove_if_there(&backup.path)?;
    files::sync_folder_of(&backup.path)?;
    files::remove_if_there(&manifest_path(&backup.path))
}

/// What a prune leaves that was cut off between the two files of a backup.
fn remove_empty_manifests(backups: &[Backup]) -> Result<()> {
    for backup in backups {
        let is_empty = matches!(backup.state, State::Damaged(_)) && !backup.path.exists();
        if is_empty {
            files::remove_if_there(&manifest_path(&backup.path))?;
        }
    }
    Ok(())
}

/// Keeps a backup whatever the policy says, or stops doing so.
///
/// # Errors
/// [`Error::Invalid`], if it has no sound manifest to note it in.
pub fn set_pinned(
    folder: &BackupFolder,
    backup: &Backup,
    pinned: bool,
    control: &Control,
) -> Result<Backup> {
    let _lock = folder.lock("backup-db pin", control)?;
    let mut manifest = backup.require_manifest()?.clone();
    manifest.pinned = pinned;
    manifest.write(&backup.path)?;
    Ok(Backup {
        path: backup.path.clone(),
        state: State::Managed(Box::new(manifest)),
    })
}

/// Copies a full backup into another folder, where it keeps its id, and reads the copy back. `None`:
/// it is there already.
///
/// # Errors
/// [`Error::Usage`] for a delta, which is nothing without what it builds on; [`Error::Invalid`], if
/// the backup is not what its manifest says.
pub fn copy_to(backup: &Backup, to: &BackupFolder, control: &Control) -> Result<Option<Backup>> {
    let manifest = backup.require_manifest()?;
    if manifest.kind != Kind::Full {
        return Err(Error::usage(
            "only a full backup stands by itself elsewhere",
        ));
    }
    let _lock = to.lock("backup-db", control)?;
    if to.by_id(manifest.backup_id).is_ok() {
        return Ok(None);
    }
    files::require_space(to.path(), manifest.payload.digests.bytes)?;
    let work = to.work_file("copy")?;
    files::copy(&backup.path, &work.path, |done| {
        control.step(Phase::Copy, done, manifest.payload.digests.bytes)
    })?;
    if digest::digest_file(&work.path, control)? != manifest.payload.digests {
        return Err(Error::invalid(
            &backup.path,
            "its copy's digest is not the one in its manifest",
        ));
    }
    let copied = Manifest {
        sequence: to.next_sequence()?,
        ..manifest.clone()
    };
    let form = Form::of(&backup.path);
    create::publish(to, &work, copied, |nth| {
        names::full(manifest.created(), nth, form)
    })
    .map(Some)
}

/// Whether an export is rewritten without its free pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Page for page as it was.
    Exact,
    /// As small as it gets; what was deleted is gone from it.
    Compact,
}

/// Writes the database of a backup, checked, to the new plain SQLite file `to`.
///
/// # Errors
/// [`Error::Usage`], if there is a file already, and why the backup cannot be used.
pub fn export(
    backup: &Backup,
    to: &Path,
    layout: Layout,
    key: Option<&Key>,
    control: &Control,
) -> Result<()> {
    if to.try_exists().at("look at", to)? {
        return Err(Error::usage(format!("{} is there already", to.display())));
    }
    let unfinished = format!(".chatkeep-export-{}", Uuid::now_v7().simple());
    let work = files::WorkFile::at(files::parent(to).join(unfinished));
    verify::standard(backup, key, &work.path, FullText::Ids, control)?;
    if layout == Layout::Compact {
        let connection = database::open_copy(&work.path, control)?;
        let outcome = connection.execute_batch("VACUUM").at("compact", &work.path);
        database::or_stopped(outcome, control)?;
        database::close(connection, &work.path)?;
    }
    files::sync(&work.path)?;
    files::publish(&work.path, to)
}
