//! A look at everything that a restore would need, without changing anything.

use std::path::Path;

use chatkeep_store::Timestamp;
use chatkeep_store::upkeep::{LockFile, lock_path};
use serde::Serialize;

use crate::control::Control;
use crate::database;
use crate::error::{Error, Result, with_causes};
use crate::files;
use crate::folder::{Backup, BackupFolder, Place, State};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// After so many days without a good backup, something is wrong.
const BACKUP_AGE_DAYS_MAX: i64 = 7;
const DRILL_AGE_DAYS_MAX: i64 = 31;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// A restore would work, but something should be done.
    Warning,
    /// A restore would not work, or the database needs one.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it; empty if nothing.
    pub remedy: String,
}

/// Looks at the database, the backups and the disk they lie on.
///
/// # Errors
/// What the file system says of a folder that is there and cannot be read.
pub fn doctor(place: &Place, now: Timestamp, control: &Control) -> Result<Vec<Finding>> {
    let mut findings = vec![database(place, control), journal(place)];
    match BackupFolder::open(&place.backups) {
        Err(error) => findings.push(error_finding(&error)),
        Ok(folder) => {
            let backups = folder.list()?;
            findings.push(newest(&backups, now));
            findings.push(proven(&backups, now));
            findings.extend(backups.iter().filter_map(unusable));
            findings.push(disk(place));
            findings.push(room(place));
            findings.push(privacy(&place.backups));
        }
    }
    Ok(findings)
}

fn ok(what: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Ok,
        what: what.into(),
        remedy: String::new(),
    }
}

fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Warning,
        what: what.into(),
        remedy: remedy.into(),
    }
}

fn error_finding(error: &Error) -> Finding {
    Finding {
        severity: Severity::Error,
        what: with_causes(error),
        remedy: error.remedy(),
    }
}

fn database(place: &Place, control: &Control) -> Finding {
    let read = || {
        let connection = database::open_live(&place.database, control)?;
        database::facts(&connection, &place.database)
    };
    match read() {
        Err(error) => error_finding(&error),
        Ok(facts) => {
            let rows = |table: &str| facts.content.get(table).map_or(0, |it| it.rows);
            ok(format!(
                "{} can be read: {} sessions, {} messages, schema {}; {}",
                place.database.display(),
                rows("sessions"),
                rows("messages"),
                facts.database.user_version,
                in_use(place)
            ))
        }
    }
}

fn in_use(place: &Place) -> String {
    match LockFile::acquire(&lock_path(&place.database), "backup-db doctor") {
        Ok(_) => "no program has it open".into(),
        Err(error) => error.to_string(),
    }
}

fn journal(place: &Place) -> Finding {
    if place.journal().exists() {
        return warning(
            "a restore was cut off",
            "Start Chatkeep or run chatkeep-restore-db: either finishes it first.",
        );
    }
    ok("no restore is half done")
}

fn newest(backups: &[Backup], now: Timestamp) -> Finding {
    let Some(newest) = BackupFolder::newest_verified_full(backups) else {
        return Finding {
            severity: Severity::Error,
            what: "there is no verified backup".into(),
            remedy: "Run chatkeep-backup-db.".into(),
        };
    };
    let days = (now.as_ms() - newest.created_at_ms).div_euclid(DAY_MS);
    match days {
        ..0 => warning(
            "the newest backup is from the future: the clock was set back, and nothing is pruned",
            "Set the computer's clock.",
        ),
        0..=BACKUP_AGE_DAYS_MAX => ok(format!("the newest verified backup is {days} days old")),
        _ => warning(
            format!("the newest verified backup is {days} days old"),
            "Run chatkeep-backup-db, and set up a timer for it.",
        ),
    }
}

fn proven(backups: &[Backup], now: Timestamp) -> Finding {
    let drilled = |it: &Backup| it.manifest()?.verification.as_ref()?.drilled_at_ms;
    let days = backups
        .iter()
        .filter_map(drilled)
        .max()
        .map(|at| (now.as_ms() - at).div_euclid(DAY_MS));
    match days {
        Some(..=DRILL_AGE_DAYS_MAX) => ok("a restore was proven within the last month"),
        _ => warning(
            "no restore was proven within the last month",
            "Run chatkeep-backup-db verify --verify drill latest.",
        ),
    }
}

fn unusable(backup: &Backup) -> Option<Finding> {
    let what = match &backup.state {
        State::Damaged(what) => what.clone(),
        State::Unmanaged => "it has no manifest; it can be restored with its checks".into(),
        State::Managed(manifest) => manifest
            .verification
            .as_ref()
            .filter(|it| !it.ok)?
            .what
            .clone()
            .unwrap_or_default(),
    };
    Some(warning(
        format!("{}: {what}", backup.name()),
        "Keep another copy of the good backups on another disk.",
    ))
}

/// A disk that dies takes both.
fn disk(place: &Place) -> Finding {
    match same_disk(place.data_folder(), &place.backups) {
        Some(false) => ok("the backups are on another disk than the database"),
        _ => warning(
            "the backups are on the same disk as the database",
            "Back up to an external disk, too: chatkeep-backup-db --dir FOLDER.",
        ),
    }
}

/// Whether two folders are on one disk; `None` if that cannot be told.
#[cfg(unix)]
#[must_use]
pub fn same_disk(a: &Path, b: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    Some(a.metadata().ok()?.dev() == b.metadata().ok()?.dev())
}

/// Whether two folders are on one disk; `None` if that cannot be told.
#[cfg(not(unix))]
#[must_use]
pub fn same_disk(_: &Path, _: &Path) -> Option<bool> {
    None
}

fn room(place: &Place) -> Finding {
    let needed = files::size(&place.database).unwrap_or(0) * 2;
    match files::require_space(&place.backups, needed) {
        Ok(()) => ok("there is room for the next backup and a restore"),
        Err(error) => warning(error.to_string(), error.remedy()),
    }
}

#[cfg(unix)]
fn privacy(folder: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let open = folder
        .metadata()
        .is_ok_and(|it| it.permissions().mode() & 0o077 != 0);
    if open {
        return warning(
            format!("others on this computer may look into {}", folder.display()),
            format!("Run chmod 700 {}.", folder.display()),
        );
    }
    ok("only you may look into the folder of backups")
}

#[cfg(not(unix))]
fn privacy(_: &Path) -> Finding {
    ok("the folder of backups is as private as your own folders are")
}
