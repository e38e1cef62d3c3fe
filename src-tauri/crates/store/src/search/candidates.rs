//! The newest messages that match, in bounded steps: the commonest word is in nearly every message,
//! and a filter may fit none.

use super::expression::Source;
use super::fold::Folded;
use super::matcher::Matcher;
use super::scope::{Candidate, Scope};
use crate::error::Result;
use crate::ids::MessageId;
use crate::messages;
use crate::row::from_row;
use crate::transaction::ReadTx;

/// Messages that are looked at in one step.
const STEP: usize = 2000;
/// Messages that are looked at for one page.
const LOOKED_AT_MAX: usize = 50_000;

/// The newest candidates up to an id, and where the older ones begin.
#[derive(Debug)]
pub(crate) struct Block {
    /// The newest first.
    pub(crate) candidates: Vec<Candidate>,
    /// The id to go on from; nothing, if there are no older ones.
    pub(crate) rest: Option<i64>,
}

struct Id {
    id: i64,
}

from_row!(Id { id });

/// The newest messages with an id up to `ceiling` that match, about `wanted` of them.
pub(crate) fn block(
    tx: &ReadTx<'_>,
    source: &Source,
    matcher: &Matcher,
    scope: &Scope,
    ceiling: i64,
    wanted: usize,
) -> Result<Block> {
    let step = wanted.min(STEP);
    let mut candidates = Vec::new();
    let (mut rest, mut looked_at) = (Some(ceiling), 0);
    while let Some(from) = rest
        && candidates.len() < wanted
        && looked_at < LOOKED_AT_MAX
    {
        let ids = newest(tx, source, from, step)?;
        looked_at += ids.len();
        rest = ids.last().filter(|_| ids.len() == step).map(|id| id - 1);
        for candidate in scope.look(tx, &ids)? {
            if !matcher.must_see_text() || fits(tx, matcher, &candidate)? {
                candidates.push(candidate);
            }
        }
    }
    Ok(Block { candidates, rest })
}

fn newest(tx: &ReadTx<'_>, source: &Source, from: i64, limit: usize) -> Result<Vec<i64>> {
    let found: Vec<Id> = match source {
        Source::Words(expression) => tx.list(
            "SELECT rowid AS id
             FROM search_words
             WHERE search_words MATCH ?1 AND rowid BETWEEN 1 AND ?2
             ORDER BY rowid DESC
             LIMIT ?3",
            (expression, from, limit),
        )?,
        Source::Parts(expression) => tx.list(
            "SELECT rowid AS id
             FROM search_parts
             WHERE search_parts MATCH ?1 AND rowid BETWEEN 1 AND ?2
             ORDER BY rowid DESC
             LIMIT ?3",
            (expression, from, limit),
        )?,
        Source::Rows => tx.list(
            "SELECT id FROM messages WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
            (from, limit),
        )?,
    };
    Ok(found.into_iter().map(|it| it.id).collect())
}

fn fits(tx: &ReadTx<'_>, matcher: &Matcher, candidate: &Candidate) -> Result<bool> {
    Ok(match &candidate.text {
        Some(text) => matcher.fits(&Folded::new(text)),
        None => matcher.fits(&Folded::new(&messages::get(tx, candidate.id)?.text)),
    })
}

/// The newest message's id: where a search begins, and its later pages too.
pub(crate) fn newest_id(tx: &ReadTx<'_>) -> Result<i64> {
    let newest: Option<Option<MessageId>> = tx.value("SELECT max(id) FROM messages", [])?;
    Ok(newest.flatten().map_or(0, MessageId::get))
}
