//! What the window hears without having asked.

use chatkeep_store::Change;
use serde::{Deserialize, Serialize};
use tauri_specta::Event;

use crate::opening::AppStatus;

/// A commit touched these.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct Changed {
    /// Each thing once.
    pub changes: Vec<Change>,
}

/// The database was opened, or could not be.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct StatusChanged(pub AppStatus);

/// A backup was made, checked or removed, or what was said of them changed: the list and the status
/// are to be read again.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct BackupsChanged;
