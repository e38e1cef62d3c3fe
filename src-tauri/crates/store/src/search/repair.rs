//! Whether the indexes hold what they should, and making them anew.
//!
//! They change in the transactions of the rows, so they can only be wrong where something else has
//! written to the file, or damaged it.

use crate::error::{Error, Result};
use crate::messages;
use crate::transaction::{ReadTx, WriteTx};

/// Ids that are checked in one step.
const STEP: i64 = 20_000;

/// A check under way: from the lowest id to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckStep {
    /// The last id that was checked.
    last_id: i64,
    /// How many texts were checked.
    pub done: u64,
    /// Texts that an index should have and has not, or has and should not.
    pub wrong: u64,
}

/// Whether as many texts are in the indexes as should be, and both can be asked: quick enough for
/// every start. One that is too damaged for that is not whole.
///
/// # Errors
/// What SQLite reports of the connection, such as [`Error::Busy`].
pub fn looks_whole(tx: &ReadTx<'_>) -> Result<bool> {
    match is_complete(tx) {
        // FTS5 tells some damage as a plain error, such as a file format that there is not.
        Err(Error::Corrupt(_) | Error::Sqlite(_)) => Ok(false),
        answer => answer,
    }
}

fn is_complete(tx: &ReadTx<'_>) -> Result<bool> {
    ask(tx)?;
    let expected: Option<i64> = tx.value(
        "SELECT (SELECT count(*) FROM messages)
             - (SELECT count(*) FROM messages WHERE status = 'streaming')
             + (SELECT count(*) FROM search_notes)
             - (SELECT coalesce(sum(
                    (SELECT count(*)
                     FROM messages
                     WHERE messages.id BETWEEN first_id AND last_id AND status <> 'streaming')
                    + (SELECT count(*)
                       FROM search_notes
                       WHERE search_notes.id BETWEEN first_id AND last_id)
                ), 0)
                FROM search_pending)",
        [],
    )?;
    let words: Option<i64> = tx.value("SELECT count(*) FROM search_words_docsize", [])?;
    let parts: Option<i64> = tx.value("SELECT count(*) FROM search_parts_docsize", [])?;
    Ok(words == expected && parts == expected && notes_are_all_there(tx)?)
}

fn notes_are_all_there(tx: &ReadTx<'_>) -> Result<bool> {
    let all: Option<bool> = tx.value(
        "SELECT (SELECT count(*) FROM search_notes)
             = (SELECT count(*) FROM sessions)
             + (SELECT count(*) FROM conversation_summaries)
             + (SELECT count(*) FROM semantic_pins)",
        [],
    )?;
    Ok(all == Some(true))
}

/// Where a check begins.
///
/// # Errors
/// What SQLite reports.
pub fn check(tx: &ReadTx<'_>) -> Result<CheckStep> {
    let lowest: Option<Option<i64>> = tx.value("SELECT min(id) FROM search_notes", [])?;
    Ok(CheckStep {
        last_id: lowest.flatten().unwrap_or(0) - 1,
        done: 0,
        wrong: u64::from(!notes_are_all_there(tx)?),
    })
}

/// How many texts a check has to look at.
///
/// # Errors
/// What SQLite reports.
pub fn check_total(tx: &ReadTx<'_>) -> Result<u64> {
    let notes: Option<u64> = tx.value("SELECT count(*) FROM search_notes", [])?;
    Ok(notes.unwrap_or(0) + messages::count(tx)?)
}

/// Checks the next texts; nothing when all were.
///
/// # Errors
/// What SQLite reports.
pub fn check_more(tx: &ReadTx<'_>, step: CheckStep) -> Result<Option<CheckStep>> {
    let last: Option<Option<i64>> = tx.value("SELECT max(id) FROM messages", [])?;
    let (first_id, last_id) = (step.last_id + 1, step.last_id + STEP);
    if step.last_id >= last.flatten().unwrap_or(0) {
        return Ok(None);
    }
    let checked: Option<u64> = tx.value(
        "SELECT count(*) FROM searchable WHERE id BETWEEN ?1 AND ?2",
        (first_id, last_id),
    )?;
    let wrong: Option<u64> = tx.value(
        "SELECT (SELECT count(*)
                 FROM (SELECT id FROM searchable WHERE id BETWEEN ?1 AND ?2
                       EXCEPT
                       SELECT id FROM search_words_docsize WHERE id BETWEEN ?1 AND ?2))
             + (SELECT count(*)
                FROM (SELECT id FROM search_words_docsize WHERE id BETWEEN ?1 AND ?2
                      EXCEPT
                      SELECT id FROM searchable WHERE id BETWEEN ?1 AND ?2))
             + (SELECT count(*)
                FROM (SELECT id FROM searchable WHERE id BETWEEN ?1 AND ?2
                      EXCEPT
                      SELECT id FROM search_parts_docsize WHERE id BETWEEN ?1 AND ?2))
             + (SELECT count(*)
                FROM (SELECT id FROM search_parts_docsize WHERE id BETWEEN ?1 AND ?2
                      EXCEPT
                      SELECT id FROM searchable WHERE id BETWEEN ?1 AND ?2))",
        (first_id, last_id),
    )?;
    Ok(Some(CheckStep {
        last_id,
        done: step.done + checked.unwrap_or(0),
        wrong: step.wrong + wrong.unwrap_or(0),
    }))
}

/// Whether the indexes are sound in themselves, as SQLite tells it: a long read, which no writer
/// waits for.
///
/// # Errors
/// What SQLite reports.
pub fn is_sound(tx: &ReadTx<'_>) -> Result<bool> {
    // The check takes what this connection remembers of an index for the index itself; a query makes
    // it look again.
    ask(tx)?;
    let words: Option<String> = tx.value("PRAGMA integrity_check(search_words)", [])?;
    let parts: Option<String> = tx.value("PRAGMA integrity_check(search_parts)", [])?;
    Ok(words.as_deref() == Some("ok") && parts.as_deref() == Some("ok"))
}

/// Asks both indexes for anything: SQLite then reads what tells how they are made.
fn ask(tx: &ReadTx<'_>) -> Result<()> {
    for anything in [
        "SELECT rowid FROM search_words WHERE search_words MATCH 'x' LIMIT 1",
        "SELECT rowid FROM search_parts WHERE search_parts MATCH 'xyz' LIMIT 1",
    ] {
        tx.value::<i64>(anything, [])?;
    }
    Ok(())
}

/// Empties the indexes, for [`super::index::catch_up`] to fill them again, the newest first.
///
/// # Errors
/// What SQLite reports.
pub fn start_over(tx: &WriteTx<'_>) -> Result<()> {
    tx.execute_batch(START_OVER)
}

pub(crate) const START_OVER: &str = include_str!("start_over.sql");
