//! What the app does by itself while it runs.

use std::sync::Arc;
use std::time::Duration;

use chatkeep_store::{settings, trash};
use tauri::{AppHandle, Manager};

use crate::error::CommandError;
use crate::indexing;
use crate::state::{AppState, StoreHandle};

/// How often it is looked whether something expired.
const PURGE_INTERVAL: Duration = Duration::from_secs(60 * 60);

pub(crate) fn start(app: &AppHandle) {
    let store = app.state::<AppState>().store();
    tauri::async_runtime::spawn(async move {
        loop {
            if let Err(error) = purge(&store).await {
                log::warn!("nothing was purged: {}", error.message);
            }
            tokio::time::sleep(PURGE_INTERVAL).await;
        }
    });
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
    }
    let is_scrubbed = indexing::scrub(store).await?;
    if is_scrubbed || purged.sessions + purged.messages > 0 {
        store.truncate_log().await?;
    }
    Ok(())
}
