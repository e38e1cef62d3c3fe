//! Personas.

use chatkeep_store::{Persona, PersonaFields, PersonaId, personas};
use tauri::State;

use super::Result;
use crate::state::AppState;

/// Every persona: defaults first, then by name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_personas(state: State<'_, AppState>) -> Result<Vec<Persona>> {
    state.read(personas::list).await
}

/// One persona.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_persona(state: State<'_, AppState>, id: PersonaId) -> Result<Persona> {
    state.read(move |tx| personas::get(tx, &id)).await
}

/// Makes a persona.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_persona(
    state: State<'_, AppState>,
    fields: PersonaFields,
) -> Result<Persona> {
    state.write(move |tx| personas::insert(tx, &fields)).await
}

/// Changes a persona.
#[tauri::command]
#[specta::specta]
pub(crate) async fn update_persona(
    state: State<'_, AppState>,
    id: PersonaId,
    fields: PersonaFields,
) -> Result<Persona> {
    state
        .write(move |tx| personas::update(tx, &id, &fields))
        .await
}

/// Deletes a persona; its sessions stay, with none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_persona(state: State<'_, AppState>, id: PersonaId) -> Result<()> {
    state.write(move |tx| personas::delete(tx, &id)).await
}

/// Makes a persona the default of its category.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_default_persona(
    state: State<'_, AppState>,
    id: PersonaId,
) -> Result<Persona> {
    state.write(move |tx| personas::set_default(tx, &id)).await
}
