//! Sessions.

use chatkeep_store::{
    Clock, NewSession, Page, PersonaId, Session, SessionCursor, SessionId, Shelf, SystemClock,
    sessions,
};
use tauri::State;

use super::Result;
use crate::backups::automatic;
use crate::jobs;
use crate::state::AppState;

/// A page of a shelf, pinned sessions first, then the newest.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_sessions(
    state: State<'_, AppState>,
    shelf: Shelf,
    after: Option<SessionCursor>,
    limit: u16,
) -> Result<Page<Session, SessionCursor>> {
    state
        .read(move |tx| sessions::list(tx, shelf, after, limit.into()))
        .await
}

/// One session.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_session(state: State<'_, AppState>, id: SessionId) -> Result<Session> {
    state.read(move |tx| sessions::get(tx, id)).await
}

/// Begins a session.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_session(
    state: State<'_, AppState>,
    new_session: NewSession,
) -> Result<Session> {
    state
        .write(move |tx| sessions::insert(tx, &new_session))
        .await
}

/// Renames a session.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rename_session(
    state: State<'_, AppState>,
    id: SessionId,
    name: String,
) -> Result<Session> {
    state.write(move |tx| sessions::rename(tx, id, &name)).await
}

/// Sets the one line on what a session is about.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_recap(
    state: State<'_, AppState>,
    id: SessionId,
    recap: Option<String>,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_recap(tx, id, recap.as_deref()))
        .await
}

/// Chooses the model that answers: "endpoint/model".
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_model(
    state: State<'_, AppState>,
    id: SessionId,
    model: Option<String>,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_model(tx, id, model.as_deref()))
        .await
}

/// Chooses who the model is asked to be.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_persona(
    state: State<'_, AppState>,
    id: SessionId,
    persona_id: Option<PersonaId>,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_persona(tx, id, persona_id.as_ref()))
        .await
}

/// Puts a session above the others, or back among them.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_pinned(
    state: State<'_, AppState>,
    id: SessionId,
    pinned: bool,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_pinned(tx, id, pinned))
        .await
}

/// Puts a session aside, or takes it back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_archived(
    state: State<'_, AppState>,
    id: SessionId,
    archived: bool,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_archived(tx, id, archived))
        .await
}

/// Keeps a temporary session, or makes one temporary.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_session_saved(
    state: State<'_, AppState>,
    id: SessionId,
    saved: bool,
) -> Result<Session> {
    state
        .write(move |tx| sessions::set_saved(tx, id, saved))
        .await
}

/// Moves a session to the trash.
#[tauri::command]
#[specta::specta]
pub(crate) async fn trash_session(state: State<'_, AppState>, id: SessionId) -> Result<Session> {
    state.write(move |tx| sessions::trash(tx, id)).await
}

/// Takes a session out of the trash.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_session(state: State<'_, AppState>, id: SessionId) -> Result<Session> {
    state.write(move |tx| sessions::restore(tx, id)).await
}

/// Deletes a session for good, with everything in it. A point in time is made first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_session(state: State<'_, AppState>, id: SessionId) -> Result<()> {
    automatic::before_delete(&state, SystemClock.now()).await;
    state.write(move |tx| sessions::delete(tx, id)).await?;
    let store = state.store();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = jobs::wipe(&store).await {
            log::warn!(
                "deleted words are on the disk until the next purge: {}",
                error.message
            );
        }
    });
    Ok(())
}
