//! What the app does by itself while it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chatkeep_store::{Clock, SystemClock, settings, trash};
use tauri::{AppHandle, Manager};
use tauri_specta::Event;

use crate::backups::automatic;
use crate::error::CommandError;
use crate::events::EmbeddingChanged;
use crate::indexing;
use crate::state::{AppState, StoreHandle};

/// How often it is looked whether something expired.
const PURGE_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// A purge of so many sessions and messages is preceded by a point in time. A few that were in the
/// trash for a month are in the backups of that month.
const MANY: usize = 10;

pub(crate) fn start(app: &AppHandle) {
    let state = app.state::<AppState>();
    state.memory.start(state.backend(), state.replies.watch());
    start_embedding(app, &state);
    let purging = app.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            if let Err(error) = purge(&purging.state()).await {
                log::warn!("nothing was purged: {}", error.message);
            }
            tokio::time::sleep(PURGE_INTERVAL).await;
        }
    });
    let backing_up = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(automatic::FIRST_TICK).await;
        loop {
            automatic::tick(&backing_up.state(), SystemClock.now()).await;
            tokio::time::sleep(automatic::TICK).await;
        }
    });
}

/// Models are looked for where the user says, then beside the app.
fn start_embedding(app: &AppHandle, state: &AppState) {
    let named = std::env::var_os("CHATKEEP_MODEL_DIR").map(PathBuf::from);
    let bundled = app
        .path()
        .resource_dir()
        .map(|folder| folder.join("models"));
    let folders = named.into_iter().chain(bundled.ok()).collect();
    let window = app.clone();
    let tell = move |status| {
        if let Err(error) = EmbeddingChanged(status).emit(&window) {
            log::warn!("the window could not be told of the embedding: {error}");
        }
    };
    let replies = state.replies.watch();
    state
        .embedding
        .start(state.backend(), folders, replies, tell);
}

/// Deletes for good what expired and what was long enough in the trash, on the disk too.
async fn purge(state: &AppState) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let due = state.read(move |tx| {
        let lifetime_ms = settings::get(tx)?.trash_lifetime_ms();
        trash::count_purgeable(tx, now, now.plus_ms(-lifetime_ms))
    });
    if due.await? >= MANY {
        automatic::before_delete(state, now).await;
    }
    let purged = state
        .write(|tx| {
            let lifetime_ms = settings::get(tx)?.trash_lifetime_ms();
            trash::purge(tx, tx.now().plus_ms(-lifetime_ms))
        })
        .await?;
    if purged.sessions + purged.messages > 0 {
        log::info!(
            "purged {} sessions, {} messages",
            purged.sessions,
            purged.messages
        );
    }
    wipe(&state.store()).await
}

/// Takes what was deleted off the disk: the words that are still in the search's index, then what is
/// left of them in the write-ahead log.
pub(crate) async fn wipe(store: &Arc<StoreHandle>) -> Result<(), CommandError> {
    indexing::scrub(store).await?;
    store.truncate_log().await
}
