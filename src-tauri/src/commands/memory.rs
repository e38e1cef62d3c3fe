//! Summaries and pins.

use chatkeep_store::{
    NewPin, NewSummary, Pin, PinId, PinScope, PinUpdate, SessionId, Summary, SummaryId,
    SummaryUpdate, pins, summaries,
};
use tauri::State;

use super::Result;
use crate::memory::{self, MemoryStats};
use crate::state::AppState;

/// What the memory of a session holds, and what is off in it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_memory_stats(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<MemoryStats> {
    memory::stats(&state.backend(), session_id).await
}

/// A session's summaries, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_summaries(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<Vec<Summary>> {
    state.read(move |tx| summaries::list(tx, session_id)).await
}

/// Lets the model write a summary anew; if it does not, the old one stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn regenerate_summary(
    state: State<'_, AppState>,
    id: SummaryId,
) -> Result<Summary> {
    memory::regenerate(&state.backend(), id).await
}

/// Summarises what no summary of the branch on show covers, but for the newest messages; nothing if
/// there is no such message.
#[tauri::command]
#[specta::specta]
pub(crate) async fn summarize_now(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<Option<Summary>> {
    memory::summarize_now(&state.backend(), session_id).await
}

/// Stores a summary of the user's.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_summary(
    state: State<'_, AppState>,
    new_summary: NewSummary,
) -> Result<Summary> {
    state
        .write(move |tx| summaries::insert(tx, &new_summary))
        .await
}

/// Changes a summary.
#[tauri::command]
#[specta::specta]
pub(crate) async fn update_summary(
    state: State<'_, AppState>,
    id: SummaryId,
    update: SummaryUpdate,
) -> Result<Summary> {
    state
        .write(move |tx| summaries::update(tx, id, &update))
        .await
}

/// Deletes a summary.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_summary(state: State<'_, AppState>, id: SummaryId) -> Result<()> {
    state.write(move |tx| summaries::delete(tx, id)).await
}

/// The pins that count for a session, the most important first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_pins(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<Vec<Pin>> {
    state.read(move |tx| pins::list(tx, session_id)).await
}

/// Sets a pin.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_pin(state: State<'_, AppState>, new_pin: NewPin) -> Result<Pin> {
    state.write(move |tx| pins::insert(tx, &new_pin)).await
}

/// Changes a pin.
#[tauri::command]
#[specta::specta]
pub(crate) async fn update_pin(
    state: State<'_, AppState>,
    id: PinId,
    update: PinUpdate,
) -> Result<Pin> {
    state.write(move |tx| pins::update(tx, id, &update)).await
}

/// Deletes a pin.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_pin(state: State<'_, AppState>, id: PinId) -> Result<()> {
    state.write(move |tx| pins::delete(tx, id)).await
}

/// Keeps a pin for the session on show, for its persona, or everywhere.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_pin_scope(
    state: State<'_, AppState>,
    id: PinId,
    scope: PinScope,
    session_id: SessionId,
) -> Result<Pin> {
    state
        .write(move |tx| pins::set_scope(tx, id, scope, session_id))
        .await
}

/// Takes away a pin that the app found; the same text is not found again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reject_pin(state: State<'_, AppState>, id: PinId) -> Result<()> {
    state.write(move |tx| pins::reject(tx, id)).await
}

/// Takes back a rejection.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_rejected_pin(state: State<'_, AppState>, id: PinId) -> Result<Pin> {
    state.write(move |tx| pins::restore_rejected(tx, id)).await
}
