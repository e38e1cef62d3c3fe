//! What a person types, taken apart. There is no wrong query: what is not understood is told as a
//! hint, and the rest is looked for.

use serde::{Deserialize, Serialize};

use super::dates::{self, Calendar};
use super::expression::PART_CHARS;
use super::fold::{is_foreign_mark, is_spaceless, is_word_char};
use crate::messages::Role;
use crate::time::Timestamp;

/// Characters of a query that are read.
const CHARS_MAX: usize = 1000;
/// Words, phrases and parts of a query that are looked for.
const TERMS_MAX: usize = 32;

/// Something in the query that is not looked for as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SearchHint {
    /// What was typed.
    pub part: String,
    /// What is wrong with it, as a sentence.
    pub problem: String,
}

/// One thing to find in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// Whole words, one directly after the other; of the last, perhaps only the beginning.
    Words { words: Vec<String>, is_prefix: bool },
    /// Characters, wherever they stand.
    Part(String),
}

/// A query, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) terms: Vec<Term>,
    pub(crate) excluded: Vec<Term>,
    pub(crate) filters: Filters,
    pub(crate) hints: Vec<SearchHint>,
}

/// What the messages must be. Several values of one filter: any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) roles: Vec<Role>,
    pub(crate) personas: Vec<String>,
    pub(crate) models: Vec<String>,
    pub(crate) sessions: Vec<String>,
    /// From here on.
    pub(crate) after: Option<Timestamp>,
    /// Up to here, without it.
    pub(crate) before: Option<Timestamp>,
    pub(crate) has_code: bool,
    pub(crate) is_pinned: bool,
}

impl Query {
    /// Whether there is nothing to look for.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.excluded.is_empty() && self.filters == Filters::default()
    }

    /// The terms as they are said, without signs.
    pub(crate) fn words(&self) -> String {
        let terms = self.terms.iter().map(|term| match term {
            Term::Words { words, .. } => words.join(" "),
            Term::Part(part) => part.clone(),
        });
        terms.collect::<Vec<_>>().join(" ")
    }

    /// The same, with what was meant as words to be found inside words too.
    pub(crate) fn with_parts(&self) -> Self {
        let terms = self.terms.iter().map(|term| match term {
            Term::Words { words, .. } => Term::Part(words.join(" ")),
            part @ Term::Part(_) => part.clone(),
        });
        Self {
            terms: terms.collect(),
            ..self.clone()
        }
    }

    /// Whether all the words are shorter than what the index of parts is made of.
    pub(crate) fn is_of_short_words(&self) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Words { words, .. } => words.join(" ").chars().count() < PART_CHARS,
            Term::Part(_) => false,
        })
    }

    /// The same, with the last word as the beginning of one: it is still being typed. A single
    /// letter stays, as it begins a word of nearly every message.
    pub(crate) fn while_typing(mut self) -> Self {
        if let Some(Term::Words { words, is_prefix }) = self.terms.last_mut() {
            *is_prefix = words.last().is_some_and(|it| it.chars().count() > 1);
        }
        self
    }

    fn hint(&mut self, part: &str, problem: impl Into<String>) {
        self.hints.push(SearchHint {
            part: part.to_owned(),
            problem: problem.into(),
        });
    }

    fn take(&mut self, term: Term, is_excluded: bool) {
        if self.terms.len() + self.excluded.len() == TERMS_MAX {
            let problem = format!("Only the first {TERMS_MAX} words are looked for.");
            let is_known = self.hints.iter().any(|hint| hint.problem == problem);
            if !is_known {
                self.hint("", problem);
            }
        } else if is_excluded {
            self.excluded.push(term);
        } else {
            self.terms.push(term);
        }
    }
}

/// Takes a query apart.
pub(crate) fn parse(text: &str, calendar: Calendar) -> Query {
    let mut query = Query::default();
    let mut punctuation = None;
    // SQLite takes NUL for the end of a text.
    let (text, cut) = match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => text.split_at(at),
        None => (text, ""),
    };
    if !cut.is_empty() {
        query.hint(
            cut,
            format!("Only the first {CHARS_MAX} characters are read."),
        );
    }
    let text = text.replace('\0', " ");
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let piece = Piece::first_of(rest);
        rest = piece.rest.trim_start();
        if let Some((name, value)) = piece.filter() {
            filter(&mut query, &piece, name, value, calendar);
        } else if let Some(term) = piece.term() {
            query.take(term, piece.is_excluded);
        } else {
            punctuation = punctuation.or(Some(piece.text));
        }
    }
    // Signs between words are no words; alone, they are what is looked for.
    if let (true, Some(signs)) = (query.is_empty() && query.hints.is_empty(), punctuation) {
        query.take(Term::Part(signs.to_owned()), false);
    }
    query
}

/// What stands up to the next space, or in quotes.
struct Piece<'a> {
    text: &'a str,
    is_excluded: bool,
    is_quoted: bool,
    rest: &'a str,
}

impl<'a> Piece<'a> {
    fn first_of(text: &'a str) -> Self {
        let (is_excluded, body) = match text.strip_prefix('-') {
            Some(body) if !body.is_empty() && !body.starts_with(char::is_whitespace) => {
                (true, body)
            }
            _ => (false, text),
        };
        if let Some(quoted) = body.strip_prefix('"') {
            let (text, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
            return Self {
                text,
                is_excluded,
                is_quoted: true,
                rest,
            };
        }
        let (text, rest) = body.split_at(end_of_piece(body));
        Self {
            text,
            is_excluded,
            is_quoted: false,
            rest,
        }
    }

    /// Its name and its value, if it is a filter.
    fn filter(&self) -> Option<(&'static str, &'a str)> {
        const NAMES: [&str; 8] = [
            "role", "persona", "model", "session", "before", "after", "has", "is",
        ];
        let (name, value) = self.text.split_once(':').filter(|_| !self.is_quoted)?;
        let name = NAMES.into_iter().find(|it| it.eq_ignore_ascii_case(name))?;
        Some((name, value.trim_matches('"').trim()))
    }

    fn term(&self) -> Option<Term> {
        if self.is_quoted {
            return words(self.text, false).or_else(|| part(self.text));
        }
        if let Some(inner) = self.text.strip_prefix('*') {
            return part(inner.trim_matches('*'));
        }
        let (text, is_prefix) = match self.text.strip_suffix('*') {
            Some(text) => (text.trim_end_matches('*'), true),
            None => (self.text, false),
        };
        let inner = text.trim_matches(is_punctuation);
        if inner.is_empty() {
            return None;
        }
        words(inner, is_prefix).or_else(|| part(text))
    }
}

/// Where a piece without quotes around it ends; a filter's value may have them.
fn end_of_piece(text: &str) -> usize {
    let mut in_quotes = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '"' && (in_quotes || before == ':') {
            in_quotes = !in_quotes;
        } else if c.is_whitespace() && !in_quotes {
            return at;
        }
        before = c;
    }
    text.len()
}

/// What ends sentences and stands around words, and is not meant when it is typed with them.
fn is_punctuation(c: char) -> bool {
    const ASCII: &str = ".,;:!?\"'()[]{}-";
    ASCII.contains(c)
        || matches!(c, '\u{ab}' | '\u{bb}' | '\u{bf}' | '\u{a1}' | '\u{2010}'..='\u{203a}' | '\u{3001}'..='\u{3002}' | '\u{300c}'..='\u{300f}' | '\u{ff01}' | '\u{ff0c}' | '\u{ff1f}')
}

/// The words of a text that FTS5 finds as such: letters and digits, with signs only between them.
fn words(text: &str, is_prefix: bool) -> Option<Term> {
    let is_plain = text.starts_with(is_word_char) && text.ends_with(is_word_char);
    if !is_plain || text.chars().any(|c| is_spaceless(c) || is_foreign_mark(c)) {
        return None;
    }
    let words = text.split(|c| !is_word_char(c)).filter(|it| !it.is_empty());
    Some(Term::Words {
        words: words.map(str::to_owned).collect(),
        is_prefix,
    })
}

fn part(text: &str) -> Option<Term> {
    let text = text.trim();
    (!text.is_empty()).then(|| Term::Part(text.to_owned()))
}

/// Notes a filter, or why it is none.
fn filter(query: &mut Query, piece: &Piece<'_>, name: &str, value: &str, calendar: Calendar) {
    let typed = piece.text;
    if piece.is_excluded {
        return query.hint(typed, "A filter cannot be turned round with a minus sign.");
    }
    if value.is_empty() {
        return query.hint(typed, expected(name));
    }
    let filters = &mut query.filters;
    let is_understood = match name {
        "role" => role(value).map(|role| filters.roles.push(role)).is_some(),
        "persona" => push(&mut filters.personas, value),
        "model" => push(&mut filters.models, value),
        "session" => push(&mut filters.sessions, value),
        "before" => set(&mut filters.before, dates::parse(value, calendar)),
        "after" => set(&mut filters.after, dates::parse(value, calendar)),
        "has" => turn_on(&mut filters.has_code, value.eq_ignore_ascii_case("code")),
        _ => turn_on(&mut filters.is_pinned, value.eq_ignore_ascii_case("pinned")),
    };
    if !is_understood {
        query.hint(typed, expected(name));
    }
}

fn push(values: &mut Vec<String>, value: &str) -> bool {
    values.push(value.to_owned());
    true
}

fn set(slot: &mut Option<Timestamp>, value: Option<Timestamp>) -> bool {
    *slot = value.or(*slot);
    value.is_some()
}

fn turn_on(slot: &mut bool, is_meant: bool) -> bool {
    *slot |= is_meant;
    is_meant
}

fn role(value: &str) -> Option<Role> {
    [Role::User, Role::Assistant, Role::System, Role::Tool]
        .into_iter()
        .find(|role| role.as_str().eq_ignore_ascii_case(value))
}

fn expected(name: &str) -> &'static str {
    match name {
        "role" => "A role is user, assistant, system or tool.",
        "persona" => "After persona: comes its name.",
        "model" => "After model: comes a part of its name.",
        "session" => "After session: comes its name, in quotes if it has spaces.",
        "has" => "What a message can have is code: has:code.",
        "is" => "What a message can be is pinned: is:pinned.",
        _ => "A date is 2026-11-21, 2026-11, 2026, today, yesterday, 7d, 2w, 3m or 1y.",
    }
}
