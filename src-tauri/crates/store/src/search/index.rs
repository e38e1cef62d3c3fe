//! Filling the indexes behind an upgrade, an import or a repair, and taking deleted words off the
//! disk: both in steps that hold the writer for a moment, and go on where a kill has left them.
//!
//! FTS5's own way to delete without a trace, `secure-delete`, takes 100 ms a message (measured on 21
//! November 2026, 100,000 messages): so what is deleted is only marked, at 0.03 ms, and its words go
//! when the parts of the index are merged, 12 s for a million messages.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::messages;
use crate::row::from_row;
use crate::transaction::{ReadTx, WriteTx};

/// Texts that are indexed in one step.
const STEP_ROWS: usize = 500;
/// Bytes of text after which a step ends.
const STEP_BYTES: usize = 1 << 20;
/// Pages that FTS5 merges in one step.
const SCRUB_PAGES: i64 = 500;

/// How far the indexes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct IndexStatus {
    /// Messages, on all branches.
    pub total: u64,
    /// About how many are not indexed yet, and so not found.
    pub pending: u64,
    /// Whether deleted words are still to be taken off the disk.
    pub is_scrubbing: bool,
}

/// A range of ids that is not indexed yet.
struct Range {
    first_id: i64,
    last_id: i64,
}

from_row!(Range { first_id, last_id });

struct Text {
    id: i64,
    bytes: usize,
}

from_row!(Text { id, bytes });

/// How far the indexes are.
///
/// # Errors
/// What SQLite reports.
pub fn status(tx: &ReadTx<'_>) -> Result<IndexStatus> {
    let state: Option<String> = tx.value("SELECT state FROM search_scrub", [])?;
    Ok(IndexStatus {
        total: messages::count(tx)?,
        pending: pending(tx)?,
        is_scrubbing: state.as_deref() != Some("clean"),
    })
}

/// About how many texts are not indexed yet: the ids in the ranges, which may have gaps.
///
/// # Errors
/// What SQLite reports.
pub fn pending(tx: &ReadTx<'_>) -> Result<u64> {
    let pending: Option<i64> = tx.value(
        "SELECT coalesce(sum(last_id - first_id + 1), 0) FROM search_pending",
        [],
    )?;
    Ok(pending.unwrap_or(0).unsigned_abs())
}

/// Indexes the newest texts that are not indexed yet, one step of them. Returns about how many
/// remain.
///
/// # Errors
/// What SQLite reports.
pub fn catch_up(tx: &WriteTx<'_>) -> Result<u64> {
    // The notes, which are few, before the messages.
    let newest: Option<Range> = tx.find(
        "SELECT first_id, last_id
         FROM search_pending
         ORDER BY last_id < 0 DESC, last_id DESC
         LIMIT 1",
        [],
    )?;
    let Some(range) = newest else { return Ok(0) };
    let from = match range.last_id < 0 {
        true => step_of_notes(tx, &range)?,
        false => step_of_messages(tx, &range)?,
    };
    tx.execute(
        "DELETE FROM search_pending WHERE first_id = ?1",
        [range.first_id],
    )?;
    if range.first_id < from {
        tx.execute(
            "INSERT INTO search_pending (first_id, last_id) VALUES (?1, ?2)",
            (range.first_id, from - 1),
        )?;
    }
    let step = (from, range.last_id);
    match range.last_id < 0 {
        true => index_notes(tx, step)?,
        false => index_messages(tx, step)?,
    }
    pending(tx)
}

fn index_messages(tx: &WriteTx<'_>, step: (i64, i64)) -> Result<()> {
    tx.execute(
        "INSERT INTO search_words (rowid, text)
         SELECT id, text
         FROM messages
         WHERE id BETWEEN ?1 AND ?2 AND status <> 'streaming'
         ORDER BY id",
        step,
    )?;
    tx.execute(
        "INSERT INTO search_parts (rowid, padded)
         SELECT id, text || '  '
         FROM messages
         WHERE id BETWEEN ?1 AND ?2 AND status <> 'streaming'
         ORDER BY id",
        step,
    )?;
    Ok(())
}

fn index_notes(tx: &WriteTx<'_>, step: (i64, i64)) -> Result<()> {
    tx.execute(
        "INSERT INTO search_words (rowid, text)
         SELECT id, text FROM search_note_texts WHERE id BETWEEN ?1 AND ?2",
        step,
    )?;
    tx.execute(
        "INSERT INTO search_parts (rowid, padded)
         SELECT id, text || '  ' FROM search_note_texts WHERE id BETWEEN ?1 AND ?2",
        step,
    )?;
    Ok(())
}

/// The first id of a step that ends with the range.
fn step_of_messages(tx: &ReadTx<'_>, range: &Range) -> Result<i64> {
    let (mut from, mut bytes, mut rows) = (range.first_id, 0, 0);
    tx.scan(
        "SELECT id, octet_length(text) AS bytes
         FROM messages
         WHERE id BETWEEN ?1 AND ?2
         ORDER BY id DESC",
        (range.first_id, range.last_id),
        |text: Text| {
            bytes += text.bytes;
            rows += 1;
            let is_full = rows == STEP_ROWS || bytes >= STEP_BYTES;
            if is_full {
                from = text.id;
            }
            !is_full
        },
    )?;
    Ok(from)
}

fn step_of_notes(tx: &ReadTx<'_>, range: &Range) -> Result<i64> {
    let from: Option<i64> = tx.value(
        "SELECT id
         FROM search_notes
         WHERE id BETWEEN ?1 AND ?2
         ORDER BY id DESC
         LIMIT 1 OFFSET ?3",
        (range.first_id, range.last_id, STEP_ROWS - 1),
    )?;
    Ok(from.unwrap_or(range.first_id))
}

/// Runs `body`, and leaves the messages that it inserts to be indexed behind: for an import, which
/// is several times faster so.
///
/// # Errors
/// What `body` returns, and what SQLite reports.
pub fn deferred<T>(tx: &WriteTx<'_>, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let first_id = last_id(tx)? + 1;
    tx.execute(
        "INSERT INTO search_pending (first_id, last_id) VALUES (?1, ?2)",
        (first_id, i64::MAX),
    )?;
    let value = body()?;
    tx.execute("DELETE FROM search_pending WHERE first_id = ?1", [first_id])?;
    let last_id = last_id(tx)?;
    if last_id < first_id {
        return Ok(value);
    }
    // The step before of the same import is directly below, as a rule.
    let joined = tx.execute(
        "UPDATE search_pending SET last_id = ?2 WHERE last_id = ?1 - 1",
        (first_id, last_id),
    )?;
    if joined == 0 {
        tx.execute(
            "INSERT INTO search_pending (first_id, last_id) VALUES (?1, ?2)",
            (first_id, last_id),
        )?;
    }
    Ok(value)
}

/// The highest id that a message has had.
fn last_id(tx: &ReadTx<'_>) -> Result<i64> {
    let last: Option<i64> = tx.value(
        "SELECT seq FROM sqlite_sequence WHERE name = 'messages'",
        [],
    )?;
    Ok(last.unwrap_or(0))
}

/// Takes deleted words off the disk, one step of it. Returns whether all are gone; follow with
/// [`crate::Store::truncate_log`] then.
///
/// # Errors
/// What SQLite reports.
pub fn scrub(tx: &WriteTx<'_>) -> Result<bool> {
    let state: Option<String> = tx.value("SELECT state FROM search_scrub", [])?;
    let pages = match state.as_deref() {
        None | Some("clean") => return Ok(true),
        // A negative number begins to merge everything; a positive one goes on with it.
        Some("needed") => -SCRUB_PAGES,
        Some(_) => SCRUB_PAGES,
    };
    let words = has_merged(
        tx,
        "INSERT INTO search_words (search_words, rank) VALUES ('merge', ?1)",
        pages,
    )?;
    let parts = has_merged(
        tx,
        "INSERT INTO search_parts (search_parts, rank) VALUES ('merge', ?1)",
        pages,
    )?;
    let is_done = !words && !parts;
    let state = if is_done { "clean" } else { "merging" };
    tx.execute("UPDATE search_scrub SET state = ?1", [state])?;
    Ok(is_done)
}

/// Whether there was something to merge: <https://sqlite.org/fts5.html#the_merge_command>.
fn has_merged(tx: &WriteTx<'_>, command: &str, pages: i64) -> Result<bool> {
    let before = tx.total_changes();
    tx.execute(command, [pages])?;
    Ok(tx.total_changes() - before >= 2)
}
