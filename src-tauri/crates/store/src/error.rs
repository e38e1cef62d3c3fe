//! Why something could not be done. SQLite's failures are classified here, once, by their code.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::change::Entity;

/// What a store's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a read or a write failed. After any of these the transaction is rolled back and the
/// database is as it was before it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing has that id.
    #[error("there is no {} with the id {id}", .entity.as_str())]
    NotFound {
        /// What was looked for.
        entity: Entity,
        /// The id that nothing has.
        id: String,
    },
    /// A value was refused; nothing was written.
    #[error("{field}: {limit}")]
    Invalid {
        /// Which value, in the words of the user interface.
        field: &'static str,
        /// The limit it breaks, as a sentence that says what would be accepted.
        limit: String,
    },
    /// Every connection stayed in use, or another process held the file, until the time ran out.
    #[error("the database is busy")]
    Busy,
    /// The disk has no room left for the write.
    #[error("the disk is full")]
    DiskFull,
    /// The file is not a sound SQLite database.
    #[error("the database is damaged")]
    Corrupt(#[source] rusqlite::Error),
    /// The file or its folder may not be written.
    #[error("the database cannot be written")]
    ReadOnly(#[source] rusqlite::Error),
    /// Anything else that SQLite reports.
    #[error("the database reported an error")]
    Sqlite(#[source] rusqlite::Error),
}

impl Error {
    pub(crate) fn not_found(entity: Entity, id: impl ToString) -> Self {
        Self::NotFound {
            entity,
            id: id.to_string(),
        }
    }

    pub(crate) fn invalid(field: &'static str, limit: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            limit: limit.into(),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(code) => match code.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
                ErrorCode::DiskFull => Self::DiskFull,
                // The shared-memory file could not grow: on a full disk it is the first to fail.
                ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                    Self::DiskFull
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error),
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    Self::ReadOnly(error)
                }
                _ => Self::Sqlite(error),
            },
            // A value that SQLite has no room for was handed in; the database is fine.
            None if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => {
                Self::Sqlite(error)
            }
            // A column of the wrong type or an unreadable id: the row was not written by this code.
            None => Self::Corrupt(error),
        }
    }
}

/// `option.or_not_found(entity, id)?`
pub(crate) trait OrNotFound<T> {
    fn or_not_found(self, entity: Entity, id: impl ToString) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    fn or_not_found(self, entity: Entity, id: impl ToString) -> Result<T> {
        self.ok_or_else(|| Error::not_found(entity, id))
    }
}

/// Why a store could not be opened. The files on disk are left as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data folder lies where another program rewrites files behind SQLite's back.
    #[error("the data folder {} lies in {place}", .folder.display())]
    SyncedFolder {
        /// The folder that was refused.
        folder: PathBuf,
        /// What it lies in, such as "a Dropbox folder".
        place: String,
    },
    /// Another process has this data folder open.
    #[error("the database {} is in use by {holder}", .file.display())]
    Locked {
        /// The database.
        file: PathBuf,
        /// Who holds it, as the lock file tells it.
        holder: String,
    },
    /// A restore was cut off between two of its steps; finishing it takes a moment and loses nothing.
    #[error("a restore of the database was not finished; see {}", .journal.display())]
    RestoreUnfinished {
        /// The restore's own record of what is left to do.
        journal: PathBuf,
    },
    /// A newer version of the app wrote this database.
    #[error("the database has schema {found}; this version reads up to {supported}")]
    SchemaTooNew {
        /// The version in the file.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The file is not a sound Chatkeep database.
    #[error("the database is damaged: {what}")]
    Corrupt {
        /// What is wrong with it.
        what: String,
    },
    /// The folder or a file in it may not be read and written.
    #[error("the data folder may not be read and written: {what}")]
    NoPermission {
        /// What the system said.
        what: String,
    },
    /// There is no room for the database.
    #[error("the disk is full")]
    DiskFull,
    /// The SQLite that this program was built with can damage a WAL database.
    #[error("SQLite {found} is too old; 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// The version that was found.
        found: &'static str,
    },
    /// A migration failed; its transaction was rolled back.
    #[error("the database could not be upgraded")]
    Migration(#[source] Box<refinery::Error>),
    /// Anything else.
    #[error("the database could not be opened: {what}")]
    Other {
        /// What the system or SQLite said.
        what: String,
    },
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match error {
            Error::DiskFull => Self::DiskFull,
            Error::Corrupt(source) => Self::Corrupt {
                what: source.to_string(),
            },
            Error::ReadOnly(source) => Self::NoPermission {
                what: source.to_string(),
            },
            Error::Sqlite(source) => Self::Other {
                what: source.to_string(),
            },
            other => Self::Other {
                what: other.to_string(),
            },
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let what = error.to_string();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::NoPermission { what }
            }
            _ => Self::Other { what },
        }
    }
}
