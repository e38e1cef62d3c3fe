//! The query as FTS5 wants it. Everything that was typed stands between quotes there, where FTS5
//! has no syntax; so no query is an error.

use super::fold::{folded, is_accent};
use super::query::{Query, Term};
use crate::error::Result;
use crate::row::from_row;
use crate::transaction::ReadTx;

/// Triples of characters that one part is looked up by; the text tells the rest.
const TRIPLES_MAX: usize = 24;
/// Triples that may begin with one or two characters before they count as common: those are looked
/// for in the newest texts themselves.
const BEGINNINGS_MAX: usize = 256;
/// The last of all characters, which is none that a text has.
const LAST: char = '\u{10ffff}';
/// A triple that no text has.
const NOWHERE: &str = "\u{10ffff}\u{10ffff}\u{10ffff}";

/// Where the candidates of a query come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The index of words, by this expression.
    Words(String),
    /// The index of parts, by this expression.
    Parts(String),
    /// The messages themselves, the newest first: no index knows what is looked for.
    Rows,
}

struct Triple {
    term: String,
}

from_row!(Triple { term });

/// Chooses where the candidates of a query come from.
pub(crate) fn source(tx: &ReadTx<'_>, query: &Query) -> Result<Source> {
    if let Some(expression) = words(query) {
        return Ok(Source::Words(expression));
    }
    let mut parts = Vec::new();
    for term in &query.terms {
        if let Term::Part(part) = term {
            parts.extend(triples(tx, part)?);
        }
    }
    Ok(match parts.is_empty() {
        true => Source::Rows,
        false => Source::Parts(parts.join(" AND ")),
    })
}

/// All the words that must be there, and none that must not; nothing, if there are none.
fn words(query: &Query) -> Option<String> {
    let all = |terms: &[Term]| terms.iter().filter_map(word).collect::<Vec<_>>();
    let wanted = all(&query.terms);
    if wanted.is_empty() {
        return None;
    }
    let mut expression = format!("({})", wanted.join(" AND "));
    let excluded = all(&query.excluded);
    if !excluded.is_empty() {
        expression += &format!(" NOT ({})", excluded.join(" OR "));
    }
    Some(expression)
}

/// One term in the index of words.
pub(crate) fn word(term: &Term) -> Option<String> {
    match term {
        Term::Words { words, is_prefix } => {
            let star = if *is_prefix { " *" } else { "" };
            Some(format!("{}{star}", quoted(&words.join(" "))))
        }
        Term::Part(_) => None,
    }
}

/// A part as the triples that it is made of, or that begin with it; nothing, if these are too many.
fn triples(tx: &ReadTx<'_>, part: &str) -> Result<Option<String>> {
    // FTS5 passes over accents when it counts to three.
    let chars: Vec<char> = part.chars().filter(|c| !is_accent(*c)).collect();
    if chars.len() >= 3 {
        let triples = chars.windows(3).take(TRIPLES_MAX);
        let quoted: Vec<_> = triples.map(|it| quoted(&String::from_iter(it))).collect();
        return Ok(Some(quoted.join(" AND ")));
    }
    let beginning = folded(part);
    let nothing = || {
        quoted(
            &format!("{beginning}{NOWHERE}")
                .chars()
                .take(3)
                .collect::<String>(),
        )
    };
    if beginning.is_empty() {
        return Ok(Some(nothing()));
    }
    let triples: Vec<Triple> = tx.list(
        "SELECT term
         FROM search_part_terms
         WHERE term >= ?1 AND term < ?2
         LIMIT ?3",
        (&beginning, format!("{beginning}{LAST}"), BEGINNINGS_MAX + 1),
    )?;
    if triples.len() > BEGINNINGS_MAX {
        return Ok(None);
    }
    let any: Vec<_> = triples.iter().map(|it| quoted(&it.term)).collect();
    Ok(Some(match any.is_empty() {
        true => nothing(),
        false => format!("({})", any.join(" OR ")),
    }))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
