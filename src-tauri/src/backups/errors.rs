//! Why something about backups failed, in the window's words: what the library's own remedies say is
//! for a terminal.

use chatkeep_backup::{Error, with_causes};

use crate::error::{CommandError, ErrorKind};

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let kind = kind(&error);
        let remedy = match &error {
            Error::Usage { .. } => "Nothing was changed.",
            Error::NotFound { .. } => "Nothing was changed. Look at the list of backups again.",
            Error::Busy { .. } => {
                "Nothing was changed. Wait until that is done, or end it, and try again."
            }
            Error::Deadline { .. } => {
                "Nothing was changed. Try again when the computer is less busy."
            }
            Error::Key { .. } => {
                "Nothing was changed. Enter its passphrase, or choose the key file it was made for."
            }
            Error::NoSpace { .. } => {
                "Nothing was changed and your chats are intact. Free some space there, or choose \
                 another folder."
            }
            Error::SourceCorrupt { .. } => {
                "No backup was removed, and a copy is in the quarantine. Restore the newest good \
                 backup, or salvage what can still be read."
            }
            Error::Invalid { .. } => "Nothing was changed. Choose another backup.",
            Error::Foreign { .. } => {
                "Nothing was changed. If you do want the other chats here, restore them with \
                 chatkeep-restore-db --allow-foreign."
            }
            Error::TooNew { .. } => {
                "Nothing was changed. Install the newest Chatkeep, then restore it."
            }
            Error::Cancelled => "Nothing was changed.",
            Error::Faulty { .. } => {
                "Nothing was changed. Back up to another disk, and have this computer checked."
            }
            Error::RolledBack { .. } => {
                "The database is as it was. Choose another backup, or try again."
            }
            Error::Manual { former, stage, .. } => {
                let remedy = format!(
                    "Quit Chatkeep and copy both files somewhere safe: the former database is {}, \
                     the one that was to replace it is {}. Start it again: it tries to finish.",
                    former.display(),
                    stage.display()
                );
                return Self::new(kind, with_causes(&error), remedy);
            }
            _ => {
                "Nothing was changed. Make sure that the folder is there and yours, then try \
                 again."
            }
        };
        Self::new(kind, with_causes(&error), remedy)
    }
}

fn kind(error: &Error) -> ErrorKind {
    match error {
        Error::Usage { what } => ErrorKind::InvalidInput {
            field: "backup".into(),
            limit: what.clone(),
        },
        Error::NotFound { what } => ErrorKind::NotFound {
            entity: "backup".into(),
            id: what.clone(),
        },
        Error::Busy { .. } | Error::Deadline { .. } => ErrorKind::Busy,
        Error::NoSpace { .. } => ErrorKind::DiskFull,
        Error::SourceCorrupt { .. } => ErrorKind::DatabaseCorrupt,
        Error::Key { .. } => ErrorKind::BackupKey,
        Error::Invalid { .. } | Error::Foreign { .. } => ErrorKind::BackupUnusable,
        Error::TooNew { .. } => ErrorKind::SchemaTooNew,
        Error::RolledBack { .. } | Error::Manual { .. } => ErrorKind::RestoreFailed,
        Error::Cancelled => ErrorKind::Cancelled,
        error => {
            log::error!("backup: {}", with_causes(error));
            ErrorKind::Internal
        }
    }
}
