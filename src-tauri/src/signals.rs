//! Being told to end by the system: a shutdown, the end of the desktop session, `kill`, Ctrl-C. The app
//! then ends as when its window is closed; without this nothing would be written any more.

use std::io;

use tauri::{AppHandle, Manager};

use crate::state::AppState;

/// Ends the app in order when it is told to. A second signal changes nothing: the end has deadlines of
/// its own.
pub(crate) fn start(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        match told_to_end().await {
            Ok(()) => app.exit(app.state::<AppState>().exit_code()),
            Err(error) => log::warn!("a signal will end the app at once: {error}"),
        }
    });
}

#[cfg(unix)]
async fn told_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn told_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
