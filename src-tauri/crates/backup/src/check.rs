//! Checks of a whole database file that is a copy of our own.

use std::path::Path;

use chatkeep_store::upkeep::{self, APPLICATION_ID, SchemaObject};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi};

use crate::control::{Control, Phase};
use crate::database::{self, Facts};
use crate::error::{At, Error, Result};
use crate::manifest::Manifest;

/// Findings of `integrity_check` that are told; a damaged file has thousands.
const FINDINGS_MAX: u32 = 5;

/// Checks the copy at `path` in full and tells what is in it. The order matters: nothing is asked
/// of a schema before the file's structure and the schema itself are known to be sound.
///
/// # Errors
/// [`Error::Invalid`] with the first thing that is wrong.
pub(crate) fn check(path: &Path, control: &Control) -> Result<Facts> {
    control.step(Phase::Check, 0, 0)?;
    database::or_stopped(check_all(path, control), control)
}

fn check_all(path: &Path, control: &Control) -> Result<Facts> {
    let connection = database::open_copy_to_read(path, control)?;
    structure(&connection, path)?;
    origin(&connection, path)?;
    schema(&connection, path)?;
    foreign_keys(&connection, path)?;
    full_text(&connection, path, control)?;
    let facts = database::facts(&connection, path)?;
    database::close(connection, path)?;
    Ok(facts)
}

/// Every page, every index entry, every CHECK and NOT NULL.
fn structure(connection: &Connection, path: &Path) -> Result<()> {
    let mut findings = Vec::new();
    connection
        .pragma(None, "integrity_check", FINDINGS_MAX, |row| {
            findings.push(row.get::<_, String>(0)?);
            Ok(())
        })
        .at("check", path)?;
    if findings == ["ok"] {
        return Ok(());
    }
    if let Some(error) = findings.iter().find_map(|it| read_error(it)) {
        return Err(error).at("read", path);
    }
    Err(Error::invalid(path, findings.join("; ").replace('\n', " ")))
}

/// A page that the disk did not give is told among the findings, as "… error code=8458", and is no
/// fault of the database.
fn read_error(finding: &str) -> Option<rusqlite::Error> {
    let (_, code) = finding.rsplit_once("error code=")?;
    let error = ffi::Error::new(code.trim().parse().ok()?);
    let is_disk = matches!(
        error.code,
        ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory
    );
    is_disk.then_some(rusqlite::Error::SqliteFailure(error, None))
}

/// It is a database of this app, of a version that this program knows.
fn origin(connection: &Connection, path: &Path) -> Result<()> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id").at("read", path)? != i64::from(APPLICATION_ID) {
        return Err(Error::invalid(path, "it is not a Chatkeep database"));
    }
    let found = pragma("user_version").at("read", path)?;
    let supported = upkeep::schema_version_max();
    match u32::try_from(found) {
        Ok(found) if found > supported => Err(Error::TooNew { found, supported }),
        Ok(1..) => Ok(()),
        _ => Err(Error::invalid(
            path,
            format!("it has schema {found}, which there is not"),
        )),
    }
}

/// Its history is that of this app's migrations, and it has no trigger, view or virtual table but
/// those that they make: those would run code when the app reads or writes.
fn schema(connection: &Connection, path: &Path) -> Result<()> {
    let history = upkeep::history_of(connection).at("read", path)?;
    let version: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .at("read", path)?;
    let versions: Vec<u32> = history.iter().map(|it| it.version).collect();
    if versions != (1..=version).collect::<Vec<_>>() {
        return Err(Error::invalid(
            path,
            format!("it has schema {version}, but has been through migrations {versions:?}"),
        ));
    }
    let expected = upkeep::schema_at(version).at("read", path)?;
    let found = upkeep::schema_of(connection).at("read", path)?;
    if let Some(unknown) = found
        .iter()
        .find(|it| is_active(it) && !expected.contains(it))
    {
        let SchemaObject { kind, name, .. } = unknown;
        return Err(Error::invalid(
            path,
            format!("it has the {kind} {name:?}, which is not Chatkeep's"),
        ));
    }
    let missing = |it: &&SchemaObject| {
        let same = |other: &&SchemaObject| other.kind == it.kind && other.name == it.name;
        found.iter().find(same).is_none()
    };
    match expected.iter().find(missing) {
        Some(it) => Err(Error::invalid(
            path,
            format!("its {} {:?} is missing", it.kind, it.name),
        )),
        None => Ok(()),
    }
}

fn is_active(object: &SchemaObject) -> bool {
    object.kind == "trigger" || object.kind == "view" || is_virtual(object)
}

fn is_virtual(object: &SchemaObject) -> bool {
    let sql = object.sql.as_deref().unwrap_or_default();
    sql.to_ascii_uppercase().starts_with("CREATE VIRTUAL")
}

fn foreign_keys(connection: &Connection, path: &Path) -> Result<()> {
    let broken: Option<(String, Option<i64>, String)> = connection
        .query_row(
            "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()
        .at("check", path)?;
    match broken {
        None => Ok(()),
        Some((table, row, parent)) => Err(Error::invalid(
            path,
            format!(
                "row {} of {table} refers to a row of {parent} that is not there",
                row.map_or("?".to_owned(), |it| it.to_string())
            ),
        )),
    }
}

/// A full-text index against the text it is of, which `integrity_check` leaves out.
/// The command for that is written as an insert, and changes nothing.
fn full_text(connection: &Connection, path: &Path, control: &Control) -> Result<()> {
    for object in upkeep::schema_of(connection).at("read", path)? {
        let sql = object
            .sql
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        // fts5vocab only shows what is in an index.
        if is_virtual(&object) && sql.contains("using fts5 (") {
            let table = database::quoted(&object.name);
            let command =
                format!("INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)");
            let writer = database::open_copy(path, control)?;
            writer
                .execute(&command, [])
                .at("check the full-text index of", path)?;
        }
    }
    Ok(())
}

/// Whether what was found is what the manifest says there must be.
pub(crate) fn compare(facts: &Facts, manifest: &Manifest, path: &Path) -> Result<()> {
    let differs = |what: String| Err(Error::invalid(path, what));
    if facts.uid != manifest.db_uid {
        return differs("it is of another store than its manifest says".into());
    }
    if facts.database.user_version != manifest.database.user_version {
        return differs("it has another schema than its manifest says".into());
    }
    for (table, expected) in &manifest.content {
        let found = facts.content.get(table);
        if found != Some(expected) {
            let rows = found.map_or(0, |it| it.rows);
            return differs(format!(
                "{table} has {rows} rows; its manifest says {}",
                expected.rows
            ));
        }
    }
    Ok(())
}
