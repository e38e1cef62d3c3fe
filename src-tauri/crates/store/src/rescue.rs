//! Taking in rows that were read from a damaged database, one by one, whatever is missing around
//! them, and making a sound store of them.

use std::collections::BTreeMap;
use std::path::Path;

use refinery::Target;
use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};

use crate::error::{OpenError, Result};
use crate::schema::{self, embedded};
use crate::search::repair::START_OVER;

/// Rows that every new store has, or that tell of this one and not of the damaged one.
const NOT_TAKEN: [&str; 5] = [
    "refinery_schema_history",
    "sqlite_sequence",
    "search_notes",
    "search_pending",
    "search_scrub",
];

/// A new store that is being filled.
pub struct Rescue {
    connection: Connection,
    tables: BTreeMap<String, Table>,
}

/// A table as its rows are written in the file.
#[derive(Debug, Clone)]
struct Table {
    /// In the order of a row: in a table without row ids, the key comes first.
    columns: Vec<String>,
    /// The column that is the row id, and is empty in the row itself.
    rowid_column: Option<usize>,
    without_rowid: bool,
}

impl Rescue {
    /// Makes an empty store of schema `version`, or the newest if there is no such version, in the
    /// new file `file`.
    ///
    /// # Errors
    /// What SQLite or a migration reports.
    pub fn create(file: &Path, version: u32) -> std::result::Result<Self, OpenError> {
        let newest = schema::newest_version();
        let version = if (1..=newest).contains(&version) {
            version
        } else {
            newest
        };
        let mut connection = crate::connection::open(file, true)?;
        embedded::migrations::runner()
            .set_target(Target::Version(version.cast_signed()))
            .run(&mut connection)
            .map_err(schema::migration_error)?;
        // Children may come before their parents.
        connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN")?;
        if connection.table_exists(None, "search_pending")? {
            // The indexes are made anew when all rows are there.
            connection.execute(
                "INSERT INTO search_pending (first_id, last_id) VALUES (?1, ?2)",
                (i64::MIN, i64::MAX),
            )?;
        }
        let tables = tables(&connection)?;
        Ok(Self { connection, tables })
    }

    /// The tables that rows are taken for.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// Takes in a row of `table`; false, if that cannot be one of its rows.
    pub fn insert(&self, table: &str, rowid: i64, values: &[Value]) -> bool {
        self.write("INSERT OR REPLACE", table, rowid, values)
    }

    /// Takes in a row of which it is not known whose it is: the table that it fits, and that has no
    /// such row yet.
    pub fn insert_anywhere(&self, rowid: i64, values: &[Value]) -> Option<String> {
        // A row from before a column was added is shorter.
        let missing = |table: &Table| table.columns.len().checked_sub(values.len());
        let mut fitting: Vec<_> = self
            .tables
            .iter()
            .filter(|(_, table)| !table.without_rowid && missing(table).is_some())
            .collect();
        fitting.sort_by_key(|(_, table)| missing(table));
        let mut fitting = fitting.into_iter();
        fitting
            .find(|(name, _)| self.write("INSERT OR IGNORE", name, rowid, values))
            .map(|(name, _)| name.clone())
    }

    fn write(&self, verb: &str, name: &str, rowid: i64, values: &[Value]) -> bool {
        let Some(table) = self.tables.get(name) else {
            return false;
        };
        if values.is_empty() || values.len() > table.columns.len() {
            return false;
        }
        let columns: Vec<String> = table.columns.iter().take(values.len()).cloned().collect();
        let rowid = Value::Integer(rowid);
        let values: Vec<&dyn ToSql> = values
            .iter()
            .enumerate()
            .map(|(at, value)| if Some(at) == table.rowid_column { &rowid } else { value } as _)
            .collect();
        let marks = vec!["?"; values.len()].join(", ");
        let sql = format!(
            "{verb} INTO {name} ({}) VALUES ({marks})",
            columns.join(", ")
        );
        let inserted = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.execute(values.as_slice()));
        inserted.is_ok_and(|count| count > 0)
    }

    /// Mends what refers to rows that were lost, commits, and brings the schema up to date. Returns
    /// what was mended, in words.
    ///
    /// # Errors
    /// What SQLite or a migration reports.
    pub fn finish(mut self) -> std::result::Result<Vec<String>, OpenError> {
        let mended = mend(&self.connection)?;
        self.connection
            .execute_batch("COMMIT; PRAGMA foreign_keys = ON")?;
        schema::migrate(&mut self.connection)?;
        self.connection
            .execute_batch(&format!("BEGIN; {START_OVER} COMMIT"))?;
        self.connection.close().map_err(|(_, error)| error)?;
        Ok(mended)
    }
}

fn tables(connection: &Connection) -> Result<BTreeMap<String, Table>> {
    let mut statement = connection.prepare(
        "SELECT name, wr
         FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut rows = statement.query([])?;
    let mut tables = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get("name")?;
        if !NOT_TAKEN.contains(&name.as_str()) {
            let table = table(connection, &name, row.get("wr")?)?;
            tables.insert(name, table);
        }
    }
    Ok(tables)
}

fn table(connection: &Connection, name: &str, without_rowid: bool) -> Result<Table> {
    let mut statement = connection.prepare(
        "SELECT name, type, pk
         FROM pragma_table_info(?1)
         ORDER BY iif(?2 AND pk > 0, pk, 1000 + cid)",
    )?;
    let mut rows = statement.query((name, without_rowid))?;
    let mut table = Table {
        columns: Vec::new(),
        rowid_column: None,
        without_rowid,
    };
    while let Some(row) = rows.next()? {
        let (kind, key): (String, i64) = (row.get("type")?, row.get("pk")?);
        if key == 1 && kind == "INTEGER" && !without_rowid {
            table.rowid_column = Some(table.columns.len());
        }
        table.columns.push(row.get("name")?);
    }
    Ok(table)
}

/// Text is worth more than order: a message whose session was lost gets one.
fn mend(connection: &Connection) -> Result<Vec<String>> {
    let steps = [
        (
            "sessions made for messages whose own was lost",
            "INSERT INTO sessions (id, name, created_at, updated_at)
             SELECT session_id, 'Salvaged chat', min(created_at), max(created_at)
             FROM messages
             WHERE session_id NOT IN (SELECT id FROM sessions)
             GROUP BY session_id",
        ),
        (
            "messages whose parent was lost, which now begin a branch",
            "UPDATE messages SET parent_id = NULL
             WHERE parent_id NOT IN (SELECT id FROM messages)",
        ),
        (
            "sessions whose newest message was lost, which now show another",
            "UPDATE sessions
             SET head_id = (SELECT max(id) FROM messages WHERE session_id = sessions.id)
             WHERE (head_id IS NULL OR head_id NOT IN (SELECT id FROM messages))
                 AND id IN (SELECT session_id FROM messages)",
        ),
        (
            "sessions whose messages were all lost",
            "UPDATE sessions SET head_id = NULL
             WHERE head_id NOT IN (SELECT id FROM messages)",
        ),
        (
            "sessions whose persona was lost",
            "UPDATE sessions SET persona_id = NULL
             WHERE persona_id NOT IN (SELECT id FROM personas)",
        ),
        (
            "pins whose message was lost",
            "UPDATE semantic_pins SET source_message_id = NULL
             WHERE source_message_id NOT IN (SELECT id FROM messages)",
        ),
    ];
    let mut mended = Vec::new();
    for (what, sql) in steps {
        push_count(&mut mended, connection.execute(sql, [])?, what);
    }
    let dropped = drop_orphans(connection)?;
    push_count(
        &mut mended,
        dropped,
        "rows that belong to a lost session, which were left out",
    );
    Ok(mended)
}

fn push_count(mended: &mut Vec<String>, count: usize, what: &str) {
    if count > 0 {
        mended.push(format!("{count} {what}"));
    }
}

/// Whatever else refers to a row that is not there.
fn drop_orphans(connection: &Connection) -> Result<usize> {
    let mut statement = connection.prepare(
        "SELECT DISTINCT child.name, key.\"from\", key.\"table\", key.\"to\"
         FROM pragma_table_list AS child, pragma_foreign_key_list(child.name) AS key
         WHERE child.schema = 'main' AND child.type = 'table'",
    )?;
    let mut keys = statement.query([])?;
    let mut dropped = 0;
    while let Some(key) = keys.next()? {
        let part = |at| key.get::<_, String>(at);
        let (child, from, parent, to) = (part(0)?, part(1)?, part(2)?, part(3)?);
        dropped += connection.execute(
            &format!("DELETE FROM {child} WHERE {from} NOT IN (SELECT {to} FROM {parent})"),
            [],
        )?;
    }
    Ok(dropped)
}
