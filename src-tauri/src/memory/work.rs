//! What the window is told while a model writes something that nobody asked for.

use std::sync::Arc;

use chatkeep_store::{Purpose, SessionId};
use serde::{Deserialize, Serialize};

use super::asking::Question;
use crate::events::News;
use crate::state::StoreHandle;

/// What a model writes for the memory beside the replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoryWork {
    /// The session it is for.
    pub session_id: SessionId,
    /// What it is.
    pub purpose: Purpose,
    /// How many messages it is of.
    pub messages: u32,
}

/// Work that the window was told of; it has ended, however it did, when this is dropped.
pub(super) struct Told {
    store: Arc<StoreHandle>,
}

impl Told {
    pub(super) fn begin(store: &Arc<StoreHandle>, question: &Question) -> Self {
        store.announce(News::Memory(Some(MemoryWork {
            session_id: question.session_id,
            purpose: question.purpose,
            messages: question.messages,
        })));
        Self {
            store: Arc::clone(store),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.store.announce(News::Memory(None));
    }
}
