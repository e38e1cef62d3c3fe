//! One long task at a time: what it is, how far it is, what stops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chatkeep_backup::{Control, Phase, Progress};
use chatkeep_store::{Clock, SystemClock};
use tauri::ipc::Channel;

use super::lock;
use super::views::{BackupPhase, BackupProgress, BackupTask, BackupTaskKind};
use crate::error::{CommandError, ErrorKind};
use crate::events::News;
use crate::state::Tell;

/// Where the progress of a task is told.
pub(crate) type ProgressChannel = Channel<BackupProgress>;

/// The task under way, if there is one.
pub(crate) struct Tasks {
    running: Mutex<Option<(BackupTask, Arc<AtomicBool>)>>,
    tell: Tell,
}

/// A task under way; it has ended when this is dropped.
pub(crate) struct Task {
    tasks: Arc<Tasks>,
}

impl Tasks {
    pub(crate) fn new(tell: Tell) -> Self {
        Self {
            running: Mutex::default(),
            tell,
        }
    }

    /// Begins a task, unless one is under way.
    pub(crate) fn begin(
        self: &Arc<Self>,
        kind: BackupTaskKind,
        progress: Option<ProgressChannel>,
    ) -> Result<(Task, Control), CommandError> {
        let control = match progress {
            None => Control::default(),
            Some(progress) => Control::default().watched(move |it| send(&progress, it)),
        };
        let started_at = SystemClock.now();
        let mut running = lock(&self.running);
        if let Some((task, _)) = &*running {
            return Err(CommandError::new(
                ErrorKind::Busy,
                format!("{} already", doing(task.kind)),
                "Wait until that is done, or cancel it.",
            ));
        }
        *running = Some((BackupTask { kind, started_at }, control.cancel_flag()));
        drop(running);
        (self.tell)(News::Backups);
        let tasks = Arc::clone(self);
        Ok((Task { tasks }, control))
    }

    /// What is under way.
    pub(crate) fn current(&self) -> Option<BackupTask> {
        lock(&self.running).as_ref().map(|(task, _)| *task)
    }

    /// Stops what is under way, as soon as it looks.
    pub(crate) fn cancel(&self) {
        if let Some((_, cancel)) = &*lock(&self.running) {
            cancel.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        *lock(&self.tasks.running) = None;
        (self.tasks.tell)(News::Backups);
    }
}

fn doing(kind: BackupTaskKind) -> &'static str {
    match kind {
        BackupTaskKind::Create | BackupTaskKind::Automatic => "a backup is being made",
        BackupTaskKind::Verify => "a backup is being verified",
        BackupTaskKind::Plan => "a restore is being planned",
        BackupTaskKind::Restore => "a backup is being restored",
        BackupTaskKind::Salvage => "the database is being salvaged",
    }
}

/// A window that is gone hears nothing, and the task goes on.
fn send(channel: &ProgressChannel, progress: Progress) {
    let phase = match progress.phase {
        Phase::Copy => BackupPhase::Copy,
        Phase::Pack => BackupPhase::Pack,
        Phase::Check => BackupPhase::Check,
        Phase::Restore => BackupPhase::Restore,
        _ => BackupPhase::Read,
    };
    let told = channel.send(BackupProgress {
        phase,
        done: progress.done,
        total: progress.total,
    });
    if let Err(error) = told {
        log::info!("a window stopped listening to a backup: {error}");
    }
}
