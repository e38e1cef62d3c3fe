//! Search by meaning, alone or together with words, and more like a message.

use std::collections::HashMap;

use super::candidates;
use super::fold::Folded;
use super::hits::{self, MessageHit};
use super::matcher::Matcher;
use super::query::{Filters, Query};
use super::scope::{Candidate, Scope};
use super::{
    Found, MatchedAs, SearchCursor, SearchMode, SearchRequest, SearchResults, SearchTotal,
};
use crate::error::Result;
use crate::fusion::{Ranked, fuse};
use crate::ids::MessageId;
use crate::transaction::ReadTx;
use crate::vectors::{self, Filter, NearestOptions};

/// The most messages that a search by meaning shows on all of its pages.
const SHOWN_MAX: usize = 200;
/// More are read where filters that only the rows know take some of them.
const NEAREST_MAX: usize = 400;
/// How much a place in each list counts.
const WORDS_WEIGHT: f64 = 1.0;
const MEANING_WEIGHT: f64 = 1.0;

/// Puts a page of what is nearest to `vector` into the results, with what has the words too if they
/// are asked for.
pub(super) fn fill(
    tx: &ReadTx<'_>,
    request: &SearchRequest,
    query: Query,
    scope: &Scope,
    vector: &[f32],
    results: &mut SearchResults,
) -> Result<()> {
    let cursor = request.after.unwrap_or(SearchCursor {
        ceiling: candidates::newest_id(tx)?,
        offset: 0,
        matched: MatchedAs::Words,
    });
    let matcher = Matcher::new(&query);
    let mut known: HashMap<MessageId, Candidate> = HashMap::new();
    let mut list = |found: Vec<Candidate>| -> Vec<MessageId> {
        let ids = found.iter().map(|it| it.id).collect();
        known.extend(found.into_iter().map(|it| (it.id, it)));
        ids
    };
    let meaning = list(by_meaning(
        tx,
        &query,
        &matcher,
        scope,
        vector,
        cursor.ceiling,
    )?);
    let words = match request.mode {
        SearchMode::Both => list(by_words(tx, &query, scope, cursor.ceiling)?),
        SearchMode::Words | SearchMode::Meaning => Vec::new(),
    };
    let lists = [
        Ranked {
            weight: WORDS_WEIGHT,
            ids: &words,
        },
        Ranked {
            weight: MEANING_WEIGHT,
            ids: &meaning,
        },
    ];
    let fused = fuse(&lists, SHOWN_MAX);
    let (count, end) = (fused.len(), cursor.offset.saturating_add(request.limit));
    let shown = fused.into_iter().skip(cursor.offset).take(request.limit);
    let shown: Vec<_> = shown.filter_map(|it| known.remove(&it.id)).collect();
    results.messages = hits::message_hits(tx, &shown, &matcher)?;
    results.total = SearchTotal {
        count,
        is_exact: false,
    };
    results.next = (end < count).then_some(SearchCursor {
        offset: end,
        ..cursor
    });
    Ok(())
}

/// The messages nearest to a vector, but for one that is looked at already; the nearest first. The
/// vector is [`vectors::of_message`] or that of a pin's text.
///
/// # Errors
/// As [`vectors::nearest`].
pub fn more_like(
    tx: &ReadTx<'_>,
    vector: &[f32],
    but: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageHit>> {
    let found = vectors::nearest(tx, vector, &NearestOptions::first(limit.saturating_add(1)))?;
    let ids = found.iter().map(|it| it.message_id);
    let ids: Vec<_> = ids.filter(|id| Some(*id) != but).take(limit).collect();
    let candidates = in_order(&ids, Scope::default().look(tx, &numbers(&ids))?);
    hits::message_hits(tx, &candidates, &Matcher::new(&Query::default()))
}

/// What is within the scope, does not have what is excluded, and was there when the first page was
/// made; the nearest first.
fn by_meaning(
    tx: &ReadTx<'_>,
    query: &Query,
    matcher: &Matcher,
    scope: &Scope,
    vector: &[f32],
    ceiling: i64,
) -> Result<Vec<Candidate>> {
    let options = NearestOptions {
        filter: filter(scope, &query.filters)?,
        ..NearestOptions::first(NEAREST_MAX)
    };
    let found = vectors::nearest(tx, vector, &options)?;
    let ids: Vec<_> = found.iter().map(|it| it.message_id).collect();
    let mut within = in_order(&ids, scope.look(tx, &numbers(&ids))?);
    within.retain(|it| {
        let text = it.text.as_deref().unwrap_or_default();
        it.id.get() <= ceiling && !matcher.excludes(&Folded::new(text))
    });
    within.truncate(SHOWN_MAX);
    Ok(within)
}

/// What the codes can tell of the filters; the rest is told by the rows.
fn filter(scope: &Scope, filters: &Filters) -> Result<Filter> {
    let roles = (!filters.roles.is_empty()).then(|| filters.roles.clone());
    Ok(Filter {
        sessions: scope.sessions()?,
        personas: scope.personas()?,
        roles,
        after: filters.after,
        before: filters.before,
    })
}

/// What has all the words, and if that is nothing, what has some of them; the best first.
fn by_words(tx: &ReadTx<'_>, query: &Query, scope: &Scope, ceiling: i64) -> Result<Vec<Candidate>> {
    let mut found = Found::new(tx, MatchedAs::Words, query, scope, ceiling)?;
    if found.block.candidates.is_empty() {
        found = Found::new(tx, MatchedAs::SomeWords, query, scope, ceiling)?;
    }
    let mut best = found.take_best_first(tx)?;
    best.truncate(SHOWN_MAX);
    Ok(best)
}

fn numbers(ids: &[MessageId]) -> Vec<i64> {
    ids.iter().map(|id| id.get()).collect()
}

/// The candidates in the order of these ids.
fn in_order(ids: &[MessageId], candidates: Vec<Candidate>) -> Vec<Candidate> {
    let candidates = candidates.into_iter().map(|it| (it.id, it));
    let mut by_id: HashMap<_, _> = candidates.collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}
