//! Backups: making, checking, keeping and restoring them.

use std::path::Path;

use chatkeep_store::{BackupSettings, backup_settings};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, State};

use super::Result;
use crate::backups::key::BackupKey;
use crate::backups::views::{
    BackupItem, BackupLevel, BackupProgress, BackupStatus, RestorePlan, RestoredBackup,
    SalvageUsed, SalvagedDatabase,
};
use crate::backups::{self, automatic, list, restore, second, status};
use crate::state::{AppState, blocking};

/// How backing up stands.
#[tauri::command]
#[specta::specta]
pub(crate) async fn backup_status(state: State<'_, AppState>) -> Result<BackupStatus> {
    status::status(&state).await
}

/// Every backup in both folders, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_backups(state: State<'_, AppState>) -> Result<Vec<BackupItem>> {
    let place = state.place();
    Ok(blocking(move || list::all(&place)).await??)
}

/// Makes a full backup, checked and proven by a drill.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_backup(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<BackupItem> {
    backups::create(&state, progress).await
}

/// Stops the long task that is under way, if there is one; it then fails as cancelled.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_backup_task(state: State<'_, AppState>) -> Result<()> {
    state.backups.cancel();
    Ok(())
}

/// Checks a backup and notes the outcome in its manifest.
#[tauri::command]
#[specta::specta]
pub(crate) async fn verify_backup(
    state: State<'_, AppState>,
    id: String,
    level: BackupLevel,
    key: Option<BackupKey>,
    progress: Channel<BackupProgress>,
) -> Result<BackupItem> {
    backups::verify(&state, id, level, key, progress).await
}

/// Keeps a backup until it is unpinned, or stops doing so.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_backup_pinned(
    state: State<'_, AppState>,
    id: String,
    pinned: bool,
) -> Result<BackupItem> {
    backups::set_pinned(&state, id, pinned).await
}

/// Deletes a backup. One that is pinned, that others build on, or that is the newest good one stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_backup(state: State<'_, AppState>, id: String) -> Result<()> {
    backups::delete(&state, id).await
}

/// Shows the folder of a backup in the system's file manager.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reveal_backup(state: State<'_, AppState>, id: String) -> Result<()> {
    let place = state.place();
    let found = blocking(move || list::find(&place, &id)).await??;
    let folder = found.folder.path().to_owned();
    super::app::open(move || tauri_plugin_opener::open_path(folder, None::<&str>)).await
}

/// Lets the user pick the file with the key of a backup; nothing if they pick none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn pick_backup_key(app: AppHandle) -> Result<Option<String>> {
    super::app::pick_file(app, "Choose the key file of the backup").await
}

/// Finds out what a restore would change, and changes nothing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_restore(
    state: State<'_, AppState>,
    id: String,
    key: Option<BackupKey>,
    progress: Channel<BackupProgress>,
) -> Result<RestorePlan> {
    restore::plan(&state, id, key, progress).await
}

/// Backs up what there is now, and puts what is in the backup in its place.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_backup(
    state: State<'_, AppState>,
    id: String,
    key: Option<BackupKey>,
    progress: Channel<BackupProgress>,
) -> Result<RestoredBackup> {
    restore::restore(&state, id, key, progress).await
}

/// Takes the last restore back: restores what was there before it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undo_restore(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<RestoredBackup> {
    restore::undo(&state, progress).await
}

/// Reads what is left of a damaged database into a new file, and changes nothing else.
#[tauri::command]
#[specta::specta]
pub(crate) async fn salvage_database(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<SalvagedDatabase> {
    restore::salvage(&state, progress).await
}

/// Puts what was salvaged in the place of the damaged database, which is kept, and opens it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_salvaged(state: State<'_, AppState>) -> Result<SalvageUsed> {
    restore::use_salvaged(&state).await
}

/// Lets the user pick the folder that full backups are copied to; nothing if they pick none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn pick_second_folder(
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<Option<BackupStatus>> {
    let picked = super::app::pick_folder(app.clone(), "Choose a folder for a second copy").await?;
    match picked {
        None => Ok(None),
        Some(path) => set_second_folder(app, state, Some(path)).await.map(Some),
    }
}

/// Sets the folder that full backups are copied to, or none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_second_folder(
    app: AppHandle,
    state: State<'_, AppState>,
    path: Option<String>,
) -> Result<BackupStatus> {
    let place = state.place();
    blocking(move || second::choose(&place, path.as_deref().map(Path::new))).await??;
    tauri::async_runtime::spawn(async move {
        automatic::fill_second_folder(&app.state::<AppState>()).await;
    });
    status::status(&state).await
}

/// Sets when the app backs up by itself, and how much it keeps.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_backup_settings(
    state: State<'_, AppState>,
    settings: BackupSettings,
) -> Result<BackupStatus> {
    state
        .write(move |tx| backup_settings::update(tx, &settings))
        .await?;
    status::status(&state).await
}
