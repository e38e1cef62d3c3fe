//! The query as FTS5 wants it. Everything that was typed stands between quotes there, where FTS5
//! has no syntax; so no query is an error.

use super::fold::{folded, is_accent};
use super::query::{Query, Term};
use crate::error::Result;
use crate::row::from_row;
use crate::transaction::ReadTx;

/// Characters of the parts of words that are in the index.
pub(crate) const PART_CHARS: usize = 3;
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
    let parts = query.terms.iter().filter_map(|term| match term {
        Term::Part(part) => Some(part.as_str()),
        Term::Words { .. } => None,
    });
    // Beside a longer part, what begins with a short one is not worth a look: the text tells it.
    let mut expressions: Vec<_> = parts.clone().filter_map(triples).collect();
    if expressions.is_empty() {
        for part in parts {
            expressions.extend(beginnings(tx, part)?);
        }
    }
    Ok(match expressions.is_empty() {
        true => Source::Rows,
        false => Source::Parts(expressions.join(" AND ")),
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

/// A part as the triples that it is made of; nothing, if it is shorter than one.
fn triples(part: &str) -> Option<String> {
    // FTS5 passes over accents when it counts to three.
    let chars: Vec<char> = part.chars().filter(|c| !is_accent(*c)).collect();
    let triples = chars.windows(PART_CHARS).take(TRIPLES_MAX);
    let quoted: Vec<_> = triples.map(|it| quoted(&String::from_iter(it))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// A part as the triples that begin with it; nothing, if these are too many.
fn beginnings(tx: &ReadTx<'_>, part: &str) -> Result<Option<String>> {
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
