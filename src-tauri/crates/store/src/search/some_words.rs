//! What has some of the words, where no message has all of them: a question is seldom said again in
//! its own words, and one word that is remembered wrongly should not hide what is looked for.

use std::collections::HashSet;

use super::candidates;
use super::expression;
use super::fold::Folded;
use super::matcher::Matcher;
use super::query::Query;
use super::ranking;
use super::scope::{Candidate, Scope};
use crate::error::Result;
use crate::transaction::ReadTx;

/// How many of the rarest words are looked for one by one, and how many messages of each.
const WORDS_EACH: usize = 6;
const MESSAGES_EACH: usize = 300;

/// The newest messages that have one of the rarest words; those first that have the most, as far as
/// these are rare.
pub(crate) fn best_first(
    tx: &ReadTx<'_>,
    query: &Query,
    matcher: &Matcher,
    scope: &Scope,
    ceiling: i64,
) -> Result<Vec<Candidate>> {
    let weights = ranking::weights(tx, query)?;
    let mut rarest: Vec<_> = query.terms.iter().zip(&weights).collect();
    rarest.sort_by(|a, b| b.1.total_cmp(a.1));
    let (mut seen, mut scored, mut words_found) = (HashSet::new(), Vec::new(), 0);
    for (term, _) in rarest {
        let alone = Query {
            terms: vec![term.clone()],
            ..query.clone()
        };
        let source = expression::source(tx, &alone)?;
        let of_term = Matcher::new(&alone);
        let block = candidates::block(tx, &source, &of_term, scope, ceiling, MESSAGES_EACH)?;
        words_found += usize::from(!block.candidates.is_empty());
        for candidate in block.candidates {
            if seen.insert(candidate.id) {
                let text = candidate.text.as_deref().unwrap_or_default();
                let counts = matcher.counts(&Folded::new(text));
                let there = counts.iter().zip(&weights).filter(|(count, _)| **count > 0);
                scored.push((there.map(|(_, weight)| weight).sum::<f64>(), candidate));
            }
        }
        if words_found == WORDS_EACH {
            break;
        }
    }
    scored.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(second.id.cmp(&first.id)));
    Ok(scored.into_iter().map(|(_, candidate)| candidate).collect())
}
