//! Branches and the trash of messages.

use chatkeep_store::{MessageId, Session, TrashedBranch, branches, trash};
use tauri::State;

use super::Result;
use crate::state::AppState;

/// Puts the branch through a message on show, down to its newest leaf.
#[tauri::command]
#[specta::specta]
pub(crate) async fn show_branch(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Session> {
    state.write(move |tx| branches::show(tx, message_id)).await
}

/// Begins a session with the same past as this message has.
#[tauri::command]
#[specta::specta]
pub(crate) async fn fork_session(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Session> {
    state.write(move |tx| branches::fork(tx, message_id)).await
}

/// Moves one message to the trash; what followed it now follows what was before it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn trash_message(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Session> {
    state
        .write(move |tx| trash::trash_message(tx, message_id))
        .await
}

/// Moves a message and all that follows it to the trash.
#[tauri::command]
#[specta::specta]
pub(crate) async fn trash_branch(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Session> {
    state
        .write(move |tx| trash::trash_branch(tx, message_id))
        .await
}

/// Takes a message out of the trash, with what went there with it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_message(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Session> {
    state.write(move |tx| trash::restore(tx, message_id)).await
}

/// The branches and messages in the trash, the last deleted first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_trash(state: State<'_, AppState>) -> Result<Vec<TrashedBranch>> {
    state.read(trash::list).await
}
