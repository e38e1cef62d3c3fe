//! How the matches are spread over months, roles and sessions.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::dates::Calendar;
use super::scope::Candidate;
use crate::error::Result;
use crate::ids::SessionId;
use crate::sessions;
use crate::transaction::ReadTx;

/// The most sessions that are named.
const SESSIONS_MAX: usize = 12;

/// How many matches have a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Facet {
    /// The value: a month as "2026-11", or a role.
    pub value: String,
    /// How many messages.
    pub count: u32,
}

/// How many matches a session has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SessionFacet {
    /// The session.
    pub session_id: SessionId,
    /// What it is called.
    pub name: String,
    /// How many messages.
    pub count: u32,
}

/// How the newest matches are spread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SearchFacets {
    /// By month, the newest first.
    pub months: Vec<Facet>,
    /// By role, the most first.
    pub roles: Vec<Facet>,
    /// By session, the most first; at most 12.
    pub sessions: Vec<SessionFacet>,
    /// Whether all matches are counted, and not just the newest.
    pub is_complete: bool,
}

pub(crate) fn count(
    tx: &ReadTx<'_>,
    candidates: &[Candidate],
    is_complete: bool,
    calendar: Calendar,
) -> Result<SearchFacets> {
    let mut months = BTreeMap::<String, u32>::new();
    let mut roles = BTreeMap::<&str, u32>::new();
    let mut sessions = HashMap::<SessionId, u32>::new();
    for candidate in candidates {
        if let Some(month) = calendar.month(candidate.created_at) {
            *months.entry(month).or_default() += 1;
        }
        *roles.entry(candidate.role.as_str()).or_default() += 1;
        *sessions.entry(candidate.session_id).or_default() += 1;
    }
    let mut roles: Vec<Facet> = roles
        .into_iter()
        .map(|(it, n)| facet(it.into(), n))
        .collect();
    roles.sort_by_key(|it| std::cmp::Reverse(it.count));
    Ok(SearchFacets {
        months: months
            .into_iter()
            .rev()
            .map(|(it, n)| facet(it, n))
            .collect(),
        roles,
        sessions: named(tx, sessions)?,
        is_complete,
    })
}

const fn facet(value: String, count: u32) -> Facet {
    Facet { value, count }
}

fn named(tx: &ReadTx<'_>, counts: HashMap<SessionId, u32>) -> Result<Vec<SessionFacet>> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(id, count)| std::cmp::Reverse((*count, *id)));
    let most = counts.into_iter().take(SESSIONS_MAX);
    most.map(|(session_id, count)| {
        let name = sessions::get(tx, session_id)?.name;
        Ok(SessionFacet {
            session_id,
            name,
            count,
        })
    })
    .collect()
}
