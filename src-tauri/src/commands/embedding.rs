//! Finding messages by their meaning: the model, and how far it has got.

use chatkeep_provider::list_embedding_models as ask_models;
use chatkeep_store::{EndpointId, endpoints};
use tauri::State;

use super::Result;
use crate::embedding::EmbeddingStatus;
use crate::requests::connection;
use crate::state::AppState;

/// How far the embedding is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn embedding_status(state: State<'_, AppState>) -> Result<EmbeddingStatus> {
    state.embedding.status(&state.backend()).await
}

/// Lets the embedding rest until the app ends, or go on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_embedding_paused(
    state: State<'_, AppState>,
    paused: bool,
) -> Result<EmbeddingStatus> {
    state.embedding.set_paused(paused);
    state.embedding.status(&state.backend()).await
}

/// Chooses the model, after it was tried: a name out of the status, "endpoint/model", or none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_embedding_model(
    state: State<'_, AppState>,
    model: Option<String>,
) -> Result<EmbeddingStatus> {
    state.embedding.choose(&state.backend(), model).await
}

/// Asks an endpoint for its models that embed, as far as they can be told; each as
/// "endpoint/model".
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_embedding_models(
    state: State<'_, AppState>,
    endpoint_id: EndpointId,
) -> Result<Vec<String>> {
    let id = endpoint_id.clone();
    let endpoint = state.read(move |tx| endpoints::get(tx, &id)).await?;
    let models = ask_models(&connection(&state.backend(), &endpoint).await?).await?;
    let reference = |model: String| format!("{endpoint_id}/{model}");
    Ok(models.into_iter().map(reference).collect())
}
