//! Opening the database, and the only places where a transaction begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use r2d2::PooledConnection;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use uuid::ContextV7;

use crate::DATABASE_FILE;
use crate::change::Committed;
use crate::connection::{self, ConnectionPool};
use crate::error::{Error, OpenError, Result};
use crate::location;
use crate::lock::LockFile;
use crate::schema;
use crate::time::{Clock, SystemClock};
use crate::transaction::{ReadTx, WriteTx};
use crate::upkeep;
use crate::vectors::VectorIndex;

/// How a store is opened.
pub struct OpenOptions {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    holder: String,
    before_migration: Option<BeforeMigration>,
}

type BeforeMigration = Box<dyn FnOnce(&Path) -> std::result::Result<(), OpenError>>;

impl OpenOptions {
    /// The store in `folder`, which is made if it is not there, by the computer's clock.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            clock: Arc::new(SystemClock),
            holder: "Chatkeep".to_owned(),
            before_migration: None,
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What another process is told that finds the data folder in use. Default: "Chatkeep".
    #[must_use]
    pub fn holder(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }

    /// Calls `before` with a database that is about to be migrated, while nothing has it open and
    /// nobody else may open it. What it fails with, the opening fails with; nothing is changed then.
    #[must_use]
    pub fn before_migration(
        mut self,
        before: impl FnOnce(&Path) -> std::result::Result<(), OpenError> + 'static,
    ) -> Self {
        self.before_migration = Some(Box::new(before));
        self
    }

    /// Opens the store: takes the folder's lock, looks at the file, brings its schema up to date.
    ///
    /// # Errors
    /// One [`OpenError`] a cause. A file that is there is never replaced, and one that is damaged,
    /// too new or somebody else's is left as it is.
    pub fn open(self) -> std::result::Result<Store, OpenError> {
        connection::require_safe_sqlite()?;
        location::refuse_synced(&self.folder)?;
        create_private_folder(&self.folder)?;
        let file = self.folder.join(DATABASE_FILE);
        let lock = LockFile::acquire(&upkeep::lock_path(&file), &self.holder)?;
        upkeep::refuse_unfinished_restore(&self.folder)?;
        if schema::find_or_create(&file)? < schema::newest_version()
            && let Some(before) = self.before_migration
        {
            before(&file)?;
        }
        schema::bring_up_to_date(&file)?;
        let (readers, writer) = connection::pools(&file)?;
        Ok(Store {
            readers,
            writer,
            clock: self.clock,
            ids: Mutex::new(ContextV7::new()),
            replacements: AtomicU64::new(0),
            vectors: VectorIndex::default(),
            file,
            _lock: lock,
        })
    }
}

/// An open database. Threads share it by reference; reads run side by side, writes one at a time.
pub struct Store {
    // In the order in which they are dropped: the lock goes last.
    readers: ConnectionPool,
    writer: ConnectionPool,
    clock: Arc<dyn Clock>,
    ids: Mutex<ContextV7>,
    /// How often another program has replaced everything in the database.
    replacements: AtomicU64,
    vectors: VectorIndex,
    file: PathBuf,
    _lock: LockFile,
}

impl Store {
    /// Runs `body` on a snapshot of the database.
    ///
    /// # Errors
    /// [`Error::Busy`] if every reader stays in use for 5 seconds, and what `body` returns.
    pub fn read<T>(&self, body: impl FnOnce(&ReadTx<'_>) -> Result<T>) -> Result<T> {
        let connection = self.readers.get().map_err(|_| Error::Busy)?;
        let tx = ReadTx::begin(&connection, &self.vectors)?;
        body(&tx)
    }

    /// Runs `body` and commits what it wrote; once this returns, a power cut cannot undo it.
    ///
    /// # Errors
    /// [`Error::Busy`] if other writes take 5 seconds, and what `body` returns; the database is then
    /// as it was. If the commit itself fails with [`Error::Sqlite`], the write may have reached the
    /// disk nonetheless: read before you repeat it.
    pub fn write<T>(&self, body: impl FnOnce(&WriteTx<'_>) -> Result<T>) -> Result<Committed<T>> {
        let connection = self.writer()?;
        self.commit(&connection, body)
    }

    /// Like [`Store::write`], for what can be done again: a part of a reply that is still streaming,
    /// a draft. The commit survives the end of the process, but not surely a power cut, and costs no
    /// wait for the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_redoable<T>(
        &self,
        body: impl FnOnce(&WriteTx<'_>) -> Result<T>,
    ) -> Result<Committed<T>> {
        let connection = self.writer()?;
        let relaxed = Relaxed::begin(&connection)?;
        self.commit(relaxed.0, body)
    }

    /// Moves the whole write-ahead log into the database and empties it, so that what was deleted is
    /// gone from the disk: with `secure_delete`, its place in the database is overwritten.
    ///
    /// # Errors
    /// [`Error::Busy`] if readers hold the log for 5 seconds; it is then emptied another time.
    pub fn truncate_log(&self) -> Result<()> {
        let connection = self.writer()?;
        let busy: bool =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(Error::Busy) } else { Ok(()) }
    }

    /// Keeps every write out, so that another program can replace what is in the database. Reads go
    /// on.
    ///
    /// # Errors
    /// [`Error::Busy`] if other writes take 5 seconds.
    pub fn hold_writes(self: &Arc<Self>) -> Result<WriteHold> {
        Ok(WriteHold {
            _writer: self.writer()?,
            store: Arc::clone(self),
        })
    }

    /// The one connection that writes. A write that waited for it while the database was replaced is
    /// not done: it was meant for the one that was there before.
    fn writer(&self) -> Result<PooledConnection<SqliteConnectionManager>> {
        let before = self.replacements.load(Ordering::SeqCst);
        let connection = self.writer.get().map_err(|_| Error::Busy)?;
        match self.replacements.load(Ordering::SeqCst) == before {
            true => Ok(connection),
            false => Err(Error::Busy),
        }
    }

    /// The database file. Only SQLite may open it while the store is open: the first other open and
    /// close in this process would drop SQLite's locks.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn commit<T>(
        &self,
        connection: &Connection,
        body: impl FnOnce(&WriteTx<'_>) -> Result<T>,
    ) -> Result<Committed<T>> {
        // Whoever holds the one writer is alone here; a panic in `body` leaves nothing half-done.
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = WriteTx::begin(connection, self.clock.now(), &ids)?;
        let value = body(&tx)?;
        let changes = tx.commit()?;
        Ok(Committed { value, changes })
    }
}

/// As long as this lives, the store writes nothing.
pub struct WriteHold {
    _writer: PooledConnection<SqliteConnectionManager>,
    store: Arc<Store>,
}

impl WriteHold {
    /// Notes that the database was replaced: writes that wait since before fail with
    /// [`Error::Busy`], and the next search reads the vectors anew.
    pub fn replaced(self) {
        self.store.vectors.forget();
        self.store.replacements.fetch_add(1, Ordering::SeqCst);
    }
}

/// As long as this lives, commits do not wait for the disk. SQLite takes the setting only outside of
/// a transaction.
struct Relaxed<'c>(&'c Connection);

impl<'c> Relaxed<'c> {
    fn begin(connection: &'c Connection) -> Result<Self> {
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        Ok(Self(connection))
    }
}

impl Drop for Relaxed<'_> {
    fn drop(&mut self) {
        // Also after a panic in the body: the next user of this connection is promised FULL.
        let _ = self.0.execute_batch("PRAGMA synchronous = FULL");
    }
}

/// Makes the data folder, for its owner only.
fn create_private_folder(folder: &Path) -> std::result::Result<(), OpenError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn synchronous(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap()
    }

    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    #[test]
    fn only_a_redoable_write_does_not_wait_for_the_disk_however_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = OpenOptions::new(folder.path()).open().unwrap();
        let between = || synchronous(&store.writer.get().unwrap());
        let inside = |tx: &WriteTx<'_>| {
            let found: Option<i64> = tx.value("PRAGMA synchronous", [])?;
            Ok(found.unwrap())
        };

        assert_eq!(store.write(inside).unwrap().value, FULL);
        assert_eq!(store.write_redoable(inside).unwrap().value, NORMAL);
        assert_eq!(between(), FULL);

        let failed = store.write_redoable(|_| -> Result<()> { Err(Error::Busy) });
        assert!(failed.is_err());
        assert_eq!(between(), FULL);

        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write_redoable(|_| -> Result<()> { panic!("as the test wants it") })
        }));
        assert!(panicked.is_err());
        assert_eq!(between(), FULL);
        assert_eq!(store.write(inside).unwrap().value, FULL);
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = OpenOptions::new(folder.path()).open().unwrap();
        let reader = store.readers.get().unwrap();
        let error = reader.execute("DELETE FROM personas", []).unwrap_err();
        assert!(matches!(Error::from(error), Error::ReadOnly(_)));
    }
}
