//! Recall: old messages that mean what the user's last message is about.
//!
//! [`find`] asks the vectors; [`super::plan`] decides which of these fit, in a share of the budget. A
//! message that a summary in the context covers is not recalled: it would be said twice.

use std::collections::HashSet;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::error::Result;
use crate::ids::{MessageId, SessionId};
use crate::limits::Score;
use crate::messages::{self, Message, Role};
use crate::row::from_row;
use crate::sessions::{self, Session};
use crate::transaction::ReadTx;
use crate::vectors::{self, Filter, NearestOptions};

/// The most candidates.
const CANDIDATES: usize = 30;
/// The least cosine: with the common models, what is below has little to do with the question.
const THRESHOLD: f64 = 0.35;

/// Which sessions are recalled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum RecallFrom {
    /// The one that is talked in.
    #[default]
    ThisSession,
    /// It and all that have its persona.
    ThisPersona,
    /// Every one that is not in the trash.
    EverySession,
}

/// A message that may be recalled.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// The message.
    pub message: Message,
    /// What its session is called.
    pub session_name: String,
    /// How near it is to the user's last message, 0 to 1.
    pub score: Score,
}

/// Where a message that is recalled stands, so that one can go there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct RecalledFrom {
    /// Its session.
    pub session_id: SessionId,
    /// What that is called.
    pub session_name: String,
    /// The message.
    pub message_id: MessageId,
}

impl RecalledFrom {
    pub(super) fn of(recalled: &Recalled) -> Self {
        Self {
            session_id: recalled.message.session_id,
            session_name: recalled.session_name.clone(),
            message_id: recalled.message.id,
        }
    }
}

/// Returns the messages nearest to `query`, the vector of the user's last message: the nearest first.
/// Of this session only what stands on the branch of the context is among them, and that message
/// itself is not.
///
/// # Errors
/// As [`vectors::nearest`].
pub fn find(
    tx: &ReadTx<'_>,
    session: &Session,
    context: &Context,
    query: &[f32],
    from: RecallFrom,
) -> Result<Vec<Recalled>> {
    let filter = match from {
        RecallFrom::ThisSession => Filter::of_session(session.id),
        RecallFrom::ThisPersona => match &session.persona_id {
            Some(persona) => Filter::of_persona(persona.clone()),
            None => Filter::of_session(session.id),
        },
        RecallFrom::EverySession => Filter::default(),
    };
    let options = NearestOptions {
        filter: Filter {
            roles: Some(vec![Role::User, Role::Assistant]),
            ..filter
        },
        limit: CANDIDATES,
        threshold: THRESHOLD,
    };
    let found = vectors::nearest(tx, query, &options)?;
    let asked = context.messages.iter().rfind(|it| it.role == Role::User);
    let here = found.iter().filter(|it| it.session_id == session.id);
    let on_branch = on_branch(tx, context, here.map(|it| it.message_id).min())?;
    let mut recalled = Vec::new();
    for nearest in found {
        let id = nearest.message_id;
        let is_elsewhere = nearest.session_id != session.id;
        if Some(id) != asked.map(|it| it.id) && (is_elsewhere || on_branch.contains(&id)) {
            recalled.push(Recalled {
                message: messages::get(tx, id)?,
                session_name: sessions::get(tx, nearest.session_id)?.name,
                score: Score::new(nearest.similarity.clamp(0.0, 1.0))?,
            });
        }
    }
    Ok(recalled)
}

struct OnBranch {
    id: MessageId,
}

from_row!(OnBranch { id });

/// The messages of the context's branch, back to `oldest`.
fn on_branch(
    tx: &ReadTx<'_>,
    context: &Context,
    oldest: Option<MessageId>,
) -> Result<HashSet<MessageId>> {
    let mut ids: HashSet<_> = context.messages.iter().map(|it| it.id).collect();
    let before = context.messages.first().and_then(|it| it.parent_id);
    if let (Some(from), Some(oldest)) = (before, oldest) {
        tx.scan(
            "WITH RECURSIVE branch (id, parent_id) AS (
                 SELECT id, parent_id FROM messages WHERE id = :from AND id >= :oldest
                 UNION ALL
                 SELECT messages.id, messages.parent_id
                 FROM branch
                 JOIN messages ON messages.id = branch.parent_id
                 WHERE messages.id >= :oldest
             )
             SELECT id FROM branch",
            named_params! { ":from": from, ":oldest": oldest },
            |row: OnBranch| ids.insert(row.id),
        )?;
    }
    Ok(ids)
}
