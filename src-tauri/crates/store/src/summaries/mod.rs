//! Summaries: shorter texts, each for a contiguous range of messages of one branch.
//!
//! On any branch they stand one after the other from its first message on: a new one begins where
//! those before it end, and no message has two. So none is skipped, and none is told twice. A summary
//! counts on the branches that hold its whole range, and only while it is whole: while no message
//! that it covers is in the trash, and none stands among them that it does not cover.

mod coverage;
mod extract;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, SessionId, SummaryId};
use crate::limits::{self, NOTE_BYTES_MAX, Score};
use crate::messages::{self, Message};
use crate::row::{from_row, word_enum};
use crate::sessions;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

pub use coverage::{Backlog, backlog};
pub(crate) use coverage::{note, on_branch, recheck};
pub use extract::extract;

/// The most summaries that one list returns.
pub const LIST_MAX: usize = 1000;

word_enum! {
    /// Who wrote a summary.
    SummaryOrigin {
        /// The user, or it is as the user changed it.
        User = "user",
        /// A model.
        Model = "model",
        /// The app, of pieces of the messages, as no model answered; one that does replaces it.
        Extractive = "extractive",
    }
}

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
    /// How many messages it covers.
    pub message_count: u32,
    /// The first message it covers.
    pub start_message_id: MessageId,
    /// The last message it covers.
    pub end_message_id: MessageId,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// Who wrote it.
    pub origin: SummaryOrigin,
    /// The model that wrote it: "endpoint/model".
    pub model_id: Option<String>,
    /// False while it does not count: a message that it covers is in the trash, or one stands among
    /// them that it does not cover.
    pub whole: bool,
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
    origin,
    model_id,
    whole,
    created_at,
});

/// A summary to be, by the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NewSummary {
    /// The session it is of.
    pub session_id: SessionId,
    /// The text: at most 256 KiB.
    pub summary: String,
    /// The first message it covers: the first of the branch that no summary covers.
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

/// A text for a range, and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The text: at most 256 KiB.
    pub text: String,
    /// Who wrote it.
    pub origin: SummaryOrigin,
    /// The model that did: "endpoint/model".
    pub model_id: Option<String>,
}

impl Wording {
    /// What the user wrote.
    pub fn by_user(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            origin: SummaryOrigin::User,
            model_id: None,
        }
    }

    /// What a model, "endpoint/model", wrote.
    pub fn by_model(text: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            origin: SummaryOrigin::Model,
            model_id: Some(model.into()),
        }
    }

    /// Pieces of the messages themselves.
    #[must_use]
    pub fn of_pieces(messages: &[Message]) -> Self {
        Self {
            text: extract(messages),
            origin: SummaryOrigin::Extractive,
            model_id: None,
        }
    }
}

/// Stores a summary of the user's.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, or a range that is not the next one of a branch;
/// [`Error::NotFound`] if there is no such session or message.
pub fn insert(tx: &WriteTx<'_>, new: &NewSummary) -> Result<Summary> {
    limits::filled_text("summary", &new.summary, NOTE_BYTES_MAX)?;
    sessions::get(tx, new.session_id)?;
    for id in [new.start_message_id, new.end_message_id] {
        if messages::get(tx, id)?.session_id != new.session_id {
            return Err(Error::invalid(
                "range",
                "must be messages of the same session",
            ));
        }
    }
    let wording = Wording::by_user(new.summary.as_str());
    let covered = coverage::next_on_branch(tx, new)?;
    write(tx, new.session_id, &covered, &wording)
}

/// Stores a summary of messages that were read before, in the order of their branch. Nothing is
/// stored if they are no longer what a summary of the branch on show is to cover next: if the branch
/// was edited or left, a message went to the trash or came back, or there is another summary.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits.
pub fn insert_for(
    tx: &WriteTx<'_>,
    summarised: &[Message],
    wording: &Wording,
) -> Result<Option<Summary>> {
    limits::filled_text("summary", &wording.text, NOTE_BYTES_MAX)?;
    sessions::check_model(wording.model_id.as_deref())?;
    let (Some(first), Some(last)) = (summarised.first(), summarised.last()) else {
        return Ok(None);
    };
    let new = NewSummary {
        session_id: first.session_id,
        summary: String::new(),
        start_message_id: first.id,
        end_message_id: last.id,
    };
    let Some(covered) = coverage::next_on_show(tx, &new)? else {
        return Ok(None);
    };
    if !covered.iter().eq(summarised.iter().map(|it| &it.id)) {
        return Ok(None);
    }
    write(tx, first.session_id, &covered, wording).map(Some)
}

/// Stores the text for these messages, and deletes what it takes the place of.
fn write(
    tx: &WriteTx<'_>,
    session_id: SessionId,
    covered: &[MessageId],
    wording: &Wording,
) -> Result<Summary> {
    let id = SummaryId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO conversation_summaries
             (id, session_id, summary, message_count, start_message_id, end_message_id, origin,
              model_id, created_at)
         VALUES
             (:id, :session_id, :summary, :message_count, :start_message_id, :end_message_id,
              :origin, :model_id, :now)",
        named_params! {
            ":id": id,
            ":session_id": session_id,
            ":summary": wording.text,
            ":message_count": covered.len(),
            ":start_message_id": covered.first(),
            ":end_message_id": covered.last(),
            ":origin": wording.origin,
            ":model_id": wording.model_id,
            ":now": tx.now(),
        },
    )?;
    note(tx, id, covered.iter().copied())?;
    updated(tx, id)
}

/// Writes a summary anew for the same messages. Nothing is stored if it is gone, is not whole, or has
/// another text than `before`.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits.
pub fn rewrite(
    tx: &WriteTx<'_>,
    id: SummaryId,
    before: &str,
    wording: &Wording,
) -> Result<Option<Summary>> {
    limits::filled_text("summary", &wording.text, NOTE_BYTES_MAX)?;
    sessions::check_model(wording.model_id.as_deref())?;
    let rows = tx.execute(
        "UPDATE conversation_summaries
         SET summary = :summary, origin = :origin, model_id = :model_id
         WHERE id = :id AND summary = :before AND whole = 1",
        named_params! {
            ":id": id,
            ":summary": wording.text,
            ":origin": wording.origin,
            ":model_id": wording.model_id,
            ":before": before,
        },
    )?;
    (rows > 0).then(|| updated(tx, id)).transpose()
}

/// Returns the summary with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: SummaryId) -> Result<Summary> {
    tx.find(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, origin, model_id, whole, created_at
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
    tx.list(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, origin, model_id, whole, created_at
         FROM conversation_summaries
         WHERE session_id = ?1
         ORDER BY created_at DESC, id DESC
         LIMIT ?2",
        (session_id, LIST_MAX),
    )
}

/// Returns the summaries that wait for a model, oldest first, of sessions that are not in the trash.
///
/// # Errors
/// What SQLite reports.
pub fn list_extractive(tx: &ReadTx<'_>, limit: usize) -> Result<Vec<Summary>> {
    tx.list(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, origin, model_id, whole, created_at
         FROM conversation_summaries
         WHERE origin = 'extractive' AND whole = 1
             AND EXISTS (SELECT 1
                         FROM sessions
                         WHERE sessions.id = session_id AND sessions.deleted_at IS NULL)
         ORDER BY created_at
         LIMIT ?1",
        [limit],
    )
}

/// Returns the messages of a range of a branch, oldest first.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message, [`Error::Invalid`] if they are not of one branch.
pub fn messages_between(tx: &ReadTx<'_>, start: MessageId, end: MessageId) -> Result<Vec<Message>> {
    let (first, last) = (messages::get(tx, start)?, messages::get(tx, end)?);
    let count = (last.depth + 1).saturating_sub(first.depth);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut range = messages::branch(tx, last.session_id, Some(end), count)?;
    range.reverse();
    if range.first().is_none_or(|it| it.id != start) {
        return Err(Error::invalid(
            "range",
            "must begin and end on the same branch",
        ));
    }
    Ok(range)
}

/// Changes a summary's text and importance. With another text it is the user's.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, [`Error::NotFound`] if there is no such summary.
pub fn update(tx: &WriteTx<'_>, id: SummaryId, update: &SummaryUpdate) -> Result<Summary> {
    limits::filled_text("summary", &update.summary, NOTE_BYTES_MAX)?;
    tx.execute(
        "UPDATE conversation_summaries
         SET summary = ?2, importance_score = ?3,
             origin = iif(summary = ?2, origin, 'user'),
             model_id = iif(summary = ?2, model_id, NULL)
         WHERE id = ?1",
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
