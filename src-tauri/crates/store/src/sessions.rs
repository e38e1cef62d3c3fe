//! Sessions: chats, on one of three shelves.

use std::fmt;
use std::str::FromStr;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, PersonaId, SessionId};
use crate::limits;
use crate::page::Page;
use crate::row::from_row;
use crate::settings;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

/// A chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it is called.
    pub name: String,
    /// Which model answers: "endpoint/model"; nothing before one is chosen.
    pub model: Option<String>,
    /// One line on what it is about.
    pub recap: Option<String>,
    /// Who the model is asked to be; nothing once that persona is deleted.
    pub persona_id: Option<PersonaId>,
    /// False for a temporary session, which expires.
    pub saved: bool,
    /// When a temporary session expires.
    pub expires_at: Option<Timestamp>,
    /// The newest message of the branch on show; nothing while there is no message.
    pub head_id: Option<MessageId>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// When it was moved to the trash.
    pub deleted_at: Option<Timestamp>,
    /// Whether it stands above the others.
    pub pinned: bool,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When a message last came or went.
    pub updated_at: Timestamp,
}

from_row!(Session {
    id,
    name,
    model,
    recap,
    persona_id,
    saved,
    expires_at,
    head_id,
    archived_at,
    deleted_at,
    pinned,
    created_at,
    updated_at,
});

/// A session to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NewSession {
    /// What it is called: 1 to 200 characters.
    pub name: String,
    /// Which model answers: "endpoint/model".
    pub model: Option<String>,
    /// Who the model is asked to be.
    pub persona_id: Option<PersonaId>,
    /// False for a temporary session.
    pub saved: bool,
}

impl NewSession {
    /// A session that is kept, with no model or persona yet.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            model: None,
            persona_id: None,
            saved: true,
        }
    }
}

/// Where a session is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Shelf {
    /// Neither archived nor in the trash.
    Active,
    /// Put aside.
    Archived,
    /// Deleted, and restorable.
    Trash,
}

/// Where a page of sessions ended. As text: "pinned.updated_at.id".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "specta", derive(specta::Type), specta(type = String))]
pub struct SessionCursor {
    pinned: bool,
    updated_at: Timestamp,
    id: SessionId,
}

impl SessionCursor {
    /// The cursor behind `session`: the next page begins with what follows it.
    #[must_use]
    pub const fn after(session: &Session) -> Self {
        Self {
            pinned: session.pinned,
            updated_at: session.updated_at,
            id: session.id,
        }
    }
}

impl fmt::Display for SessionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}",
            u8::from(self.pinned),
            self.updated_at.as_ms(),
            self.id
        )
    }
}

impl FromStr for SessionCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let mut parts = text.splitn(3, '.');
            let pinned = match parts.next()? {
                "0" => false,
                "1" => true,
                _ => return None,
            };
            let updated_at = Timestamp::from_ms(parts.next()?.parse().ok()?);
            Some(Self {
                pinned,
                updated_at,
                id: parts.next()?.parse().ok()?,
            })
        };
        parse().ok_or_else(|| Error::invalid("cursor", "is not one that a page of sessions gave"))
    }
}

impl TryFrom<String> for SessionCursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SessionCursor> for String {
    fn from(cursor: SessionCursor) -> Self {
        cursor.to_string()
    }
}

/// Begins a session.
///
/// # Errors
/// [`Error::Invalid`] for a name or model out of its limits, [`Error::NotFound`] for an unknown
/// persona.
pub fn insert(tx: &WriteTx<'_>, new: &NewSession) -> Result<Session> {
    let name = limits::name("name", &new.name)?;
    check_model(new.model.as_deref())?;
    check_persona(tx, new.persona_id.as_ref())?;
    let expires_at = expiry(tx, new.saved)?;
    let id = SessionId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO sessions
             (id, name, model, persona_id, saved, expires_at, created_at, updated_at)
         VALUES (:id, :name, :model, :persona_id, :saved, :expires_at, :now, :now)",
        named_params! {
            ":id": id,
            ":name": name,
            ":model": new.model,
            ":persona_id": new.persona_id,
            ":saved": new.saved,
            ":expires_at": expires_at,
            ":now": tx.now(),
        },
    )?;
    updated(tx, id)
}

/// Returns the session with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: SessionId) -> Result<Session> {
    tx.find(
        "SELECT id, name, model, recap, persona_id, saved, expires_at, head_id, archived_at,
             deleted_at, pinned, created_at, updated_at
         FROM sessions
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Session, id)
}

/// Returns a page of a shelf: pinned sessions first, then by the last message, newest first.
///
/// A session that gets a message while the pages are read moves to the top; every other is seen
/// exactly once.
///
/// # Errors
/// [`Error::Invalid`] for a limit out of range.
pub fn list(
    tx: &ReadTx<'_>,
    shelf: Shelf,
    after: Option<SessionCursor>,
    limit: usize,
) -> Result<Page<Session, SessionCursor>> {
    let limit = limits::page_limit(limit)?;
    let items: Vec<Session> = match after {
        None => tx.list(first_page_sql(shelf), named_params! { ":limit": limit })?,
        Some(after) => tx.list(
            next_page_sql(shelf),
            named_params! {
                ":pinned": after.pinned,
                ":updated_at": after.updated_at,
                ":id": after.id,
                ":limit": limit,
            },
        )?,
    };
    let next = if items.len() < limit {
        None
    } else {
        items.last().map(SessionCursor::after)
    };
    Ok(Page { items, next })
}

/// The query of a page: the condition on the shelf is spelled as in its index, which makes it a range
/// scan, and the first page has no cursor, which SQLite would compare with every row.
macro_rules! page_sql {
    ($shelf:literal, $after:literal) => {
        concat!(
            "SELECT id, name, model, recap, persona_id, saved, expires_at, head_id, archived_at,
                 deleted_at, pinned, created_at, updated_at
             FROM sessions
             WHERE ",
            $shelf,
            $after,
            "
             ORDER BY pinned DESC, updated_at DESC, id DESC
             LIMIT :limit"
        )
    };
}

fn first_page_sql(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Active => page_sql!("archived_at IS NULL AND deleted_at IS NULL", ""),
        Shelf::Archived => page_sql!("archived_at IS NOT NULL AND deleted_at IS NULL", ""),
        Shelf::Trash => page_sql!("deleted_at IS NOT NULL", ""),
    }
}

fn next_page_sql(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Active => page_sql!(
            "archived_at IS NULL AND deleted_at IS NULL",
            " AND (pinned, updated_at, id) < (:pinned, :updated_at, :id)"
        ),
        Shelf::Archived => page_sql!(
            "archived_at IS NOT NULL AND deleted_at IS NULL",
            " AND (pinned, updated_at, id) < (:pinned, :updated_at, :id)"
        ),
        Shelf::Trash => page_sql!(
            "deleted_at IS NOT NULL",
            " AND (pinned, updated_at, id) < (:pinned, :updated_at, :id)"
        ),
    }
}

/// The newest sessions of all shelves but the trash, the newest first. Ids ascend with time.
pub(crate) fn list_newest(tx: &ReadTx<'_>, limit: usize) -> Result<Vec<Session>> {
    tx.list(
        "SELECT id, name, model, recap, persona_id, saved, expires_at, head_id, archived_at,
             deleted_at, pinned, created_at, updated_at
         FROM sessions
         WHERE deleted_at IS NULL
         ORDER BY id DESC
         LIMIT ?1",
        [limit],
    )
}

/// Returns how many sessions there are, on all shelves.
///
/// # Errors
/// What SQLite reports.
pub fn count(tx: &ReadTx<'_>) -> Result<u64> {
    Ok(tx.value("SELECT count(*) FROM sessions", [])?.unwrap_or(0))
}

/// Returns how many messages a session has, on all branches; those in the trash are not counted.
///
/// # Errors
/// What SQLite reports.
pub fn count_messages(tx: &ReadTx<'_>, id: SessionId) -> Result<u32> {
    let count = tx.value(
        "SELECT count(*) FROM messages WHERE session_id = ?1 AND deleted_at IS NULL",
        [id],
    )?;
    Ok(count.unwrap_or(0))
}

/// Renames a session: from now on its name is the user's word.
///
/// # Errors
/// [`Error::Invalid`] for a name out of its limits, [`Error::NotFound`] if there is no such session.
pub fn rename(tx: &WriteTx<'_>, id: SessionId, name: &str) -> Result<Session> {
    let name = limits::name("name", name)?;
    tx.execute(
        "UPDATE sessions SET name = ?2, named_by_user = 1 WHERE id = ?1",
        (id, name),
    )?;
    updated(tx, id)
}

/// Sets the recap of a session that has none, and names it so unless the user named it. What the
/// user wrote stays.
///
/// # Errors
/// [`Error::Invalid`] for a line out of the limits of a name, [`Error::NotFound`].
pub fn set_recap_found(tx: &WriteTx<'_>, id: SessionId, recap: &str) -> Result<Session> {
    let recap = limits::name("recap", recap)?;
    tx.execute(
        "UPDATE sessions
         SET recap = ?2, name = iif(named_by_user, name, ?2)
         WHERE id = ?1 AND recap IS NULL",
        (id, recap),
    )?;
    updated(tx, id)
}

/// Sets the one line on what the session is about.
///
/// # Errors
/// [`Error::Invalid`] for a line out of the limits of a name, [`Error::NotFound`].
pub fn set_recap(tx: &WriteTx<'_>, id: SessionId, recap: Option<&str>) -> Result<Session> {
    let recap = recap
        .map(|recap| limits::name("recap", recap))
        .transpose()?;
    tx.execute("UPDATE sessions SET recap = ?2 WHERE id = ?1", (id, recap))?;
    updated(tx, id)
}

/// Chooses the model that answers: "endpoint/model".
///
/// # Errors
/// [`Error::Invalid`] if it is not of that form, [`Error::NotFound`] if there is no such session.
pub fn set_model(tx: &WriteTx<'_>, id: SessionId, model: Option<&str>) -> Result<Session> {
    check_model(model)?;
    tx.execute("UPDATE sessions SET model = ?2 WHERE id = ?1", (id, model))?;
    updated(tx, id)
}

/// Chooses who the model is asked to be.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session or persona.
pub fn set_persona(
    tx: &WriteTx<'_>,
    id: SessionId,
    persona: Option<&PersonaId>,
) -> Result<Session> {
    check_persona(tx, persona)?;
    tx.execute(
        "UPDATE sessions SET persona_id = ?2 WHERE id = ?1",
        (id, persona),
    )?;
    updated(tx, id)
}

/// Puts a session above the others, or back among them.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn set_pinned(tx: &WriteTx<'_>, id: SessionId, pinned: bool) -> Result<Session> {
    tx.execute(
        "UPDATE sessions SET pinned = ?2 WHERE id = ?1",
        (id, pinned),
    )?;
    updated(tx, id)
}

/// Puts a session aside, or takes it back.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn set_archived(tx: &WriteTx<'_>, id: SessionId, archived: bool) -> Result<Session> {
    let archived_at = archived.then(|| tx.now());
    tx.execute(
        "UPDATE sessions SET archived_at = ?2 WHERE id = ?1",
        (id, archived_at),
    )?;
    updated(tx, id)
}

/// Keeps a temporary session, or makes one temporary: its time then begins now.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn set_saved(tx: &WriteTx<'_>, id: SessionId, saved: bool) -> Result<Session> {
    let expires_at = expiry(tx, saved)?;
    tx.execute(
        "UPDATE sessions SET saved = ?2, expires_at = ?3 WHERE id = ?1",
        (id, saved, expires_at),
    )?;
    updated(tx, id)
}

/// Moves a session to the trash.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn trash(tx: &WriteTx<'_>, id: SessionId) -> Result<Session> {
    tx.execute(
        "UPDATE sessions SET deleted_at = ?2 WHERE id = ?1",
        (id, tx.now()),
    )?;
    updated(tx, id)
}

/// Takes a session out of the trash.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn restore(tx: &WriteTx<'_>, id: SessionId) -> Result<Session> {
    tx.execute("UPDATE sessions SET deleted_at = NULL WHERE id = ?1", [id])?;
    updated(tx, id)
}

/// Deletes a session for good, with its messages, summaries, pins and draft.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn delete(tx: &WriteTx<'_>, id: SessionId) -> Result<()> {
    if tx.execute("DELETE FROM sessions WHERE id = ?1", [id])? == 0 {
        return Err(Error::not_found(Entity::Session, id));
    }
    tx.changed(Entity::Session, id);
    Ok(())
}

/// When a session that is used now expires: never, unless it is temporary.
fn expiry(tx: &WriteTx<'_>, saved: bool) -> Result<Option<Timestamp>> {
    if saved {
        return Ok(None);
    }
    let lifetime_ms = settings::get(tx)?.temporary_lifetime_ms();
    Ok(Some(tx.now().plus_ms(lifetime_ms)))
}

/// Temporary sessions live on for longer, or less long, than they were to.
pub(crate) fn prolong_temporary(tx: &WriteTx<'_>, ms: i64) -> Result<()> {
    tx.execute_noting::<SessionId>(
        Entity::Session,
        "UPDATE sessions
         SET expires_at = expires_at + ?1
         WHERE expires_at IS NOT NULL
         RETURNING id",
        [ms],
    )?;
    Ok(())
}

/// A session was used: it moves up in its list, and a temporary one lives on.
pub(crate) fn touch(tx: &WriteTx<'_>, id: SessionId, head: MessageId) -> Result<()> {
    let saved: Option<bool> = tx.value(
        "UPDATE sessions
         SET head_id = :head, updated_at = max(updated_at, :now)
         WHERE id = :id
         RETURNING saved",
        named_params! { ":id": id, ":head": head, ":now": tx.now() },
    )?;
    if saved == Some(false) {
        tx.execute(
            "UPDATE sessions SET expires_at = ?2 WHERE id = ?1",
            (id, expiry(tx, false)?),
        )?;
    }
    tx.changed(Entity::Session, id);
    Ok(())
}

/// The session after an update; also how an update of a missing one shows.
fn updated(tx: &WriteTx<'_>, id: SessionId) -> Result<Session> {
    let session = get(tx, id)?;
    tx.changed(Entity::Session, id);
    Ok(session)
}

fn check_persona(tx: &ReadTx<'_>, persona: Option<&PersonaId>) -> Result<()> {
    match persona {
        Some(id) => crate::personas::get(tx, id).map(drop),
        None => Ok(()),
    }
}

/// "endpoint/model", both parts there.
pub(crate) fn check_model(model: Option<&str>) -> Result<()> {
    let Some(model) = model else { return Ok(()) };
    // It is kept as it is, so what a name would be trimmed of is refused.
    let trimmed = limits::name("model", model)?;
    match model.split_once('/') {
        Some((endpoint, name)) if trimmed == model && !endpoint.is_empty() && !name.is_empty() => {
            Ok(())
        }
        _ => Err(Error::invalid("model", "must be \"provider/model\"")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{OpenOptions, connection};

    #[test]
    fn a_page_of_a_shelf_is_read_in_order_from_the_index_of_that_shelf() {
        let folder = tempfile::tempdir().unwrap();
        let store = OpenOptions::new(folder.path()).open().unwrap();
        let connection = connection::open(store.file(), false).unwrap();
        let plan = |sql: &str| -> Vec<String> {
            let mut statement = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let lines = statement.raw_query().mapped(|row| row.get("detail"));
            lines.map(|line| line.unwrap()).collect()
        };
        for (shelf, index) in [
            (Shelf::Active, "sessions_active"),
            (Shelf::Archived, "sessions_archived"),
            (Shelf::Trash, "sessions_trash"),
        ] {
            assert_eq!(
                plan(first_page_sql(shelf)),
                [format!("SCAN sessions USING INDEX {index}")]
            );
            let cursor = "((pinned,updated_at,id)<(?,?,?))";
            assert_eq!(
                plan(next_page_sql(shelf)),
                [format!("SEARCH sessions USING INDEX {index} {cursor}")]
            );
        }
    }
}
