//! A store in a folder of its own, with a clock that is set by hand.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use refinery::Target;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::schema::embedded;
use crate::time::{Clock, Timestamp};
use crate::{DATABASE_FILE, NewSession, OpenOptions, Session, Store, sessions};

/// A clock that stands still until it is set.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `ms` milliseconds since the Unix epoch.
    #[must_use]
    pub fn at_ms(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// Makes a database in `folder` with the schema that version `version` of it had, and no rows but
/// those that the migrations make.
///
/// # Panics
/// If it cannot be made.
#[expect(
    clippy::expect_used,
    reason = "tests have nothing to do without a database"
)]
pub fn make_older_database(folder: &Path, version: u32) {
    let file = folder.join(DATABASE_FILE);
    let mut connection = Connection::open(file).expect("a database");
    embedded::migrations::runner()
        .set_target(Target::Version(version.cast_signed()))
        .run(&mut connection)
        .expect("the migrations up to there");
}

/// A store in a temporary folder, which goes with it. Derefs to the store.
pub struct TestStore {
    store: Store,
    folder: TempDir,
    /// The store's clock.
    pub clock: ManualClock,
}

impl TestStore {
    /// An empty store, on 21 November 2026.
    ///
    /// # Panics
    /// If there is no temporary folder to be had.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "tests have nothing to do without a store"
    )]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = ManualClock::at_ms(1_795_219_200_000);
        let store = OpenOptions::new(folder.path())
            .clock(clock.clone())
            .open()
            .expect("a fresh store");
        Self {
            store,
            folder,
            clock,
        }
    }

    /// A session that is kept, called `name`.
    ///
    /// # Panics
    /// If it cannot be written.
    #[expect(
        clippy::expect_used,
        reason = "tests have nothing to do without a session"
    )]
    pub fn session(&self, name: &str) -> Session {
        self.write(|tx| sessions::insert(tx, &NewSession::named(name)))
            .expect("a session")
            .value
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Closes the store and opens it again, as a new start of the app does.
    ///
    /// # Panics
    /// If it cannot be opened.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "tests have nothing to do without a store"
    )]
    pub fn reopened(self) -> Self {
        let Self {
            store,
            folder,
            clock,
        } = self;
        drop(store);
        let store = OpenOptions::new(folder.path())
            .clock(clock.clone())
            .open()
            .expect("the same store");
        Self {
            store,
            folder,
            clock,
        }
    }
}

impl Default for TestStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}
