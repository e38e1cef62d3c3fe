//! The app's own settings.

use chatkeep_store::Settings;
use tauri::State;

use super::Result;
use crate::state::AppState;

/// The settings.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_settings(state: State<'_, AppState>) -> Result<Settings> {
    state.read(chatkeep_store::settings::get).await
}

/// Sets all settings.
#[tauri::command]
#[specta::specta]
pub(crate) async fn update_settings(
    state: State<'_, AppState>,
    settings: Settings,
) -> Result<Settings> {
    state
        .write(move |tx| chatkeep_store::settings::update(tx, &settings))
        .await
}
