//! Access is a type: a function that reads takes [`&ReadTx`](ReadTx), one that writes takes
//! [`&WriteTx`](WriteTx), which is also a `ReadTx`.

use std::cell::RefCell;
use std::ops::Deref;

use indexmap::IndexSet;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params};
use uuid::{ContextV7, Uuid};

use crate::change::{Change, Entity};
use crate::error::Result;
use crate::row::{Columns, FromRow};
use crate::time::Timestamp;
use crate::vectors::{VectorIndex, VectorReader};

/// A snapshot of the database: whatever is read in it is of one moment.
pub struct ReadTx<'c> {
    connection: &'c Connection,
    /// Not within a write: what is held in memory is of what was committed.
    vectors: Option<VectorReader<'c>>,
}

impl<'c> ReadTx<'c> {
    pub(crate) fn begin(connection: &'c Connection, vectors: &'c VectorIndex) -> Result<Self> {
        // Before the snapshot: one that is older than it looks only reads for itself.
        let vectors = Some(vectors.reader());
        run(connection, "BEGIN")?;
        Ok(Self {
            connection,
            vectors,
        })
    }

    /// The vectors that are held in memory, unless this is a write.
    pub(crate) fn vectors(&self) -> Option<VectorReader<'c>> {
        self.vectors
    }

    /// The first row, if there is one.
    pub(crate) fn find<T: FromRow>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        let mut found = None;
        self.scan(sql, params, |row| {
            found = Some(row);
            false
        })?;
        Ok(found)
    }

    /// Every row.
    pub(crate) fn list<T: FromRow>(&self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.scan(sql, params, |row| {
            rows.push(row);
            true
        })?;
        Ok(rows)
    }

    /// One row after the other, until `visit` answers false.
    pub(crate) fn scan<T: FromRow>(
        &self,
        sql: &str,
        params: impl Params,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let columns = Columns::of::<T>(&statement)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if !visit(columns.read(row)?) {
                break;
            }
        }
        Ok(())
    }

    /// The first column of the first row, if there is one.
    pub(crate) fn value<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params, |row| row.get(0)).optional()?)
    }
}

impl Drop for ReadTx<'_> {
    fn drop(&mut self) {
        // Ends the snapshot; of a write that was not committed nothing stays. SQLite may have rolled
        // back by itself (on a full disk it does). Should this fail, the connection's next BEGIN
        // fails too and tells it.
        if !self.connection.is_autocommit() {
            let _ = run(self.connection, "ROLLBACK");
        }
    }
}

/// A write: all of it is committed, or nothing.
pub struct WriteTx<'c> {
    read: ReadTx<'c>,
    now: Timestamp,
    ids: &'c ContextV7,
    changes: RefCell<IndexSet<Change>>,
}

impl<'c> WriteTx<'c> {
    pub(crate) fn begin(
        connection: &'c Connection,
        now: Timestamp,
        ids: &'c ContextV7,
    ) -> Result<Self> {
        // IMMEDIATE takes the write lock at once: a lock taken at the first write can fail with
        // "busy" after the reads that the write was based on.
        run(connection, "BEGIN IMMEDIATE")?;
        let read = ReadTx {
            connection,
            vectors: None,
        };
        Ok(Self {
            read,
            now,
            ids,
            changes: RefCell::default(),
        })
    }

    /// The time of this write: the same for everything in it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs several statements without parameters.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<()> {
        Ok(self.connection.execute_batch(sql)?)
    }

    /// How many rows this connection has ever changed, those of an index too.
    pub(crate) fn total_changes(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Runs a statement that returns the ids of what it changed, and notes each of them.
    pub(crate) fn execute_noting<I: FromSql + ToString>(
        &self,
        entity: Entity,
        sql: &str,
        params: impl Params,
    ) -> Result<usize> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_map(params, |row| row.get::<_, I>(0))?;
        let mut count = 0;
        for id in ids {
            self.changed(entity, id?);
            count += 1;
        }
        Ok(count)
    }

    /// The row id of the last insert.
    pub(crate) fn last_insert_rowid(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// A fresh UUIDv7: they sort by when they were made, also within one millisecond.
    pub(crate) fn new_uuid(&self) -> Uuid {
        let ms = self.now.as_ms().unsigned_abs();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below one thousand million"
        )]
        let nanos = (ms % 1000 * 1_000_000) as u32;
        Uuid::new_v7(uuid::Timestamp::from_unix(self.ids, ms / 1000, nanos))
    }

    /// Notes that something was inserted, updated or deleted.
    pub(crate) fn changed(&self, entity: Entity, id: impl ToString) {
        self.changes.borrow_mut().insert(Change {
            entity,
            id: id.to_string(),
        });
    }

    pub(crate) fn commit(self) -> Result<Vec<Change>> {
        run(self.connection, "COMMIT")?;
        Ok(self.changes.take().into_iter().collect())
    }
}

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
