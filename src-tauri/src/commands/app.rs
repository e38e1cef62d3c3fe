//! The app itself: its database, its folder, its end.

use std::path::{Path, PathBuf};

use chatkeep_store::{location, messages, sessions};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager, State};
use tauri_plugin_dialog::{DialogExt, FilePath};
use tauri_specta::Event;

use super::Result;
use crate::error::{CommandError, ErrorKind};
use crate::events::StatusChanged;
use crate::opening::AppStatus;
use crate::state::{AppState, blocking};

/// Where everything lies, and how much of it there is.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StorageInfo {
    /// The data folder.
    pub data_dir: String,
    /// The database file in it.
    pub database_file: String,
    /// Its size in bytes.
    pub database_bytes: u64,
    /// The size of its write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Where the log is.
    pub log_dir: String,
    /// Sessions, on all shelves.
    pub sessions: u64,
    /// Messages, on all branches.
    pub messages: u64,
    /// SQLite's version.
    pub sqlite_version: String,
    /// The app's version.
    pub app_version: String,
}

/// Whether the app has its database.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_status(state: State<'_, AppState>) -> Result<AppStatus> {
    Ok(state.status().await)
}

/// Tries again to open the database.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_open(app: AppHandle, state: State<'_, AppState>) -> Result<AppStatus> {
    let folder = state.folder();
    reopen(&app, &state, folder).await
}

/// Opens the database in another data folder, now and at the next start.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_data_folder(
    app: AppHandle,
    state: State<'_, AppState>,
    path: String,
) -> Result<AppStatus> {
    let folder = PathBuf::from(&path);
    if !folder.is_absolute() {
        return Err(CommandError::invalid(
            "data folder",
            "must be a full path",
            "Choose a folder on this computer.",
        ));
    }
    let status = reopen(&app, &state, folder.clone()).await?;
    if matches!(status, AppStatus::Ready { .. }) {
        remember(folder).await?;
    }
    Ok(status)
}

async fn reopen(app: &AppHandle, state: &AppState, folder: PathBuf) -> Result<AppStatus> {
    let status = state.reopen(folder).await?;
    if let Err(error) = StatusChanged(status.clone()).emit(app) {
        log::warn!("the window could not be told of the database: {error}");
    }
    Ok(status)
}

async fn remember(folder: PathBuf) -> Result<()> {
    blocking(move || location::remember(&folder))
        .await?
        .map_err(|error| {
            CommandError::new(
                ErrorKind::Internal,
                format!("the choice of the data folder could not be kept: {error}"),
                "It holds until you quit. Start Chatkeep with --data-dir to use it again.",
            )
        })
}

/// Lets the user pick a folder; nothing if they pick none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn pick_data_folder(app: AppHandle) -> Result<Option<String>> {
    pick_folder(app, "Choose a data folder").await
}

/// Lets the user pick a folder; nothing if they pick none.
pub(super) async fn pick_folder(app: AppHandle, title: &'static str) -> Result<Option<String>> {
    let dialog = app.dialog().file().set_title(title);
    path_of(blocking(move || dialog.blocking_pick_folder()).await?)
}

/// Lets the user pick a file; nothing if they pick none.
pub(super) async fn pick_file(app: AppHandle, title: &'static str) -> Result<Option<String>> {
    let dialog = app.dialog().file().set_title(title);
    path_of(blocking(move || dialog.blocking_pick_file()).await?)
}

fn path_of(picked: Option<FilePath>) -> Result<Option<String>> {
    picked
        .map(|picked| picked.into_path().map(|path| path.display().to_string()))
        .transpose()
        .map_err(CommandError::internal)
}

/// Shows the data folder in the system's file manager.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_data_folder(state: State<'_, AppState>) -> Result<()> {
    let folder = state.folder();
    open(move || tauri_plugin_opener::open_path(folder, None::<&str>)).await
}

/// Opens a link of a message in the system's browser.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_external(url: String) -> Result<()> {
    let safe = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !safe {
        return Err(CommandError::invalid(
            "link",
            "only web and mail addresses are opened",
            "Copy it and open it yourself if you trust it.",
        ));
    }
    open(move || tauri_plugin_opener::open_url(url, None::<&str>)).await
}

pub(super) async fn open(
    work: impl FnOnce() -> std::result::Result<(), tauri_plugin_opener::Error> + Send + 'static,
) -> Result<()> {
    blocking(work).await?.map_err(|error| {
        CommandError::new(
            ErrorKind::Internal,
            format!("the system could not open it: {error}"),
            "Open it by hand.",
        )
    })
}

/// Ends the app: with failure if it has no database.
#[tauri::command]
#[specta::specta]
pub(crate) async fn quit(app: AppHandle, state: State<'_, AppState>) -> Result<()> {
    app.exit(state.exit_code());
    Ok(())
}

/// Where everything lies, and how much of it there is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn storage_info(
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<StorageInfo> {
    let (sessions, messages) = state
        .read(|tx| Ok((sessions::count(tx)?, messages::count(tx)?)))
        .await?;
    let folder = state.folder();
    let file = folder.join(chatkeep_store::DATABASE_FILE);
    let wal = folder.join(format!("{}-wal", chatkeep_store::DATABASE_FILE));
    Ok(StorageInfo {
        data_dir: folder.display().to_string(),
        database_bytes: size(&file),
        wal_bytes: size(&wal),
        database_file: file.display().to_string(),
        log_dir: app
            .path()
            .app_log_dir()
            .unwrap_or_default()
            .display()
            .to_string(),
        sessions,
        messages,
        sqlite_version: chatkeep_store::sqlite_version().to_owned(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// By the folder's entry: the file itself is SQLite's alone to open.
fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}
