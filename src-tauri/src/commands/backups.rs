//! Backups: making, checking, keeping and restoring them.

use chatkeep_store::BackupSettings;
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use super::Result;
use crate::backups::views::{
    BackupItem, BackupLevel, BackupProgress, BackupStatus, RestorePlan, RestoredBackup,
    SalvageUsed, SalvagedDatabase,
};
use crate::state::AppState;

/// How backing up stands.
#[tauri::command]
#[specta::specta]
pub(crate) async fn backup_status(state: State<'_, AppState>) -> Result<BackupStatus> {
    todo(&state)
}

/// Every backup in both folders, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_backups(state: State<'_, AppState>) -> Result<Vec<BackupItem>> {
    todo(&state)
}

/// Makes a full backup, checked and proven by a drill.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_backup(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<BackupItem> {
    drop(progress);
    todo(&state)
}

/// Stops the long task that is under way, if there is one; it then fails as cancelled.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_backup_task(state: State<'_, AppState>) -> Result<()> {
    todo(&state)
}

/// Checks a backup and notes the outcome in its manifest.
#[tauri::command]
#[specta::specta]
pub(crate) async fn verify_backup(
    state: State<'_, AppState>,
    id: String,
    level: BackupLevel,
    progress: Channel<BackupProgress>,
) -> Result<BackupItem> {
    drop((id, level, progress));
    todo(&state)
}

/// Keeps a backup until it is unpinned, or stops doing so.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_backup_pinned(
    state: State<'_, AppState>,
    id: String,
    pinned: bool,
) -> Result<BackupItem> {
    drop((id, pinned));
    todo(&state)
}

/// Deletes a backup. One that is pinned, that others build on, or that is the newest good one stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_backup(state: State<'_, AppState>, id: String) -> Result<()> {
    drop(id);
    todo(&state)
}

/// Shows the folder of a backup in the system's file manager.
#[tauri::command]
#[specta::specta]
pub(crate) async fn reveal_backup(state: State<'_, AppState>, id: String) -> Result<()> {
    drop(id);
    todo(&state)
}

/// Finds out what a restore would change, and changes nothing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_restore(
    state: State<'_, AppState>,
    id: String,
    progress: Channel<BackupProgress>,
) -> Result<RestorePlan> {
    drop((id, progress));
    todo(&state)
}

/// Backs up what there is now, and puts what is in the backup in its place.
#[tauri::command]
#[specta::specta]
pub(crate) async fn restore_backup(
    state: State<'_, AppState>,
    id: String,
    progress: Channel<BackupProgress>,
) -> Result<RestoredBackup> {
    drop((id, progress));
    todo(&state)
}

/// Takes the last restore back: restores what was there before it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undo_restore(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<RestoredBackup> {
    drop(progress);
    todo(&state)
}

/// Reads what is left of a damaged database into a new file, and changes nothing else.
#[tauri::command]
#[specta::specta]
pub(crate) async fn salvage_database(
    state: State<'_, AppState>,
    progress: Channel<BackupProgress>,
) -> Result<SalvagedDatabase> {
    drop(progress);
    todo(&state)
}

/// Puts what was salvaged in the place of the damaged database, which is kept, and opens it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn use_salvaged(state: State<'_, AppState>) -> Result<SalvageUsed> {
    todo(&state)
}

/// Lets the user pick the folder that full backups are copied to; nothing if they pick none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn pick_second_folder(
    app: AppHandle,
    state: State<'_, AppState>,
) -> Result<Option<BackupStatus>> {
    drop(app);
    todo(&state)
}

/// Sets the folder that full backups are copied to, or none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_second_folder(
    state: State<'_, AppState>,
    path: Option<String>,
) -> Result<BackupStatus> {
    drop(path);
    todo(&state)
}

/// Sets when the app backs up by itself, and how much it keeps.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_backup_settings(
    state: State<'_, AppState>,
    settings: BackupSettings,
) -> Result<BackupStatus> {
    drop(settings);
    todo(&state)
}

fn todo<T>(state: &AppState) -> Result<T> {
    state.failure().map_or_else(
        || Err(crate::error::CommandError::internal("in the next commit")),
        |failure| Err((&failure).into()),
    )
}
