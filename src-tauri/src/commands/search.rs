//! Search by words and by meaning, the command palette, and the care of what they read.

use chatkeep_store::search::repair::{self, CheckStep};
use chatkeep_store::search::{
    self, MessageHit, PaletteResults, SearchRequest, SearchResults,
    index::{self, IndexStatus},
};
use chatkeep_store::{Clock, SystemClock, vectors};
use serde::{Deserialize, Serialize};
use tauri::State;
use tauri::ipc::Channel;

use super::Result;
use crate::error::CommandError;
use crate::finding::{self, LikeWhat};
use crate::state::AppState;

/// How far a check or a repair of the index is, in texts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, specta::Type)]
pub(crate) struct IndexProgress {
    /// So many are done.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// What a check of the index found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IndexCheck {
    /// Whether the index holds what it should.
    pub is_sound: bool,
    /// What is wrong, as sentences.
    pub problems: Vec<String>,
}

/// Finds messages, sessions, summaries and pins: by their words, where no model is there to find by
/// meaning.
#[tauri::command]
#[specta::specta]
pub(crate) async fn search(
    state: State<'_, AppState>,
    request: SearchRequest,
) -> Result<SearchResults> {
    finding::search(&state, request).await
}

/// Finds the messages that come nearest to what a message or a pin means, the nearest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn more_like(
    state: State<'_, AppState>,
    what: LikeWhat,
    limit: u32,
) -> Result<Vec<MessageHit>> {
    finding::more_like(&state, what, limit).await
}

/// Finds a few sessions, personas and messages while something is typed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn palette_search(
    state: State<'_, AppState>,
    text: String,
) -> Result<PaletteResults> {
    let now = SystemClock.now();
    state.read(move |tx| search::palette(tx, &text, now)).await
}

/// How far the index is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn index_status(state: State<'_, AppState>) -> Result<IndexStatus> {
    state.read(index::status).await
}

/// Checks the index against the messages; nothing is changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_index(
    state: State<'_, AppState>,
    progress: Channel<IndexProgress>,
) -> Result<IndexCheck> {
    let total = state.read(repair::check_total).await?;
    let mut step = state.read(repair::check).await?;
    while let Some(next) = state.read(move |tx| repair::check_more(tx, step)).await? {
        step = next;
        tell(&progress, step.done, total)?;
    }
    let is_sound = state.read(repair::is_sound).await?;
    Ok(verdict(step, is_sound))
}

fn verdict(step: CheckStep, is_sound: bool) -> IndexCheck {
    let mut problems = Vec::new();
    if step.wrong > 0 {
        problems.push(format!(
            "{} texts are missing from the index, or are in it and should not be.",
            step.wrong
        ));
    }
    if !is_sound {
        problems.push("The index is damaged.".to_owned());
    }
    IndexCheck {
        is_sound: problems.is_empty(),
        problems,
    }
}

/// Makes the index anew, the newest messages first; what is done is found meanwhile.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rebuild_index(
    state: State<'_, AppState>,
    progress: Channel<IndexProgress>,
) -> Result<IndexStatus> {
    state.write(repair::start_over).await?;
    let store = state.store();
    let total = state.read(index::pending).await?;
    let mut pending = total;
    while pending > 0 {
        pending = store.write_redoable(index::catch_up).await?;
        tell(&progress, total.saturating_sub(pending), total)?;
    }
    state.read(index::status).await
}

/// Checks the vectors in memory against those of the database; nothing is changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_vectors(state: State<'_, AppState>) -> Result<IndexCheck> {
    let wrong = state.read(vectors::check).await?.wrong;
    let problem = format!("{wrong} vectors in memory are not those of the database.");
    Ok(IndexCheck {
        is_sound: wrong == 0,
        problems: (wrong > 0).then_some(problem).into_iter().collect(),
    })
}

/// Reads the vectors anew from the database.
#[tauri::command]
#[specta::specta]
pub(crate) async fn rebuild_vectors(state: State<'_, AppState>) -> Result<()> {
    state.read(vectors::rebuild).await
}

fn tell(channel: &Channel<IndexProgress>, done: u64, total: u64) -> Result<()> {
    channel
        .send(IndexProgress { done, total })
        .map_err(CommandError::internal)
}
