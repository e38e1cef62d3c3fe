//! Summaries: shorter texts, each for a contiguous range of messages of one branch.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, SessionId, SummaryId};
use crate::limits::{self, NOTE_BYTES_MAX, Score};
use crate::row::from_row;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};
use crate::{messages, sessions};

/// The most summaries that one list returns.
pub const LIST_MAX: usize = 1000;

/// A shorter text for a range of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Summary {
    /// Its id.
    pub id: SummaryId,
    /// The session it is of.
    pub session_id: SessionId,
    /// The text.
    pub summary: String,
    /// How many messages it covered when it was written.
    pub message_count: u32,
    /// The first message it covers.
    pub start_message_id: MessageId,
    /// The last message it covers.
    pub end_message_id: MessageId,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// When it was written.
    pub created_at: Timestamp,
}

from_row!(Summary {
    id,
    session_id,
    summary,
    message_count,
    start_message_id,
    end_message_id,
    importance_score,
    created_at,
});

/// A summary to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NewSummary {
    /// The session it is of.
    pub session_id: SessionId,
    /// The text: at most 256 KiB.
    pub summary: String,
    /// The first message it covers.
    pub start_message_id: MessageId,
    /// The last message it covers, on a branch that holds the first.
    pub end_message_id: MessageId,
}

/// What of a summary can be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SummaryUpdate {
    /// The text: at most 256 KiB.
    pub summary: String,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
}

/// Stores a summary.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, or a last message whose branch does not hold the
/// first; [`Error::NotFound`] if there is no such session or message.
pub fn insert(tx: &WriteTx<'_>, new: &NewSummary) -> Result<Summary> {
    limits::filled_text("summary", &new.summary, NOTE_BYTES_MAX)?;
    let message_count = covered(tx, new)?;
    let id = SummaryId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO conversation_summaries
             (id, session_id, summary, message_count, start_message_id, end_message_id, created_at)
         VALUES
             (:id, :session_id, :summary, :message_count, :start_message_id, :end_message_id, :now)",
        named_params! {
            ":id": id,
            ":session_id": new.session_id,
            ":summary": new.summary,
            ":message_count": message_count,
            ":start_message_id": new.start_message_id,
            ":end_message_id": new.end_message_id,
            ":now": tx.now(),
        },
    )?;
    updated(tx, id)
}

/// How many messages the range covers, both ends in it.
fn covered(tx: &ReadTx<'_>, new: &NewSummary) -> Result<u32> {
    sessions::get(tx, new.session_id)?;
    for id in [new.start_message_id, new.end_message_id] {
        if messages::get(tx, id)?.session_id != new.session_id {
            return Err(Error::invalid(
                "range",
                "must be messages of the same session",
            ));
        }
    }
    let count: Option<u32> = tx.value(
        "WITH RECURSIVE branch (id, parent_id, length) AS (
             SELECT id, parent_id, 1 FROM messages WHERE id = :last
             UNION ALL
             SELECT messages.id, messages.parent_id, branch.length + 1
             FROM branch
             JOIN messages ON messages.id = branch.parent_id
             WHERE branch.id > :first
         )
         SELECT length FROM branch WHERE id = :first",
        named_params! { ":first": new.start_message_id, ":last": new.end_message_id },
    )?;
    count.ok_or_else(|| Error::invalid("range", "must begin and end on the same branch"))
}

/// Returns the summary with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: SummaryId) -> Result<Summary> {
    tx.find(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, created_at
         FROM conversation_summaries
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Summary, id)
}

/// Returns a session's summaries, newest first, at most [`LIST_MAX`].
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Vec<Summary>> {
    newest(tx, session_id, LIST_MAX)
}

/// The newest summaries of a session.
pub(crate) fn newest(tx: &ReadTx<'_>, session_id: SessionId, limit: usize) -> Result<Vec<Summary>> {
    tx.list(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, created_at
         FROM conversation_summaries
         WHERE session_id = ?1
         ORDER BY created_at DESC, id DESC
         LIMIT ?2",
        (session_id, limit),
    )
}

/// Changes a summary's text and importance.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, [`Error::NotFound`] if there is no such summary.
pub fn update(tx: &WriteTx<'_>, id: SummaryId, update: &SummaryUpdate) -> Result<Summary> {
    limits::filled_text("summary", &update.summary, NOTE_BYTES_MAX)?;
    tx.execute(
        "UPDATE conversation_summaries SET summary = ?2, importance_score = ?3 WHERE id = ?1",
        (id, &update.summary, update.importance_score),
    )?;
    updated(tx, id)
}

/// Deletes a summary.
///
/// # Errors
/// [`Error::NotFound`] if there is no such summary.
pub fn delete(tx: &WriteTx<'_>, id: SummaryId) -> Result<()> {
    if tx.execute("DELETE FROM conversation_summaries WHERE id = ?1", [id])? == 0 {
        return Err(Error::not_found(Entity::Summary, id));
    }
    tx.changed(Entity::Summary, id);
    Ok(())
}

fn updated(tx: &WriteTx<'_>, id: SummaryId) -> Result<Summary> {
    let summary = get(tx, id)?;
    tx.changed(Entity::Summary, id);
    Ok(summary)
}
