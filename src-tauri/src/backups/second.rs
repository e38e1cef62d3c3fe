//! The second folder: on another disk, or one that a sync program keeps. Every full backup is copied
//! there.
//!
//! Which one it is lies in a file beside the backups and not in the database: it is needed most when
//! that is damaged, and a restore must not set it back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chatkeep_backup::{
    BACKUPS_FOLDER, Backup, BackupFolder, Control, Place, Policy, Prune, Result, copy_to, prune,
};
use chatkeep_store::Timestamp;

use super::list;
use crate::error::CommandError;

const FILE: &str = "second-folder";
/// Made in the folder that is chosen, and only then: where it is missing later, the disk is not
/// there, and its mount point must not be filled.
const OWN_FOLDER: &str = "Chatkeep backups";

/// The second folder, whether it is there or not.
pub(crate) fn path(place: &Place) -> Option<PathBuf> {
    let text = fs::read_to_string(file(place)).ok()?;
    (!text.is_empty()).then(|| text.into())
}

/// The second folder, if it is there.
pub(crate) fn open(place: &Place) -> Option<BackupFolder> {
    BackupFolder::open(&path(place)?).ok()
}

/// Takes `chosen` for the second folder from now on, or none.
pub(crate) fn choose(
    place: &Place,
    chosen: Option<&Path>,
) -> std::result::Result<(), CommandError> {
    let text = match chosen {
        None => String::new(),
        Some(chosen) => {
            require_fit(place, chosen)?;
            let folder = own_folder(chosen);
            BackupFolder::create(&folder)?;
            folder.display().to_string()
        }
    };
    write(place, &text).map_err(|error| {
        CommandError::new(
            crate::error::ErrorKind::Internal,
            format!("the choice of the second folder could not be kept: {error}"),
            "Make sure that you may write to the data folder, then choose it again.",
        )
    })
}

fn require_fit(place: &Place, chosen: &Path) -> std::result::Result<(), CommandError> {
    let limit = if !chosen.is_absolute() || !chosen.is_dir() {
        "must be a folder that is there"
    } else if chosen.to_str().is_none() {
        "must have a name that is Unicode"
    } else if chosen.starts_with(place.data_folder()) || chosen.starts_with(&place.backups) {
        "must not be in the data folder or among the backups"
    } else {
        return Ok(());
    };
    Err(CommandError::invalid(
        "second folder",
        limit,
        "Choose one on another disk, or a synced one.",
    ))
}

/// One that holds backups already is taken as it is.
fn own_folder(chosen: &Path) -> PathBuf {
    let has_backups =
        BackupFolder::open(chosen).is_ok_and(|it| it.list().is_ok_and(|it| !it.is_empty()));
    match has_backups || chosen.ends_with(OWN_FOLDER) {
        true => chosen.to_owned(),
        false => chosen.join(OWN_FOLDER),
    }
}

fn file(place: &Place) -> PathBuf {
    place.data_folder().join(BACKUPS_FOLDER).join(FILE)
}

fn write(place: &Place, text: &str) -> io::Result<()> {
    let file = file(place);
    if let Some(folder) = file.parent() {
        BackupFolder::create(folder).map_err(io::Error::other)?;
    }
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, file)
}

/// Copies a full backup to the second folder, reads it back there, and removes what is no longer
/// kept there. A folder that is not there is told by a notice, and is no failure.
pub(crate) fn copy(
    place: &Place,
    backup: &Backup,
    policy: &Policy,
    now: Timestamp,
    control: &Control,
) -> Result<()> {
    let Some(folder) = open(place) else {
        return Ok(());
    };
    if let Some(copied) = copy_to(backup, &folder, control)? {
        log::info!("copied {} to the second folder", copied.name());
    }
    prune(&folder, policy, Prune::Remove, now, control).map(drop)
}

/// Copies the newest good full backup, as after the folder was chosen.
pub(crate) fn copy_newest(
    place: &Place,
    policy: &Policy,
    now: Timestamp,
    control: &Control,
) -> Result<()> {
    let backups = BackupFolder::open(&place.backups)?.list()?;
    let is_good = |it: &&Backup| it.manifest().is_some_and(list::is_good_full);
    match backups.iter().find(is_good) {
        Some(newest) => copy(place, newest, policy, now, control),
        None => Ok(()),
    }
}
