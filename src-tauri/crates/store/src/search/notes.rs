//! Sessions by their names, summaries and pins: few beside the messages, and shown above them.

use serde::{Deserialize, Serialize};

use super::expression::{Source, source};
use super::fold::Folded;
use super::matcher::Matcher;
use super::query::{Query, Term};
use super::scope::Scope;
use super::snippets::{SnippetPart, snippet};
use crate::error::{Error, Result};
use crate::ids::{MessageId, SessionId};
use crate::pins::Pin;
use crate::row::{from_row, word_enum};
use crate::sessions::Session;
use crate::time::Timestamp;
use crate::transaction::ReadTx;
use crate::{messages, pins, sessions, summaries};

/// The newest notes of one kind that are looked at.
const LOOKED_AT_MAX: usize = 500;
/// Notes of one kind in a result.
const OF_A_KIND_MAX: usize = 6;

word_enum! {
    /// What a note is.
    NoteKind {
        /// A session, found by its name or recap.
        Session = "session",
        /// A summary.
        Summary = "summary",
        /// A pin.
        Pin = "pin",
    }
}

/// A session, a summary or a pin that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct NoteHit {
    /// What it is.
    pub kind: NoteKind,
    /// Its id.
    pub id: String,
    /// The session it is, or is of.
    pub session_id: Option<SessionId>,
    /// What that is called.
    pub session_name: String,
    /// The message to jump to: the last that a summary covers, or what a pin was taken from.
    pub message_id: Option<MessageId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The text around what matches.
    pub snippet: Vec<SnippetPart>,
}

/// A note that matches, before it is known where it belongs.
struct Note {
    kind: NoteKind,
    item_id: String,
    text: String,
}

from_row!(Note {
    kind,
    item_id,
    text
});

/// The notes that match, sessions first, then pins, then summaries; of each the newest.
pub(crate) fn hits(
    tx: &ReadTx<'_>,
    query: &Query,
    matcher: &Matcher,
    scope: &Scope,
) -> Result<Vec<NoteHit>> {
    if query.terms.is_empty() || scope.is_for_messages() {
        return Ok(Vec::new());
    }
    let kinds = [NoteKind::Session, NoteKind::Pin, NoteKind::Summary];
    let found = find(tx, &kinds, query, matcher)?;
    let mut hits = Vec::new();
    for kind in kinds {
        let mut room = OF_A_KIND_MAX;
        for note in found.iter().filter(|it| it.kind == kind) {
            if room == 0 {
                break;
            }
            if let Some(hit) = hit(tx, note, matcher, scope)? {
                hits.push(hit);
                room -= 1;
            }
        }
    }
    Ok(hits)
}

/// The sessions whose name or recap matches and that are not in the trash, the newest first.
pub(crate) fn sessions_that_match(tx: &ReadTx<'_>, query: &Query) -> Result<Vec<Session>> {
    let found = find(tx, &[NoteKind::Session], query, &Matcher::new(query))?;
    let sessions = found.iter().map(|note| session_of(tx, note));
    sessions.filter_map(Result::transpose).collect()
}

/// The same among the newest sessions, read without the index: quicker for what is in most of them.
pub(crate) fn new_sessions_that_match(tx: &ReadTx<'_>, query: &Query) -> Result<Vec<Session>> {
    let mut found = sessions::list_newest(tx, LOOKED_AT_MAX)?;
    let matcher = Matcher::new(query);
    found.retain(|it| {
        let recap = it.recap.as_deref().unwrap_or_default();
        matcher.fits(&Folded::new(&format!("{}\n{recap}", it.name)))
    });
    Ok(found)
}

/// The sessions with this text in their names.
pub(crate) fn sessions_named(tx: &ReadTx<'_>, name: &str) -> Result<Vec<SessionId>> {
    let query = Query {
        terms: vec![Term::Part(name.to_owned())],
        ..Query::default()
    };
    let matcher = Matcher::new(&query);
    let found = sessions_that_match(tx, &query)?;
    let named = found
        .into_iter()
        .filter(|it| matcher.is_in(&Folded::new(&it.name)));
    Ok(named.map(|it| it.id).collect())
}

struct Found {
    id: i64,
    kind: NoteKind,
}

from_row!(Found { id, kind });

/// The newest notes of these kinds that match; of each kind as many, for pins are many more than
/// sessions.
fn find(
    tx: &ReadTx<'_>,
    kinds: &[NoteKind],
    query: &Query,
    matcher: &Matcher,
) -> Result<Vec<Note>> {
    let mut ids = Vec::new();
    let mut rooms: Vec<_> = kinds.iter().map(|kind| (*kind, LOOKED_AT_MAX)).collect();
    newest_first(tx, &source(tx, query)?, |Found { id, kind }| {
        if let Some((_, room)) = rooms.iter_mut().find(|it| it.0 == kind && it.1 > 0) {
            *room -= 1;
            ids.push(id);
        }
        rooms.iter().any(|(_, room)| *room > 0)
    })?;
    let mut notes = Vec::new();
    for id in ids {
        let note: Option<Note> = tx.find(
            "SELECT kind, item_id, search_note_texts.text AS text
             FROM search_notes
             JOIN search_note_texts ON search_note_texts.id = ?1
             WHERE search_notes.id = ?1",
            [id],
        )?;
        notes.extend(note.filter(|it| matcher.fits(&Folded::new(&it.text))));
    }
    Ok(notes)
}

/// Visits notes until one is answered with false. Their ids are below zero, the newest the lowest.
fn newest_first(tx: &ReadTx<'_>, source: &Source, visit: impl FnMut(Found) -> bool) -> Result<()> {
    match source {
        Source::Words(expression) => tx.scan(
            "SELECT search_words.rowid AS id, kind
             FROM search_words
             CROSS JOIN search_notes ON search_notes.id = search_words.rowid
             WHERE search_words MATCH ?1 AND search_words.rowid < 0
             ORDER BY search_words.rowid",
            [expression],
            visit,
        ),
        Source::Parts(expression) => tx.scan(
            "SELECT search_parts.rowid AS id, kind
             FROM search_parts
             CROSS JOIN search_notes ON search_notes.id = search_parts.rowid
             WHERE search_parts MATCH ?1 AND search_parts.rowid < 0
             ORDER BY search_parts.rowid",
            [expression],
            visit,
        ),
        Source::Rows => tx.scan("SELECT id, kind FROM search_notes ORDER BY id", [], visit),
    }
}

fn hit(tx: &ReadTx<'_>, note: &Note, matcher: &Matcher, scope: &Scope) -> Result<Option<NoteHit>> {
    let Some(place) = place(tx, note)? else {
        return Ok(None);
    };
    let session = match place.session_id {
        Some(id) => there(sessions::get(tx, id))?,
        None => None,
    };
    let persona = session.as_ref().and_then(|it| it.persona_id.as_ref());
    let is_in_trash = session.as_ref().is_some_and(|it| it.deleted_at.is_some());
    let persona = persona.map(crate::ids::PersonaId::as_str);
    if is_in_trash || !scope.holds(place.session_id, persona, place.created_at) {
        return Ok(None);
    }
    Ok(Some(NoteHit {
        kind: note.kind,
        id: note.item_id.clone(),
        session_id: place.session_id,
        session_name: session.map(|it| it.name).unwrap_or_default(),
        message_id: place.message_id,
        created_at: place.created_at,
        snippet: snippet(matcher, &note.text),
    }))
}

/// Where a note belongs.
struct Place {
    session_id: Option<SessionId>,
    message_id: Option<MessageId>,
    created_at: Timestamp,
}

/// Nothing, if what the note is has gone meanwhile, or counts no more.
fn place(tx: &ReadTx<'_>, note: &Note) -> Result<Option<Place>> {
    Ok(match note.kind {
        NoteKind::Session => session_of(tx, note)?.map(|it| Place {
            session_id: Some(it.id),
            message_id: None,
            created_at: it.created_at,
        }),
        NoteKind::Summary => match note.item_id.parse() {
            Ok(id) => there(summaries::get(tx, id))?.map(|it| Place {
                session_id: Some(it.session_id),
                message_id: Some(it.end_message_id),
                created_at: it.created_at,
            }),
            Err(_) => None,
        },
        NoteKind::Pin => match note.item_id.parse() {
            Ok(id) if !pins::is_rejected(tx, id)? => match there(pins::get(tx, id))? {
                Some(pin) => Some(place_of(tx, &pin)?),
                None => None,
            },
            _ => None,
        },
    })
}

/// A pin that counts beyond its session still came from one.
fn place_of(tx: &ReadTx<'_>, pin: &Pin) -> Result<Place> {
    let source = match pin.source_message_id {
        Some(id) => there(messages::get(tx, id))?,
        None => None,
    };
    Ok(Place {
        session_id: pin.session_id.or(source.map(|it| it.session_id)),
        message_id: pin.source_message_id,
        created_at: pin.created_at,
    })
}

fn session_of(tx: &ReadTx<'_>, note: &Note) -> Result<Option<Session>> {
    let Ok(id) = note.item_id.parse() else {
        return Ok(None);
    };
    let session = there(sessions::get(tx, id))?;
    Ok(session.filter(|it| it.deleted_at.is_none()))
}

/// What is not there is no error here.
fn there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
