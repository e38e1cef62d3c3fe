//! What the user is told about backups without having asked.

use chatkeep_store::Timestamp;

use super::views::{BackupNotice, BackupNoticeKind};
use crate::error::{CommandError, ErrorKind};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const TOO_OLD_MS: i64 = 7 * DAY_MS;

/// What the notices are made of.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    pub(crate) now: Timestamp,
    pub(crate) automatic: bool,
    /// When the newest good backup was made.
    pub(crate) last_good: Option<Timestamp>,
    pub(crate) same_disk: bool,
    /// The second folder, if it is not there.
    pub(crate) missing_folder: Option<String>,
    /// Why the last backup that the app made by itself failed.
    pub(crate) failure: Option<CommandError>,
}

/// Worst first.
pub(crate) fn notices(found: &Findings) -> Vec<BackupNotice> {
    let notices = [failure(found), age(found), folder(found), disk(found)];
    notices.into_iter().flatten().collect()
}

fn failure(found: &Findings) -> Option<BackupNotice> {
    let error = found.failure.as_ref()?;
    if error.kind == ErrorKind::DatabaseCorrupt {
        return Some(BackupNotice {
            kind: BackupNoticeKind::SourceDamaged,
            message: error.message.clone(),
            remedy: error.remedy.clone(),
        });
    }
    let what = match error.kind {
        ErrorKind::BackupUnusable => "A backup that was restored for a trial is of no use.",
        _ => "The last automatic backup failed.",
    };
    Some(BackupNotice {
        kind: BackupNoticeKind::LastFailed,
        message: format!("{what} {}", error.message),
        remedy: error.remedy.clone(),
    })
}

/// The first backup is made in the first minute; until then, or while its failure is told, there is
/// nothing to add.
fn age(found: &Findings) -> Option<BackupNotice> {
    let (kind, message) = match found.last_good {
        None if found.automatic && found.failure.is_none() => return None,
        None => (
            BackupNoticeKind::Never,
            "There is no good backup.".to_owned(),
        ),
        Some(at) => {
            let age_ms = found.now.as_ms() - at.as_ms();
            if age_ms <= TOO_OLD_MS {
                return None;
            }
            let days = age_ms / DAY_MS;
            let message = format!("The last good backup is {days} days old.");
            (BackupNoticeKind::TooOld, message)
        }
    };
    let remedy = match found.automatic {
        true => "Make one now.",
        false => "Make one now, or turn automatic backups on.",
    };
    Some(BackupNotice {
        kind,
        message,
        remedy: remedy.to_owned(),
    })
}

fn folder(found: &Findings) -> Option<BackupNotice> {
    let folder = found.missing_folder.as_ref()?;
    Some(BackupNotice {
        kind: BackupNoticeKind::SecondFolderMissing,
        message: format!("The second folder is not there: {folder}."),
        remedy: "Connect its disk, or choose another folder.".to_owned(),
    })
}

/// A disk that dies takes both. While nothing is backed up at all, that is not the trouble.
fn disk(found: &Findings) -> Option<BackupNotice> {
    let is_told = found.same_disk && found.last_good.is_some();
    is_told.then(|| BackupNotice {
        kind: BackupNoticeKind::SameDisk,
        message: "All backups are on the same disk as your chats.".to_owned(),
        remedy: "Choose a second folder on another disk, or a synced one.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_ms(1_795_219_200_000).plus_ms(days * DAY_MS)
    }

    /// A good backup of today on another disk.
    fn fine() -> Findings {
        Findings {
            now: at(0),
            automatic: true,
            last_good: Some(at(0)),
            same_disk: false,
            missing_folder: None,
            failure: None,
        }
    }

    fn kinds(found: &Findings) -> Vec<BackupNoticeKind> {
        notices(found).iter().map(|it| it.kind).collect()
    }

    #[test]
    fn while_all_is_well_nothing_is_said() {
        assert_eq!(kinds(&fine()), []);
    }

    #[test]
    fn a_week_without_a_good_backup_is_told() {
        let of = |days| Findings {
            last_good: Some(at(days)),
            ..fine()
        };
        assert_eq!(kinds(&of(-7)), []);
        assert_eq!(kinds(&of(-8)), [BackupNoticeKind::TooOld]);
        assert!(notices(&of(-8))[0].message.contains("8 days"));
    }

    #[test]
    fn no_backup_is_told_once_none_is_about_to_be_made() {
        let none = Findings {
            last_good: None,
            same_disk: true,
            ..fine()
        };
        assert_eq!(kinds(&none), []);
        let off = Findings {
            automatic: false,
            ..none.clone()
        };
        assert_eq!(kinds(&off), [BackupNoticeKind::Never]);
        let failed = Findings {
            failure: Some(CommandError::internal("as the test wants it")),
            ..none
        };
        assert_eq!(
            kinds(&failed),
            [BackupNoticeKind::LastFailed, BackupNoticeKind::Never]
        );
    }

    #[test]
    fn one_disk_a_missing_folder_and_a_damaged_database_are_told() {
        let found = Findings {
            same_disk: true,
            missing_folder: Some("/media/disk".to_owned()),
            failure: Some(CommandError::new(
                ErrorKind::DatabaseCorrupt,
                "torn",
                "mend",
            )),
            ..fine()
        };
        assert_eq!(
            kinds(&found),
            [
                BackupNoticeKind::SourceDamaged,
                BackupNoticeKind::SecondFolderMissing,
                BackupNoticeKind::SameDisk
            ]
        );
    }
}
