//! Drafts: text that was typed and not sent, one a session and one for the chat that is not begun.

use crate::change::Entity;
use crate::error::Result;
use crate::ids::SessionId;
use crate::limits::{self, MESSAGE_BYTES_MAX};
use crate::sessions;
use crate::transaction::{ReadTx, WriteTx};

/// Returns the draft of a session, or of the new chat; empty if there is none.
///
/// # Errors
/// What SQLite reports.
pub fn get(tx: &ReadTx<'_>, session_id: Option<SessionId>) -> Result<String> {
    let draft = tx.value(
        "SELECT text FROM drafts WHERE session_id IS ?1",
        [session_id],
    )?;
    Ok(draft.unwrap_or_default())
}

/// Sets the draft of a session, or of the new chat; an empty one is forgotten.
///
/// # Errors
/// [`crate::Error::Invalid`] for a text out of the limits of a message, [`crate::Error::NotFound`] if
/// there is no such session.
pub fn set(tx: &WriteTx<'_>, session_id: Option<SessionId>, text: &str) -> Result<()> {
    limits::text("message", text, MESSAGE_BYTES_MAX)?;
    if let Some(id) = session_id {
        sessions::get(tx, id)?;
    }
    tx.execute("DELETE FROM drafts WHERE session_id IS ?1", [session_id])?;
    if !text.is_empty() {
        tx.execute(
            "INSERT INTO drafts (session_id, text, updated_at) VALUES (?1, ?2, ?3)",
            (session_id, text, tx.now()),
        )?;
    }
    tx.changed(
        Entity::Draft,
        session_id.map(|id| id.to_string()).unwrap_or_default(),
    );
    Ok(())
}
