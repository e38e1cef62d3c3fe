//! How the database file is held: one place for every pragma, and the two pools.
//!
//! Readers and the writer are separate r2d2 pools; the writer's has exactly one connection, so that
//! two writers wait in line (bounded, ending in [`crate::Error::Busy`]) and never meet in SQLite.
//! The journal mode is set once, before the pools open: set from several connections at the same
//! time it ends in "database is locked".

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use scheduled_thread_pool::ScheduledThreadPool;

use crate::error::OpenError;

pub(crate) type ConnectionPool = Pool<SqliteConnectionManager>;

/// How long a read or a write waits for its turn.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many reads run side by side.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps; the store has fewer than this.
const STATEMENTS: usize = 128;
/// The first SQLite without the WAL-reset bug: <https://sqlite.org/wal.html#walresetbug>.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

pub(crate) fn require_safe_sqlite() -> Result<(), OpenError> {
    if rusqlite::version_number() >= SQLITE_VERSION_MIN {
        Ok(())
    } else {
        Err(OpenError::SqliteTooOld {
            found: rusqlite::version(),
        })
    }
}

/// Opens the file so that closing it again leaves it as it is: its log is not moved into it, whatever
/// is met in between.
pub(crate) fn open_to_look(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags())?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    configure(&connection)?;
    Ok(connection)
}

/// Opens the file for a migration, before the pools are.
pub(crate) fn open(file: &Path, create: bool) -> rusqlite::Result<Connection> {
    let mut flags = flags();
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let connection = Connection::open_with_flags(file, flags)?;
    configure(&connection)?;
    Ok(connection)
}

/// The pool of the connections that read, and the pool of the one that writes.
pub(crate) fn pools(file: &Path) -> Result<(ConnectionPool, ConnectionPool), OpenError> {
    let threads = Arc::new(ScheduledThreadPool::new(1));
    let readers = pool(file, READERS, &threads, |connection| {
        configure(connection)?;
        // A write through a reader is an error in this code; SQLite refuses it.
        connection.pragma_update(None, "query_only", true)
    })?;
    let writer = pool(file, 1, &threads, |connection| {
        configure(connection)?;
        // What is deleted is overwritten with zeros, and not just forgotten.
        connection.pragma_update(None, "secure_delete", true)
    })?;
    wait_until_idle(&threads);
    Ok((readers, writer))
}

fn pool(
    file: &Path,
    size: u32,
    threads: &Arc<ScheduledThreadPool>,
    init: impl Fn(&mut Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
) -> Result<ConnectionPool, OpenError> {
    let manager = SqliteConnectionManager::file(file)
        .with_flags(flags())
        .with_init(init);
    Pool::builder()
        .max_size(size)
        .thread_pool(Arc::clone(threads))
        .connection_timeout(BUSY_TIMEOUT)
        // A connection to a local file does not go stale.
        .test_on_check_out(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .build(manager)
        .map_err(|error| OpenError::Other {
            what: error.to_string(),
        })
}

/// r2d2's thread holds on to a pool for a moment after it has filled it. A store that is closed
/// within that moment would be closed by that thread, and its lock be gone before.
fn wait_until_idle(threads: &ScheduledThreadPool) {
    let (done, idle) = mpsc::channel();
    // An error on either side means that the thread is gone, and holds nothing.
    threads.execute(move || _ = done.send(()));
    _ = idle.recv();
}

fn flags() -> OpenFlags {
    // A connection is used by one thread at a time, so SQLite need not lock it. No
    // SQLITE_OPEN_CREATE: a missing file must not come back as an empty one.
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Sets what holds for a connection and not for the file. Each pragma: <https://sqlite.org/pragma.html>.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "
        -- Cascades, and no message without its session.
        PRAGMA foreign_keys = ON;
        -- A commit that was acknowledged survives a power cut. NORMAL would lose the last few.
        PRAGMA synchronous = FULL;
        -- The same on macOS, where fsync alone leaves data in the drive's cache.
        PRAGMA checkpoint_fullfsync = ON;
        -- KiB (negative): 8 MiB of pages a connection.
        PRAGMA cache_size = -8192;
        PRAGMA temp_store = MEMORY;
        -- Functions in a schema that somebody else wrote are not run.
        PRAGMA trusted_schema = OFF;
        -- A damaged page is an error when it is read, not a crash later.
        PRAGMA cell_size_check = ON;
        -- With a memory map a disk error is a signal that ends the program.
        PRAGMA mmap_size = 0;
        -- Bytes of write-ahead log kept after a checkpoint: 64 MiB.
        PRAGMA journal_size_limit = 67108864;
        ",
    )
}
