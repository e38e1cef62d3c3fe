//! Backups: made by the app itself and on request, checked, kept, copied elsewhere and restored.
//!
//! What a backup is and how one is made and restored is `chatkeep-backup`'s. Here is when: the
//! schedule, one long task at a time, the database closed for a restore, and what the window is told.

pub(crate) mod automatic;
pub(crate) mod environment;
mod errors;
pub(crate) mod gate;
pub(crate) mod key;
pub(crate) mod list;
mod notices;
pub(crate) mod restore;
mod schedule;
pub(crate) mod second;
pub(crate) mod status;
mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod views;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatkeep_backup::{Backup, BackupFolder, Check, Control, CreateOptions, Place, Reason, Result};
use chatkeep_store::{BackupSettings, Clock, SystemClock, backup_settings};
use tokio::time::{sleep, timeout};

use self::automatic::Memory;
use self::environment::Environment;
use self::key::BackupKey;
use self::tasks::Tasks;
use self::views::{BackupItem, BackupLevel, BackupTaskKind};
use crate::error::CommandError;
use crate::events::News;
use crate::state::{AppState, Tell, blocking};

pub(crate) use self::tasks::ProgressChannel;

/// How long a task that was cancelled gets to end when the app does.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What the app knows about its backups beside what lies on the disk.
pub(crate) struct Backups {
    /// What the environment decides.
    pub(crate) environment: Environment,
    tell: Tell,
    tasks: Arc<Tasks>,
    memory: Arc<Mutex<Memory>>,
    /// What was salvaged last and is not in use.
    salvaged: Mutex<Option<PathBuf>>,
}

impl Backups {
    pub(crate) fn new(environment: Environment, tell: Tell) -> Self {
        Self {
            environment,
            tasks: Arc::new(Tasks::new(Arc::clone(&tell))),
            tell,
            memory: Arc::default(),
            salvaged: Mutex::default(),
        }
    }

    /// Tells on, and notes when another database may have taken the place of the one that was backed
    /// up.
    pub(crate) fn listening(&self) -> Tell {
        let (memory, tell) = (Arc::clone(&self.memory), Arc::clone(&self.tell));
        Arc::new(move |news| {
            if news == News::Reload {
                lock(&memory).begin_anew();
            }
            tell(news);
        })
    }

    /// Another database is open: whether it was backed up is not known.
    pub(crate) fn begin_anew(&self) {
        self.memory().begin_anew();
    }

    /// Cancels what is under way.
    pub(crate) fn cancel(&self) {
        self.tasks.cancel();
    }

    /// Cancels what is under way and waits a little until it has ended.
    pub(crate) async fn stop(&self) {
        self.cancel();
        let idle = async {
            while self.tasks.current().is_some() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(STOP_TIMEOUT, idle).await.is_err() {
            log::warn!("a backup task goes on although it was cancelled");
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    /// Runs a long task on a thread of its own, unless another one is under way.
    async fn run<T: Send + 'static>(
        &self,
        kind: BackupTaskKind,
        progress: Option<ProgressChannel>,
        work: impl FnOnce(&Control) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, CommandError> {
        let (task, control) = self.tasks.begin(kind, progress)?;
        let outcome = blocking(move || work(&control)).await?;
        drop(task);
        Ok(outcome?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the app backs up by itself: as it is set, where the environment does not decide. Without a
/// store, as by default.
pub(crate) async fn settings(state: &AppState) -> BackupSettings {
    let saved = state.read(backup_settings::get).await.unwrap_or_default();
    state.backups.environment.apply(saved)
}

/// Makes a full backup, and copies it to the second folder.
pub(crate) async fn create(
    state: &AppState,
    progress: ProgressChannel,
) -> std::result::Result<BackupItem, CommandError> {
    let (place, commits) = (state.place(), state.store().commits());
    let policy = state.backups.environment.policy(&settings(state).await);
    let now = SystemClock.now();
    let made = state
        .backups
        .run(BackupTaskKind::Create, Some(progress), move |control| {
            let options = CreateOptions::new(Reason::Manual, now);
            let backup = chatkeep_backup::create(&place, &options, control)?;
            let aftermath = automatic::look_after(&place, &backup, &policy, now, control);
            Ok((backup, aftermath))
        });
    let made = made.await;
    let mut memory = state.backups.memory();
    let (backup, aftermath) = made.inspect_err(|error| memory.note_damage(error))?;
    memory.note_full(commits);
    memory.note_aftermath(aftermath);
    drop(memory);
    (state.backups.tell)(News::Backups);
    Ok(list::item(&backup, false))
}

/// Checks a backup, and tells how it is now.
pub(crate) async fn verify(
    state: &AppState,
    id: String,
    level: BackupLevel,
    key: Option<BackupKey>,
    progress: ProgressChannel,
) -> std::result::Result<BackupItem, CommandError> {
    let place = state.place();
    state
        .backups
        .run(BackupTaskKind::Verify, Some(progress), move |control| {
            let found = list::find(&place, &id)?;
            let key = key.map(BackupKey::open).transpose()?;
            let check = Check {
                level: level.into(),
                key: key.as_ref(),
                now: SystemClock.now(),
            };
            let at = Place {
                backups: found.folder.path().to_owned(),
                ..place
            };
            chatkeep_backup::verify(&at, found.backup, &check, control)
                .map(|backup| list::item(&backup, found.is_second))
        })
        .await
}

/// Pins or unpins a backup, and tells how it is now.
pub(crate) async fn set_pinned(
    state: &AppState,
    id: String,
    pinned: bool,
) -> std::result::Result<BackupItem, CommandError> {
    let place = state.place();
    let outcome = blocking(move || {
        let found = list::find(&place, &id)?;
        chatkeep_backup::set_pinned(&found.folder, &found.backup, pinned, &Control::default())
            .map(|backup| list::item(&backup, found.is_second))
    });
    let item = outcome.await??;
    (state.backups.tell)(News::Backups);
    Ok(item)
}

/// Deletes a backup.
pub(crate) async fn delete(state: &AppState, id: String) -> std::result::Result<(), CommandError> {
    let place = state.place();
    let outcome = blocking(move || {
        let found = list::find(&place, &id)?;
        if is_newest_verified(&found.folder, &found.backup)? {
            return Err(chatkeep_backup::Error::Usage {
                what: "this is the newest good backup; make another one first".into(),
            });
        }
        chatkeep_backup::delete(&found.folder, &found.backup, &Control::default())
    });
    outcome.await??;
    (state.backups.tell)(News::Backups);
    Ok(())
}

fn is_newest_verified(folder: &BackupFolder, backup: &Backup) -> Result<bool> {
    let backups = folder.list()?;
    let newest = backups
        .iter()
        .find(|it| it.manifest().is_some_and(list::is_good_full));
    Ok(newest.is_some_and(|it| it.path == backup.path))
}
