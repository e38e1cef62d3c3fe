//! What the window hears without having asked.

use chatkeep_store::Change;
use serde::{Deserialize, Serialize};
use tauri_specta::Event;

use crate::embedding::EmbeddingStatus;
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

/// The embedding got further, began to rest or could not go on. At most two a second.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct EmbeddingChanged(pub EmbeddingStatus);
