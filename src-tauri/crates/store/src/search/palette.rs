//! The quick search of the command palette: a few of each, with every key that is typed.

use serde::{Deserialize, Serialize};

use super::candidates;
use super::dates::Calendar;
use super::expression::source;
use super::fold::{Folded, is_word_char};
use super::hits::{MessageHit, message_hits};
use super::matcher::Matcher;
use super::notes;
use super::query::{self, Query};
use super::ranking;
use super::scope::Scope;
use super::snippets::{SnippetPart, highlighted};
use crate::error::Result;
use crate::ids::{PersonaId, SessionId};
use crate::personas;
use crate::sessions::{self, Session, Shelf};
use crate::time::Timestamp;
use crate::transaction::ReadTx;

/// Sessions and messages in a result.
const SHOWN_MAX: usize = 8;
/// Personas in a result.
const PERSONAS_MAX: usize = 5;
/// The newest messages that match, of which the best are shown.
const RANKED_MAX: usize = 300;

/// What a few letters find.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct PaletteResults {
    /// Sessions by their names; of no letters, the latest.
    pub sessions: Vec<SessionHit>,
    /// Personas by their names.
    pub personas: Vec<PersonaHit>,
    /// Messages by their words.
    pub messages: Vec<MessageHit>,
}

/// A session whose name or recap matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct SessionHit {
    /// The session.
    pub session_id: SessionId,
    /// Its name.
    pub name: Vec<SnippetPart>,
    /// When a message last came or went.
    pub updated_at: Timestamp,
    /// Whether it was put aside.
    pub is_archived: bool,
}

/// A persona whose name matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct PersonaHit {
    /// The persona.
    pub persona_id: PersonaId,
    /// Its emoji, or nothing.
    pub icon: String,
    /// Its name.
    pub name: Vec<SnippetPart>,
}

/// Finds a few sessions, personas and messages for what is typed so far: the last word may be the
/// beginning of one.
///
/// # Errors
/// What SQLite reports; never for what is typed.
pub fn palette(tx: &ReadTx<'_>, text: &str, now: Timestamp) -> Result<PaletteResults> {
    let mut query = query::parse(text, Calendar::new(now, 0));
    if !text.ends_with(char::is_whitespace) {
        query = query.while_typing();
    }
    let matcher = Matcher::new(&query);
    if query.is_empty() {
        let latest = sessions::list(tx, Shelf::Active, None, SHOWN_MAX)?;
        return Ok(PaletteResults {
            sessions: latest
                .items
                .iter()
                .map(|it| session_hit(it, &matcher))
                .collect(),
            ..PaletteResults::default()
        });
    }
    Ok(PaletteResults {
        sessions: sessions_found(tx, &query)?,
        personas: personas_found(tx, &query)?,
        messages: messages_found(tx, &query, &matcher)?,
    })
}

/// By where in the name it is, then the latest used first; parts of words only where whole words and
/// their beginnings leave room.
fn sessions_found(tx: &ReadTx<'_>, query: &Query) -> Result<Vec<SessionHit>> {
    if query.terms.is_empty() {
        return Ok(Vec::new());
    }
    let mut hits = Vec::new();
    add_sessions(&mut hits, query, notes::sessions_that_match(tx, query)?);
    if hits.len() < SHOWN_MAX {
        let inside = query.with_parts();
        // One or two letters are in so many words that the index is slower than the names.
        let found = match query.is_of_short_words() {
            true => notes::new_sessions_that_match(tx, &inside)?,
            false => notes::sessions_that_match(tx, &inside)?,
        };
        add_sessions(&mut hits, &inside, found);
    }
    hits.truncate(SHOWN_MAX);
    Ok(hits)
}

fn add_sessions(hits: &mut Vec<SessionHit>, query: &Query, mut found: Vec<Session>) {
    let matcher = Matcher::new(query);
    found.retain(|it| hits.iter().all(|hit| hit.session_id != it.id));
    found.sort_by_cached_key(|it| {
        let latest = std::cmp::Reverse((it.updated_at, it.id));
        (place(&matcher, &it.name), latest)
    });
    hits.extend(found.iter().map(|it| session_hit(it, &matcher)));
}

fn session_hit(session: &Session, matcher: &Matcher) -> SessionHit {
    SessionHit {
        session_id: session.id,
        name: highlighted(matcher, &session.name),
        updated_at: session.updated_at,
        is_archived: session.archived_at.is_some(),
    }
}

fn personas_found(tx: &ReadTx<'_>, query: &Query) -> Result<Vec<PersonaHit>> {
    if query.terms.is_empty() {
        return Ok(Vec::new());
    }
    let matcher = Matcher::new(&query.with_parts());
    let mut found = personas::list(tx)?;
    found.retain(|it| matcher.is_in(&Folded::new(&it.fields.name)));
    found.sort_by_cached_key(|it| place(&matcher, &it.fields.name));
    let hits = found.into_iter().map(|it| PersonaHit {
        persona_id: it.id,
        name: highlighted(&matcher, &it.fields.name),
        icon: it.fields.icon,
    });
    Ok(hits.take(PERSONAS_MAX).collect())
}

/// Where in a name what is typed comes first: who types the beginning of a name means that one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Where the name begins, whatever signs stand before it.
    Name,
    /// Where a word of it begins.
    Word,
    /// Within a word, or not in the name.
    Elsewhere,
}

fn place(matcher: &Matcher, name: &str) -> Place {
    let places = matcher.ranges(&Folded::new(name)).into_iter().map(|it| {
        let before = name.get(..it.start).unwrap_or_default();
        match (
            before.ends_with(is_word_char),
            before.contains(is_word_char),
        ) {
            (_, false) => Place::Name,
            (false, true) => Place::Word,
            (true, true) => Place::Elsewhere,
        }
    });
    places.min().unwrap_or(Place::Elsewhere)
}

fn messages_found(tx: &ReadTx<'_>, query: &Query, matcher: &Matcher) -> Result<Vec<MessageHit>> {
    let mut hints = Vec::new();
    let scope = Scope::new(tx, &query.filters, &mut hints)?;
    let source = source(tx, query)?;
    let newest = candidates::newest_id(tx)?;
    let block = candidates::block(tx, &source, matcher, &scope, newest, RANKED_MAX)?;
    let mut best = ranking::best_first(tx, query, matcher, block.candidates)?;
    best.truncate(SHOWN_MAX);
    message_hits(tx, &best, matcher)
}
