//! What a tool needs that keeps copies of the database: which store a file holds, what schema, who
//! has it open, and how an older copy is brought up to date.
//!
//! Every function here takes a file or a connection of the caller's own; none opens the live file.

use std::path::{Path, PathBuf};

use refinery::Target;
use rusqlite::{Connection, OptionalExtension};

pub use crate::lock::LockFile;
pub use crate::schema::APPLICATION_ID;

use crate::error::{OpenError, Result};
use crate::schema::{self, embedded};

/// While this file lies in the data folder, a restore is half done and the store does not open.
pub const RESTORE_JOURNAL: &str = "restore.journal.json";

/// A migration that a database has been through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// refinery's checksum of its text.
    pub checksum: String,
}

/// A table, index, view or trigger, as `sqlite_schema` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaObject {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The statement that made it; `None` for an index that SQLite made by itself.
    pub sql: Option<String>,
}

/// The lock file of the database `file`: whoever has the store open holds it.
#[must_use]
pub fn lock_path(file: &Path) -> PathBuf {
    schema::sidecar(file, ".lock")
}

/// The newest schema version that this program reads.
#[must_use]
pub fn schema_version_max() -> u32 {
    schema::newest_version()
}

/// Brings a copy of a database up to date, in rollback-journal mode, ready to be put in place.
///
/// # Errors
/// [`OpenError::SchemaTooNew`], [`OpenError::Corrupt`] or [`OpenError::Migration`]; each migration
/// that was finished before stays in the copy.
pub fn upgrade(copy: &Path) -> std::result::Result<(), OpenError> {
    schema::inspect(copy)?;
    let mut connection = crate::connection::open(copy, false)?;
    schema::migrate(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Every object of the schema that this program's migrations make up to `version`, sorted.
///
/// # Errors
/// [`OpenError::Migration`], if they do not run on an empty database.
pub fn schema_at(version: u32) -> std::result::Result<Vec<SchemaObject>, OpenError> {
    let mut connection = Connection::open_in_memory()?;
    embedded::migrations::runner()
        .set_target(Target::Version(version.cast_signed()))
        .run(&mut connection)
        .map_err(schema::migration_error)?;
    Ok(schema_of(&connection)?)
}

/// The migrations that a database of schema `version` has been through, oldest first.
#[must_use]
pub fn history_at(version: u32) -> Vec<AppliedMigration> {
    let mut history: Vec<_> = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .filter_map(|it| {
            Some(AppliedMigration {
                version: u32::try_from(it.version()).ok()?,
                name: it.name().to_owned(),
                checksum: it.checksum().to_string(),
            })
        })
        .filter(|it| it.version <= version)
        .collect();
    history.sort_by_key(|it| it.version);
    history
}

/// Every object of the schema in `connection`, sorted.
///
/// # Errors
/// What SQLite reports.
pub fn schema_of(connection: &Connection) -> Result<Vec<SchemaObject>> {
    let mut statement = connection.prepare(
        "SELECT type, name, sql
         FROM sqlite_schema
         ORDER BY type, name",
    )?;
    let objects = statement.query_map([], |row| {
        Ok(SchemaObject {
            kind: row.get("type")?,
            name: row.get("name")?,
            sql: row.get("sql")?,
        })
    })?;
    Ok(objects.collect::<rusqlite::Result<_>>()?)
}

/// The migrations that the database in `connection` has been through, oldest first.
///
/// # Errors
/// [`OpenError::Corrupt`], if the record of one of them is not readable.
pub fn history_of(
    connection: &Connection,
) -> std::result::Result<Vec<AppliedMigration>, OpenError> {
    schema::history(connection)
}

/// The store's uid, which it keeps through every backup and restore; `None` in a database from
/// before there was one.
///
/// # Errors
/// What SQLite reports.
pub fn store_uid(connection: &Connection) -> Result<Option<String>> {
    if !connection.table_exists(None, "store_identity")? {
        return Ok(None);
    }
    let uid = connection.query_row("SELECT uid FROM store_identity", [], |row| row.get("uid"));
    Ok(uid.optional()?)
}

/// Gives a copy that was upgraded from before there was a uid the uid of the store it belongs to.
///
/// # Errors
/// What SQLite reports.
pub fn set_store_uid(connection: &Connection, uid: &str) -> Result<()> {
    connection.execute("UPDATE store_identity SET uid = ?1", [uid])?;
    Ok(())
}

pub(crate) fn refuse_unfinished_restore(folder: &Path) -> std::result::Result<(), OpenError> {
    let journal = folder.join(RESTORE_JOURNAL);
    if journal.try_exists()? {
        return Err(OpenError::RestoreUnfinished { journal });
    }
    Ok(())
}
