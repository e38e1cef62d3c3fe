//! What the app does by itself while it runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chatkeep_store::{settings, trash};
use tauri::{AppHandle, Manager};
use tauri_specta::Event;

use crate::error::CommandError;
use crate::events::EmbeddingChanged;
use crate::state::{AppState, StoreHandle};

/// How often it is looked whether something expired.
const PURGE_INTERVAL: Duration = Duration::from_secs(60 * 60);

pub(crate) fn start(app: &AppHandle) {
    let state = app.state::<AppState>();
    start_embedding(app, &state);
    let store = state.store();
    tauri::async_runtime::spawn(async move {
        loop {
            if let Err(error) = purge(&store).await {
                log::warn!("nothing was purged: {}", error.message);
            }
            tokio::time::sleep(PURGE_INTERVAL).await;
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
async fn purge(store: &Arc<StoreHandle>) -> Result<(), CommandError> {
    let purged = store
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
        store.truncate_log().await?;
    }
    Ok(())
}
