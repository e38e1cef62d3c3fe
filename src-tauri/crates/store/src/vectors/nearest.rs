//! Search by meaning: the scan of the codes proposes, the rows decide.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use super::blob;
use super::codes::{Allowed, Among};
use super::index::{self, VectorReader};
use super::models::{self, EmbeddingModel};
use crate::error::{Error, Result};
use crate::ids::{MessageId, PersonaId, SessionId};
use crate::limits;
use crate::messages::Role;
use crate::row::from_row;
use crate::time::Timestamp;
use crate::transaction::ReadTx;

/// Rows that are read for each message that is wanted, and so many more: of 10 of a million that found
/// 0.99 of those that an exact search does.
const CANDIDATES_EACH: usize = 10;
const CANDIDATES_MORE: usize = 100;
/// How much further a search goes that found too little, because several chunks were of one message or
/// rows were not to be shown.
const FURTHER: usize = 8;

/// Which messages a search is among; nothing said: all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those of these sessions alone.
    pub sessions: Option<Vec<SessionId>>,
    /// Those of the sessions with one of these personas.
    pub personas: Option<Vec<PersonaId>>,
    /// Those of these roles.
    pub roles: Option<Vec<Role>>,
    /// Those from this time on.
    pub after: Option<Timestamp>,
    /// Those from before this time.
    pub before: Option<Timestamp>,
}

impl Filter {
    /// Among the messages of one session.
    #[must_use]
    pub fn of_session(id: SessionId) -> Self {
        Self {
            sessions: Some(vec![id]),
            ..Self::default()
        }
    }

    /// Among the messages of the sessions with this persona.
    #[must_use]
    pub fn of_persona(id: PersonaId) -> Self {
        Self {
            personas: Some(vec![id]),
            ..Self::default()
        }
    }
}

/// A list as the statements take it.
fn json<T: ToString>(list: Option<&[T]>) -> Option<String> {
    let list = list?.iter().map(ToString::to_string);
    Some(list.collect::<serde_json::Value>().to_string())
}

/// What a search by meaning is to find.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestOptions {
    /// Among which messages.
    pub filter: Filter,
    /// The most messages, 1 to 1000.
    pub limit: usize,
    /// The least cosine, -1 to 1; -1: any.
    pub threshold: f64,
}

impl NearestOptions {
    /// The nearest of all messages, at most `limit`.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self {
            filter: Filter::default(),
            limit,
            threshold: -1.0,
        }
    }
}

/// A message that means what was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Nearest {
    /// Which one.
    pub message_id: MessageId,
    /// The session it is in.
    pub session_id: SessionId,
    /// Where in its text the part begins that is nearest, in bytes.
    pub start: u32,
    /// The cosine of that part and the query, -1 to 1.
    #[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))]
    pub similarity: f64,
}

/// The codes in memory beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Vectors of the model that serves.
    pub rows: usize,
    /// Codes of them in memory.
    pub in_memory: usize,
    /// Codes that are missing, too many or not of their row; 0: all is well.
    pub wrong: usize,
    /// Bytes that the codes take.
    pub bytes: usize,
}

/// Returns the messages that are nearest in meaning to a query, which is embedded with the model that
/// serves; the nearest first, each once. Nothing in the trash is among them. Without a model it is
/// empty.
///
/// # Errors
/// [`Error::Invalid`] for a limit or a threshold out of range, a query that is not a vector of the model, or within a
/// write.
pub fn nearest(tx: &ReadTx<'_>, query: &[f32], options: &NearestOptions) -> Result<Vec<Nearest>> {
    let limit = limits::page_limit(options.limit)?;
    limits::range("similarity", Some(options.threshold), -1.0, 1.0)?;
    let Some(model) = models::serving(tx)? else {
        return Ok(Vec::new());
    };
    let query = blob::unit(query, model.dimension)?;
    let mut wanted = limit * CANDIDATES_EACH + CANDIDATES_MORE;
    loop {
        let candidates = candidates(tx, &model, &query, wanted, &options.filter)?;
        let mut found = read(tx, &model, &query, &candidates, &options.filter)?;
        let last = found.last().map_or(1.0, |it| it.similarity);
        let complete = candidates.len() < wanted || last < options.threshold;
        found.retain(|it| it.similarity >= options.threshold);
        let mut found = once_each(found);
        if found.len() >= limit || complete {
            found.truncate(limit);
            return Ok(found);
        }
        wanted = wanted.saturating_mul(FURTHER);
    }
}

/// Returns the average of a message's parts, to find more like it; nothing if it has no vectors.
///
/// # Errors
/// What SQLite reports.
pub fn of_message(tx: &ReadTx<'_>, id: MessageId) -> Result<Option<Vec<f32>>> {
    let Some(model) = models::serving(tx)? else {
        return Ok(None);
    };
    let mut sum = vec![0.0; model.dimension as usize];
    let mut part = sum.clone();
    tx.scan(
        "SELECT vector FROM message_vectors WHERE message_id = ?1 AND model_id = ?2",
        (id, model.id),
        |row: Blob| {
            blob::read(&row.vector, &mut part);
            for (sum, number) in sum.iter_mut().zip(&part) {
                *sum += number;
            }
            true
        },
    )?;
    // Parts that point away from each other have no average.
    Ok(blob::unit(&sum, model.dimension).ok())
}

struct Blob {
    vector: Vec<u8>,
}

from_row!(Blob { vector });

/// Brings the codes up to the rows, so that no search has to wait for that, and what is purged is gone
/// from memory too; without a model none are held.
///
/// # Errors
/// [`Error::Invalid`] within a write, and what SQLite reports.
pub fn warm(tx: &ReadTx<'_>) -> Result<()> {
    let reader = reader_of(tx)?;
    match models::serving(tx)? {
        Some(model) => drop(reader.follow(tx, &model)?),
        None => reader.clear(),
    }
    Ok(())
}

/// Makes the codes in memory anew from the rows.
///
/// # Errors
/// As [`warm`].
pub fn rebuild(tx: &ReadTx<'_>) -> Result<()> {
    reader_of(tx)?.clear();
    warm(tx)
}

/// Compares the codes in memory with the rows, of which it reads all.
///
/// # Errors
/// As [`warm`].
pub fn check(tx: &ReadTx<'_>) -> Result<Check> {
    let mut check = Check {
        rows: 0,
        in_memory: 0,
        wrong: 0,
        bytes: 0,
    };
    let Some(model) = models::serving(tx)? else {
        return Ok(check);
    };
    let followed = reader_of(tx)?.follow(tx, &model)?;
    if let Some(held) = followed.held() {
        let rows = index::made_of_rows(tx, held)?;
        check.rows = rows.len();
        check.in_memory = held.codes.len();
        check.wrong = held.codes.differences(&rows);
        check.bytes = held.codes.bytes();
    }
    Ok(check)
}

fn reader_of<'c>(tx: &ReadTx<'c>) -> Result<VectorReader<'c>> {
    tx.vectors().ok_or_else(|| {
        let limit = "looks at what was committed; it is not possible within a write";
        Error::invalid("search by meaning", limit)
    })
}

fn candidates(
    tx: &ReadTx<'_>,
    model: &EmbeddingModel,
    query: &[f32],
    wanted: usize,
    filter: &Filter,
) -> Result<Vec<i64>> {
    let among = among(tx, filter)?;
    let followed = reader_of(tx)?.follow(tx, model)?;
    let Some(held) = followed.held() else {
        return Ok(Vec::new());
    };
    let codes = &held.codes;
    let allowed: Allowed =
        codes.allow(&among, filter.roles.as_deref(), filter.after, filter.before);
    Ok(codes.scan(query, wanted, &allowed))
}

struct Listed {
    id: SessionId,
}

from_row!(Listed { id });

/// The sessions of a filter: few are in the trash, or those that are wanted are listed.
fn among(tx: &ReadTx<'_>, filter: &Filter) -> Result<Among> {
    if let Some(sessions) = &filter.sessions {
        return Ok(Among::Only(sessions.clone()));
    }
    let personas = json(filter.personas.as_deref());
    let listed: Vec<Listed> = match &personas {
        Some(personas) => tx.list(
            "SELECT id FROM sessions WHERE persona_id IN (SELECT value FROM json_each(?1))",
            [personas],
        )?,
        None => tx.list("SELECT id FROM sessions WHERE deleted_at IS NOT NULL", [])?,
    };
    let sessions = listed.into_iter().map(|it| it.id).collect();
    Ok(match personas {
        Some(_) => Among::Only(sessions),
        None => Among::AllBut(sessions),
    })
}

struct Row {
    message_id: MessageId,
    session_id: SessionId,
    start: u32,
    vector: Vec<u8>,
}

from_row!(Row {
    message_id,
    session_id,
    start,
    vector,
});

/// The candidates that are there and pass the filter, the nearest first, by their rows.
fn read(
    tx: &ReadTx<'_>,
    model: &EmbeddingModel,
    query: &[f32],
    candidates: &[i64],
    filter: &Filter,
) -> Result<Vec<Nearest>> {
    let roles = filter.roles.as_ref();
    let roles = roles.map(|it| it.iter().map(|role| role.as_str()).collect::<Vec<_>>());
    let mut vector = vec![0.0; query.len()];
    let mut found = Vec::with_capacity(candidates.len());
    tx.scan(
        "SELECT message_id, session_id, start, vector
         FROM message_vectors
         JOIN messages ON messages.id = message_id
         WHERE message_vectors.id IN (SELECT value FROM json_each(:candidates))
             AND message_vectors.model_id = :model
             AND messages.deleted_at IS NULL
             AND session_id NOT IN (SELECT id FROM sessions WHERE deleted_at IS NOT NULL)
             AND (:sessions IS NULL OR session_id IN (SELECT value FROM json_each(:sessions)))
             AND (:personas IS NULL
                 OR (SELECT persona_id FROM sessions WHERE sessions.id = session_id)
                     IN (SELECT value FROM json_each(:personas)))
             AND (:roles IS NULL OR role IN (SELECT value FROM json_each(:roles)))
             AND (:after IS NULL OR created_at >= :after)
             AND (:before IS NULL OR created_at < :before)",
        named_params! {
            ":candidates": serde_json::Value::from(candidates).to_string(),
            ":model": model.id,
            ":sessions": json(filter.sessions.as_deref()),
            ":personas": json(filter.personas.as_deref()),
            ":roles": roles.map(|it| serde_json::Value::from(it).to_string()),
            ":after": filter.after,
            ":before": filter.before,
        },
        |row: Row| {
            blob::read(&row.vector, &mut vector);
            found.push(Nearest {
                message_id: row.message_id,
                session_id: row.session_id,
                start: row.start,
                similarity: blob::cosine(query, &vector),
            });
            true
        },
    )?;
    found.sort_unstable_by(|a, b| {
        let alike = b.message_id.cmp(&a.message_id).then(a.start.cmp(&b.start));
        b.similarity.total_cmp(&a.similarity).then(alike)
    });
    Ok(found)
}

/// The nearest part of each message.
fn once_each(found: Vec<Nearest>) -> Vec<Nearest> {
    let mut seen = std::collections::HashSet::new();
    found
        .into_iter()
        .filter(|it| seen.insert(it.message_id))
        .collect()
}
