//! Why something could not be done, what holds after it, and the exit code that tells a script.

use std::io;
use std::path::{Path, PathBuf};

use chatkeep_store::OpenError;
use rusqlite::ErrorCode;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a backup, a check or a restore was not done. Unless the variant says otherwise, the live
/// database and every backup are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for cannot be done as it was asked.
    #[error("{what}")]
    Usage {
        /// What is wrong with it, and what would be accepted.
        what: String,
    },
    /// There is no such backup, folder or database.
    #[error("{what}")]
    NotFound {
        /// What was looked for, and where.
        what: String,
    },
    /// Another process holds what is needed.
    #[error("{} is in use by {holder}", .file.display())]
    Busy {
        /// What is held.
        file: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// It took longer than it was allowed to.
    #[error("not done within {seconds} s")]
    Deadline {
        /// The time that was allowed.
        seconds: u64,
    },
    /// The key does not open the backup, or none was given.
    #[error("{what}")]
    Key {
        /// What is missing or does not fit.
        what: String,
    },
    /// There is not enough room.
    #[error("no room in {}", .folder.display())]
    NoSpace {
        /// Where room is needed.
        folder: PathBuf,
        /// How much, in bytes, if that is known.
        needed_bytes: Option<u64>,
    },
    /// The live database is damaged. The copy is in the quarantine; no backup was removed.
    #[error("the database {} is damaged: {what}", .file.display())]
    SourceCorrupt {
        /// The database.
        file: PathBuf,
        /// What the check found.
        what: String,
        /// Where the copy of it is.
        quarantine: Option<PathBuf>,
    },
    /// The backup is damaged or is not one.
    #[error("the backup {} cannot be used: {what}", .file.display())]
    Invalid {
        /// The backup.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The backup is of another store.
    #[error("the backup is of another store ({found}) than the one it would replace ({expected})")]
    Foreign {
        /// The backup's store.
        found: String,
        /// The store it would replace.
        expected: String,
    },
    /// A newer version of the app wrote the backup.
    #[error("the backup has schema {found}; this version reads up to {supported}")]
    TooNew {
        /// The backup's schema.
        found: u32,
        /// The newest that this program reads.
        supported: u32,
    },
    /// The restore failed, and the database was put back as it was before it.
    #[error("the restore failed and was taken back: {what}")]
    RolledBack {
        /// Why it failed.
        what: String,
    },
    /// The restore failed and could not be taken back: the files named need a person.
    #[error("the restore failed and could not be taken back: {what}")]
    Manual {
        /// Why.
        what: String,
        /// Where the former database is.
        former: PathBuf,
        /// Where the database that was to take its place is.
        stage: PathBuf,
    },
    /// What was read back is not what was written. Nothing of it was kept.
    #[error("{what}; the disk or the memory is faulty")]
    Faulty {
        /// What differs.
        what: String,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The system refused an operation on a file.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// SQLite refused an operation on a file.
    #[error("cannot {action} {}", .path.display())]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// On which database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The store could not be opened.
    #[error("cannot open the store on {}", .path.display())]
    Store {
        /// The database.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<OpenError>,
    },
}

impl Error {
    /// The exit code of a tool that ends with this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::NotFound { .. } => 10,
            Self::Busy { .. } | Self::Deadline { .. } => 11,
            Self::Key { .. } => 12,
            Self::NoSpace { .. } => 13,
            Self::SourceCorrupt { .. } => 20,
            Self::Invalid { .. } => 21,
            Self::Foreign { .. } => 22,
            Self::TooNew { .. } => 23,
            Self::RolledBack { .. } => 24,
            Self::Manual { .. } => 25,
            Self::Cancelled => 130,
            Self::Io { .. } | Self::Sqlite { .. } | Self::Store { .. } | Self::Faulty { .. } => 1,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Usage { .. } => "Nothing was changed. See --help.".into(),
            Self::NotFound { .. } => {
                "Nothing was changed. `chatkeep-backup-db list` shows what there is; --dir and --db say where to look.".into()
            }
            Self::Busy { .. } => "Nothing was changed. Wait until that is done, or end it, and try again.".into(),
            Self::Deadline { .. } => "Nothing was changed. Allow more with --deadline, or try again when the computer is less busy.".into(),
            Self::Key { .. } => "Nothing was changed. Give the identity file or the passphrase that the backup was made for.".into(),
            Self::NoSpace { needed_bytes: Some(bytes), .. } => {
                format!("Nothing was changed. Free {} MiB there, or choose another folder.", bytes.div_ceil(1 << 20))
            }
            Self::NoSpace { .. } => "Nothing was changed. Free some room there, or choose another folder.".into(),
            Self::SourceCorrupt { quarantine, .. } => {
                let copy = quarantine.as_ref().map(|it| format!(" A copy is kept in {}.", it.display()));
                format!("No backup was removed.{} Restore the newest good backup with `chatkeep-restore-db`, or read what is left with `chatkeep-restore-db salvage`.", copy.unwrap_or_default())
            }
            Self::Invalid { .. } => "Nothing was changed. Choose another backup; `chatkeep-backup-db verify --all` says which are good.".into(),
            Self::Foreign { .. } => "Nothing was changed. If you do want the other store's chats here, say --allow-foreign.".into(),
            Self::TooNew { .. } => "Nothing was changed. Install the newest Chatkeep, then restore.".into(),
            Self::RolledBack { .. } => "The database is as it was. Choose another backup, or try again.".into(),
            Self::Manual { former, stage, .. } => format!(
                "The former database is {}, the one that was to replace it is {}. Quit Chatkeep, copy both somewhere safe, then move one of them to the database's place.",
                former.display(), stage.display()
            ),
            Self::Cancelled => "Nothing was changed.".into(),
            Self::Faulty { .. } => "Nothing was changed. Back up to another disk, and have this computer checked.".into(),
            Self::Io { .. } | Self::Sqlite { .. } | Self::Store { .. } => "Nothing was changed. Make sure that the folder is there and yours, then try again.".into(),
        }
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage { what: what.into() }
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    pub(crate) fn invalid(file: &Path, what: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.to_owned(),
            what: what.into(),
        }
    }
}

/// The error with all its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// `fs::rename(a, b).at("rename", a)?`: says what was done to which file.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => no_space(path),
            io::ErrorKind::NotFound => Error::not_found(format!(
                "cannot {action} {}: it is not there",
                path.display()
            )),
            _ => Error::Io {
                action,
                path: path.to_owned(),
                source,
            },
        })
    }
}

impl<T> At<T> for rusqlite::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => no_space(path),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::invalid(path, source.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
                file: path.to_owned(),
                holder: "another program that writes to it".into(),
            },
            _ => Error::Sqlite {
                action,
                path: path.to_owned(),
                source,
            },
        })
    }
}

impl<T> At<T> for std::result::Result<T, OpenError> {
    fn at(self, _action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| match source {
            OpenError::Locked { file, holder } => Error::Busy { file, holder },
            OpenError::SchemaTooNew { found, supported } => Error::TooNew { found, supported },
            OpenError::Corrupt { what } => Error::invalid(path, what),
            OpenError::DiskFull => no_space(path),
            source => Error::Store {
                path: path.to_owned(),
                source: Box::new(source),
            },
        })
    }
}

impl<T> At<T> for chatkeep_store::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(OpenError::from).at(action, path)
    }
}

fn no_space(path: &Path) -> Error {
    Error::NoSpace {
        folder: path.parent().unwrap_or(path).to_owned(),
        needed_bytes: None,
    }
}
