//! The filters of a query as the ids that they name, and one statement that tells which messages
//! are within them.

use rusqlite::named_params;
use serde::de::DeserializeOwned;

use super::fold::folded;
use super::notes;
use super::query::{Filters, SearchHint};
use crate::error::{Error, Result};
use crate::ids::{MessageId, PersonaId, SessionId};
use crate::messages::Role;
use crate::personas;
use crate::row::from_row;
use crate::time::Timestamp;
use crate::transaction::ReadTx;

/// Bytes of a text that is read with its row; a longer one is read if it is needed.
pub(crate) const INLINE_BYTES: usize = 256 * 1024;

/// What the messages must be, by ids; JSON arrays, where there are several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    roles: Option<String>,
    personas: Option<String>,
    models: Option<String>,
    sessions: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    has_code: bool,
    is_pinned: bool,
}

/// A message that may be a result.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) id: MessageId,
    pub(crate) session_id: SessionId,
    pub(crate) role: Role,
    pub(crate) created_at: Timestamp,
    /// None: too long to be read along.
    pub(crate) text: Option<String>,
}

from_row!(Candidate {
    id,
    session_id,
    role,
    created_at,
    text,
});

impl Scope {
    /// Looks up what the filters name; what has no such name is told.
    pub(crate) fn new(
        tx: &ReadTx<'_>,
        filters: &Filters,
        hints: &mut Vec<SearchHint>,
    ) -> Result<Self> {
        let personas = match filters.personas.is_empty() {
            true => None,
            false => Some(personas_named(tx, &filters.personas, hints)?),
        };
        let sessions = match filters.sessions.is_empty() {
            true => None,
            false => Some(sessions_named(tx, &filters.sessions, hints)?),
        };
        let models = filters.models.iter().map(|it| it.to_lowercase());
        Ok(Self {
            roles: json(filters.roles.iter().map(|it| it.as_str().to_owned())),
            personas: personas.map(|it| serde_json::Value::from(it).to_string()),
            models: json(models),
            sessions: sessions.map(|it| serde_json::Value::from(it).to_string()),
            after: filters.after,
            before: filters.before,
            has_code: filters.has_code,
            is_pinned: filters.is_pinned,
        })
    }

    /// The sessions that it names, if it names any.
    pub(crate) fn sessions(&self) -> Result<Option<Vec<SessionId>>> {
        listed(self.sessions.as_deref())
    }

    /// The personas that it names, if it names any.
    pub(crate) fn personas(&self) -> Result<Option<Vec<PersonaId>>> {
        listed(self.personas.as_deref())
    }

    /// Whether only messages can be within it.
    pub(crate) fn is_for_messages(&self) -> bool {
        self.roles.is_some() || self.models.is_some() || self.has_code || self.is_pinned
    }

    /// The messages among these that are within it and not in the trash, the newest first.
    pub(crate) fn look(&self, tx: &ReadTx<'_>, ids: &[i64]) -> Result<Vec<Candidate>> {
        let mut found: Vec<Candidate> = tx.list(
            "SELECT messages.id AS id, session_id, role, created_at,
                 iif(octet_length(text) <= :inline_bytes, text, NULL) AS text
             FROM json_each(:ids)
             CROSS JOIN messages ON messages.id = json_each.value
             WHERE messages.deleted_at IS NULL
                 AND messages.status <> 'streaming'
                 AND session_id NOT IN (SELECT id FROM sessions WHERE deleted_at IS NOT NULL)
                 AND (:roles IS NULL OR role IN (SELECT value FROM json_each(:roles)))
                 AND (:sessions IS NULL
                     OR session_id IN (SELECT value FROM json_each(:sessions)))
                 AND (:personas IS NULL
                     OR (SELECT persona_id FROM sessions WHERE sessions.id = session_id)
                         IN (SELECT value FROM json_each(:personas)))
                 AND (:models IS NULL
                     OR EXISTS (
                         SELECT 1
                         FROM json_each(:models)
                         WHERE instr(lower(messages.model_id), json_each.value) > 0
                     ))
                 AND (:after IS NULL OR created_at >= :after)
                 AND (:before IS NULL OR created_at < :before)
                 AND (NOT :has_code OR instr(text, '```') > 0)
                 AND (NOT :is_pinned
                     OR EXISTS (
                         SELECT 1 FROM semantic_pins WHERE source_message_id = messages.id
                     ))",
            named_params! {
                ":ids": serde_json::Value::from(ids).to_string(),
                ":inline_bytes": INLINE_BYTES,
                ":roles": self.roles,
                ":sessions": self.sessions,
                ":personas": self.personas,
                ":models": self.models,
                ":after": self.after,
                ":before": self.before,
                ":has_code": self.has_code,
                ":is_pinned": self.is_pinned,
            },
        )?;
        found.sort_unstable_by_key(|it| std::cmp::Reverse(it.id));
        Ok(found)
    }

    /// Whether a note of this session and time is within it.
    pub(crate) fn holds(
        &self,
        session_id: Option<SessionId>,
        persona_id: Option<&str>,
        created_at: Timestamp,
    ) -> bool {
        let names = |list: &Option<String>, id: Option<&str>| match list {
            None => true,
            Some(list) => id.is_some_and(|id| list.contains(&format!("\"{id}\""))),
        };
        let session_id = session_id.map(|it| it.to_string());
        names(&self.sessions, session_id.as_deref())
            && names(&self.personas, persona_id)
            && self.after.is_none_or(|after| created_at >= after)
            && self.before.is_none_or(|before| created_at < before)
    }
}

/// The ids of one of the lists.
fn listed<T: DeserializeOwned>(list: Option<&str>) -> Result<Option<Vec<T>>> {
    let ids = list.map(serde_json::from_str).transpose();
    ids.map_err(|error| Error::invalid("filter", error.to_string()))
}

fn json(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| serde_json::Value::from(values).to_string())
}

fn personas_named(
    tx: &ReadTx<'_>,
    names: &[String],
    hints: &mut Vec<SearchHint>,
) -> Result<Vec<String>> {
    let all = personas::list(tx)?;
    let mut ids = Vec::new();
    for name in names {
        let wanted = folded(name);
        let is_meant = |it: &&personas::Persona| {
            it.id.as_str() == name || folded(&it.fields.name).contains(&wanted)
        };
        let found: Vec<_> = all.iter().filter(is_meant).collect();
        if found.is_empty() {
            hints.push(nothing_named("persona", name));
        }
        ids.extend(found.into_iter().map(|it| it.id.as_str().to_owned()));
    }
    Ok(ids)
}

fn sessions_named(
    tx: &ReadTx<'_>,
    names: &[String],
    hints: &mut Vec<SearchHint>,
) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for name in names {
        let found = match name.parse::<SessionId>() {
            Ok(id) => vec![id],
            Err(_) => notes::sessions_named(tx, name)?,
        };
        if found.is_empty() {
            hints.push(nothing_named("session", name));
        }
        ids.extend(found.into_iter().map(|id| id.to_string()));
    }
    Ok(ids)
}

fn nothing_named(what: &str, name: &str) -> SearchHint {
    SearchHint {
        part: format!("{what}:{name}"),
        problem: format!("No {what} is called that."),
    }
}
