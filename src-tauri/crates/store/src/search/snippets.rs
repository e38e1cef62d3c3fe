//! A few words around the first match, as pieces of plain text: there is no markup that could be
//! mistaken for the text's own.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::fold::Folded;
use super::matcher::Matcher;

/// Characters of a snippet.
const CHARS_MAX: usize = 200;
/// Characters of it before the first match.
const CHARS_BEFORE: usize = 60;

/// A piece of a snippet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SnippetPart {
    /// The text, as it stands in the message.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_match: bool,
}

/// The part of the text around the most matches that fit in, with "…" where it is cut.
pub(crate) fn snippet(matcher: &Matcher, text: &str) -> Vec<SnippetPart> {
    let ranges = matcher.ranges(&Folded::new(text));
    let window = window(text, &ranges);
    let mut parts = Vec::new();
    if window.start > 0 {
        push(&mut parts, "…", false);
    }
    let mut at = window.start;
    for range in ranges {
        let (start, end) = (range.start.max(at), range.end.min(window.end));
        if start < end {
            push(&mut parts, text.get(at..start).unwrap_or_default(), false);
            push(&mut parts, text.get(start..end).unwrap_or_default(), true);
            at = end;
        }
    }
    push(
        &mut parts,
        text.get(at..window.end).unwrap_or_default(),
        false,
    );
    if window.end < text.len() {
        push(&mut parts, "…", false);
    }
    parts
}

/// The whole text, highlighted.
pub(crate) fn highlighted(matcher: &Matcher, text: &str) -> Vec<SnippetPart> {
    let mut parts = Vec::new();
    let mut at = 0;
    for range in matcher.ranges(&Folded::new(text)) {
        push(
            &mut parts,
            text.get(at..range.start).unwrap_or_default(),
            false,
        );
        push(
            &mut parts,
            text.get(range.clone()).unwrap_or_default(),
            true,
        );
        at = range.end;
    }
    push(&mut parts, text.get(at..).unwrap_or_default(), false);
    parts
}

fn push(parts: &mut Vec<SnippetPart>, text: &str, is_match: bool) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.is_match == is_match => last.text.push_str(text),
        _ => parts.push(SnippetPart {
            text: text.to_owned(),
            is_match,
        }),
    }
}

/// What to show of the text: from a little before the match that has the most others close behind.
fn window(text: &str, ranges: &[Range<usize>]) -> Range<usize> {
    let close = |first: &Range<usize>| {
        let end = first.start + CHARS_MAX - CHARS_BEFORE;
        ranges
            .iter()
            .filter(|it| it.start >= first.start && it.end <= end)
            .count()
    };
    // Of the first ones: a word may be in a long text thousands of times.
    let densest = ranges.iter().take(100).rev().max_by_key(|it| close(it));
    let first = densest.map_or(0, |it| it.start);
    let start = back(text, first, CHARS_BEFORE);
    let start = if start == 0 {
        0
    } else {
        next_word(text, start, first)
    };
    start..forward(text, start, CHARS_MAX)
}

fn back(text: &str, at: usize, chars: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let mut starts = before.char_indices().rev().map(|(start, _)| start);
    starts.nth(chars).unwrap_or(0)
}

fn forward(text: &str, at: usize, chars: usize) -> usize {
    let after = text.get(at..).unwrap_or_default();
    let end = after.char_indices().nth(chars).map(|(end, _)| at + end);
    end.unwrap_or(text.len())
}

/// The start of the first whole word from here on, not after `latest`.
fn next_word(text: &str, at: usize, latest: usize) -> usize {
    let between = text.get(at..latest).unwrap_or_default();
    let space = between.char_indices().find(|(_, c)| c.is_whitespace());
    space.map_or(at, |(start, c)| at + start + c.len_utf8())
}
