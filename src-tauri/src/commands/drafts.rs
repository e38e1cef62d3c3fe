//! Drafts: of a session, or of the chat that is not begun.

use chatkeep_store::{SessionId, drafts};
use tauri::State;

use super::Result;
use crate::state::AppState;

/// The draft; empty if there is none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_draft(
    state: State<'_, AppState>,
    session_id: Option<SessionId>,
) -> Result<String> {
    state.read(move |tx| drafts::get(tx, session_id)).await
}

/// Sets the draft; an empty one is forgotten.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_draft(
    state: State<'_, AppState>,
    session_id: Option<SessionId>,
    text: String,
) -> Result<()> {
    state.embedding.typed();
    state
        .store()
        .write_redoable(move |tx| drafts::set(tx, session_id, &text))
        .await
}
