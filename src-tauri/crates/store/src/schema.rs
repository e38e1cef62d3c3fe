//! The schema: what version a file has, and how it gets to this program's.
//!
//! A file is looked at before anything is changed in it, and a new one is made complete under
//! another name first. So a database that is empty, missing beside its log, somebody else's or too
//! new is never taken for a fresh one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::connection;
use crate::error::{Error, OpenError};
use crate::upkeep::AppliedMigration;

pub(crate) mod embedded {
    refinery::embed_migrations!("../../../migrations");
}

/// "CHKP": written by V1__core.sql.
pub const APPLICATION_ID: i32 = 0x4348_4B50;

/// Makes sure that `file` is there and ours; tells which version of the schema it has.
pub(crate) fn find_or_create(file: &Path) -> Result<u32, OpenError> {
    if file.try_exists()? {
        return inspect(file);
    }
    create(file)?;
    Ok(newest_version())
}

/// Gives `file` this program's schema, in WAL mode.
pub(crate) fn bring_up_to_date(file: &Path) -> Result<(), OpenError> {
    let mut connection = connection::open(file, false)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    migrate(&mut connection)
}

/// The newest schema version that this program reads.
pub(crate) fn newest_version() -> u32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .filter_map(|migration| u32::try_from(migration.version()).ok())
        .max()
        .unwrap_or(0)
}

fn create(file: &Path) -> Result<(), OpenError> {
    let log = sidecar(file, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(corrupt(format!(
            "the file is missing, but its write-ahead log {} is there",
            log.display()
        )));
    }
    let unfinished = sidecar(file, ".new");
    for leftover in [unfinished.clone(), sidecar(&unfinished, "-journal")] {
        remove_if_there(&leftover)?;
    }
    let mut connection = connection::open(&unfinished, true)?;
    migrate(&mut connection)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&unfinished, file)?;
    sync_folder_of(file)
}

/// Looks at a file without changing it: no checkpoint either, should it have a log. Tells which
/// version of the schema it has.
pub(crate) fn inspect(file: &Path) -> Result<u32, OpenError> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() {
        return Err(corrupt("there is a folder in the place of the file"));
    }
    if metadata.len() == 0 {
        return Err(corrupt("the file is empty (0 bytes)"));
    }
    let connection = connection::open_to_look(file)?;
    // SQLite opens a file that it may not write for reading alone, and says nothing.
    if connection.is_readonly(MAIN_DB)? {
        return Err(OpenError::NoPermission {
            what: format!("{} is read-only", file.display()),
        });
    }
    let application_id: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application_id != APPLICATION_ID {
        return Err(corrupt("the file is not a Chatkeep database"));
    }
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let supported = newest_version();
    if found > supported {
        return Err(OpenError::SchemaTooNew { found, supported });
    }
    history(&connection)?;
    Ok(found)
}

/// refinery takes the rows of its history table for sound and panics when they are not.
pub(crate) fn history(connection: &Connection) -> Result<Vec<AppliedMigration>, OpenError> {
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Err(corrupt("the record of its migrations is missing"));
    }
    let mut statement = connection.prepare(
        "SELECT version, name, applied_on, checksum
         FROM refinery_schema_history
         ORDER BY version",
    )?;
    let mut rows = statement.query([])?;
    let mut applied = Vec::new();
    while let Some(row) = rows.next()? {
        let version: u32 = row.get("version")?;
        let applied_on: String = row.get("applied_on")?;
        let checksum: String = row.get("checksum")?;
        if OffsetDateTime::parse(&applied_on, &Rfc3339).is_err() || checksum.parse::<u64>().is_err()
        {
            return Err(corrupt(format!(
                "the record of migration {version} is not readable"
            )));
        }
        applied.push(AppliedMigration {
            version,
            name: row.get("name")?,
            checksum,
        });
    }
    Ok(applied)
}

pub(crate) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    embedded::migrations::runner()
        .run(connection)
        .map(drop)
        .map_err(migration_error)
}

/// A full disk or a damaged page is told as such, and not as a failed migration.
pub(crate) fn migration_error(error: refinery::Error) -> OpenError {
    let cause = match error.kind() {
        refinery::error::Kind::Connection(_, source) => source
            .downcast_ref::<rusqlite::Error>()
            .and_then(rusqlite::Error::sqlite_error),
        _ => None,
    };
    let classified = cause.map(|code| Error::from(rusqlite::Error::SqliteFailure(*code, None)));
    match classified {
        None | Some(Error::Sqlite(_)) => OpenError::Migration(Box::new(error)),
        Some(cause) => cause.into(),
    }
}

fn corrupt(what: impl Into<String>) -> OpenError {
    OpenError::Corrupt { what: what.into() }
}

pub(crate) fn sidecar(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A rename lasts only once its folder is on disk. Windows has no such call and needs none.
fn sync_folder_of(file: &Path) -> Result<(), OpenError> {
    match file.parent() {
        Some(folder) if cfg!(unix) => Ok(File::open(folder)?.sync_all()?),
        _ => Ok(()),
    }
}
