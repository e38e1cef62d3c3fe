//! What a restore would bring and take away, row by row: two databases can have as many rows and not
//! the same ones.

use std::collections::BTreeMap;
use std::path::Path;

use chatkeep_store::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::control::Control;
use crate::database::{self, quoted};
use crate::error::{At, Error, Result};
use crate::folder::Place;
use crate::restore::{Live, Plan};

/// Completes a plan by what only the rows themselves tell. Where the live ones cannot be read, their
/// part stays open.
pub(crate) fn complete(
    plan: &mut Plan,
    place: &Place,
    stage: &Path,
    control: &Control,
) -> Result<()> {
    let copy = database::open_copy_to_read(stage, control)?;
    let newest = newest_message(&copy).at("read", stage)?;
    database::close(copy, stage)?;
    plan.newest_message_then_ms = newest.map(Timestamp::as_ms);
    if plan.live != Live::Readable {
        return Ok(());
    }
    let tables = plan.tables.iter().map(|it| &it.table);
    let difference = match compare(&place.database, stage, tables, control) {
        Err(error @ (Error::Cancelled | Error::Deadline { .. })) => return Err(error),
        difference => difference.unwrap_or_default(),
    };
    plan.newest_message_now_ms = difference.newest_message.map(Timestamp::as_ms);
    for table in &mut plan.tables {
        let counted = difference.tables.get(&table.table);
        table.gained = counted.map(|it| it.0);
        table.lost = counted.map(|it| it.1);
    }
    Ok(())
}

/// How one database differs from another.
#[derive(Debug, Default)]
struct Difference {
    /// By table: rows that only the other one has, and rows that only this one has.
    tables: BTreeMap<String, (u64, u64)>,
    /// When the newest message of this one was written.
    newest_message: Option<Timestamp>,
}

/// Compares the live database with `other`, in the tables named.
fn compare<'a>(
    live: &Path,
    other: &Path,
    tables: impl Iterator<Item = &'a String>,
    control: &Control,
) -> Result<Difference> {
    let connection = database::open_live(live, control)?;
    let outcome: rusqlite::Result<_> = (|| {
        connection.execute("ATTACH ?1 AS other", [other.to_string_lossy()])?;
        connection.execute_batch("BEGIN")?;
        let mut difference = Difference {
            newest_message: newest_message(&connection)?,
            ..Difference::default()
        };
        for table in tables {
            if let Some(key) = key(&connection, table)? {
                let gained = missing(&connection, table, &key, ("other", "main"))?;
                let lost = missing(&connection, table, &key, ("main", "other"))?;
                difference.tables.insert(table.clone(), (gained, lost));
            }
        }
        Ok(difference)
    })();
    database::or_stopped(outcome.at("compare", live), control)
}

/// When the newest message in `connection`'s own database was written.
fn newest_message(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let newest = connection.query_row(
        "SELECT created_at FROM main.messages ORDER BY id DESC LIMIT 1",
        [],
        |row| row.get::<_, i64>("created_at"),
    );
    Ok(newest.optional()?.map(Timestamp::from_ms))
}

/// The columns that tell a row of a table that both have from every other; `None`: only one has it.
fn key(connection: &Connection, table: &str) -> rusqlite::Result<Option<Vec<String>>> {
    if !connection.table_exists(Some("main"), table)? {
        return Ok(None);
    }
    // A message's number may be another message's after a restore; its uid is its own everywhere.
    if table == "messages" {
        return Ok(Some(vec!["uid".into()]));
    }
    let mut statement = connection.prepare(
        "SELECT name
         FROM pragma_table_info(?1, 'main')
         WHERE pk > 0
         ORDER BY pk",
    )?;
    let columns = statement.query_map([table], |row| row.get("name"))?;
    let columns = columns.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok((!columns.is_empty()).then_some(columns))
}

/// Rows of a table in one database that the other does not have.
fn missing(
    connection: &Connection,
    table: &str,
    key: &[String],
    (here, there): (&str, &str),
) -> rusqlite::Result<u64> {
    let table = quoted(table);
    let same: Vec<String> = key
        .iter()
        .map(|column| format!("theirs.{0} IS ours.{0}", quoted(column)))
        .collect();
    let sql = format!(
        "SELECT count(*)
         FROM {here}.{table} AS ours
         WHERE NOT EXISTS (SELECT 1 FROM {there}.{table} AS theirs WHERE {})",
        same.join(" AND ")
    );
    connection.query_row(&sql, [], |row| row.get(0))
}
