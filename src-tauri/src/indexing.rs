//! The search's indexes in the background: filled behind an upgrade, an import or a repair, mended
//! when they are found wrong at start, and freed of deleted words. In short steps with pauses, longer
//! ones while a reply streams: whoever writes waits for one step at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chatkeep_store::search::{index, repair};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager};
use tauri_specta::Event;

use crate::error::{CommandError, ErrorKind};
use crate::state::{AppState, StoreHandle};

/// How often the window is told how far it is.
const TELL_INTERVAL: Duration = Duration::from_millis(500);
/// How much longer than a step the pause after it is while a reply streams.
const PAUSE_WHILE_BUSY: u32 = 8;

/// The indexes came further.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct IndexChanged(pub index::IndexStatus);

/// Looks after the indexes of whatever store is open, from now on.
pub(crate) fn start(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let store = app.state::<AppState>().store();
        loop {
            if let Err(error) = look_after(&app).await {
                log::warn!("the search index stays as it is: {}", error.message);
            }
            store.indexing_wanted().await;
        }
    });
}

async fn look_after(app: &AppHandle) -> Result<(), CommandError> {
    let state = app.state::<AppState>();
    if state.failure().is_some() {
        return Ok(());
    }
    if !looks_whole(&state).await? {
        log::warn!("the search index does not fit the messages; it is made anew");
        state.write(repair::start_over).await?;
    }
    catch_up(app).await
}

/// An index too damaged to be counted is not whole either.
async fn looks_whole(state: &AppState) -> Result<bool, CommandError> {
    match state.read(repair::looks_whole).await {
        Err(error) if error.kind == ErrorKind::DatabaseCorrupt => Ok(false),
        answer => answer,
    }
}

/// Indexes what is pending, and tells the window.
async fn catch_up(app: &AppHandle) -> Result<(), CommandError> {
    let state = app.state::<AppState>();
    let mut pending = state.read(index::pending).await?;
    let mut told = Instant::now();
    while pending > 0 {
        let begun = Instant::now();
        pending = state.store().write_redoable(index::catch_up).await?;
        if pending == 0 || told.elapsed() > TELL_INTERVAL {
            tell(app, state.read(index::status).await?);
            told = Instant::now();
        }
        tokio::time::sleep(pause(&state, begun.elapsed())).await;
    }
    Ok(())
}

fn pause(state: &AppState, step: Duration) -> Duration {
    match state.replies.is_any_running() {
        true => step * PAUSE_WHILE_BUSY,
        false => step,
    }
}

fn tell(app: &AppHandle, status: index::IndexStatus) {
    if let Err(error) = IndexChanged(status).emit(app) {
        log::warn!("the window could not be told of the search index: {error}");
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
