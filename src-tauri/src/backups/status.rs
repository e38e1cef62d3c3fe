//! How backing up stands, in one look at both folders.

use chatkeep_backup::{
    Backup, BackupFolder, Manifest, Place, last_restore, same_disk, undo_backup,
};
use chatkeep_store::{BackupSettings, Clock, SystemClock, Timestamp};

use super::notices::{Findings, notices};
use super::views::{BackupStatus, UndoableRestore};
use super::{list, second, settings};
use crate::error::CommandError;
use crate::state::{AppState, blocking};

/// How backing up stands.
pub(crate) async fn status(state: &AppState) -> Result<BackupStatus, CommandError> {
    let settings = settings(state).await;
    let place = state.place();
    let failure = state.backups.memory().failure.clone();
    let mut status = blocking(move || look(&place, &settings, failure)).await?;
    status.keep_newest = state.backups.environment.keep;
    status.from_environment = state.backups.environment.fixed();
    status.task = state.backups.tasks.current();
    Ok(status)
}

fn look(place: &Place, settings: &BackupSettings, failure: Option<CommandError>) -> BackupStatus {
    let second = second::path(place);
    let on_disk = OnDisk::look(place);
    let now = SystemClock.now();
    let missing_folder = second.as_ref().filter(|it| !it.is_dir());
    let missing_folder = missing_folder.map(|it| it.display().to_string());
    let findings = Findings {
        now,
        automatic: settings.automatic,
        last_good: on_disk.last_good,
        same_disk: on_disk.same_disk,
        missing_folder,
        failure,
    };
    BackupStatus {
        folder: place.backups.display().to_string(),
        second_folder: second.map(|it| it.display().to_string()),
        same_disk: on_disk.same_disk,
        last_good_at: on_disk.last_good,
        last_proven_at: on_disk.last_proven.as_ref().map(|it| it.0),
        last_proven_id: on_disk.last_proven.map(|it| it.1),
        interval_minutes: settings.interval_minutes,
        point_minutes: settings.point_minutes,
        automatic: settings.automatic,
        keep: settings.keep,
        keep_newest: None,
        from_environment: Vec::new(),
        task: None,
        undo: undo(place),
        notices: notices(&findings),
    }
}

/// What the folders tell.
struct OnDisk {
    last_good: Option<Timestamp>,
    /// When a drill last passed, and of which backup.
    last_proven: Option<(Timestamp, String)>,
    same_disk: bool,
}

impl OnDisk {
    fn look(place: &Place) -> Self {
        let mut found = Self {
            last_good: None,
            last_proven: None,
            same_disk: true,
        };
        for (folder, is_second) in list::folders(place) {
            found.add(place, &folder, is_second);
        }
        found
    }

    fn add(&mut self, place: &Place, folder: &BackupFolder, is_second: bool) {
        // A folder that cannot be read holds nothing that could be relied on.
        let backups = folder.list().unwrap_or_default();
        let mut has_good = false;
        for backup in backups.iter().filter(|it| is_good(it)) {
            has_good = true;
            let item = list::item(backup, is_second);
            self.last_good = self.last_good.max(item.created_at);
            if let Some(at) = drilled_at(backup)
                && self.last_proven.as_ref().is_none_or(|it| it.0 < at)
            {
                self.last_proven = Some((at, item.id));
            }
        }
        if has_good && same_disk(place.data_folder(), folder.path()) == Some(false) {
            self.same_disk = false;
        }
    }
}

fn is_good(backup: &Backup) -> bool {
    backup.manifest().is_some_and(Manifest::is_verified)
}

fn drilled_at(backup: &Backup) -> Option<Timestamp> {
    let checked = backup.manifest()?.verification.as_ref()?;
    checked.drilled_at_ms.map(Timestamp::from_ms)
}

/// What there was before the last restore, if it is still there.
fn undo(place: &Place) -> Option<UndoableRestore> {
    let backup = undo_backup(place).ok()?;
    let restored = last_restore(place).ok()??;
    Some(UndoableRestore {
        restored_at: Timestamp::from_ms(restored.at_ms),
        backup_id: list::item(&backup, false).id,
        name: backup.name(),
    })
}
