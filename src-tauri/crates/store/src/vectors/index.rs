//! The codes in memory, and how they keep up with the rows.
//!
//! They are only ever filled from a snapshot of what was committed, so that nothing of a write that was
//! rolled back can be among them. Two numbers tell what a snapshot has that they have not: vector ids
//! grow and are never used twice, so all that is new is above the last id that was read; and a trigger
//! counts deletions, so that when it has gone up, the codes whose rows are gone are swept. Where another
//! program replaces the database, the codes are forgotten.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use rusqlite::named_params;

use super::blob;
use super::codes::{Codes, Entry};
use super::models::{self, EmbeddingModel, ModelId};
use crate::error::Result;
use crate::ids::SessionId;
use crate::messages::Role;
use crate::row::from_row;
use crate::time::Timestamp;
use crate::transaction::ReadTx;

/// When there are so many times more vectors than when the mean was taken, or fewer, the codes are made
/// anew about the mean of now.
const GROWTH: u64 = 4;

/// The codes of the model that serves, loaded when they are first asked for.
#[derive(Default)]
pub(crate) struct VectorIndex {
    held: RwLock<Option<Held>>,
    /// One thread loads, and others that search meanwhile wait for it.
    loading: Mutex<()>,
}

/// The codes and what they are of.
pub(super) struct Held {
    pub(super) codes: Codes,
    model: ModelId,
    state: State,
    /// How many vectors there were when the mean was taken.
    mean_of: u64,
}

/// What the codes have seen of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    last_id: i64,
    deletions: i64,
}

impl State {
    const NONE: Self = Self {
        last_id: 0,
        deletions: 0,
    };

    fn of(tx: &ReadTx<'_>, model: ModelId) -> Result<Self> {
        let last_id: Option<Option<i64>> = tx.value("SELECT max(id) FROM message_vectors", [])?;
        let deletions = tx.value(
            "SELECT deletions FROM embedding_models WHERE id = ?1",
            [model],
        )?;
        Ok(Self {
            last_id: last_id.flatten().unwrap_or(0),
            deletions: deletions.unwrap_or(0),
        })
    }

    /// An older snapshot has nothing for codes that are further on.
    fn is_behind(self, other: Self) -> bool {
        self.last_id < other.last_id || self.deletions < other.deletions
    }
}

impl Held {
    fn fits(&self, model: &EmbeddingModel) -> bool {
        self.model == model.id
            && model.vectors < self.mean_of.max(1).saturating_mul(GROWTH)
            && model.vectors.saturating_mul(GROWTH) >= self.mean_of
    }
}

impl VectorIndex {
    /// The codes of this model, no less new than the snapshot.
    pub(super) fn follow(
        &self,
        tx: &ReadTx<'_>,
        model: &EmbeddingModel,
    ) -> Result<RwLockReadGuard<'_, Option<Held>>> {
        let now = State::of(tx, model.id)?;
        loop {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            let is_there = |it: &Held| it.fits(model) && !it.state.is_behind(now);
            if held.as_ref().is_some_and(is_there) {
                return Ok(held);
            }
            drop(held);
            self.bring_to(tx, model, now)?;
        }
    }

    /// Forgets the codes; the next search reads them from the rows.
    pub(crate) fn forget(&self) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn bring_to(&self, tx: &ReadTx<'_>, model: &EmbeddingModel, now: State) -> Result<()> {
        let _one = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut().filter(|it| it.fits(model)) {
            Some(held) if held.state.is_behind(now) => update(held, tx, now),
            Some(_) => Ok(()),
            None => {
                // Others go on with what is there while all is read anew.
                drop(held);
                let fresh = load(tx, model, now)?;
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
                Ok(())
            }
        }
    }
}

/// All codes of a model, about the mean that it has now.
fn load(tx: &ReadTx<'_>, model: &EmbeddingModel, now: State) -> Result<Held> {
    let mut held = Held {
        codes: Codes::about(models::mean(tx, model)?),
        model: model.id,
        state: State::NONE,
        mean_of: model.vectors,
    };
    append(&mut held, tx)?;
    held.state = now;
    Ok(held)
}

/// The codes of a model as they are in the snapshot, made of its rows about a mean.
pub(super) fn made_of_rows(tx: &ReadTx<'_>, held: &Held) -> Result<Codes> {
    let mut fresh = Held {
        codes: Codes::about(held.codes.mean().to_vec()),
        model: held.model,
        state: State::NONE,
        mean_of: held.mean_of,
    };
    append(&mut fresh, tx)?;
    Ok(fresh.codes)
}

fn update(held: &mut Held, tx: &ReadTx<'_>, now: State) -> Result<()> {
    if held.state.deletions < now.deletions {
        held.codes.retain(&ids(tx)?);
        held.state.deletions = now.deletions;
    }
    append(held, tx)?;
    held.state.last_id = held.state.last_id.max(now.last_id);
    Ok(())
}

struct Id {
    id: i64,
}

from_row!(Id { id });

/// The ids of all vectors, ascending.
fn ids(tx: &ReadTx<'_>) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    // Of the index, in its order: in the order of the ids it would read every vector.
    tx.scan("SELECT id FROM message_vectors", [], |row: Id| {
        ids.push(row.id);
        true
    })?;
    ids.sort_unstable();
    Ok(ids)
}

struct Row {
    id: i64,
    session_id: SessionId,
    role: Role,
    created_at: Timestamp,
    vector: Vec<u8>,
}

from_row!(Row {
    id,
    session_id,
    role,
    created_at,
    vector,
});

/// Adds the codes of all vectors above the last that was read; after an error it goes on from there.
fn append(held: &mut Held, tx: &ReadTx<'_>) -> Result<()> {
    let (last, model) = (held.state.last_id, held.model);
    let Held { codes, state, .. } = held;
    let mut vector = vec![0.0; codes.mean().len()];
    tx.scan(
        "SELECT message_vectors.id AS id, session_id, role, created_at, vector
         FROM message_vectors
         JOIN messages ON messages.id = message_vectors.message_id
         WHERE message_vectors.id > :last AND message_vectors.model_id = :model
         ORDER BY message_vectors.id",
        named_params! { ":last": last, ":model": model },
        |row: Row| {
            blob::read(&row.vector, &mut vector);
            codes.push(&Entry {
                id: row.id,
                session_id: row.session_id,
                role: row.role,
                created_at: row.created_at,
                vector: &vector,
            });
            state.last_id = row.id;
            true
        },
    )
}
