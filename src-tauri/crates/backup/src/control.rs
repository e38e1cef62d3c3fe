//! How a long operation is watched, slowed and stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// What an operation is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Copying pages; counted in pages.
    Copy,
    /// Reading the copy back; counted in bytes.
    Read,
    /// Compressing or encrypting; counted in bytes.
    Pack,
    /// Checking the database; not counted.
    Check,
    /// Writing pages into the live database; counted in pages.
    Restore,
}

impl Phase {
    /// The phase in a word or two.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Read => "read back",
            Self::Pack => "pack",
            Self::Check => "check",
            Self::Restore => "restore",
        }
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is busy with.
    pub phase: Phase,
    /// How much of it is done.
    pub done: u64,
    /// How much there is; 0 if that is not counted.
    pub total: u64,
}

/// How a long operation is watched and stopped. The default: nobody watches, and there is no end.
#[derive(Clone, Default)]
pub struct Control {
    cancel: Arc<AtomicBool>,
    deadline: Option<(Instant, Duration)>,
    bytes_per_second_max: Option<u64>,
    on_progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Control {
    /// Stops with [`Error::Deadline`] once `allowed` is over, counted from now.
    #[must_use]
    pub fn within(mut self, allowed: Duration) -> Self {
        self.deadline = Instant::now()
            .checked_add(allowed)
            .map(|end| (end, allowed));
        self
    }

    /// Copies at most this many bytes a second.
    #[must_use]
    pub fn at_most(mut self, bytes_per_second: u64) -> Self {
        self.bytes_per_second_max = Some(bytes_per_second.max(1));
        self
    }

    /// Calls `watch` as the operation goes on, from the thread it runs on.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(watch));
        self
    }

    /// Setting this stops the operation with [`Error::Cancelled`]; nothing half-made stays.
    #[must_use]
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancel)
    }

    /// Tells how far it is, and fails if it is to stop.
    pub(crate) fn step(&self, phase: Phase, done: u64, total: u64) -> Result<()> {
        if let Some(watch) = &self.on_progress {
            watch(Progress { phase, done, total });
        }
        self.check()
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match self.deadline {
            Some((end, allowed)) if Instant::now() >= end => Err(Error::Deadline {
                seconds: allowed.as_secs(),
            }),
            _ => Ok(()),
        }
    }

    /// For SQLite, which asks it whether to break off what it is running.
    pub(crate) fn stopper(&self) -> impl FnMut() -> bool + Send + 'static {
        let cancel = Arc::clone(&self.cancel);
        let end = self.deadline.map(|(end, _)| end);
        move || cancel.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end)
    }

    /// Waits as long as `bytes` since `start` are ahead of the allowed speed.
    pub(crate) fn pace(&self, start: Instant, bytes: u64) {
        let Some(limit) = self.bytes_per_second_max else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
        let due = Duration::from_secs_f64(bytes as f64 / limit as f64);
        let ahead = due.saturating_sub(start.elapsed());
        std::thread::sleep(ahead.min(Duration::from_secs(1)));
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
