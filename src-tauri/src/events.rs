//! What the window hears without having asked.

use chatkeep_store::Change;
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager};
use tauri_specta::Event;

use crate::embedding::EmbeddingStatus;
use crate::memory::MemoryWork;
use crate::opening::AppStatus;
use crate::state::AppState;

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

/// A model began to write something for the memory beside the replies, or ended: then it is nothing.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct MemoryWorkChanged(pub Option<MemoryWork>);

/// What the shell has to tell the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// A commit touched these.
    Changes(Vec<Change>),
    /// The database was opened, replaced, or could not be opened: all is to be read anew.
    Reload,
    /// Something changed about backups.
    Backups,
    /// What is written for the memory beside the replies.
    Memory(Option<MemoryWork>),
}

impl News {
    /// Tells the window. It may be gone, which is no harm.
    pub(crate) fn tell(self, app: &AppHandle) {
        match self {
            Self::Changes(changes) => heard(Changed { changes }.emit(app)),
            Self::Backups => heard(BackupsChanged.emit(app)),
            Self::Memory(work) => heard(MemoryWorkChanged(work).emit(app)),
            Self::Reload => {
                let app = app.clone();
                tauri::async_runtime::spawn(async move {
                    let status = app.state::<AppState>().status().await;
                    heard(StatusChanged(status).emit(&app));
                });
            }
        }
    }
}

fn heard(told: tauri::Result<()>) {
    if let Err(error) = told {
        log::warn!("the window could not be told of a change: {error}");
    }
}

/// The embedding got further, began to rest or could not go on. At most two a second.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct EmbeddingChanged(pub EmbeddingStatus);
