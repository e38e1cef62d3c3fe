//! Pins: short texts that are kept in context.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, PinId, SessionId};
use crate::limits::{self, NOTE_BYTES_MAX, Score};
use crate::row::{from_row, word_enum};
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};
use crate::{messages, sessions};

/// The most pins that one list returns.
pub const LIST_MAX: usize = 1000;

word_enum! {
    /// Where a pin comes from.
    PinType {
        /// The user set it.
        User = "user",
        /// The app found it in what was said.
        Auto = "auto",
        /// A block of code.
        Code = "code",
        /// A notion that the session turns on.
        Concept = "concept",
        /// An instruction to the model.
        System = "system",
    }
}

/// A text that is kept in context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Pin {
    /// Its id.
    pub id: PinId,
    /// The session it is of.
    pub session_id: SessionId,
    /// The text.
    pub content: String,
    /// The message it was taken from; nothing if it was typed, or the message is deleted.
    pub source_message_id: Option<MessageId>,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// Where it comes from.
    pub pin_type: PinType,
    /// When it was set.
    pub created_at: Timestamp,
}

from_row!(Pin {
    id,
    session_id,
    content,
    source_message_id,
    importance_score,
    pin_type,
    created_at,
});

/// A pin to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NewPin {
    /// The session it is of.
    pub session_id: SessionId,
    /// The text: at most 256 KiB.
    pub content: String,
    /// The message it is taken from.
    pub source_message_id: Option<MessageId>,
    /// Where it comes from.
    pub pin_type: PinType,
}

/// What of a pin can be changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct PinUpdate {
    /// The text: at most 256 KiB.
    pub content: String,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// Where it comes from.
    pub pin_type: PinType,
}

/// Sets a pin.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits or a source in another session,
/// [`Error::NotFound`] if there is no such session or source.
pub fn insert(tx: &WriteTx<'_>, new: &NewPin) -> Result<Pin> {
    limits::filled_text("pin", &new.content, NOTE_BYTES_MAX)?;
    sessions::get(tx, new.session_id)?;
    if let Some(source) = new.source_message_id
        && messages::get(tx, source)?.session_id != new.session_id
    {
        return Err(Error::invalid(
            "source",
            "must be a message of the same session",
        ));
    }
    let id = PinId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO semantic_pins
             (id, session_id, content, source_message_id, pin_type, created_at)
         VALUES (:id, :session_id, :content, :source_message_id, :pin_type, :now)",
        named_params! {
            ":id": id,
            ":session_id": new.session_id,
            ":content": new.content,
            ":source_message_id": new.source_message_id,
            ":pin_type": new.pin_type,
            ":now": tx.now(),
        },
    )?;
    updated(tx, id)
}

/// Returns the pin with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: PinId) -> Result<Pin> {
    tx.find(
        "SELECT id, session_id, content, source_message_id, importance_score, pin_type, created_at
         FROM semantic_pins
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Pin, id)
}

/// Returns a session's pins, the most important first, at most [`LIST_MAX`].
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Vec<Pin>> {
    top(tx, session_id, LIST_MAX)
}

/// The most important pins of a session.
pub(crate) fn top(tx: &ReadTx<'_>, session_id: SessionId, limit: usize) -> Result<Vec<Pin>> {
    tx.list(
        "SELECT id, session_id, content, source_message_id, importance_score, pin_type, created_at
         FROM semantic_pins
         WHERE session_id = ?1
         ORDER BY importance_score DESC, created_at DESC, id DESC
         LIMIT ?2",
        (session_id, limit),
    )
}

/// Changes a pin.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, [`Error::NotFound`] if there is no such pin.
pub fn update(tx: &WriteTx<'_>, id: PinId, update: &PinUpdate) -> Result<Pin> {
    limits::filled_text("pin", &update.content, NOTE_BYTES_MAX)?;
    tx.execute(
        "UPDATE semantic_pins
         SET content = ?2, importance_score = ?3, pin_type = ?4
         WHERE id = ?1",
        (
            id,
            &update.content,
            update.importance_score,
            update.pin_type,
        ),
    )?;
    updated(tx, id)
}

/// Deletes a pin.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pin.
pub fn delete(tx: &WriteTx<'_>, id: PinId) -> Result<()> {
    if tx.execute("DELETE FROM semantic_pins WHERE id = ?1", [id])? == 0 {
        return Err(Error::not_found(Entity::Pin, id));
    }
    tx.changed(Entity::Pin, id);
    Ok(())
}

fn updated(tx: &WriteTx<'_>, id: PinId) -> Result<Pin> {
    let pin = get(tx, id)?;
    tx.changed(Entity::Pin, id);
    Ok(pin)
}
