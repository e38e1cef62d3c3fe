//! Pins: short texts that are kept in context, for a session, for a persona, or everywhere.
//!
//! The same text is kept once: a pin that is there already is made to count for more instead. A pin
//! that the app found by itself can be rejected, and is then not found again.

mod facts;
mod normal;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{MessageId, PersonaId, PinId, SessionId};
use crate::limits::{self, NOTE_BYTES_MAX, Score};
use crate::row::{from_row, word_enum};
use crate::sessions::Session;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};
use crate::{messages, sessions};

pub use facts::{Fact, FactKind, facts};

/// The most pins that one list returns.
pub const LIST_MAX: usize = 1000;

word_enum! {
    /// What a pin is.
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

word_enum! {
    /// Where a pin counts.
    PinScope {
        /// In its session.
        Session = "session",
        /// In every session with its persona.
        Persona = "persona",
        /// Everywhere.
        All = "all",
    }
}

word_enum! {
    /// Who found a pin.
    PinSource {
        /// The user set it, or changed it.
        User = "user",
        /// A rule of the app's.
        Rule = "rule",
        /// A model.
        Model = "model",
    }
}

/// A text that is kept in context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Pin {
    /// Its id.
    pub id: PinId,
    /// Where it counts.
    pub scope: PinScope,
    /// The session it is kept for, where it is for one.
    pub session_id: Option<SessionId>,
    /// The persona it is kept for, where it is for one.
    pub persona_id: Option<PersonaId>,
    /// The text.
    pub content: String,
    /// The message it was taken from; nothing if it was typed, or the message is deleted.
    pub source_message_id: Option<MessageId>,
    /// How much it matters, 0 to 1.
    pub importance_score: Score,
    /// What it is.
    pub pin_type: PinType,
    /// Who found it.
    pub source: PinSource,
    /// What it was found to be; nothing if the user set it.
    pub rule: Option<FactKind>,
    /// When it was set.
    pub created_at: Timestamp,
}

from_row!(Pin {
    id,
    scope,
    session_id,
    persona_id,
    content,
    source_message_id,
    importance_score,
    pin_type,
    source,
    rule,
    created_at,
});

/// A pin to be, by the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NewPin {
    /// The session on show.
    pub session_id: SessionId,
    /// Whether it is kept for that session, for its persona, or everywhere.
    pub scope: PinScope,
    /// The text: at most 256 KiB.
    pub content: String,
    /// The message of that session that it is taken from.
    pub source_message_id: Option<MessageId>,
    /// What it is.
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
    /// What it is.
    pub pin_type: PinType,
}

/// Sets a pin of the user's. If the same text is a pin already that counts there, that one becomes
/// the user's, and is returned.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, a source in another session, or a pin for the
/// persona of a session that has none; [`Error::NotFound`] if there is no such session or source.
pub fn insert(tx: &WriteTx<'_>, new: &NewPin) -> Result<Pin> {
    limits::filled_text("pin", &new.content, NOTE_BYTES_MAX)?;
    let session = sessions::get(tx, new.session_id)?;
    if let Some(source) = new.source_message_id
        && messages::get(tx, source)?.session_id != new.session_id
    {
        return Err(Error::invalid(
            "source",
            "must be a message of the same session",
        ));
    }
    let place = PinPlace::of(new.scope, &session)?;
    let is_code = new.pin_type == PinType::Code;
    for rejected in rejected_alike(tx, &new.content, is_code)? {
        delete(tx, rejected)?;
    }
    if let Some(same) = alike(tx, &session, &new.content, is_code)? {
        return merge(tx, same, new, &place);
    }
    let id = PinId::from_uuid(tx.new_uuid());
    tx.execute(
        "INSERT INTO semantic_pins
             (id, scope, session_id, persona_id, content, source_message_id, pin_type, created_at)
         VALUES
             (:id, :scope, :session_id, :persona_id, :content, :source_message_id, :pin_type, :now)",
        named_params! {
            ":id": id,
            ":scope": new.scope,
            ":session_id": place.session_id,
            ":persona_id": place.persona_id,
            ":content": new.content,
            ":source_message_id": new.source_message_id,
            ":pin_type": new.pin_type,
            ":now": tx.now(),
        },
    )?;
    updated(tx, id)
}

/// Whose a pin is.
struct PinPlace {
    scope: PinScope,
    session_id: Option<SessionId>,
    persona_id: Option<PersonaId>,
}

impl PinPlace {
    fn of(scope: PinScope, session: &Session) -> Result<Self> {
        let persona_id = match (scope, &session.persona_id) {
            (PinScope::Persona, None) => {
                let limit = "this session has no persona that a pin could be kept for";
                return Err(Error::invalid("scope", limit));
            }
            (PinScope::Persona, persona) => persona.clone(),
            _ => None,
        };
        Ok(Self {
            scope,
            session_id: (scope == PinScope::Session).then_some(session.id),
            persona_id,
        })
    }
}

/// The pin that is there counts for as much as both, and as widely; the user's word goes above what
/// the app found.
fn merge(tx: &WriteTx<'_>, same: PinId, new: &NewPin, place: &PinPlace) -> Result<Pin> {
    let pin = get(tx, same)?;
    if reach(new.scope) > reach(pin.scope) {
        move_to(tx, same, place)?;
    }
    tx.execute(
        "UPDATE semantic_pins
         SET importance_score = max(importance_score, 0.8), source = 'user', rule = NULL,
             pin_type = iif(pin_type = 'auto', :pin_type, pin_type),
             source_message_id = coalesce(source_message_id, :source_message_id)
         WHERE id = :id",
        named_params! {
            ":id": same,
            ":pin_type": new.pin_type,
            ":source_message_id": new.source_message_id,
        },
    )?;
    updated(tx, same)
}

const fn reach(scope: PinScope) -> u8 {
    match scope {
        PinScope::Session => 0,
        PinScope::Persona => 1,
        PinScope::All => 2,
    }
}

/// Keeps facts that were found in a message as pins of its session, and returns those that are new:
/// what is a pin already, or was rejected, is passed over.
///
/// # Errors
/// [`Error::NotFound`] if there is no such message.
pub fn insert_found(
    tx: &WriteTx<'_>,
    message_id: MessageId,
    found: &[Fact],
    source: PinSource,
) -> Result<Vec<Pin>> {
    let message = messages::visible(messages::get(tx, message_id)?)?;
    let session = sessions::get(tx, message.session_id)?;
    let mut pins = Vec::new();
    for fact in found {
        limits::filled_text("pin", &fact.text, NOTE_BYTES_MAX)?;
        let is_known = alike(tx, &session, &fact.text, false)?.is_some()
            || !rejected_alike(tx, &fact.text, false)?.is_empty();
        if is_known {
            continue;
        }
        let id = PinId::from_uuid(tx.new_uuid());
        tx.execute(
            "INSERT INTO semantic_pins
                 (id, session_id, content, source_message_id, importance_score, pin_type, source,
                  rule, created_at)
             VALUES
                 (:id, :session_id, :content, :source_message_id, :importance_score, 'auto',
                  :source, :rule, :now)",
            named_params! {
                ":id": id,
                ":session_id": session.id,
                ":content": fact.text,
                ":source_message_id": message.id,
                ":importance_score": fact.kind.importance(),
                ":source": source,
                ":rule": fact.kind,
                ":now": tx.now(),
            },
        )?;
        pins.push(updated(tx, id)?);
    }
    Ok(pins)
}

struct Text {
    id: PinId,
    content: String,
    pin_type: PinType,
}

from_row!(Text {
    id,
    content,
    pin_type
});

impl Text {
    /// Code is kept letter by letter, so it is compared so too.
    fn is_like(&self, content: &str, normal_content: &str, is_code: bool) -> bool {
        if is_code || self.pin_type == PinType::Code {
            return self.content == content;
        }
        normal::normal(&self.content) == normal_content
    }
}

/// The pin with the same text that counts for a session.
fn alike(
    tx: &ReadTx<'_>,
    session: &Session,
    content: &str,
    is_code: bool,
) -> Result<Option<PinId>> {
    let normal = normal::normal(content);
    let mut found = None;
    tx.scan(
        "SELECT id, content, pin_type
         FROM semantic_pins
         WHERE session_id = ?1 AND rejected_at IS NULL
         UNION ALL
         SELECT id, content, pin_type
         FROM semantic_pins
         WHERE persona_id = ?2 AND rejected_at IS NULL
         UNION ALL
         SELECT id, content, pin_type
         FROM semantic_pins
         WHERE scope = 'all' AND rejected_at IS NULL",
        (session.id, &session.persona_id),
        |pin: Text| {
            found = pin.is_like(content, &normal, is_code).then_some(pin.id);
            found.is_none()
        },
    )?;
    Ok(found)
}

/// Pins with the same text that the user rejected, wherever that was.
fn rejected_alike(tx: &ReadTx<'_>, content: &str, is_code: bool) -> Result<Vec<PinId>> {
    let normal = normal::normal(content);
    let rejected: Vec<Text> = tx.list(
        "SELECT id, content, pin_type FROM semantic_pins WHERE rejected_at IS NOT NULL",
        [],
    )?;
    let alike = rejected.into_iter();
    let alike = alike.filter(|pin| pin.is_like(content, &normal, is_code));
    Ok(alike.map(|pin| pin.id).collect())
}

/// Returns the pin with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: PinId) -> Result<Pin> {
    tx.find(
        "SELECT id, scope, session_id, persona_id, content, source_message_id, importance_score,
             pin_type, source, rule, created_at
         FROM semantic_pins
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Pin, id)
}

/// Whether the user rejected a pin: it counts nowhere, and is kept so that it is not found again.
pub(crate) fn is_rejected(tx: &ReadTx<'_>, id: PinId) -> Result<bool> {
    let rejected: Option<bool> = tx.value(
        "SELECT rejected_at IS NOT NULL FROM semantic_pins WHERE id = ?1",
        [id],
    )?;
    Ok(rejected.unwrap_or(false))
}

/// Returns the pins that count for a session, the most important first, at most [`LIST_MAX`]: its
/// own, its persona's, and those that count everywhere.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn list(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Vec<Pin>> {
    top(tx, &sessions::get(tx, session_id)?, LIST_MAX)
}

/// The most important pins that count for a session. What the app found in a message that is in the
/// trash does not count.
pub(crate) fn top(tx: &ReadTx<'_>, session: &Session, limit: usize) -> Result<Vec<Pin>> {
    tx.list(
        "SELECT id, scope, session_id, persona_id, content, source_message_id, importance_score,
             pin_type, source, rule, created_at
         FROM semantic_pins
         WHERE session_id = ?1 AND rejected_at IS NULL
             AND (source = 'user' OR source_message_id IS NULL
                 OR (SELECT deleted_at FROM messages WHERE id = source_message_id) IS NULL)
         UNION ALL
         SELECT id, scope, session_id, persona_id, content, source_message_id, importance_score,
             pin_type, source, rule, created_at
         FROM semantic_pins
         WHERE persona_id = ?2 AND rejected_at IS NULL
         UNION ALL
         SELECT id, scope, session_id, persona_id, content, source_message_id, importance_score,
             pin_type, source, rule, created_at
         FROM semantic_pins
         WHERE scope = 'all' AND rejected_at IS NULL
         ORDER BY importance_score DESC, created_at DESC, id DESC
         LIMIT ?3",
        (session.id, &session.persona_id, limit),
    )
}

/// Changes a pin. With another text it is the user's.
///
/// # Errors
/// [`Error::Invalid`] for a text out of its limits, [`Error::NotFound`] if there is no such pin.
pub fn update(tx: &WriteTx<'_>, id: PinId, update: &PinUpdate) -> Result<Pin> {
    limits::filled_text("pin", &update.content, NOTE_BYTES_MAX)?;
    tx.execute(
        "UPDATE semantic_pins
         SET content = :content, importance_score = :importance_score, pin_type = :pin_type,
             source = iif(content = :content, source, 'user'),
             rule = iif(content = :content, rule, NULL)
         WHERE id = :id",
        named_params! {
            ":id": id,
            ":content": update.content,
            ":importance_score": update.importance_score,
            ":pin_type": update.pin_type,
        },
    )?;
    updated(tx, id)
}

/// Keeps a pin for this session, for its persona, or everywhere. One that is not for a session
/// outlives every session.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pin or session, [`Error::Invalid`] for the persona of a
/// session that has none.
pub fn set_scope(
    tx: &WriteTx<'_>,
    id: PinId,
    scope: PinScope,
    session_id: SessionId,
) -> Result<Pin> {
    let session = sessions::get(tx, session_id)?;
    move_to(tx, id, &PinPlace::of(scope, &session)?)?;
    updated(tx, id)
}

fn move_to(tx: &WriteTx<'_>, id: PinId, place: &PinPlace) -> Result<()> {
    tx.execute(
        "UPDATE semantic_pins
         SET scope = :scope, session_id = :session_id, persona_id = :persona_id
         WHERE id = :id",
        named_params! {
            ":id": id,
            ":scope": place.scope,
            ":session_id": place.session_id,
            ":persona_id": place.persona_id,
        },
    )?;
    Ok(())
}

/// Takes away a pin that the app found; the same text is not found again.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pin, [`Error::Invalid`] if the user set it.
pub fn reject(tx: &WriteTx<'_>, id: PinId) -> Result<()> {
    if get(tx, id)?.source == PinSource::User {
        let limit = "is one that you set; delete it instead";
        return Err(Error::invalid("pin", limit));
    }
    tx.execute(
        "UPDATE semantic_pins SET rejected_at = ?2 WHERE id = ?1",
        (id, tx.now()),
    )?;
    tx.changed(Entity::Pin, id);
    Ok(())
}

/// Takes back a rejection.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pin.
pub fn restore_rejected(tx: &WriteTx<'_>, id: PinId) -> Result<Pin> {
    tx.execute(
        "UPDATE semantic_pins SET rejected_at = NULL WHERE id = ?1",
        [id],
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
