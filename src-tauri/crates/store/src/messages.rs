//! Messages: a tree in each session, of which one branch is on show.
//!
//! A parent is always older than its child. So the branch that ends in a message is found by one
//! range scan over the session's ids, downwards: each row is either the parent that is looked for or
//! belongs to another branch, and then the scan seeks on. A recursive query would look each message
//! up on its own.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, MessageUid, SessionId};
use crate::limits::{self, MESSAGE_BYTES_MAX, Score};
use crate::page::Page;
use crate::row::{from_row, word_enum};
use crate::search::index;
use crate::sessions;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

word_enum! {
    /// Whose message it is.
    Role {
        /// Instructions to the model.
        System = "system",
        /// The person's.
        User = "user",
        /// The model's.
        Assistant = "assistant",
        /// What a tool answered the model.
        Tool = "tool",
    }
}

word_enum! {
    /// How far a message has come.
    MessageStatus {
        /// It is whole.
        Complete = "complete",
        /// It is being written.
        Streaming = "streaming",
        /// It was stopped, by the user or by the end of the app; what is there stays.
        Interrupted = "interrupted",
        /// The model or its server failed; what had come stays.
        Failed = "failed",
    }
}

/// One turn in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Message {
    /// Its id in this database; ids grow with time.
    pub id: MessageId,
    /// Its id everywhere.
    pub uid: MessageUid,
    /// The session it is in.
    pub session_id: SessionId,
    /// The message before it on its branch; nothing for a first one.
    pub parent_id: Option<MessageId>,
    /// Whose it is.
    pub role: Role,
    /// The text: Markdown, at most 10 MiB.
    pub text: String,
    /// The model that wrote it: "endpoint/model".
    pub model_id: Option<String>,
    /// Tokens that writing it took, as the provider reported them.
    pub token_usage: Option<u32>,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// Whether that is the user's word.
    pub importance_by_user: bool,
    /// Tokens of the text by the o200k vocabulary; nothing: not counted yet.
    pub token_count: Option<u32>,
    /// How far it has come.
    pub status: MessageStatus,
    /// How many messages its branch has up to and with it, from 1.
    pub depth: u32,
    /// When it was moved to the trash.
    pub deleted_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
}

from_row!(Message {
    id,
    uid,
    session_id,
    parent_id,
    role,
    text,
    model_id,
    token_usage,
    importance_score,
    importance_by_user,
    token_count,
    status,
    depth,
    deleted_at,
    created_at,
});

/// Where in the tree a new message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parent {
    /// After the newest message of the branch on show.
    #[default]
    Head,
    /// After this message, beside what already follows it; nothing: a new first message.
    After(Option<MessageId>),
}

/// A message to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// The session it goes to.
    pub session_id: SessionId,
    /// Where in the session.
    pub parent: Parent,
    /// Whose it is.
    pub role: Role,
    /// The text: at most 10 MiB, without NUL characters.
    pub text: String,
    /// The model that wrote it.
    pub model_id: Option<String>,
    /// Tokens that writing it took.
    pub token_usage: Option<u32>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it was written, for one that comes from elsewhere; nothing: now.
    pub created_at: Option<Timestamp>,
}

impl NewMessage {
    /// What a person says next.
    pub fn user(session_id: SessionId, text: impl Into<String>) -> Self {
        Self::new(session_id, Role::User, text)
    }

    /// What a model says next.
    pub fn assistant(session_id: SessionId, text: impl Into<String>) -> Self {
        Self::new(session_id, Role::Assistant, text)
    }

    /// A whole message at the end of the branch on show.
    pub fn new(session_id: SessionId, role: Role, text: impl Into<String>) -> Self {
        Self {
            session_id,
            parent: Parent::Head,
            role,
            text: text.into(),
            model_id: None,
            token_usage: None,
            status: MessageStatus::Complete,
            created_at: None,
        }
    }
}

/// Adds a message and makes it the head of its session.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits or a parent in another session,
/// [`Error::NotFound`] if there is no such session or parent.
pub fn append(tx: &WriteTx<'_>, new: &NewMessage) -> Result<Message> {
    let head = head_of(tx, new.session_id)?;
    let place = match new.parent {
        Parent::Head => place_after(tx, head)?,
        Parent::After(None) => Place::FIRST,
        Parent::After(Some(id)) => Place::after(&visible_in(tx, new.session_id, id)?),
    };
    let message = insert(tx, new, place)?;
    sessions::touch(tx, new.session_id, message.id)?;
    Ok(message)
}

/// Adds messages one after the other at the end of a session's branch on show: quicker than
/// [`append`] for each, as the session is touched once and the indexes take all in at once. Each
/// message's own parent is left aside.
///
/// # Errors
/// As [`append`]; [`Error::Invalid`] also for a message of another session.
pub fn append_all(tx: &WriteTx<'_>, session_id: SessionId, new: &[NewMessage]) -> Result<()> {
    let mut place = place_after(tx, head_of(tx, session_id)?)?;
    index::together(tx, || {
        for message in new {
            if message.session_id != session_id {
                return Err(Error::invalid(
                    "session",
                    "must be the same for all messages",
                ));
            }
            place = Place::after(&insert(tx, message, place)?);
        }
        Ok(())
    })?;
    match place.parent_id {
        Some(head) if !new.is_empty() => sessions::touch(tx, session_id, head),
        _ => Ok(()),
    }
}

fn head_of(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Option<MessageId>> {
    tx.value("SELECT head_id FROM sessions WHERE id = ?1", [session_id])?
        .or_not_found(Entity::Session, session_id)
}

/// A message of this session that is not in the trash.
fn visible_in(tx: &ReadTx<'_>, session_id: SessionId, id: MessageId) -> Result<Message> {
    let message = get(tx, id)?;
    if message.session_id != session_id {
        return Err(Error::invalid(
            "parent",
            "must be a message of the same session",
        ));
    }
    visible(message)
}

/// The message, unless it is in the trash.
pub(crate) fn visible(message: Message) -> Result<Message> {
    match message.deleted_at {
        None => Ok(message),
        Some(_) => Err(Error::invalid(
            "message",
            "is in the trash; restore it first",
        )),
    }
}

/// Where a message goes: after which one, and how deep that is.
#[derive(Clone, Copy)]
struct Place {
    parent_id: Option<MessageId>,
    depth: u32,
}

impl Place {
    const FIRST: Self = Self {
        parent_id: None,
        depth: 1,
    };

    const fn after(message: &Message) -> Self {
        Self {
            parent_id: Some(message.id),
            depth: message.depth + 1,
        }
    }
}

/// The place after a message that is there.
fn place_after(tx: &ReadTx<'_>, parent_id: Option<MessageId>) -> Result<Place> {
    let Some(id) = parent_id else {
        return Ok(Place::FIRST);
    };
    let depth = tx
        .value("SELECT depth + 1 FROM messages WHERE id = ?1", [id])?
        .or_not_found(Entity::Message, id)?;
    Ok(Place { parent_id, depth })
}

fn insert(tx: &WriteTx<'_>, new: &NewMessage, place: Place) -> Result<Message> {
    limits::text("message", &new.text, MESSAGE_BYTES_MAX)?;
    sessions::check_model(new.model_id.as_deref())?;
    let uid = MessageUid::from_uuid(tx.new_uuid());
    let created_at = new.created_at.unwrap_or(tx.now());
    tx.execute(
        "INSERT INTO messages
             (uid, session_id, parent_id, role, text, model_id, token_usage, status, depth,
              created_at)
         VALUES
             (:uid, :session_id, :parent_id, :role, :text, :model_id, :token_usage, :status,
              :depth, :created_at)",
        named_params! {
            ":uid": uid,
            ":session_id": new.session_id,
            ":parent_id": place.parent_id,
            ":role": new.role,
            ":text": new.text,
            ":model_id": new.model_id,
            ":token_usage": new.token_usage,
            ":status": new.status,
            ":depth": place.depth,
            ":created_at": created_at,
        },
    )?;
    let id = MessageId::new(tx.last_insert_rowid());
    tx.changed(Entity::Message, id);
    Ok(Message {
        id,
        uid,
        session_id: new.session_id,
        parent_id: place.parent_id,
        role: new.role,
        text: new.text.clone(),
        model_id: new.model_id.clone(),
        token_usage: new.token_usage,
        importance_score: Score::DEFAULT_MESSAGE,
        importance_by_user: false,
        token_count: None,
        status: new.status,
        depth: place.depth,
        deleted_at: None,
        created_at,
    })
}

/// Returns the message with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: MessageId) -> Result<Message> {
    tx.find(
        "SELECT id, uid, session_id, parent_id, role, text, model_id, token_usage,
             importance_score, importance_by_user, token_count, status, depth, deleted_at,
             created_at
         FROM messages
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Message, id)
}

/// Returns a page of the branch on show, oldest first: its newest `limit` messages, or those before
/// the message `before`. The page's `next` is the `before` of the older page.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session or `before`, [`Error::Invalid`] for a limit out
/// of range or a `before` in another session.
pub fn list(
    tx: &ReadTx<'_>,
    session_id: SessionId,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Page<Message, MessageId>> {
    let limit = limits::page_limit(limit)?;
    let start = match before {
        None => head_of(tx, session_id)?,
        Some(id) => visible_in(tx, session_id, id)?.parent_id,
    };
    let mut items = branch(tx, session_id, start, limit)?;
    items.reverse();
    let next = items
        .first()
        .filter(|oldest| oldest.parent_id.is_some())
        .map(|oldest| oldest.id);
    Ok(Page { items, next })
}

/// The branch that ends in `head`, newest first, at most `limit` messages of it.
pub(crate) fn branch(
    tx: &ReadTx<'_>,
    session_id: SessionId,
    head: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>> {
    let mut branch = Vec::with_capacity(limit.min(64));
    let mut wanted = head;
    while let (Some(from), true) = (wanted, branch.len() < limit) {
        let found = branch.len();
        tx.scan(
            "SELECT id, uid, session_id, parent_id, role, text, model_id, token_usage,
                 importance_score, importance_by_user, token_count, status, depth, deleted_at,
                 created_at
             FROM messages
             WHERE session_id = :session_id AND id <= :from
             ORDER BY id DESC
             LIMIT :limit",
            named_params! {
                ":session_id": session_id,
                ":from": from,
                ":limit": limit - found,
            },
            |message: Message| {
                let on_branch = wanted == Some(message.id);
                if on_branch {
                    wanted = message.parent_id;
                    branch.push(message);
                }
                on_branch
            },
        )?;
        if branch.len() == found {
            return Err(Error::not_found(Entity::Message, from));
        }
    }
    Ok(branch)
}

/// Returns how many messages there are, in all sessions.
///
/// # Errors
/// What SQLite reports.
pub fn count(tx: &ReadTx<'_>) -> Result<u64> {
    Ok(tx.value("SELECT count(*) FROM messages", [])?.unwrap_or(0))
}

/// Marks how much a message matters, or takes the mark off again.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message.
pub fn set_importance(tx: &WriteTx<'_>, id: MessageId, score: Option<Score>) -> Result<Message> {
    tx.execute(
        "UPDATE messages SET importance_score = ?2, importance_by_user = ?3 WHERE id = ?1",
        (id, score.unwrap_or(Score::DEFAULT_MESSAGE), score.is_some()),
    )?;
    updated(tx, id)
}

/// Notes how many tokens a message's text has by the o200k vocabulary.
///
/// # Errors
/// What SQLite reports.
pub fn set_token_count(tx: &WriteTx<'_>, id: MessageId, tokens: u32) -> Result<()> {
    // Not noted as a change: nothing that a window shows is another.
    tx.execute(
        "UPDATE messages SET token_count = ?2 WHERE id = ?1",
        (id, tokens),
    )?;
    Ok(())
}

/// Appends to the text of a message that is streaming.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message or it is not streaming, [`Error::Invalid`] if the
/// text would go over its limit.
pub fn append_text(tx: &WriteTx<'_>, id: MessageId, more: &str) -> Result<()> {
    limits::text("reply", more, MESSAGE_BYTES_MAX)?;
    let bytes: usize = tx
        .value(
            "UPDATE messages
             SET text = text || ?2, token_count = NULL
             WHERE id = ?1 AND status = 'streaming'
             RETURNING octet_length(text)",
            (id, more),
        )?
        .or_not_found(Entity::Message, id)?;
    if bytes > MESSAGE_BYTES_MAX {
        return Err(limits::too_long("reply", bytes, MESSAGE_BYTES_MAX));
    }
    tx.changed(Entity::Message, id);
    Ok(())
}

/// Ends a message that is streaming.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message or it is not streaming.
pub fn finish(
    tx: &WriteTx<'_>,
    id: MessageId,
    status: MessageStatus,
    token_usage: Option<u32>,
) -> Result<Message> {
    change_status(
        tx.execute(
            "UPDATE messages
             SET status = ?2, token_usage = coalesce(?3, token_usage)
             WHERE id = ?1 AND status = 'streaming'",
            (id, status, token_usage),
        )?,
        id,
    )?;
    updated(tx, id)
}

/// Lets a reply that was interrupted, or failed, stream on.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message or it has no end to go on from.
pub fn resume(tx: &WriteTx<'_>, id: MessageId) -> Result<Message> {
    change_status(
        tx.execute(
            "UPDATE messages
             SET status = 'streaming'
             WHERE id = ?1 AND role = 'assistant' AND status IN ('interrupted', 'failed')",
            [id],
        )?,
        id,
    )?;
    updated(tx, id)
}

/// Marks every message that is still streaming as interrupted, and returns them: at start, those
/// are the replies that the end of the app cut.
///
/// # Errors
/// What SQLite reports.
pub fn interrupt_streaming(tx: &WriteTx<'_>) -> Result<Vec<Message>> {
    let cut: Vec<Message> = tx.list(
        "UPDATE messages
         SET status = 'interrupted'
         WHERE status = 'streaming'
         RETURNING id, uid, session_id, parent_id, role, text, model_id, token_usage,
             importance_score, importance_by_user, token_count, status, depth, deleted_at,
             created_at",
        [],
    )?;
    for message in &cut {
        tx.changed(Entity::Message, message.id);
    }
    Ok(cut)
}

fn change_status(rows: usize, id: MessageId) -> Result<()> {
    if rows == 0 {
        Err(Error::not_found(Entity::Message, id))
    } else {
        Ok(())
    }
}

fn updated(tx: &WriteTx<'_>, id: MessageId) -> Result<Message> {
    let message = get(tx, id)?;
    tx.changed(Entity::Message, id);
    Ok(message)
}
