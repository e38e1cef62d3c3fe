//! A page of messages that match, as they are shown.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::matcher::Matcher;
use super::scope::Candidate;
use super::snippets::{SnippetPart, snippet};
use crate::error::Result;
use crate::ids::{MessageId, SessionId};
use crate::messages::{self, Role};
use crate::row::from_row;
use crate::sessions::{self, Session};
use crate::time::Timestamp;
use crate::transaction::ReadTx;

/// A message that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct MessageHit {
    /// The message.
    pub message_id: MessageId,
    /// The session it is in.
    pub session_id: SessionId,
    /// What that is called.
    pub session_name: String,
    /// Whose message it is.
    pub role: Role,
    /// The model that wrote it.
    pub model_id: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Whether it is on the branch on show.
    pub on_branch: bool,
    /// The text around what matches.
    pub snippet: Vec<SnippetPart>,
}

/// The hits of one page, in the order of the candidates.
pub(crate) fn message_hits(
    tx: &ReadTx<'_>,
    candidates: &[Candidate],
    matcher: &Matcher,
) -> Result<Vec<MessageHit>> {
    let mut shown = HashMap::new();
    for candidate in candidates {
        let oldest = shown.entry(candidate.session_id).or_insert(candidate.id);
        *oldest = candidate.id.min(*oldest);
    }
    let mut sessions = HashMap::new();
    for (id, oldest) in shown {
        let session = sessions::get(tx, id)?;
        let branch = branch_down_to(tx, &session, oldest)?;
        sessions.insert(id, (session, branch));
    }
    let mut hits = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let message = messages::get(tx, candidate.id)?;
        let Some((session, branch)) = sessions.get(&candidate.session_id) else {
            continue; // it was looked up just above
        };
        hits.push(MessageHit {
            message_id: message.id,
            session_id: message.session_id,
            session_name: session.name.clone(),
            role: message.role,
            model_id: message.model_id,
            created_at: message.created_at,
            on_branch: is_on(branch, message.id),
            snippet: snippet(matcher, &message.text),
        });
    }
    Ok(hits)
}

struct Step {
    id: MessageId,
    parent_id: Option<MessageId>,
}

from_row!(Step { id, parent_id });

/// The messages on the branch on show, from its head down to `oldest`.
fn branch_down_to(tx: &ReadTx<'_>, session: &Session, oldest: MessageId) -> Result<Vec<MessageId>> {
    let mut branch = Vec::new();
    let mut wanted = session.head_id;
    tx.scan(
        "SELECT id, parent_id
         FROM messages
         WHERE session_id = ?1 AND id BETWEEN ?2 AND ?3
         ORDER BY id DESC",
        (session.id, oldest, session.head_id),
        |step: Step| {
            if wanted == Some(step.id) {
                wanted = step.parent_id;
                branch.push(step.id);
            }
            wanted.is_some()
        },
    )?;
    Ok(branch)
}

fn is_on(branch: &[MessageId], id: MessageId) -> bool {
    branch
        .binary_search_by_key(&Reverse(id), |it| Reverse(*it))
        .is_ok()
}
