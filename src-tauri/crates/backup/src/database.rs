//! How database files are opened here, and what is read from one to know it again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chatkeep_store::upkeep;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::control::Control;
use crate::error::{At, Error, Result};
use crate::files;
use crate::manifest::{Database, TableContent};

/// How long SQLite waits for another program's lock before this program asks again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite asks whether to stop once every so many of its own steps.
const STEPS_PER_CHECK: i32 = 100_000;

/// What a database was at one moment: the same in a copy, or the copy is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) database: Database,
    pub(crate) uid: Option<String>,
    pub(crate) content: BTreeMap<String, TableContent>,
}

/// Opens the live database to read it beside whoever writes it.
pub(crate) fn open_live(path: &Path, control: &Control) -> Result<Connection> {
    require_file(path)?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, control)?;
    connection
        .pragma_update(None, "query_only", true)
        .at("open", path)?;
    Ok(connection)
}

/// Opens the live database to replace what is in it.
pub(crate) fn open_live_to_write(path: &Path, control: &Control) -> Result<Connection> {
    require_file(path)?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, control)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;",
        )
        .at("open", path)?;
    Ok(connection)
}

/// Opens a copy of our own that may have been made by anybody: nothing in its schema is trusted.
/// <https://sqlite.org/security.html#untrusted_sqlite_database_files>
pub(crate) fn open_copy(path: &Path, control: &Control) -> Result<Connection> {
    open_untrusted(path, OpenFlags::SQLITE_OPEN_READ_WRITE, control)
}

/// The same, with what virtual tables keep as tables like any other: within `integrity_check` FTS5
/// reads its indexes in a way that takes three times as long as all the rest. They are taken out of the
/// schema in a transaction that is never committed, so the file stays as it is.
pub(crate) fn open_copy_without_virtual_tables(
    path: &Path,
    control: &Control,
) -> Result<Connection> {
    let connection = open_copy(path, control)?;
    (|| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
        let journal: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if journal == "delete" {
            // No file beside the copy, which a kill would leave there.
            connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
        }
        connection.execute_batch(
            "PRAGMA cache_spill = OFF;
             BEGIN;
             PRAGMA writable_schema = ON;
             DELETE FROM sqlite_schema
             WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%';
             -- Reads the schema anew.
             PRAGMA writable_schema = RESET;",
        )
    })()
    .at("open", path)?;
    Ok(connection)
}

/// The same, to look at only: its bytes are being hashed meanwhile, and must not change.
pub(crate) fn open_copy_to_read(path: &Path, control: &Control) -> Result<Connection> {
    open_untrusted(path, OpenFlags::SQLITE_OPEN_READ_ONLY, control)
}

fn open_untrusted(path: &Path, flags: OpenFlags, control: &Control) -> Result<Connection> {
    require_file(path)?;
    let connection = open(path, flags, control)?;
    (|| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.execute_batch(
            "-- Nobody else opens a copy; with this a log needs no shared memory.
             PRAGMA locking_mode = EXCLUSIVE;
             -- KiB (negative): 8 MiB, whatever the size of the database.
             PRAGMA cache_size = -8192;
             -- What makes a copy last is one fsync at the end; an unfinished one is thrown away.
             PRAGMA synchronous = OFF;",
        )
    })()
    .at("open", path)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags, control: &Control) -> Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at("open", path)?;
    let log = files::with_suffix(path, "-wal");
    let has_log = files::size(&log).is_ok_and(|bytes| bytes > 0);
    // No pragma here that reads the schema: a database whose schema is damaged can still be copied.
    (|| {
        // Write access lets a reader use the log that a crash left; the log itself stays as it is.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
        connection.progress_handler(STEPS_PER_CHECK, Some(control.stopper()))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.execute_batch(
            "PRAGMA cell_size_check = ON;
             -- With a memory map a disk error is a signal that ends the program.
             PRAGMA mmap_size = 0;
             PRAGMA temp_store = FILE;",
        )
    })()
    .at("open", path)?;
    Ok(connection)
}

/// SQLite takes an empty file for an empty database; a backup of it would be worth nothing.
fn require_file(path: &Path) -> Result<()> {
    let found = std::fs::metadata(path).map(|it| it.len());
    match found {
        Ok(0) => Err(Error::invalid(path, "the file is empty (0 bytes)")),
        Ok(_) => Ok(()),
        Err(error) => Err(error).at("open the database", path),
    }
}

/// The error of a statement that was broken off because the operation is to end.
pub(crate) fn or_stopped<T>(outcome: Result<T>, control: &Control) -> Result<T> {
    if outcome.is_err() {
        control.check()?;
    }
    outcome
}

/// Puts a copy into the journal mode in which it is one file.
pub(crate) fn make_one_file(path: &Path, control: &Control) -> Result<()> {
    let connection = open_copy(path, control)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))
        .at("change the journal mode of", path)?;
    if mode != "delete" {
        return Err(Error::invalid(
            path,
            format!("it stays in journal mode {mode}"),
        ));
    }
    close(connection, path)?;
    // SQLite does not tell when it cannot remove its log, and would take it for a part of the copy.
    for suffix in ["-wal", "-shm", "-journal"] {
        files::remove_if_there(&files::with_suffix(path, suffix))?;
    }
    Ok(())
}

pub(crate) fn close(connection: Connection, path: &Path) -> Result<()> {
    connection
        .close()
        .map_err(|(_, error)| error)
        .at("close", path)
}

/// Reads what a database is; within a transaction it is of one moment.
pub(crate) fn facts(connection: &Connection, path: &Path) -> Result<Facts> {
    let migrations = upkeep::history_of(connection).at("read", path)?;
    let migrations = migrations
        .into_iter()
        .map(|it| (it.version, it.name, it.checksum))
        .collect();
    Ok(Facts {
        database: database(connection, migrations).at("read", path)?,
        uid: upkeep::store_uid(connection).at("read", path)?,
        content: content(connection).at("read", path)?,
    })
}

fn database(
    connection: &Connection,
    migrations: Vec<(u32, String, String)>,
) -> rusqlite::Result<Database> {
    fn pragma<T: rusqlite::types::FromSql>(it: &Connection, name: &str) -> rusqlite::Result<T> {
        it.pragma_query_value(None, name, |row| row.get(0))
    }
    Ok(Database {
        application_id: pragma(connection, "application_id")?,
        user_version: pragma(connection, "user_version")?,
        migrations,
        sqlite_version: rusqlite::version().to_owned(),
        page_size: pragma(connection, "page_size")?,
        page_count: pragma(connection, "page_count")?,
        freelist_count: pragma(connection, "freelist_count")?,
        encoding: pragma(connection, "encoding")?,
        auto_vacuum: pragma(connection, "auto_vacuum")?,
        journal_mode: pragma(connection, "journal_mode")?,
    })
}

fn content(connection: &Connection) -> rusqlite::Result<BTreeMap<String, TableContent>> {
    let mut statement = connection.prepare(
        "SELECT name, wr
         FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let tables = statement.query_map([], |row| Ok((row.get("name")?, row.get("wr")?)))?;
    tables
        .map(|table| {
            let (name, without_rowid): (String, bool) = table?;
            let counted = count(connection, &name, without_rowid)?;
            Ok((name, counted))
        })
        .collect()
}

fn count(
    connection: &Connection,
    table: &str,
    without_rowid: bool,
) -> rusqlite::Result<TableContent> {
    let table = quoted(table);
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(TableContent {
        rows: connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })?,
        rowid_max: match without_rowid {
            true => None,
            false => one(&format!("SELECT max(rowid) FROM {table}"))?,
        },
    })
}

/// A name as SQL takes it whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
