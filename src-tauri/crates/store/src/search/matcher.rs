//! Where in a text the terms of a query are. FTS5 finds which texts; what counts how often a term is
//! in one, what is highlighted, and what FTS5 cannot tell by itself is found here.

use std::ops::Range;

use memchr::memmem::Finder;

use super::fold::{Folded, folded, is_word_char};
use super::query::{Query, Term};

/// The terms of a query, folded.
pub(crate) struct Matcher {
    terms: Vec<Needle>,
    excluded: Vec<Needle>,
}

struct Needle {
    /// A part, or the first of the words.
    first: Finder<'static>,
    is_part: bool,
    others: Vec<String>,
    is_prefix: bool,
}

impl Matcher {
    pub(crate) fn new(query: &Query) -> Self {
        Self {
            terms: query.terms.iter().map(Needle::new).collect(),
            excluded: query.excluded.iter().map(Needle::new).collect(),
        }
    }

    /// How often each term is in the text.
    pub(crate) fn counts(&self, text: &Folded) -> Vec<usize> {
        let count = |needle: &Needle| needle.find_in(text.as_str()).count();
        self.terms.iter().map(count).collect()
    }

    /// Where the terms are in the original text: in order, none within another.
    pub(crate) fn ranges(&self, text: &Folded) -> Vec<Range<usize>> {
        let found = self.terms.iter().flat_map(|it| it.find_in(text.as_str()));
        let mut ranges: Vec<_> = found
            .map(|it| text.origin(it.start)..text.origin(it.end))
            .collect();
        ranges.sort_unstable_by_key(|it| (it.start, it.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }

    /// Whether a text that has the words, as FTS5 says, has the parts too and nothing that is
    /// excluded.
    pub(crate) fn fits(&self, text: &Folded) -> bool {
        let has = |needle: &Needle| needle.find_in(text.as_str()).next().is_some();
        let parts = self.terms.iter().filter(|it| it.is_part);
        parts.clone().all(has) && !self.excludes(text)
    }

    /// Whether anything that is excluded is in the text.
    pub(crate) fn excludes(&self, text: &Folded) -> bool {
        let has = |needle: &Needle| needle.find_in(text.as_str()).next().is_some();
        self.excluded.iter().any(has)
    }

    /// Whether every term is in the text.
    pub(crate) fn is_in(&self, text: &Folded) -> bool {
        self.counts(text).iter().all(|count| *count > 0) && self.fits(text)
    }

    /// Whether the text has to be looked at to know that it fits.
    pub(crate) fn must_see_text(&self) -> bool {
        !self.excluded.is_empty() || self.terms.iter().any(|it| it.is_part)
    }
}

impl Needle {
    fn new(term: &Term) -> Self {
        let (first, others, is_prefix) = match term {
            Term::Words { words, is_prefix } => {
                let mut words = words.iter().map(|it| folded(it));
                (words.next(), words.collect(), *is_prefix)
            }
            Term::Part(part) => (Some(folded(part)), Vec::new(), false),
        };
        Self {
            first: Finder::new(first.unwrap_or_default().as_bytes()).into_owned(),
            is_part: matches!(term, Term::Part(_)),
            others,
            is_prefix,
        }
    }

    fn find_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let length = self.first.needle().len();
        // What is nothing but accents is in no text.
        let starts = (length > 0).then(|| self.first.find_iter(text.as_bytes()));
        starts.into_iter().flatten().filter_map(move |at| {
            let end = at + length;
            if self.is_part {
                return Some(at..end);
            }
            if !is_start(text, at) {
                return None;
            }
            Some(at..words_end(text, end, &self.others, self.is_prefix)?)
        })
    }
}

fn is_start(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|it| it.chars().next_back());
    !before.is_some_and(is_word_char)
}

/// Where a word ends that was read up to `at`, and the others after it; nothing, if they are not
/// there.
fn words_end(text: &str, at: usize, others: &[String], is_prefix: bool) -> Option<usize> {
    let after = text.get(at..)?;
    let Some((next, others)) = others.split_first() else {
        if is_prefix {
            let rest = after.find(|c| !is_word_char(c)).unwrap_or(after.len());
            return Some(at + rest);
        }
        return (!after.starts_with(is_word_char)).then_some(at);
    };
    let gap = after.find(is_word_char).filter(|gap| *gap > 0)?;
    after.get(gap..)?.strip_prefix(next.as_str())?;
    words_end(text, at + gap + next.len(), others, is_prefix)
}
