//! What the user opens an encrypted backup with. It can be neither printed nor logged, and is gone with
//! the command that it came with.

use std::path::PathBuf;

use chatkeep_backup::{Key, Result};
use serde::Deserialize;

/// What opens an encrypted backup.
#[derive(Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum BackupKey {
    /// The passphrase it was made with.
    Passphrase {
        /// The passphrase.
        passphrase: String,
    },
    /// An identity of age that it was made for.
    File {
        /// The file that the identity is in.
        path: PathBuf,
    },
}

impl BackupKey {
    /// The key itself.
    pub(crate) fn open(self) -> Result<Key> {
        match self {
            Self::Passphrase { passphrase } => Ok(Key::Passphrase(passphrase.into())),
            Self::File { path } => Key::from_identity_file(&path),
        }
    }
}
