//! Restoring, taking it back, and salvaging: with the database closed, whether it could be opened
//! before or not.

use std::path::{Path, PathBuf};

use chatkeep_backup::{
    BACKUPS_FOLDER, Backup, BackupFolder, Control, Key, Live, Mode, Place, Plan, RestoreOptions,
    Restored, Result as BackupResult, Salvaged, SalvagedTable, TableChange, display_utc, prepare,
    put_in_place, salvage as salvage_into, undo_backup,
};
use chatkeep_store::{Clock, SystemClock, Timestamp};

use super::key::BackupKey;
use super::tasks::ProgressChannel;
use super::views::{
    BackupItem, BackupTaskKind, LiveDatabase, PlannedTable, RestorePlan, RestoredBackup,
    SalvageUsed, SalvagedDatabase, SalvagedRows,
};
use super::{list, lock};
use crate::error::CommandError;
use crate::events::News;
use crate::state::{AppState, blocking};

type Result<T> = std::result::Result<T, CommandError>;

fn options(key: Option<&Key>) -> RestoreOptions<'_> {
    RestoreOptions {
        key,
        allow_foreign: false,
        safety_backup: true,
        mode: Mode::Auto,
        now: SystemClock.now(),
    }
}

/// What a restore would change.
pub(crate) async fn plan(
    state: &AppState,
    id: String,
    key: Option<BackupKey>,
    progress: ProgressChannel,
) -> Result<RestorePlan> {
    let place = state.place();
    state
        .backups
        .run(BackupTaskKind::Plan, Some(progress), move |control| {
            let found = list::find(&place, &id)?;
            let item = list::item(&found.backup, found.is_second);
            let key = key.map(BackupKey::open).transpose()?;
            let prepared = prepare(&place, &found.backup, options(key.as_ref()), control)?;
            Ok(view(item, prepared.plan()))
        })
        .await
}

fn view(backup: BackupItem, plan: &Plan) -> RestorePlan {
    let (live, live_problem) = match &plan.live {
        Live::Missing => (LiveDatabase::Missing, None),
        Live::Readable => (LiveDatabase::Readable, None),
        Live::Damaged { what } => (LiveDatabase::Damaged, Some(what.clone())),
    };
    RestorePlan {
        backup,
        live,
        live_problem,
        tables: plan.tables.iter().map(planned).collect(),
        newest_message_now: plan.newest_message_now_ms.map(Timestamp::from_ms),
        newest_message_then: plan.newest_message_then_ms.map(Timestamp::from_ms),
        migrates_from: (plan.schema < plan.schema_after).then_some(plan.schema),
        warnings: plan.notes.clone(),
    }
}

fn planned(change: &TableChange) -> PlannedTable {
    let now = change.now.unwrap_or(0);
    PlannedTable {
        table: change.table.clone(),
        now: change.now,
        then: change.then,
        gained: change.gained.unwrap_or(change.then.saturating_sub(now)),
        lost: change.lost.unwrap_or(now.saturating_sub(change.then)),
    }
}

/// Restores the backup with this id.
pub(crate) async fn restore(
    state: &AppState,
    id: String,
    key: Option<BackupKey>,
    progress: ProgressChannel,
) -> Result<RestoredBackup> {
    replace(state, key, progress, move |place| {
        list::find(place, &id).map(|it| it.backup)
    })
    .await
}

/// Takes the last restore back.
pub(crate) async fn undo(state: &AppState, progress: ProgressChannel) -> Result<RestoredBackup> {
    replace(state, None, progress, undo_backup).await
}

/// Everything that can fail before the live database is touched is done while it is still open.
async fn replace(
    state: &AppState,
    key: Option<BackupKey>,
    progress: ProgressChannel,
    choose: impl FnOnce(&Place) -> BackupResult<Backup> + Send + 'static,
) -> Result<RestoredBackup> {
    let (task, control) = state
        .backups
        .tasks
        .begin(BackupTaskKind::Restore, Some(progress))?;
    let (place, watched) = (state.place(), control.clone());
    let prepared = blocking(move || {
        let backup = choose(&place)?;
        let key = key.map(BackupKey::open).transpose()?;
        prepare(&place, &backup, options(key.as_ref()), &watched)
    });
    let prepared = prepared.await??;
    let (outcome, status) = state.apart(move || prepared.apply(&control)).await?;
    drop(task);
    (state.backups.tell)(News::Backups);
    let restored = outcome?;
    log::info!("restored {}", restored.from);
    let place = state.place();
    let safety_backup = blocking(move || safety_name(&place, &restored).map(|it| (it, restored)));
    let (safety_backup, restored) = safety_backup.await??;
    Ok(RestoredBackup {
        from: name_of(Path::new(&restored.from)),
        at: Timestamp::from_ms(restored.at_ms),
        safety_backup,
        former: restored.former,
        status,
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn safety_name(place: &Place, restored: &Restored) -> BackupResult<Option<String>> {
    let Some(id) = restored.safety_backup else {
        return Ok(None);
    };
    let backups = BackupFolder::open(&place.backups)?.list()?;
    let same = |it: &&Backup| it.manifest().is_some_and(|it| it.backup_id == id);
    Ok(backups.iter().find(same).map(Backup::name))
}

/// Reads what is left of the live database into a new file.
pub(crate) async fn salvage(
    state: &AppState,
    progress: ProgressChannel,
) -> Result<SalvagedDatabase> {
    let (task, control) = state
        .backups
        .tasks
        .begin(BackupTaskKind::Salvage, Some(progress))?;
    let place = state.place();
    let work = move || salvage_beside(&place, &control);
    // Where nothing could be opened there is nothing to close.
    let outcome = match state.failure() {
        Some(_) => blocking(work).await?,
        None => state.apart(work).await?.0,
    };
    drop(task);
    let (file, report) = outcome?;
    let view = salvaged(&file, report);
    *lock(&state.backups.salvaged) = Some(file);
    Ok(view)
}

fn salvage_beside(place: &Place, control: &Control) -> BackupResult<(PathBuf, Salvaged)> {
    let folder = BackupFolder::create(&place.data_folder().join(BACKUPS_FOLDER))?;
    let stamp = display_utc(SystemClock.now())
        .replace(':', "")
        .replace(' ', "_");
    let file = folder.path().join(format!("salvaged-{stamp}.db"));
    let report = salvage_into(&place.database, &file, control)?;
    Ok((file, report))
}

fn salvaged(file: &Path, report: Salvaged) -> SalvagedDatabase {
    let mut notes = Vec::new();
    if report.pages_lost > 0 {
        notes.push(format!("{} pages could not be read", report.pages_lost));
    }
    if report.rows_lost > 0 {
        notes.push(format!("{} rows could not be read", report.rows_lost));
    }
    let complete = report.is_complete();
    notes.extend(report.notes);
    SalvagedDatabase {
        file: file.display().to_string(),
        complete,
        tables: report.tables.into_iter().map(rows).collect(),
        notes,
    }
}

fn rows(table: SalvagedTable) -> SalvagedRows {
    let refused = table.refused;
    SalvagedRows {
        table: table.table,
        rows: table.rows,
        problem: (refused > 0).then(|| format!("{refused} rows were read but make no sense")),
    }
}

/// Puts what was salvaged in the live database's place.
pub(crate) async fn use_salvaged(state: &AppState) -> Result<SalvageUsed> {
    let Some(file) = lock(&state.backups.salvaged).clone() else {
        return Err(CommandError::invalid(
            "salvaged database",
            "nothing was salvaged since Chatkeep was started",
            "Salvage the database first.",
        ));
    };
    let (task, control) = state.backups.tasks.begin(BackupTaskKind::Restore, None)?;
    let place = state.place();
    let work = move || put_in_place(&place, &file, SystemClock.now(), &control);
    let (outcome, status) = state.apart(work).await?;
    drop(task);
    let former = outcome?;
    *lock(&state.backups.salvaged) = None;
    Ok(SalvageUsed {
        former: former.display().to_string(),
        status,
    })
}
