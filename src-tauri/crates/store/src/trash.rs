//! The trash of messages, and the purge of everything whose time is over.
//!
//! A message that is deleted on its own gives its children to its parent, and they are noted, so that
//! it can come back between them. A branch that is deleted stays as it is, and is only passed over.
//! So nothing on show ever stands below something in the trash.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::branches;
use crate::change::Entity;
use crate::error::{Error, Result};
use crate::ids::{MessageId, PinId, SessionId, SummaryId};
use crate::messages::{self, Message};
use crate::row::from_row;
use crate::sessions::{self, Session};
use crate::summaries;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

/// The most branches that one list returns.
pub const LIST_MAX: usize = 500;

/// A branch in the trash, or a single message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct TrashedBranch {
    /// Its first message.
    pub message_id: MessageId,
    /// The session it is in.
    pub session_id: SessionId,
    /// What that is called.
    pub session_name: String,
    /// How its text begins, at most 200 characters.
    pub beginning: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

from_row!(TrashedBranch {
    message_id,
    session_id,
    session_name,
    beginning,
    deleted_at,
});

/// What a purge took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Whole sessions.
    pub sessions: usize,
    /// Messages of sessions that stay.
    pub messages: usize,
}

/// Moves one message to the trash. What followed it now follows what was before it.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message, [`Error::Invalid`] if it is in the trash already.
pub fn trash_message(tx: &WriteTx<'_>, id: MessageId) -> Result<Session> {
    let message = messages::visible(messages::get(tx, id)?)?;
    lift_below(tx, &message)?;
    tx.execute(
        "INSERT INTO moved_messages (id, parent_id)
         SELECT id, parent_id
         FROM messages
         WHERE parent_id = ?1 AND deleted_at IS NULL",
        [id],
    )?;
    tx.execute_noting::<MessageId>(
        Entity::Message,
        "UPDATE messages
         SET parent_id = ?2
         WHERE parent_id = ?1 AND deleted_at IS NULL
         RETURNING id",
        (id, message.parent_id),
    )?;
    tx.execute(
        "UPDATE messages SET deleted_at = ?2 WHERE id = ?1",
        (id, tx.now()),
    )?;
    tx.changed(Entity::Message, id);
    summaries::recheck(tx, message.session_id)?;
    let session = sessions::get(tx, message.session_id)?;
    if session.head_id == Some(id) {
        return branches::set_head(tx, session.id, next_head(tx, &message)?);
    }
    tx.changed(Entity::Session, session.id);
    Ok(session)
}

/// Moves a message and all that follows it, on every branch, to the trash.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message, [`Error::Invalid`] if it is in the trash already.
pub fn trash_branch(tx: &WriteTx<'_>, id: MessageId) -> Result<Session> {
    let message = messages::visible(messages::get(tx, id)?)?;
    tx.execute_noting::<MessageId>(
        Entity::Message,
        "WITH RECURSIVE branch (id) AS (
             VALUES (:id)
             UNION ALL
             SELECT messages.id
             FROM branch
             JOIN messages ON messages.parent_id = branch.id
         )
         UPDATE messages
         SET deleted_at = :now
         WHERE id IN (SELECT id FROM branch) AND deleted_at IS NULL
         RETURNING id",
        named_params! { ":id": id, ":now": tx.now() },
    )?;
    summaries::recheck(tx, message.session_id)?;
    let session = sessions::get(tx, message.session_id)?;
    let head_is_gone = match session.head_id {
        Some(head) => messages::get(tx, head)?.deleted_at.is_some(),
        None => false,
    };
    if head_is_gone {
        return branches::set_head(tx, session.id, next_head(tx, &message)?);
    }
    tx.changed(Entity::Session, session.id);
    Ok(session)
}

/// What to show in the place of a message that is gone: its newest sibling's branch, else what was
/// before it.
fn next_head(tx: &ReadTx<'_>, gone: &Message) -> Result<Option<MessageId>> {
    let sibling: Option<MessageId> = tx.value(
        "SELECT id
         FROM messages
         WHERE session_id = ?1 AND parent_id IS ?2 AND deleted_at IS NULL
         ORDER BY id DESC
         LIMIT 1",
        (gone.session_id, gone.parent_id),
    )?;
    match sibling {
        Some(sibling) => branches::newest_leaf(tx, sibling).map(Some),
        None => Ok(gone.parent_id),
    }
}

/// Takes a message out of the trash, with what went there with it, and puts it on show.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message, [`Error::Invalid`] if it is not in the trash, or
/// what was before it is.
pub fn restore(tx: &WriteTx<'_>, id: MessageId) -> Result<Session> {
    let message = messages::get(tx, id)?;
    let Some(deleted_at) = message.deleted_at else {
        return Err(Error::invalid("message", "is not in the trash"));
    };
    if let Some(parent) = message.parent_id {
        messages::visible(messages::get(tx, parent)?)?;
    }
    tx.execute_noting::<MessageId>(
        Entity::Message,
        "WITH RECURSIVE branch (id) AS (
             VALUES (:id)
             UNION ALL
             SELECT messages.id
             FROM branch
             JOIN messages ON messages.parent_id = branch.id
             WHERE messages.deleted_at = :deleted_at
         )
         UPDATE messages
         SET deleted_at = NULL
         WHERE id IN (SELECT id FROM branch)
         RETURNING id",
        named_params! { ":id": id, ":deleted_at": deleted_at },
    )?;
    move_back(tx, &message)?;
    set_depths_below(tx, &message)?;
    summaries::recheck(tx, message.session_id)?;
    let session = sessions::get(tx, message.session_id)?;
    if is_on_show(tx, &session, id)? {
        tx.changed(Entity::Session, session.id);
        return Ok(session);
    }
    branches::show(tx, id)
}

/// What moved up when the message went follows it again; with it what moved up from there later, as
/// that stood below the message too.
fn move_back(tx: &WriteTx<'_>, message: &Message) -> Result<()> {
    tx.execute_noting::<MessageId>(
        Entity::Message,
        "WITH RECURSIVE below (id) AS (
             VALUES (:id)
             UNION
             SELECT moved_messages.id
             FROM below
             JOIN moved_messages ON moved_messages.parent_id = below.id
         )
         UPDATE messages
         SET parent_id = :id
         WHERE id IN (SELECT id FROM below) AND id <> :id AND parent_id IS :parent_id
         RETURNING id",
        named_params! { ":id": message.id, ":parent_id": message.parent_id },
    )?;
    tx.execute(
        "DELETE FROM moved_messages WHERE parent_id = ?1",
        [message.id],
    )?;
    Ok(())
}

/// Whether the branch on show holds the message.
fn is_on_show(tx: &ReadTx<'_>, session: &Session, id: MessageId) -> Result<bool> {
    let found: Option<bool> = tx.value(
        "WITH RECURSIVE branch (id, parent_id) AS (
             SELECT id, parent_id FROM messages WHERE id = :head
             UNION ALL
             SELECT messages.id, messages.parent_id
             FROM branch
             JOIN messages ON messages.id = branch.parent_id
             WHERE branch.id > :id
         )
         SELECT 1 FROM branch WHERE id = :id",
        named_params! { ":head": session.head_id, ":id": id },
    )?;
    Ok(found.is_some())
}

/// All that follows a message comes up by one, as the message is about to go.
fn lift_below(tx: &WriteTx<'_>, message: &Message) -> Result<()> {
    tx.execute(
        "WITH RECURSIVE below (id) AS (
             SELECT id FROM messages WHERE parent_id = ?1 AND deleted_at IS NULL
             UNION ALL
             SELECT messages.id
             FROM below
             JOIN messages ON messages.parent_id = below.id
         )
         UPDATE messages SET depth = depth - 1 WHERE id IN (SELECT id FROM below)",
        [message.id],
    )?;
    Ok(())
}

/// Counts the depths below a message anew, from its own parent's.
fn set_depths_below(tx: &WriteTx<'_>, message: &Message) -> Result<()> {
    tx.execute(
        "WITH RECURSIVE below (id, depth) AS (
             SELECT :id, 1 + coalesce((SELECT depth FROM messages WHERE id = :parent_id), 0)
             UNION ALL
             SELECT messages.id, below.depth + 1
             FROM below
             JOIN messages ON messages.parent_id = below.id
         )
         UPDATE messages
         SET depth = below.depth
         FROM below
         WHERE messages.id = below.id AND messages.depth <> below.depth",
        named_params! { ":id": message.id, ":parent_id": message.parent_id },
    )?;
    Ok(())
}

/// Returns the branches and messages in the trash, the last deleted first, at most [`LIST_MAX`].
/// Those of sessions that are in the trash themselves are not among them.
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>) -> Result<Vec<TrashedBranch>> {
    tx.list(
        "SELECT message.id AS message_id, message.session_id AS session_id,
             sessions.name AS session_name, substr(message.text, 1, 200) AS beginning,
             message.deleted_at AS deleted_at
         FROM messages AS message
         JOIN sessions ON sessions.id = message.session_id
         LEFT JOIN messages AS parent ON parent.id = message.parent_id
         WHERE message.deleted_at IS NOT NULL
             AND parent.deleted_at IS NOT message.deleted_at
             AND sessions.deleted_at IS NULL
         ORDER BY message.deleted_at DESC, message.id DESC
         LIMIT ?1",
        [LIST_MAX],
    )
}

/// Counts the sessions and single messages that [`purge`] would take at `now`.
///
/// # Errors
/// What SQLite reports.
pub fn count_purgeable(
    tx: &ReadTx<'_>,
    now: Timestamp,
    trashed_before: Timestamp,
) -> Result<usize> {
    let count = tx.value(
        "SELECT (SELECT count(*) FROM sessions WHERE expires_at <= :now)
             + (SELECT count(*) FROM sessions WHERE deleted_at <= :trashed_before)
             + (SELECT count(*) FROM messages WHERE deleted_at <= :trashed_before)",
        named_params! { ":now": now, ":trashed_before": trashed_before },
    )?;
    Ok(count.unwrap_or(0))
}

/// Deletes for good what expired and what lies in the trash since `trashed_before` or longer. For
/// the words to be gone from the disk too, follow with [`crate::Store::truncate_log`].
///
/// # Errors
/// What SQLite reports.
pub fn purge(tx: &WriteTx<'_>, trashed_before: Timestamp) -> Result<Purged> {
    let expired = tx.execute_noting::<SessionId>(
        Entity::Session,
        "DELETE FROM sessions
         WHERE expires_at <= ?1
         RETURNING id",
        [tx.now()],
    )?;
    let trashed = tx.execute_noting::<SessionId>(
        Entity::Session,
        "DELETE FROM sessions WHERE deleted_at <= ?1 RETURNING id",
        [trashed_before],
    )?;
    purge_notes(tx, trashed_before)?;
    // What is below such a message is in the trash too: since before, unless the clock was set back.
    let messages = tx.execute_noting::<MessageId>(
        Entity::Message,
        "WITH RECURSIVE branch (id) AS (
             SELECT id FROM messages WHERE deleted_at <= ?1
             UNION
             SELECT messages.id
             FROM branch
             JOIN messages ON messages.parent_id = branch.id
         )
         DELETE FROM messages WHERE id IN (SELECT id FROM branch) RETURNING id",
        [trashed_before],
    )?;
    Ok(Purged {
        sessions: expired + trashed,
        messages,
    })
}

/// What was written of the messages that go: summaries of any of them, and pins that the app took
/// from them. A pin that the user set is the user's own, and stays.
fn purge_notes(tx: &WriteTx<'_>, trashed_before: Timestamp) -> Result<()> {
    tx.execute_noting::<SummaryId>(
        Entity::Summary,
        "WITH RECURSIVE branch (id) AS (
             SELECT id FROM messages WHERE deleted_at <= ?1
             UNION
             SELECT messages.id
             FROM branch
             JOIN messages ON messages.parent_id = branch.id
         )
         DELETE FROM conversation_summaries
         WHERE id IN (SELECT summary_id
                      FROM branch
                      CROSS JOIN summary_messages ON message_id = branch.id)
         RETURNING id",
        [trashed_before],
    )?;
    tx.execute_noting::<PinId>(
        Entity::Pin,
        "WITH RECURSIVE branch (id) AS (
             SELECT id FROM messages WHERE deleted_at <= ?1
             UNION
             SELECT messages.id
             FROM branch
             JOIN messages ON messages.parent_id = branch.id
         )
         DELETE FROM semantic_pins
         WHERE source_message_id IN (SELECT id FROM branch) AND source <> 'user'
         RETURNING id",
        [trashed_before],
    )?;
    Ok(())
}
