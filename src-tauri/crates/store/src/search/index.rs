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
        set_pending(tx, range.first_id, from - 1)?;
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

/// Runs `body`, and leaves the messages, session names, summaries and pins that it inserts to be
/// indexed behind: for an import, which is many times faster so. Follow with [`catch_up`].
///
/// # Errors
/// What `body` returns, and what SQLite reports.
pub fn deferred<T>(tx: &WriteTx<'_>, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let (result, given) = passed_over(tx, body)?;
    for range in given {
        leave_behind(tx, &range)?;
    }
    result
}

/// Runs `body`, and indexes what it inserted when it has: FTS5 writes out what it has gathered before
/// every statement that follows, so a statement for each message costs three times as much. For a bulk
/// write that is to be searchable with its commit.
///
/// # Errors
/// What `body` returns, and what SQLite reports.
pub fn together<T>(tx: &WriteTx<'_>, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let (result, given) = passed_over(tx, body)?;
    for Range { first_id, last_id } in given {
        match last_id < 0 {
            true => index_notes(tx, (first_id, last_id))?,
            false => index_messages(tx, (first_id, last_id))?,
        }
    }
    result
}

/// Runs `body` with the indexes passed over, and returns the ids that it gave, of notes and of messages:
/// also when it failed, as the transaction may go on.
fn passed_over<T>(
    tx: &WriteTx<'_>,
    body: impl FnOnce() -> Result<T>,
) -> Result<(Result<T>, Vec<Range>)> {
    let is_within: Option<bool> = tx.value(
        "SELECT EXISTS (SELECT 1 FROM search_pending WHERE last_id = ?1)",
        [i64::MAX],
    )?;
    if is_within == Some(true) {
        return Ok((body(), Vec::new())); // the outer one looks after it
    }
    let (note, message) = (lowest_note(tx)?, last_id(tx)?);
    set_pending(tx, i64::MIN, note - 1)?;
    set_pending(tx, message + 1, i64::MAX)?;
    let result = body();
    tx.execute(
        "DELETE FROM search_pending WHERE first_id = ?1 OR last_id = ?2",
        (i64::MIN, i64::MAX),
    )?;
    let notes = Range {
        first_id: lowest_note(tx)?,
        last_id: note - 1,
    };
    let messages = Range {
        first_id: message + 1,
        last_id: last_id(tx)?,
    };
    let given = [notes, messages].into_iter();
    let given = given.filter(|it| it.first_id <= it.last_id).collect();
    Ok((result, given))
}

/// Notes that a range is not indexed yet, joined to those beside it: an import has many steps.
fn leave_behind(tx: &WriteTx<'_>, range: &Range) -> Result<()> {
    let joined: Option<Range> = tx.find(
        "SELECT min(?1, coalesce(min(first_id), ?1)) AS first_id,
             max(?2, coalesce(max(last_id), ?2)) AS last_id
         FROM search_pending
         WHERE last_id = ?1 - 1 OR first_id = ?2 + 1",
        (range.first_id, range.last_id),
    )?;
    let Range { first_id, last_id } = joined.as_ref().unwrap_or(range);
    tx.execute(
        "DELETE FROM search_pending WHERE first_id BETWEEN ?1 AND ?2",
        (first_id, last_id),
    )?;
    set_pending(tx, *first_id, *last_id)
}

fn set_pending(tx: &WriteTx<'_>, first_id: i64, last_id: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO search_pending (first_id, last_id) VALUES (?1, ?2)",
        (first_id, last_id),
    )?;
    Ok(())
}

/// The id of the newest note; those that come are below it.
fn lowest_note(tx: &ReadTx<'_>) -> Result<i64> {
    let lowest: Option<Option<i64>> = tx.value("SELECT min(id) FROM search_notes", [])?;
    Ok(lowest.flatten().unwrap_or(0))
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
