//! Opening the database, and what the user is told when that cannot be done.

use std::path::Path;

use chatkeep_backup::{
    Control, CreateOptions, Error as BackupError, Place, Reason, create, finish_interrupted,
    with_causes,
};
use chatkeep_store::{
    Clock, DATABASE_FILE, EndpointId, GenerationStatus, Message, NewGeneration, OpenError,
    OpenOptions, Purpose, Store, SystemClock, generations, messages,
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

/// Opens the store and mends what the last end of the app left behind. A restore that was cut off is
/// finished first; a database with an older schema is backed up before it is migrated.
pub(crate) fn open(place: &Place) -> Result<Store, Box<OpenFailure>> {
    let folder = place.data_folder();
    let failed = |error: OpenError| describe(folder, &error);
    finish_interrupted(place, &Control::default()).map_err(|error| {
        failed(open_error(
            "a restore that was cut off could not be finished",
            error,
        ))
    })?;
    let backed_up = place.clone();
    let store = OpenOptions::new(folder)
        .before_migration(move |_| back_up_before_migration(&backed_up))
        .open()
        .map_err(failed)?;
    recover(&store).map_err(|error| failed(error.into()))?;
    Ok(store)
}

/// The backup is proven by a drill, which runs the very migrations that are to come: one that fails
/// on these chats never meets them.
fn back_up_before_migration(place: &Place) -> Result<(), OpenError> {
    let options = CreateOptions::new(Reason::PreMigration, SystemClock.now());
    match create(place, &options, &Control::default()) {
        Ok(backup) => {
            log::info!("backed up before the migration: {}", backup.name());
            Ok(())
        }
        Err(error) => Err(open_error(
            "no backup could be made before the upgrade",
            error,
        )),
    }
}

/// Why the store is not opened: what had to be done before could not be.
fn open_error(what: &str, error: BackupError) -> OpenError {
    match error {
        BackupError::NoSpace { .. } => OpenError::DiskFull,
        BackupError::SourceCorrupt { what, .. } => OpenError::Corrupt { what },
        BackupError::Busy { file, holder } => OpenError::Locked { file, holder },
        // It names the files that a person has to look at.
        error @ BackupError::Manual { .. } => OpenError::Other {
            what: format!("{what}: {}. {}", with_causes(&error), error.remedy()),
        },
        error => OpenError::Other {
            what: format!("{what}: {}", with_causes(&error)),
        },
    }
}

/// Replies that were streaming are interrupted.
pub(crate) fn recover(store: &Store) -> chatkeep_store::Result<()> {
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
            "Nothing was changed. Restore a backup, or salvage what can still be read; either way the \
             damaged file is kept.",
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
        _ => return failure(folder, &with_causes(error)),
    };
    told(OpenFailure {
        kind,
        title: title.to_owned(),
        message: sentence(&with_causes(error)),
        remedy: remedy.to_owned(),
        ..unknown(folder)
    })
}

/// A failure of no special kind.
pub(crate) fn failure(folder: &Path, message: &str) -> Box<OpenFailure> {
    told(OpenFailure {
        message: sentence(message),
        ..unknown(folder)
    })
}

/// A failure about which nothing is known but where.
fn unknown(folder: &Path) -> OpenFailure {
    OpenFailure {
        kind: FailureKind::Other,
        title: "Your chat database could not be opened".to_owned(),
        message: String::new(),
        remedy: "Nothing was changed. Try again, or choose another data folder.".to_owned(),
        file: folder.join(DATABASE_FILE).display().to_string(),
        data_dir: folder.display().to_string(),
    }
}

fn told(failure: OpenFailure) -> Box<OpenFailure> {
    tell(&failure);
    Box::new(failure)
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
