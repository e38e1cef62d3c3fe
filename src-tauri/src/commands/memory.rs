//! Summaries and pins.

use chatkeep_store::{
    NewPin, NewSummary, Pin, PinId, PinUpdate, SessionId, Summary, SummaryId, SummaryUpdate, pins,
    summaries,
};
use tauri::State;

use super::Result;
use crate::state::AppState;

/// A session's summaries, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_summaries(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<Vec<Summary>> {
    state.read(move |tx| summaries::list(tx, session_id)).await
}

/// Stores a summary.
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

/// A session's pins, the most important first.
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
