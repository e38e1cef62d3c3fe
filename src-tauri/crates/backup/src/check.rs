//! Checks of a whole database file that is a copy of our own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chatkeep_store::OpenError;
use chatkeep_store::upkeep::{self, APPLICATION_ID, SchemaObject};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi};

use crate::control::{Control, Phase};
use crate::database::{self, Facts};
use crate::error::{At, Error, Result};
use crate::manifest::Manifest;

/// Findings of `integrity_check` that are told; a damaged file has thousands.
const FINDINGS_MAX: u32 = 5;

/// How the full-text indexes are compared with the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FullText {
    /// Whether they are of the same texts: a look at each text's id.
    Ids,
    /// Whether they hold the same words, too: every text is taken apart again, which takes ten times as
    /// long as all other checks.
    Words,
}

/// Checks the copy at `path` in full and tells what is in it. The order matters: nothing is asked
/// of a schema before the file's structure and the schema itself are known to be sound.
///
/// # Errors
/// [`Error::Invalid`] with the first thing that is wrong.
pub(crate) fn check(path: &Path, full_text: FullText, control: &Control) -> Result<Facts> {
    control.step(Phase::Check, 0, 0)?;
    database::or_stopped(check_all(path, full_text, control), control)
}

fn check_all(path: &Path, full_text: FullText, control: &Control) -> Result<Facts> {
    // Each connection to a copy has it for itself.
    structure(path, control)?;
    let connection = database::open_copy_to_read(path, control)?;
    origin(&connection, path)?;
    schema(&connection, path)?;
    foreign_keys(&connection, path)?;
    let indexes = full_text_indexes(&connection, path)?;
    same_ids(&connection, &indexes, path)?;
    let facts = database::facts(&connection, path)?;
    database::close(connection, path)?;
    if full_text == FullText::Words {
        same_words(&indexes, path, control)?;
    }
    Ok(facts)
}

/// Every page, every index entry, every CHECK and NOT NULL.
fn structure(path: &Path, control: &Control) -> Result<()> {
    let connection = database::open_copy_without_virtual_tables(path, control)?;
    let mut findings = Vec::new();
    connection
        .pragma(None, "integrity_check", FINDINGS_MAX, |row| {
            findings.push(row.get::<_, String>(0)?);
            Ok(())
        })
        .or_else(|error| unsound(error, path))?;
    database::close(connection, path)?;
    if findings == ["ok"] {
        return Ok(());
    }
    if let Some(error) = findings.iter().find_map(|it| read_error(it)) {
        return Err(error).at("read", path);
    }
    Err(Error::invalid(path, findings.join("; ").replace('\n', " ")))
}

/// A full-text index that makes no sense is told as any error of a statement, with no code of its
/// own; but these statements are ours, and right.
fn unsound(error: rusqlite::Error, path: &Path) -> Result<()> {
    match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) => Err(Error::invalid(path, error.to_string())),
        _ => Err(error).at("check", path),
    }
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
    if history != upkeep::history_at(version) {
        let steps: Vec<_> = history
            .iter()
            .map(|it| format!("{} {}", it.version, it.name))
            .collect();
        return Err(Error::invalid(
            path,
            format!(
                "it has schema {version}, but has not been through its migrations: {}",
                steps.join(", ")
            ),
        ));
    }
    let expected = expected_schema(version).at("read", path)?;
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

/// The schema that the migrations make, run once a process: for a small database that takes longer
/// than every check of it.
fn expected_schema(version: u32) -> std::result::Result<Arc<[SchemaObject]>, OpenError> {
    static MADE: Mutex<BTreeMap<u32, Arc<[SchemaObject]>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(schema) = made.get(&version) {
        return Ok(Arc::clone(schema));
    }
    let schema: Arc<[SchemaObject]> = upkeep::schema_at(version)?.into();
    made.insert(version, Arc::clone(&schema));
    Ok(schema)
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

fn full_text_indexes(connection: &Connection, path: &Path) -> Result<Vec<String>> {
    let objects = upkeep::schema_of(connection).at("read", path)?;
    // fts5vocab only shows what is in an index.
    let is_index = |it: &SchemaObject| {
        let sql = it.sql.as_deref().unwrap_or_default().to_ascii_lowercase();
        is_virtual(it) && sql.contains("using fts5 (")
    };
    let indexes = objects.into_iter().filter(is_index);
    Ok(indexes.map(|it| it.name).collect())
}

/// Full-text indexes against the texts they are of, by their ids.
fn same_ids(connection: &Connection, indexes: &[String], path: &Path) -> Result<()> {
    if indexes.is_empty() {
        return Ok(());
    }
    let texts = ids_of(connection, "searchable", path)?;
    for index in indexes {
        let indexed = ids_of(connection, &format!("{index}_docsize"), path)?;
        if indexed != texts {
            let what = format!(
                "{index} is an index of {} texts, and not of the {} there are",
                indexed.0, texts.0
            );
            return Err(Error::invalid(path, what));
        }
    }
    Ok(())
}

/// How many ids a table has, and their sum: two tables that agree in both are taken to have the same.
fn ids_of(connection: &Connection, table: &str, path: &Path) -> Result<(u64, i64)> {
    let table = database::quoted(table);
    let sql = format!("SELECT count(*), coalesce(sum(id), 0) FROM {table}");
    let ids = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    ids.at("check", path)
}

/// Full-text indexes against the texts they are of, word by word.
/// The command for that is written as an insert, and changes nothing.
fn same_words(indexes: &[String], path: &Path, control: &Control) -> Result<()> {
    if indexes.is_empty() {
        return Ok(());
    }
    let writer = database::open_copy(path, control)?;
    for index in indexes {
        let table = database::quoted(index);
        let command = format!("INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)");
        writer
            .execute(&command, [])
            .map(drop)
            .or_else(|error| unsound(error, path))?;
    }
    database::close(writer, path)
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
