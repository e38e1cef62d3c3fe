//! What the app does by itself while it runs.

use std::time::Duration;

use chatkeep_store::sessions;
use tauri::{AppHandle, Manager};

use crate::state::AppState;

/// How often temporary sessions are looked at.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60 * 60);

pub(crate) fn start(app: &AppHandle) {
    let store = app.state::<AppState>().store();
    tauri::async_runtime::spawn(async move {
        loop {
            tokio::time::sleep(EXPIRY_INTERVAL).await;
            if let Err(error) = store.write(sessions::delete_expired).await {
                log::warn!("temporary sessions were not looked at: {}", error.message);
            }
        }
    });
}
