//! The context of a session: what a model is sent.
//!
//! [`build`] reads the rows that may go in; [`plan`] decides, without a database and always alike,
//! which of them do within a budget of tokens, and says of each why.

mod importance;
mod plan;
pub mod recall;

use std::collections::HashSet;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::Result;
use crate::ids::{MessageId, SessionId};
use crate::messages::{self, Message};
use crate::personas::{self, Persona};
use crate::pins::{self, Pin};
use crate::row::{from_row, word_enum};
use crate::sessions::{self, Session};
use crate::summaries::{self, Summary};
use crate::transaction::{ReadTx, WriteTx};

pub use importance::importance;
pub use plan::{ContextItem, ContextPlan, PlanOptions, Reason, plan};
pub use recall::{RecallFrom, Recalled, RecalledFrom};

/// The most of each that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// The newest messages of the branch on show.
    pub messages: usize,
    /// The most important pins.
    pub pins: usize,
    /// The newest summaries.
    pub summaries: usize,
}

impl Default for ContextLimits {
    /// More than fits into the context window of a common model.
    fn default() -> Self {
        Self {
            messages: 1000,
            pins: 100,
            summaries: 20,
        }
    }
}

word_enum! {
    /// What an item of a context is.
    Part {
        /// The persona's prompt.
        System = "system",
        /// A pin.
        Pin = "pin",
        /// A summary.
        Summary = "summary",
        /// A message that is recalled from before those that were read, or from another session.
        Recalled = "recalled",
        /// A message.
        Message = "message",
    }
}

impl Part {
    /// What it is kept out as: a message, wherever it would stand.
    const fn kept_out_as(self) -> Self {
        match self {
            Self::Recalled => Self::Message,
            other => other,
        }
    }
}

/// Something that the user keeps out of a session's context.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Exclusion {
    /// What it is: a pin, a summary or a message; one that is recalled is kept as a message.
    pub part: Part,
    /// Its id, as text.
    pub item_id: String,
}

from_row!(Exclusion { part, item_id });

/// The rows that a context is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Who the model is asked to be.
    pub persona: Option<Persona>,
    /// The newest messages of the branch on show, oldest first.
    pub messages: Vec<Message>,
    /// The most important first.
    pub pins: Vec<Pin>,
    /// Those of the branch on show, of the newest messages first.
    pub summaries: Vec<Summary>,
    /// What may be recalled, the nearest first: of [`recall::find`], where there are vectors.
    pub recalled: Vec<Recalled>,
    /// What the user keeps out.
    pub exclusions: HashSet<Exclusion>,
}

impl Context {
    /// How many messages of the branch stand before those that were read.
    #[must_use]
    pub fn older_messages(&self) -> u32 {
        self.messages.first().map_or(0, |oldest| oldest.depth - 1)
    }
}

/// Reads the rows of a session's context: of the branch on show.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such session.
pub fn build(tx: &ReadTx<'_>, session_id: SessionId, limits: ContextLimits) -> Result<Context> {
    let session = sessions::get(tx, session_id)?;
    let head = session.head_id;
    rows(tx, &session, head, limits)
}

/// Reads the rows of the context that a message stands in: of the branch that ends in it, whichever
/// is on show.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such message.
pub fn build_for(tx: &ReadTx<'_>, id: MessageId, limits: ContextLimits) -> Result<Context> {
    let session = sessions::get(tx, messages::get(tx, id)?.session_id)?;
    rows(tx, &session, Some(id), limits)
}

fn rows(
    tx: &ReadTx<'_>,
    session: &Session,
    head: Option<MessageId>,
    limits: ContextLimits,
) -> Result<Context> {
    let persona = session.persona_id.as_ref().map(|id| personas::get(tx, id));
    let mut messages = messages::branch(tx, session.id, head, limits.messages)?;
    messages.reverse();
    Ok(Context {
        persona: persona.transpose()?,
        pins: pins::top(tx, session, limits.pins)?,
        summaries: summaries::on_branch(tx, &messages, limits.summaries)?,
        messages,
        recalled: Vec::new(),
        exclusions: exclusions(tx, session.id)?.into_iter().collect(),
    })
}

/// Returns what the user keeps out of a session's context.
///
/// # Errors
/// What SQLite reports.
pub fn exclusions(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Vec<Exclusion>> {
    tx.list(
        "SELECT part, item_id FROM context_exclusions WHERE session_id = ?1",
        [session_id],
    )
}

/// Keeps something out of a session's context, or lets it in again. A message that is recalled is kept
/// out as a message: wherever it would stand.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such session, [`crate::Error::Invalid`] for the system
/// prompt, which is the persona's.
pub fn set_excluded(
    tx: &WriteTx<'_>,
    session_id: SessionId,
    exclusion: &Exclusion,
    excluded: bool,
) -> Result<()> {
    sessions::get(tx, session_id)?;
    if exclusion.part == Part::System {
        let limit = "the persona's prompt is always sent; choose another persona";
        return Err(crate::Error::invalid("part", limit));
    }
    let sql = if excluded {
        "INSERT INTO context_exclusions (session_id, part, item_id)
         VALUES (:session_id, :part, :item_id)
         ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM context_exclusions
         WHERE session_id = :session_id AND part = :part AND item_id = :item_id"
    };
    tx.execute(
        sql,
        named_params! {
            ":session_id": session_id,
            ":part": exclusion.part.kept_out_as(),
            ":item_id": exclusion.item_id,
        },
    )?;
    tx.changed(Entity::Session, session_id);
    Ok(())
}
