//! Backing up without being asked: by the clock, before something is deleted for good, at the end.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use chatkeep_backup::{
    Backup, BackupFolder, Check, Control, CreateOptions, Error, Kind, Level, Manifest, Place,
    Policy, Prune, Reason, Result, create, create_delta, prune, with_causes,
};
use chatkeep_store::{BackupSettings, Clock, SystemClock, Timestamp};
use tokio::time::timeout;

use super::schedule::{self, Changed, Due, Moment};
use super::views::BackupTaskKind;
use super::{list, second, settings};
use crate::error::{CommandError, ErrorKind};
use crate::events::News;
use crate::state::{AppState, blocking};

/// How often it is looked whether a backup is due.
pub(crate) const TICK: Duration = Duration::from_secs(60);
/// The first look leaves the start of the app alone.
pub(crate) const FIRST_TICK: Duration = Duration::from_secs(20);
/// The longest that one may take, with its copy and its checks.
const DEADLINE: Duration = Duration::from_secs(60 * 60);
/// The longest that a deletion waits for the point before it.
const DELETE_DEADLINE: Duration = Duration::from_secs(60);
/// The longest that the end of the app waits for its point in time.
const EXIT_DEADLINE: Duration = Duration::from_secs(5);
/// Deleting several sessions in a row is one step, with one point before it.
const ONE_STEP_MS: i64 = 60 * 1000;

/// What the app remembers of its backups until it ends.
#[derive(Default)]
pub(crate) struct Memory {
    /// What the newest full backup holds.
    full: Mark,
    /// What the newest backup of any kind holds.
    any: Mark,
    /// Why the last attempt failed, if none has succeeded since.
    pub(crate) failure: Option<CommandError>,
    failed_at: Option<Timestamp>,
    before_delete_at: Option<Timestamp>,
}

/// How far a backup reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mark {
    /// Made before the app was started.
    #[default]
    Unknown,
    /// It holds all that was committed up to this number.
    At(u64),
    /// Something was committed since.
    Behind,
}

impl Mark {
    fn changed(self, commits: u64) -> Changed {
        match self {
            Self::Unknown => Changed::Unknown,
            Self::At(at) if at == commits => Changed::No,
            Self::At(_) | Self::Behind => Changed::Yes,
        }
    }
}

impl Memory {
    /// Another database is open: what was met with the former one says nothing about it.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// A full backup was made, of all that was committed up to `commits`.
    pub(crate) fn note_full(&mut self, commits: u64) {
        (self.full, self.any) = (Mark::At(commits), Mark::At(commits));
        (self.failure, self.failed_at) = (None, None);
    }

    /// A point in time was made.
    fn note_point(&mut self, commits: u64) {
        (self.full, self.any) = (Mark::Behind, Mark::At(commits));
        (self.failure, self.failed_at) = (None, None);
    }

    fn note_made(&mut self, made: Made, commits: u64) {
        match made {
            Made::Full => self.note_full(commits),
            Made::Point => self.note_point(commits),
        }
    }

    /// What was to be done with a backup after it was made.
    pub(crate) fn note_aftermath(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            log::warn!("after a backup: {}", with_causes(&error));
            self.failure = Some(error.into());
        }
    }

    /// A backup that was asked for found the database damaged: that is told until one succeeds.
    pub(crate) fn note_damage(&mut self, error: &CommandError) {
        if error.kind == ErrorKind::DatabaseCorrupt {
            self.failure = Some(error.clone());
        }
    }

    fn note_failure(&mut self, error: Error, now: Timestamp) {
        log::warn!("no automatic backup: {}", with_causes(&error));
        self.failed_at = Some(now);
        // Another tool is at it, or the user stopped it: neither is a fault.
        if !matches!(error, Error::Busy { .. } | Error::Cancelled) {
            self.failure = Some(error.into());
        }
    }
}

/// What the newest backup is, now that all is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Full,
    Point,
}

impl Made {
    fn of(manifest: Option<&Manifest>) -> Self {
        match manifest.map(|it| it.kind) {
            Some(Kind::Delta) => Self::Point,
            _ => Self::Full,
        }
    }
}

/// Looks whether a backup is due, and makes it.
pub(crate) async fn tick(state: &AppState, now: Timestamp) {
    if state.read(|_| Ok(())).await.is_err() {
        return; // no store, nothing to back up
    }
    let settings = settings(state).await;
    let due = due(state, &settings, now).await;
    if due != Due::Nothing {
        back_up(state, &settings, due, now).await;
    }
}

async fn due(state: &AppState, settings: &BackupSettings, now: Timestamp) -> Due {
    let commits = state.store().commits();
    if state.backups.memory().full.changed(commits) == Changed::No {
        return Due::Nothing; // and the folder is not read every minute
    }
    let place = state.place();
    // One that cannot be read is found out by the backup itself.
    let newest = blocking(move || newest(&place)).await.unwrap_or_default();
    let memory = state.backups.memory();
    let moment = Moment {
        now,
        last_full: newest.full,
        last_any: newest.any,
        failed_at: memory.failed_at,
        since_full: memory.full.changed(commits),
        since_any: memory.any.changed(commits),
    };
    schedule::due(settings, &moment)
}

#[derive(Default)]
struct Newest {
    full: Option<Timestamp>,
    any: Option<Timestamp>,
}

fn newest(place: &Place) -> Newest {
    let backups = BackupFolder::open(&place.backups).and_then(|it| it.list());
    let backups = backups.unwrap_or_default();
    let manifests = || backups.iter().filter_map(Backup::manifest);
    Newest {
        full: manifests()
            .find(|it| list::is_good_full(it))
            .map(Manifest::created),
        any: manifests().next().map(Manifest::created),
    }
}

async fn back_up(state: &AppState, settings: &BackupSettings, due: Due, now: Timestamp) {
    let (place, commits) = (state.place(), state.store().commits());
    let policy = state.backups.environment.policy(settings);
    let Ok((task, control)) = state.backups.tasks.begin(BackupTaskKind::Automatic, None) else {
        return; // what is under way comes first; the next look is in a minute
    };
    let control = control.within(DEADLINE);
    let work = blocking(move || {
        let made = make(&place, due, now, &control)?;
        let aftermath = match made {
            (Made::Full, Some(backup)) => look_after(&place, &backup, &policy, now, &control)
                .and_then(|()| drill_an_older_one(&place, now, &control)),
            _ => Ok(()),
        };
        Ok((made.0, aftermath))
    });
    let outcome = work.await;
    drop(task);
    let mut memory = state.backups.memory();
    match outcome {
        Ok(Ok((made, aftermath))) => {
            memory.note_made(made, commits);
            memory.note_aftermath(aftermath);
        }
        Ok(Err(error)) => memory.note_failure(error, now),
        Err(error) => memory.failure = Some(error),
    }
    drop(memory);
    (state.backups.tell)(News::Backups);
}

/// Makes what is due. Without a new backup the newest one holds everything already.
fn make(
    place: &Place,
    due: Due,
    now: Timestamp,
    control: &Control,
) -> Result<(Made, Option<Backup>)> {
    let options = CreateOptions::new(Reason::Scheduled, now);
    let backup = match due {
        Due::Full => Some(create(place, &options, control)?),
        Due::Point | Due::Nothing => create_delta(place, &options, control)?,
    };
    if let Some(backup) = backup {
        log::info!("backed up: {}", backup.name());
        return Ok((Made::of(backup.manifest()), Some(backup)));
    }
    let backups = BackupFolder::open(&place.backups)?.list()?;
    Ok((Made::of(backups.first().and_then(Backup::manifest)), None))
}

/// Copies a full backup to the second folder, and removes what is no longer kept.
pub(crate) fn look_after(
    place: &Place,
    backup: &Backup,
    policy: &Policy,
    now: Timestamp,
    control: &Control,
) -> Result<()> {
    second::copy(place, backup, policy, now, control)?;
    let folder = BackupFolder::open(&place.backups)?;
    prune(&folder, policy, Prune::Remove, now, control).map(drop)
}

/// Once a month one of the older backups is restored for a trial, whichever it is.
fn drill_an_older_one(place: &Place, now: Timestamp, control: &Control) -> Result<()> {
    let backups = BackupFolder::open(&place.backups)?.list()?;
    let manifests: Vec<_> = backups.iter().filter_map(Backup::manifest).collect();
    let candidates = schedule::due_for_drill(&manifests, now);
    let Some(chosen) = any_of(&candidates) else {
        return Ok(());
    };
    let is_chosen = |it: &Backup| {
        it.manifest()
            .is_some_and(|it| it.backup_id == chosen.backup_id)
    };
    let check = Check {
        level: Level::Drill,
        key: None,
        now,
    };
    match backups.iter().find(|it| is_chosen(it)) {
        Some(backup) => chatkeep_backup::verify(place, backup.clone(), &check, control).map(drop),
        None => Ok(()),
    }
}

fn any_of<T>(items: &[T]) -> Option<&T> {
    let count = u64::try_from(items.len()).ok().filter(|it| *it > 0)?;
    let at = RandomState::new().hash_one(0) % count;
    items.get(usize::try_from(at).ok()?)
}

/// Copies the newest full backup to a second folder that was just chosen.
pub(crate) async fn fill_second_folder(state: &AppState) {
    let place = state.place();
    let policy = state.backups.environment.policy(&settings(state).await);
    let now = SystemClock.now();
    let work = state
        .backups
        .run(BackupTaskKind::Automatic, None, move |control| {
            second::copy_newest(&place, &policy, now, control)
        });
    // It is copied with the next backup at the latest.
    if let Err(error) = work.await {
        log::warn!("the second folder was not filled: {}", error.message);
    }
}

/// Makes a point in time before something is deleted for good, if something was written since the
/// last one. Deleting goes on whatever comes of it: on a full disk it is what helps.
pub(crate) async fn before_delete(state: &AppState, now: Timestamp) {
    let commits = state.store().commits();
    let is_needed = {
        let memory = state.backups.memory();
        let is_one_step = memory
            .before_delete_at
            .is_some_and(|it| (0..ONE_STEP_MS).contains(&(now.as_ms() - it.as_ms())));
        !is_one_step && memory.any.changed(commits) != Changed::No
    };
    if !is_needed || !settings(state).await.automatic {
        return;
    }
    let control = Control::default().within(DELETE_DEADLINE);
    point(state, Reason::PreDelete, control, commits, now).await;
    state.backups.memory().before_delete_at = Some(now);
    (state.backups.tell)(News::Backups);
}

/// Makes a last point in time, within a few seconds or not at all.
pub(crate) async fn on_exit(state: &AppState, now: Timestamp) {
    let commits = state.store().commits();
    let is_unchanged = state.backups.memory().any.changed(commits) == Changed::No;
    if is_unchanged || state.failure().is_some() || !settings(state).await.automatic {
        return;
    }
    let control = Control::default().within(EXIT_DEADLINE);
    let work = point(state, Reason::Exit, control, commits, now);
    // A disk that does not answer is not waited for either.
    if timeout(EXIT_DEADLINE * 2, work).await.is_err() {
        log::warn!("the app ends without its last backup: the disk does not answer");
    }
}

/// Makes a point in time, or a full backup where none can be built on: without the drill, as somebody
/// waits for it.
async fn point(state: &AppState, reason: Reason, control: Control, commits: u64, now: Timestamp) {
    let place = state.place();
    let options = CreateOptions {
        verify: Level::Standard,
        ..CreateOptions::new(reason, now)
    };
    let work = blocking(move || {
        let made = create_delta(&place, &options, &control)?;
        let backups = BackupFolder::open(&place.backups)?.list()?;
        let newest = made.as_ref().or(backups.first());
        Ok(Made::of(newest.and_then(Backup::manifest)))
    });
    let outcome = work.await;
    let mut memory = state.backups.memory();
    match outcome {
        Ok(Ok(made)) => memory.note_made(made, commits),
        Ok(Err(error)) => memory.note_failure(error, now),
        Err(error) => memory.failure = Some(error),
    }
}
