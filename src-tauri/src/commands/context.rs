//! What a model is sent of a session, and why.

use chatkeep_store::{ContextPlan, Exclusion, ModelProfile, SessionId, context, models, sessions};
use serde::{Deserialize, Serialize};
use tauri::State;

use super::Result;
use crate::error::CommandError;
use crate::requests::{self, Target};
use crate::state::AppState;

/// What a session's model would be sent now.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionContext {
    /// What is sent, and why.
    plan: ContextPlan,
    /// The model's window in tokens.
    window: u32,
    /// What was learned of the model, and what the user set.
    profile: ModelProfile,
    /// What the user keeps out.
    exclusions: Vec<Exclusion>,
}

/// What a session's model would be sent now.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_context(
    state: State<'_, AppState>,
    session_id: SessionId,
) -> Result<SessionContext> {
    let session = state.read(move |tx| sessions::get(tx, session_id)).await?;
    let model = session.model.ok_or_else(|| {
        CommandError::invalid(
            "model",
            "none is chosen for this session",
            "Choose a model: how much is sent depends on it.",
        )
    })?;
    let planned = requests::plan(&state.backend(), Target::Session(session_id), &model).await?;
    Ok(SessionContext {
        plan: planned.plan,
        window: planned.window,
        profile: planned.profile,
        exclusions: planned.context.exclusions.into_iter().collect(),
    })
}

/// Keeps an item out of a session's context, or lets it in again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_excluded(
    state: State<'_, AppState>,
    session_id: SessionId,
    exclusion: Exclusion,
    excluded: bool,
) -> Result<()> {
    state
        .write(move |tx| context::set_excluded(tx, session_id, &exclusion, excluded))
        .await
}

/// Sets a model's context window in tokens; nothing: as is known of it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_context_window(
    state: State<'_, AppState>,
    model: String,
    tokens: Option<u32>,
) -> Result<ModelProfile> {
    state
        .write(move |tx| models::set_context_window(tx, &model, tokens))
        .await
}
