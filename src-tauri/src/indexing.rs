//! The search's indexes in the background: filled behind an upgrade, an import or a repair, mended
//! when they are found wrong at start, and freed of deleted words. In short steps with pauses, longer
//! ones while a reply streams: whoever writes waits for one step at most.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chatkeep_store::search::index::{self, IndexStatus};
use chatkeep_store::search::repair;
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager};
use tauri_specta::Event;

use crate::error::CommandError;
use crate::state::{AppState, StoreHandle};

/// How often the window is told how far it is.
const TELL_INTERVAL: Duration = Duration::from_millis(500);
/// How much longer than a step the pause after it is while a reply streams.
const PAUSE_WHILE_BUSY: u32 = 8;

/// The indexes came further.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct IndexChanged(pub IndexStatus);

/// Looks after the indexes of whatever store is open, from now on.
pub(crate) fn start(app: &AppHandle) {
    let app = app.clone();
    let window = app.clone();
    let tell = move |status| {
        if let Err(error) = IndexChanged(status).emit(&window) {
            log::warn!("the window could not be told of the search index: {error}");
        }
    };
    tauri::async_runtime::spawn(async move {
        let store = app.state::<AppState>().store();
        loop {
            if let Err(error) = look_after(&app.state(), &tell).await {
                log::warn!("the search index stays as it is: {}", error.message);
            }
            store.indexing_wanted().await;
        }
    });
}

async fn look_after(state: &AppState, tell: &impl Fn(IndexStatus)) -> Result<(), CommandError> {
    if state.failure().is_some() {
        return Ok(());
    }
    if !state.read(repair::looks_whole).await? {
        log::warn!("the search index does not fit the messages; it is made anew");
        state.write(repair::start_over).await?;
    }
    catch_up(state, tell).await
}

/// Indexes what is pending, and tells how far it is: after the first step, then now and then.
async fn catch_up(state: &AppState, tell: &impl Fn(IndexStatus)) -> Result<(), CommandError> {
    let mut pending = state.read(index::pending).await?;
    let mut told: Option<Instant> = None;
    while pending > 0 {
        let begun = Instant::now();
        pending = state.store().write_redoable(index::catch_up).await?;
        if pending == 0 || told.is_none_or(|it| it.elapsed() > TELL_INTERVAL) {
            tell(state.read(index::status).await?);
            told = Some(Instant::now());
        }
        tokio::time::sleep(pause(state, begun.elapsed())).await;
    }
    Ok(())
}

fn pause(state: &AppState, step: Duration) -> Duration {
    match state.replies.is_any_running() {
        true => step * PAUSE_WHILE_BUSY,
        false => step,
    }
}

/// Takes deleted words out of the indexes.
pub(crate) async fn scrub(store: &Arc<StoreHandle>) -> Result<(), CommandError> {
    if !store.read(index::status).await?.is_scrubbing {
        return Ok(());
    }
    loop {
        let begun = Instant::now();
        if store.write_redoable(index::scrub).await? {
            return Ok(());
        }
        tokio::time::sleep(begun.elapsed()).await;
    }
}
