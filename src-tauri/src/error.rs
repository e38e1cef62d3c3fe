//! The only error that crosses to the window: what went wrong, and what the user can do.

use chatkeep_embed::EmbedError;
use chatkeep_provider::ProviderError;
use chatkeep_store::Error as StoreError;
use serde::{Deserialize, Serialize};

use crate::opening::{FailureKind, OpenFailure};

/// Why a command failed, one kind a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum ErrorKind {
    /// Nothing has that id.
    NotFound {
        /// What was looked for.
        entity: String,
        /// Its id.
        id: String,
    },
    /// A value was refused; nothing was changed.
    InvalidInput {
        /// Which value.
        field: String,
        /// The limit it breaks.
        limit: String,
    },
    /// The database stayed in use.
    Busy,
    /// There is no room on the disk.
    DiskFull,
    /// The database file is damaged.
    DatabaseCorrupt,
    /// The database file or its folder may not be written.
    DatabaseReadOnly,
    /// A newer version of the app wrote the database.
    SchemaTooNew,
    /// The data folder is kept by a sync program or a network file system.
    SyncedFolder,
    /// No database is open, for another reason or because the app is ending.
    NoStore,
    /// No server answers at the provider's address, or it went silent.
    ProviderUnreachable,
    /// The provider wants another API key.
    ProviderKey,
    /// The provider wants to be asked less often.
    ProviderRateLimited {
        /// Seconds to wait, where it said so.
        retry_after_s: Option<u32>,
    },
    /// The provider does not know the model.
    ProviderModel,
    /// The provider answered with an error.
    ProviderRefused {
        /// The HTTP status.
        status: u16,
    },
    /// The provider's reply was malformed or cut.
    ProviderReply,
    /// The files of the model that finds by meaning are missing or damaged.
    EmbeddingModel,
    /// The system's keychain failed.
    Keychain,
    /// A backup is damaged, is of another store, or cannot be read for another reason.
    BackupUnusable,
    /// An encrypted backup came without its key, or with a wrong one.
    BackupKey,
    /// A restore failed. The message says whether it was taken back.
    RestoreFailed,
    /// It was cancelled; nothing was changed.
    Cancelled,
    /// Anything else; the log has more.
    Internal,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct CommandError {
    /// The cause, to branch on.
    #[serde(flatten)]
    pub kind: ErrorKind,
    /// What went wrong, as a sentence.
    pub message: String,
    /// What the user can do, as a sentence.
    pub remedy: String,
}

impl CommandError {
    pub(crate) fn new(kind: ErrorKind, message: impl ToString, remedy: impl Into<String>) -> Self {
        Self {
            kind,
            message: sentence(&message.to_string()),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn invalid(field: &str, limit: &str, remedy: &str) -> Self {
        let kind = ErrorKind::InvalidInput {
            field: field.to_owned(),
            limit: limit.to_owned(),
        };
        Self::new(kind, format!("{field}: {limit}"), remedy)
    }

    /// Something that should not happen; `detail` goes to the log.
    pub(crate) fn internal(detail: impl std::fmt::Display) -> Self {
        log::error!("internal error: {detail}");
        Self::new(
            ErrorKind::Internal,
            "something went wrong inside Chatkeep",
            "Try again; the log (its folder is in Settings, under Data) says more.",
        )
    }
}

/// "the disk is full" becomes "The disk is full."
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(chars)
        .collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let (kind, remedy) = match &error {
            StoreError::NotFound { entity, id } => (
                ErrorKind::NotFound {
                    entity: entity.as_str().to_owned(),
                    id: id.clone(),
                },
                "It may have been deleted; look at the list again.",
            ),
            StoreError::Invalid { field, limit } => (
                ErrorKind::InvalidInput {
                    field: (*field).to_owned(),
                    limit: limit.clone(),
                },
                "Nothing was saved. Change it and try again.",
            ),
            StoreError::Busy => (
                ErrorKind::Busy,
                "Nothing was changed. Wait a moment and try again.",
            ),
            StoreError::DiskFull => (
                ErrorKind::DiskFull,
                "Nothing was changed and your chats are intact. Free some space and try again.",
            ),
            StoreError::Corrupt(source) => {
                log::error!("the database is damaged: {source}");
                (
                    ErrorKind::DatabaseCorrupt,
                    "Quit Chatkeep and copy the data folder somewhere safe before anything else.",
                )
            }
            StoreError::ReadOnly(source) => {
                log::error!("the database cannot be written: {source}");
                (
                    ErrorKind::DatabaseReadOnly,
                    "Make sure that you may write to the data folder, then try again.",
                )
            }
            _ => return Self::internal(&error).because(&error),
        };
        Self::new(kind, error, remedy)
    }
}

impl CommandError {
    /// Notes the cause beneath an error in the log.
    fn because(self, error: &dyn std::error::Error) -> Self {
        if let Some(source) = error.source() {
            log::error!("caused by: {source}");
        }
        self
    }
}

/// What a command answers that needs a database which could not be opened.
impl From<&OpenFailure> for CommandError {
    fn from(failure: &OpenFailure) -> Self {
        let kind = match failure.kind {
            FailureKind::Corrupt => ErrorKind::DatabaseCorrupt,
            FailureKind::SchemaTooNew => ErrorKind::SchemaTooNew,
            FailureKind::NoPermission => ErrorKind::DatabaseReadOnly,
            FailureKind::DiskFull => ErrorKind::DiskFull,
            FailureKind::Locked => ErrorKind::Busy,
            FailureKind::SyncedFolder => ErrorKind::SyncedFolder,
            FailureKind::Other => ErrorKind::NoStore,
        };
        let message = format!("{}: {} {}", failure.title, failure.file, failure.message);
        Self::new(kind, message, &*failure.remedy)
    }
}

impl From<ProviderError> for CommandError {
    fn from(error: ProviderError) -> Self {
        let (kind, remedy) = match &error {
            ProviderError::Unreachable { .. } | ProviderError::Timeout { .. } => (
                ErrorKind::ProviderUnreachable,
                "Check that the server is running and that its address in Settings is right.",
            ),
            ProviderError::Key { .. } | ProviderError::InvalidKey => (
                ErrorKind::ProviderKey,
                "Enter the API key in Settings, under Providers.",
            ),
            ProviderError::RateLimited { retry_after_s } => (
                ErrorKind::ProviderRateLimited {
                    retry_after_s: retry_after_s.and_then(|seconds| seconds.try_into().ok()),
                },
                "Wait, then choose Try again.",
            ),
            ProviderError::Model { .. } => (
                ErrorKind::ProviderModel,
                "Choose another model, or install this one there.",
            ),
            ProviderError::NoEmbeddings { .. } => (
                ErrorKind::ProviderModel,
                "Choose a model of Ollama or of an OpenAI-compatible server, or one on this \
                 computer.",
            ),
            ProviderError::Refused { status, .. } => (
                ErrorKind::ProviderRefused { status: *status },
                "Try again; if it stays, look at the server's own log or status page.",
            ),
            ProviderError::Reply { .. } => (
                ErrorKind::ProviderReply,
                "What arrived is kept. Choose Try again, or another model.",
            ),
            ProviderError::InvalidUrl { problem } => {
                return Self::invalid(
                    "address",
                    problem,
                    "Enter it as http://host:port or https://host.",
                );
            }
            ProviderError::Keychain { .. } => (
                ErrorKind::Keychain,
                "Unlock the keychain of your system and try again.",
            ),
            _ => return Self::internal(&error),
        };
        Self::new(kind, error, remedy)
    }
}

impl From<EmbedError> for CommandError {
    fn from(error: EmbedError) -> Self {
        let remedy = match &error {
            EmbedError::Missing { .. } => {
                "Search by words works without it. Install Chatkeep again, or lay the model's folder \
                 into “models” in your data folder; in the source tree, run scripts/lib/fetch-models \
                 --all."
            }
            EmbedError::Unreadable { .. } | EmbedError::Damaged { .. } => {
                "Search by words works without it. Install Chatkeep again, or replace the model's \
                 folder."
            }
            _ => return Self::internal(&error).because(&error),
        };
        Self::new(ErrorKind::EmbeddingModel, &error, remedy).because(&error)
    }
}
