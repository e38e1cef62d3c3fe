//! Opening the database, and what the user is told when that cannot be done.

use std::path::Path;

use chatkeep_store::{
    DATABASE_FILE, EndpointId, GenerationStatus, Message, NewGeneration, OpenError, OpenOptions,
    Purpose, Store, generations, messages,
};
use serde::{Deserialize, Serialize};

use crate::error::sentence;

/// Whether the app has its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum AppStatus {
    /// It is open.
    Ready {
        /// Whether API keys can be kept beyond this run.
        keychain: bool,
    },
    /// It could not be opened; nothing in it was changed.
    Failed {
        /// Why not.
        failure: OpenFailure,
    },
}

/// The causes that the window tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The file is damaged or not a Chatkeep database.
    Corrupt,
    /// A newer version of the app wrote it.
    SchemaTooNew,
    /// The folder or a file in it may not be read and written.
    NoPermission,
    /// There is no room on the disk.
    DiskFull,
    /// Another process has it open.
    Locked,
    /// The folder is kept by a sync program or a network file system.
    SyncedFolder,
    /// Anything else.
    Other,
}

/// Why the database could not be opened, in the user's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenFailure {
    /// The cause, to branch on.
    pub kind: FailureKind,
    /// The cause in a few words.
    pub title: String,
    /// What exactly was met.
    pub message: String,
    /// What can be done.
    pub remedy: String,
    /// The database file.
    pub file: String,
    /// The folder it is in.
    pub data_dir: String,
}

/// Opens the store and mends what the last end of the app left behind.
pub(crate) fn open(folder: &Path) -> Result<Store, Box<OpenFailure>> {
    let store = OpenOptions::new(folder)
        .open()
        .map_err(|error| describe(folder, &error))?;
    recover(&store).map_err(|error| describe(folder, &error.into()))?;
    Ok(store)
}

/// Replies that were streaming are interrupted.
fn recover(store: &Store) -> chatkeep_store::Result<()> {
    store.write(|tx| {
        for message in messages::interrupt_streaming(tx)? {
            if let Some(generation) = cut_generation(&message) {
                generations::insert(tx, &generation)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// The ledger's entry for a call whose end nobody saw.
fn cut_generation(message: &Message) -> Option<NewGeneration> {
    let (provider, model) = message.model_id.as_deref()?.split_once('/')?;
    Some(NewGeneration {
        session_id: message.session_id,
        message_id: message.id,
        purpose: Purpose::Reply,
        provider: EndpointId::new(provider),
        model: model.to_owned(),
        prompt_tokens: None,
        completion_tokens: None,
        first_token_ms: None,
        total_ms: None,
        status: GenerationStatus::Interrupted,
        error: None,
    })
}

fn describe(folder: &Path, error: &OpenError) -> Box<OpenFailure> {
    let (kind, title, remedy) = match error {
        OpenError::Corrupt { .. } => (
            FailureKind::Corrupt,
            "Your chat database is damaged",
            "Nothing was changed. Copy the data folder somewhere safe, then choose another data \
             folder or put a good copy of the file in its place.",
        ),
        OpenError::SchemaTooNew { .. } => (
            FailureKind::SchemaTooNew,
            "A newer Chatkeep wrote this database",
            "Nothing was changed. Install the newest Chatkeep, or choose another data folder.",
        ),
        OpenError::NoPermission { .. } => (
            FailureKind::NoPermission,
            "Chatkeep may not use its data folder",
            "Make sure that the folder and the file belong to you and can be written, then try \
             again.",
        ),
        OpenError::DiskFull => (
            FailureKind::DiskFull,
            "The disk is full",
            "Free some space, then try again. Nothing was changed.",
        ),
        OpenError::Locked { .. } => (
            FailureKind::Locked,
            "Another program is using this database",
            "Quit that program, or wait until it is done, then try again.",
        ),
        OpenError::SyncedFolder { .. } => (
            FailureKind::SyncedFolder,
            "The data folder is kept by another program",
            "Sync programs and network folders damage a database that is in use. Choose a folder \
             on this computer's own disk; backups may lie in a synced folder, the live file may \
             not.",
        ),
        _ => (
            FailureKind::Other,
            "Your chat database could not be opened",
            "Nothing was changed. Try again, or choose another data folder.",
        ),
    };
    let failure = Box::new(OpenFailure {
        kind,
        title: title.to_owned(),
        message: sentence(&with_causes(error)),
        remedy: remedy.to_owned(),
        file: folder.join(DATABASE_FILE).display().to_string(),
        data_dir: folder.display().to_string(),
    });
    tell(&failure);
    failure
}

/// The log, and the terminal that the app was started from, say it too.
#[expect(clippy::print_stderr, reason = "there may be no window to say it in")]
fn tell(failure: &OpenFailure) {
    log::error!("{}: {} ({})", failure.title, failure.message, failure.file);
    eprintln!(
        "chatkeep: {}\n  {}\n  file: {}\n  {}",
        failure.title, failure.message, failure.file, failure.remedy
    );
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
