//! Branches: walking between siblings, and forking a session from a message.
//!
//! Editing a message or asking for another reply makes a sibling: a message with the same parent. The
//! session's head says which of them is on show.

use std::collections::HashMap;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::Result;
use crate::ids::{MessageId, MessageUid, PinId, SessionId, SummaryId};
use crate::limits::NAME_CHARS_MAX;
use crate::messages::{self, Message};
use crate::pins::{self, Pin, PinScope};
use crate::row::from_row;
use crate::sessions::{self, NewSession, Session};
use crate::summaries::{self, Summary};
use crate::transaction::{ReadTx, WriteTx};

/// The messages that a message has beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Siblings {
    /// The message.
    pub message_id: MessageId,
    /// It and its siblings, oldest first.
    pub ids: Vec<MessageId>,
}

struct Child {
    id: MessageId,
    parent_id: Option<MessageId>,
}

from_row!(Child { id, parent_id });

/// Returns the siblings of each of these messages of one session, for those that have any.
///
/// # Errors
/// What SQLite reports.
pub fn siblings(tx: &ReadTx<'_>, messages: &[Message]) -> Result<Vec<Siblings>> {
    let Some(first) = messages.first() else {
        return Ok(Vec::new());
    };
    let mut children: HashMap<Option<MessageId>, Vec<MessageId>> = HashMap::new();
    for child in children_of(tx, messages)?
        .into_iter()
        .chain(roots(tx, first)?)
    {
        children.entry(child.parent_id).or_default().push(child.id);
    }
    let siblings = messages.iter().filter_map(|message| {
        let ids = children.get(&message.parent_id)?;
        (ids.len() > 1).then(|| Siblings {
            message_id: message.id,
            ids: ids.clone(),
        })
    });
    Ok(siblings.collect())
}

fn children_of(tx: &ReadTx<'_>, messages: &[Message]) -> Result<Vec<Child>> {
    let parents: Vec<i64> = messages
        .iter()
        .filter_map(|message| message.parent_id.map(MessageId::get))
        .collect();
    tx.list(
        "SELECT id, parent_id
         FROM messages
         WHERE parent_id IN (SELECT value FROM json_each(?1)) AND deleted_at IS NULL
         ORDER BY parent_id, id",
        [serde_json::Value::from(parents).to_string()],
    )
}

/// The first messages of the session, where a first message is asked about.
fn roots(tx: &ReadTx<'_>, oldest: &Message) -> Result<Vec<Child>> {
    if oldest.parent_id.is_some() {
        return Ok(Vec::new());
    }
    tx.list(
        "SELECT id, parent_id
         FROM messages
         WHERE session_id = ?1 AND parent_id IS NULL AND deleted_at IS NULL
         ORDER BY id",
        [oldest.session_id],
    )
}

/// Puts the branch through a message on show, down to its newest leaf.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such message, [`crate::Error::Invalid`] if it is in the
/// trash.
pub fn show(tx: &WriteTx<'_>, id: MessageId) -> Result<Session> {
    let message = messages::visible(messages::get(tx, id)?)?;
    let head = newest_leaf(tx, id)?;
    set_head(tx, message.session_id, Some(head))
}

/// Puts the branch that ends in `head` on show; the session stays where it is in its list.
pub(crate) fn set_head(
    tx: &WriteTx<'_>,
    session_id: SessionId,
    head: Option<MessageId>,
) -> Result<Session> {
    tx.execute(
        "UPDATE sessions SET head_id = ?2 WHERE id = ?1",
        (session_id, head),
    )?;
    tx.changed(Entity::Session, session_id);
    sessions::get(tx, session_id)
}

/// The leaf that is reached from a message by the newest of the children, each time.
pub(crate) fn newest_leaf(tx: &ReadTx<'_>, from: MessageId) -> Result<MessageId> {
    let mut leaf = from;
    while let Some(child) = newest_child(tx, leaf)? {
        leaf = child;
    }
    Ok(leaf)
}

fn newest_child(tx: &ReadTx<'_>, parent: MessageId) -> Result<Option<MessageId>> {
    tx.value(
        "SELECT id
         FROM messages
         WHERE parent_id = ?1 AND deleted_at IS NULL
         ORDER BY id DESC
         LIMIT 1",
        [parent],
    )
}

/// Begins a session with the same past as this message has: its branch up to it, with the summaries
/// and pins that belong to that. The other session stays as it is.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such message, [`crate::Error::Invalid`] if it is in the
/// trash.
pub fn fork(tx: &WriteTx<'_>, id: MessageId) -> Result<Session> {
    let last = messages::visible(messages::get(tx, id)?)?;
    let source = sessions::get(tx, last.session_id)?;
    let fork = sessions::insert(
        tx,
        &NewSession {
            name: fork_name(&source.name),
            model: source.model,
            persona_id: source.persona_id,
            saved: source.saved,
        },
    )?;
    let copies = copy_branch(tx, fork.id, &last)?;
    // The last first: of those made at one time the ids, which are made anew, tell the order.
    for pin in pins::list(tx, source.id)?.into_iter().rev() {
        // The others count there without a copy.
        if pin.scope == PinScope::Session {
            copy_pin(tx, fork.id, &pin, &copies)?;
        }
    }
    for summary in summaries::list(tx, source.id)?.into_iter().rev() {
        copy_summary(tx, fork.id, &summary, &copies)?;
    }
    set_head(tx, fork.id, copies.get(&id).copied())
}

fn fork_name(name: &str) -> String {
    const SUFFIX: &str = " (fork)";
    let kept = NAME_CHARS_MAX - SUFFIX.len();
    name.chars().take(kept).chain(SUFFIX.chars()).collect()
}

/// Copies the branch that ends in `last`, and returns which copy is whose.
fn copy_branch(
    tx: &WriteTx<'_>,
    to: SessionId,
    last: &Message,
) -> Result<HashMap<MessageId, MessageId>> {
    let depth = usize::try_from(last.depth).unwrap_or(usize::MAX);
    let branch = messages::branch(tx, last.session_id, Some(last.id), depth)?;
    let mut copies = HashMap::with_capacity(branch.len());
    for message in branch.iter().rev() {
        let parent = message.parent_id.and_then(|id| copies.get(&id).copied());
        copies.insert(message.id, copy_message(tx, to, parent, message.id)?);
    }
    Ok(copies)
}

/// What still streams goes on where it is, and not here.
fn copy_message(
    tx: &WriteTx<'_>,
    to: SessionId,
    parent_id: Option<MessageId>,
    id: MessageId,
) -> Result<MessageId> {
    tx.execute(
        "INSERT INTO messages
             (uid, session_id, parent_id, role, text, model_id, token_usage, importance_score,
              importance_by_user, token_count, status, depth, created_at)
         SELECT :uid, :to, :parent_id, role, text, model_id, token_usage, importance_score,
             importance_by_user, token_count,
             CASE status WHEN 'streaming' THEN 'interrupted' ELSE status END, depth, created_at
         FROM messages
         WHERE id = :id",
        named_params! {
            ":uid": MessageUid::from_uuid(tx.new_uuid()),
            ":to": to,
            ":parent_id": parent_id,
            ":id": id,
        },
    )?;
    let copy = MessageId::new(tx.last_insert_rowid());
    tx.changed(Entity::Message, copy);
    Ok(copy)
}

/// A pin comes along unless its source stayed behind.
fn copy_pin(
    tx: &WriteTx<'_>,
    to: SessionId,
    pin: &Pin,
    copies: &HashMap<MessageId, MessageId>,
) -> Result<()> {
    let source = pin.source_message_id.map(|id| copies.get(&id).copied());
    if source == Some(None) {
        return Ok(());
    }
    let id = PinId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO semantic_pins
             (id, session_id, content, source_message_id, importance_score, pin_type, source, rule,
              created_at)
         SELECT :id, :to, content, :source, importance_score, pin_type, source, rule, created_at
         FROM semantic_pins
         WHERE id = :pin",
        named_params! { ":id": id, ":to": to, ":source": source.flatten(), ":pin": pin.id },
    )?;
    tx.changed(Entity::Pin, id);
    Ok(())
}

/// A summary that counts comes along if its whole range does.
fn copy_summary(
    tx: &WriteTx<'_>,
    to: SessionId,
    summary: &Summary,
    copies: &HashMap<MessageId, MessageId>,
) -> Result<()> {
    let ends = (
        copies.get(&summary.start_message_id),
        copies.get(&summary.end_message_id),
    );
    let (Some(start), Some(end), true) = (ends.0, ends.1, summary.whole) else {
        return Ok(());
    };
    let id = SummaryId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO conversation_summaries
             (id, session_id, summary, message_count, start_message_id, end_message_id,
              importance_score, origin, model_id, created_at)
         SELECT :id, :to, summary, message_count, :start, :end, importance_score, origin, model_id,
             created_at
         FROM conversation_summaries
         WHERE id = :summary",
        named_params! {
            ":id": id, ":to": to, ":start": start, ":end": end, ":summary": summary.id,
        },
    )?;
    // Ids grow along a branch, in the copy as in the source.
    let covered = summary.start_message_id..=summary.end_message_id;
    let of_range = copies.iter().filter(|(source, _)| covered.contains(source));
    summaries::note(tx, id, of_range.map(|(_, copy)| *copy))?;
    tx.changed(Entity::Summary, id);
    Ok(())
}
