//! Search: any message, session, summary or pin by its words.
//!
//! Two FTS5 indexes, of words and of parts of words, are kept by triggers in the transaction of the
//! row (`V8__full_text.sql`); [`index`] fills them behind an upgrade or an import, and [`repair`]
//! checks and renews them. A query goes through these rooms: `query` takes it apart, `expression`
//! says it to FTS5, `candidates` takes the newest that match and are within the `scope` of its
//! filters, `ranking` puts the best first, and `hits` and `snippets` show them; where no message has all
//! the words, `some_words` takes the place of the two.
//!
//! Nothing here takes longer the more messages match: the newest 1,000 are ranked, and the older ones
//! come with later pages.

mod candidates;
mod dates;
mod expression;
mod facets;
mod fold;
mod hits;
pub mod index;
mod matcher;
mod meaning;
mod notes;
mod palette;
mod query;
mod ranking;
pub mod repair;
mod scope;
mod snippets;
mod some_words;

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use facets::{Facet, SearchFacets, SessionFacet};
pub use hits::MessageHit;
pub use meaning::more_like;
pub use notes::{NoteHit, NoteKind};
pub use palette::{PaletteResults, PersonaHit, SessionHit, palette};
pub use query::SearchHint;
pub use snippets::SnippetPart;

use crate::error::{Error, Result};
use crate::row::word_enum;
use crate::time::Timestamp;
use crate::transaction::ReadTx;
use candidates::Block;
use dates::Calendar;
use matcher::Matcher;
use query::Query;
use scope::{Candidate, Scope};

/// The most messages in one page.
pub const LIMIT_MAX: usize = 100;
/// The newest messages that match, of which the best come first.
const RANKED_MAX: usize = 1000;

word_enum! {
    /// In what order the messages come.
    SearchOrder {
        /// The best of the newest that match first.
        Best = "best",
        /// The newest first.
        Newest = "newest",
    }
}

word_enum! {
    /// By what is looked for.
    #[derive(Default)]
    SearchMode {
        /// By the words.
        #[default]
        Words = "words",
        /// By what they mean.
        Meaning = "meaning",
        /// By both, as one ranking.
        Both = "both",
    }
}

word_enum! {
    /// How the words of the query were found.
    MatchedAs {
        /// As whole words.
        Words = "words",
        /// As parts of words: no message has them whole.
        Parts = "parts",
        /// As whole words, but not all: no message has all of them, whole or inside others.
        SomeWords = "some_words",
    }
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SearchRequest {
    /// What was typed: words, "phrases", -not, begin*, *part*, and the filters role: persona: model:
    /// session: before: after: has:code is:pinned.
    pub text: String,
    /// By what; by meaning with [`search_by_meaning`].
    #[serde(default)]
    pub mode: SearchMode,
    /// What comes first, by words.
    pub order: SearchOrder,
    /// The `next` of the page before; nothing: the first page.
    pub after: Option<SearchCursor>,
    /// Messages in the page, 1 to 100.
    pub limit: usize,
    /// Where the user's days begin: minutes east of Greenwich.
    pub utc_offset_minutes: i32,
}

impl SearchRequest {
    /// The first 20, the best first, by UTC.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mode: SearchMode::Words,
            order: SearchOrder::Best,
            after: None,
            limit: 20,
            utc_offset_minutes: 0,
        }
    }
}

/// How many messages match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SearchTotal {
    /// So many, or more.
    pub count: usize,
    /// Whether it is exactly so many.
    pub is_exact: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SearchResults {
    /// One page of messages. It can be empty and another follow, where a filter fits few of very
    /// many.
    pub messages: Vec<MessageHit>,
    /// Sessions, pins and summaries; on the first page.
    pub notes: Vec<NoteHit>,
    /// Where the next page begins; nothing when this was the last.
    pub next: Option<SearchCursor>,
    /// How many messages match, as far as is known on this page.
    pub total: SearchTotal,
    /// How they are spread; on the first page.
    pub facets: SearchFacets,
    /// How the words were found.
    pub matched: MatchedAs,
    /// What of the query was not understood.
    pub hints: Vec<SearchHint>,
    /// About how many messages are not indexed yet, and so not found.
    pub pending: u64,
}

/// Where a page of results ended. As text: "ceiling.offset.matched".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "specta", derive(specta::Type), specta(type = String))]
pub struct SearchCursor {
    /// The newest message that is looked at: what came since does not move the pages.
    ceiling: i64,
    /// How many of the best of those from there on were shown.
    offset: usize,
    matched: MatchedAs,
}

impl fmt::Display for SearchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ceiling,
            offset,
            matched,
        } = self;
        write!(f, "{ceiling}.{offset}.{}", matched.as_str())
    }
}

impl FromStr for SearchCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let mut parts = text.splitn(3, '.');
            Some(Self {
                ceiling: parts.next()?.parse().ok()?,
                offset: parts.next()?.parse().ok()?,
                matched: match parts.next()? {
                    "words" => MatchedAs::Words,
                    "parts" => MatchedAs::Parts,
                    "some_words" => MatchedAs::SomeWords,
                    _ => return None,
                },
            })
        };
        parse().ok_or_else(|| Error::invalid("cursor", "is not one that a page of results gave"))
    }
}

impl TryFrom<String> for SearchCursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SearchCursor> for String {
    fn from(cursor: SearchCursor) -> Self {
        cursor.to_string()
    }
}

/// Finds what is looked for by its words. There is no wrong text: what of it is not understood is told
/// in the results.
///
/// # Errors
/// [`Error::Invalid`] for a limit out of range, and what SQLite reports.
pub fn search(tx: &ReadTx<'_>, request: &SearchRequest, now: Timestamp) -> Result<SearchResults> {
    prepared(tx, request, now, |query, scope, calendar, results| {
        fill(tx, request, query, scope, calendar, results)
    })
}

/// Finds what is looked for by meaning, or by both, as the request says; `vector` is that of
/// [`words_of`] the text. What comes is the nearest first; there are at most 200.
///
/// # Errors
/// As [`search`] and [`crate::vectors::nearest`].
pub fn search_by_meaning(
    tx: &ReadTx<'_>,
    request: &SearchRequest,
    vector: &[f32],
    now: Timestamp,
) -> Result<SearchResults> {
    prepared(tx, request, now, |query, scope, _, results| {
        meaning::fill(tx, request, query, scope, vector, results)
    })
}

/// What of a text is to be embedded to search by its meaning: the words, without filters and what is
/// excluded.
#[must_use]
pub fn words_of(text: &str, now: Timestamp) -> String {
    query::parse(text, Calendar::new(now, 0)).words()
}

fn prepared(
    tx: &ReadTx<'_>,
    request: &SearchRequest,
    now: Timestamp,
    find: impl FnOnce(Query, &Scope, Calendar, &mut SearchResults) -> Result<()>,
) -> Result<SearchResults> {
    if !(1..=LIMIT_MAX).contains(&request.limit) {
        let range = format!(
            "a page has 1 to {LIMIT_MAX} messages, not {}",
            request.limit
        );
        return Err(Error::invalid("limit", range));
    }
    let calendar = Calendar::new(now, request.utc_offset_minutes);
    let mut query = query::parse(&request.text, calendar);
    let mut hints = std::mem::take(&mut query.hints);
    let mut results = SearchResults {
        messages: Vec::new(),
        notes: Vec::new(),
        next: None,
        total: SearchTotal::default(),
        facets: SearchFacets::default(),
        matched: MatchedAs::Words,
        hints: Vec::new(),
        pending: index::pending(tx)?,
    };
    if !query.is_empty() {
        let scope = Scope::new(tx, &query.filters, &mut hints)?;
        find(query, &scope, calendar, &mut results)?;
    }
    results.hints = hints;
    Ok(results)
}

/// Looks for all the words, whole or inside others, and else for some of them: what finds something
/// first.
fn fill(
    tx: &ReadTx<'_>,
    request: &SearchRequest,
    query: Query,
    scope: &Scope,
    calendar: Calendar,
    results: &mut SearchResults,
) -> Result<()> {
    if let Some(cursor) = request.after {
        let found = Found::new(tx, cursor.matched, &query, scope, cursor.ceiling)?;
        return found.page(tx, request, cursor, results, calendar);
    }
    let ceiling = candidates::newest_id(tx)?;
    let mut found = Found::new(tx, MatchedAs::Words, &query, scope, ceiling)?;
    results.notes = notes::hits(tx, &found.query, &found.matcher, scope)?;
    for matched in [MatchedAs::Parts, MatchedAs::SomeWords] {
        if !found.is_nothing() || !results.notes.is_empty() {
            break;
        }
        if !matched.is_another(&query) {
            continue;
        }
        let other = Found::new(tx, matched, &query, scope, ceiling)?;
        let notes = notes::hits(tx, &other.query, &other.matcher, scope)?;
        if !other.is_nothing() || !notes.is_empty() {
            (found, results.notes) = (other, notes);
        }
    }
    let (offset, matched) = (0, found.matched);
    let cursor = SearchCursor {
        ceiling,
        offset,
        matched,
    };
    found.page(tx, request, cursor, results, calendar)
}

impl MatchedAs {
    /// Whether the query can find more so than by all its words.
    fn is_another(self, query: &Query) -> bool {
        match self {
            Self::Words => false,
            Self::Parts => query.with_parts() != *query,
            Self::SomeWords => query.terms.len() > 1,
        }
    }
}

/// A query, and the newest messages that match it.
struct Found {
    matched: MatchedAs,
    query: Query,
    matcher: Matcher,
    block: Block,
}

impl Found {
    fn new(
        tx: &ReadTx<'_>,
        matched: MatchedAs,
        query: &Query,
        scope: &Scope,
        ceiling: i64,
    ) -> Result<Self> {
        let query = match matched {
            MatchedAs::Parts => query.with_parts(),
            MatchedAs::Words | MatchedAs::SomeWords => query.clone(),
        };
        let matcher = Matcher::new(&query);
        let block = match matched {
            MatchedAs::SomeWords => Block {
                candidates: some_words::best_first(tx, &query, &matcher, scope, ceiling)?,
                rest: None,
            },
            MatchedAs::Words | MatchedAs::Parts => {
                let source = expression::source(tx, &query)?;
                candidates::block(tx, &source, &matcher, scope, ceiling, RANKED_MAX)?
            }
        };
        Ok(Self {
            matched,
            query,
            matcher,
            block,
        })
    }

    /// Whether no message matches, of all there are.
    fn is_nothing(&self) -> bool {
        self.block.candidates.is_empty() && self.block.rest.is_none()
    }

    /// Takes out all candidates, the best first.
    fn take_best_first(&mut self, tx: &ReadTx<'_>) -> Result<Vec<Candidate>> {
        let candidates = std::mem::take(&mut self.block.candidates);
        match self.matched {
            MatchedAs::SomeWords => Ok(candidates), // as they came
            MatchedAs::Words | MatchedAs::Parts => {
                ranking::best_first(tx, &self.query, &self.matcher, candidates)
            }
        }
    }

    fn page(
        mut self,
        tx: &ReadTx<'_>,
        request: &SearchRequest,
        cursor: SearchCursor,
        results: &mut SearchResults,
        calendar: Calendar,
    ) -> Result<()> {
        let (count, rest) = (self.block.candidates.len(), self.block.rest);
        let is_exact = rest.is_none() && self.matched != MatchedAs::SomeWords;
        results.matched = self.matched;
        results.total = SearchTotal { count, is_exact };
        if request.after.is_none() {
            results.facets = facets::count(tx, &self.block.candidates, is_exact, calendar)?;
        }
        let mut ordered = self.take_best_first(tx)?;
        if request.order == SearchOrder::Newest {
            ordered.sort_unstable_by_key(|it| Reverse(it.id));
        }
        let start = cursor.offset.min(count);
        let end = start.saturating_add(request.limit).min(count);
        let shown = ordered.get(start..end).unwrap_or_default();
        results.messages = hits::message_hits(tx, shown, &self.matcher)?;
        results.next = if end < count {
            Some(SearchCursor {
                offset: end,
                ..cursor
            })
        } else {
            rest.map(|ceiling| SearchCursor {
                ceiling,
                offset: 0,
                ..cursor
            })
        };
        Ok(())
    }
}
