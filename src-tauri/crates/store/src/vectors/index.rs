//! The codes in memory, and how they keep up with the rows.
//!
//! They are only ever filled from a snapshot of what was committed, so that nothing of a write that was
//! rolled back can be among them. Two numbers tell what a snapshot has that they have not: vector ids
//! grow and are never used twice, so all that is new is above the last id that was read; and a trigger
//! counts deletions, so that when it has gone up, the codes whose rows are gone are swept. Both only
//! grow, so that of two snapshots one is the older, and the codes never go back to that.
//!
//! Where another program replaces the database, the codes are forgotten, and the numbers say nothing
//! of what was before: a reader that began then reads the codes for itself alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    /// How often the database was replaced; it changes while `held` is locked.
    replacements: AtomicU64,
}

/// The codes as the reader of a snapshot sees them.
#[derive(Clone, Copy)]
pub(crate) struct VectorReader<'i> {
    index: &'i VectorIndex,
    /// How often the database had been replaced when the snapshot began.
    replacements: u64,
}

/// Codes that are no less new than a snapshot.
pub(super) enum Followed<'i> {
    /// Those of all.
    Shared(RwLockReadGuard<'i, Option<Held>>),
    /// Those of a snapshot from before what is held for all.
    Own(Held),
}

impl Followed<'_> {
    pub(super) fn held(&self) -> Option<&Held> {
        match self {
            Self::Shared(held) => held.as_ref(),
            Self::Own(held) => Some(held),
        }
    }
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
        // The greatest id that there is would fall when its row is deleted.
        let last_id = tx.value(
            "SELECT seq FROM sqlite_sequence WHERE name = 'message_vectors'",
            [],
        )?;
        let deletions = tx.value(
            "SELECT deletions FROM embedding_models WHERE id = ?1",
            [model],
        )?;
        Ok(Self {
            last_id: last_id.unwrap_or(0),
            deletions: deletions.unwrap_or(0),
        })
    }

    /// An older snapshot has nothing for codes that are further on.
    fn is_behind(self, other: Self) -> bool {
        self.last_id < other.last_id || self.deletions < other.deletions
    }
}

/// What the codes that are held are to a snapshot.
enum Standing {
    /// They can be searched.
    Ready,
    /// They lack what is new in it.
    Behind,
    /// They are to be read anew.
    Unfit,
    /// They are of a model that came after it, or of a database that took its place.
    Ahead,
}

impl Held {
    fn standing(&self, model: &EmbeddingModel, now: State) -> Standing {
        let is_behind = self.state.is_behind(now);
        if self.model > model.id {
            Standing::Ahead
        } else if self.model < model.id {
            Standing::Unfit
        } else if !is_behind && self.state != now {
            // Newer codes than the snapshot, whatever they are about, do for it.
            Standing::Ready
        } else if !self.is_about(model) {
            Standing::Unfit
        } else if is_behind {
            Standing::Behind
        } else {
            Standing::Ready
        }
    }

    fn is_about(&self, model: &EmbeddingModel) -> bool {
        model.vectors < self.mean_of.max(1).saturating_mul(GROWTH)
            && model.vectors.saturating_mul(GROWTH) >= self.mean_of
    }
}

impl VectorIndex {
    /// For the reader of a snapshot that has not begun yet.
    pub(crate) fn reader(&self) -> VectorReader<'_> {
        VectorReader {
            index: self,
            replacements: self.replacements.load(Ordering::SeqCst),
        }
    }

    /// Forgets the codes of a database that was replaced; the next search reads them from the rows.
    pub(crate) fn forget(&self) {
        let mut held = self.write();
        self.replacements.fetch_add(1, Ordering::SeqCst);
        *held = None;
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Held>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'i> VectorReader<'i> {
    /// The codes of this model, no less new than the snapshot.
    pub(super) fn follow(self, tx: &ReadTx<'_>, model: &EmbeddingModel) -> Result<Followed<'i>> {
        let now = State::of(tx, model.id)?;
        loop {
            let held = self.index.read();
            match self.standing(held.as_ref(), model, now) {
                Standing::Ready => return Ok(Followed::Shared(held)),
                Standing::Ahead => {
                    drop(held);
                    return Ok(Followed::Own(load(tx, model, now)?));
                }
                Standing::Behind | Standing::Unfit => drop(held),
            }
            self.bring_to(tx, model, now)?;
        }
    }

    /// Drops the codes, to be read anew from the rows.
    pub(super) fn clear(self) {
        *self.index.write() = None;
    }

    /// To be asked again after each time that `held` was not locked.
    fn standing(self, held: Option<&Held>, model: &EmbeddingModel, now: State) -> Standing {
        if self.index.replacements.load(Ordering::SeqCst) == self.replacements {
            held.map_or(Standing::Unfit, |held| held.standing(model, now))
        } else {
            Standing::Ahead
        }
    }

    fn bring_to(self, tx: &ReadTx<'_>, model: &EmbeddingModel, now: State) -> Result<()> {
        let loading = self.index.loading.lock();
        let _one = loading.unwrap_or_else(PoisonError::into_inner);
        let mut held = self.index.write();
        match (self.standing(held.as_ref(), model, now), held.as_mut()) {
            (Standing::Behind, Some(held)) => return update(held, tx, now),
            (Standing::Unfit, _) => {}
            _ => return Ok(()),
        }
        // Others go on with what is there while all is read anew.
        drop(held);
        let fresh = load(tx, model, now)?;
        let mut held = self.index.write();
        if let Standing::Unfit = self.standing(held.as_ref(), model, now) {
            *held = Some(fresh);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

    use crate::vectors::{self, Chunk};
    use crate::{NewMessage, NewSession, OpenOptions, ReadTx, Store, messages, sessions};

    const VECTOR: [f32; 3] = [1.0, 0.5, 0.25];

    /// A store with so many messages that are embedded, of which the first are in one session.
    fn store(folder: &std::path::Path, first: usize, others: usize) -> Store {
        let store = OpenOptions::new(folder).open().unwrap();
        let fill = |tx: &crate::WriteTx<'_>| {
            let model = vectors::use_model(tx, "small", 3)?;
            for (name, count) in [("first", first), ("others", others)] {
                let session = sessions::insert(tx, &NewSession::named(name))?;
                for _ in 0..count {
                    let said = messages::append(tx, &NewMessage::user(session.id, "Hi"))?;
                    let chunk = Chunk {
                        start: 0,
                        vector: VECTOR.to_vec(),
                    };
                    vectors::put(tx, model.id, said.id, said.text.len(), &[chunk])?;
                }
            }
            Ok(())
        };
        store.write(fill).unwrap();
        store
    }

    fn in_memory(tx: &ReadTx<'_>) -> usize {
        let held = tx.vectors().unwrap().index.read();
        held.as_ref().map_or(0, |held| held.codes.len())
    }

    /// So few are left that the codes are made anew; a reader of before would have done that with what
    /// is purged.
    #[test]
    fn the_codes_of_what_is_purged_do_not_come_back_for_a_reader_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 1, 20);
        let search = |before: &ReadTx<'_>| {
            vectors::warm(before)?;
            assert_eq!(in_memory(before), 21);
            let purged = "DELETE FROM sessions WHERE name = 'others'";
            store.write(|tx| tx.execute(purged, []))?;
            store.read(vectors::warm)?;
            assert_eq!(in_memory(before), 1);
            let options = vectors::NearestOptions::first(30);
            assert_eq!(vectors::nearest(before, &VECTOR, &options)?.len(), 1);
            assert_eq!(in_memory(before), 1);
            Ok(())
        };
        store.read(search).unwrap();
    }

    #[test]
    fn without_a_model_nothing_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 3, 0);
        store.read(vectors::warm).unwrap();
        assert_eq!(store.read(|tx| Ok(in_memory(tx))).unwrap(), 3);
        store.write(vectors::no_model).unwrap();
        store.read(vectors::warm).unwrap();
        assert_eq!(store.read(|tx| Ok(in_memory(tx))).unwrap(), 0);
    }

    /// Before the model that serves now there was another, whose vectors are still in the snapshot.
    #[test]
    fn a_reader_of_before_another_model_served_reads_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 3, 0);
        let search = |before: &ReadTx<'_>| {
            vectors::warm(before)?;
            store.write(|tx| {
                vectors::use_model(tx, "large", 4)?;
                tx.execute("DELETE FROM embedding_queue", [])?;
                vectors::settle(tx)
            })?;
            store.read(vectors::warm)?;
            assert_eq!(in_memory(before), 0);
            let options = vectors::NearestOptions::first(30);
            assert_eq!(vectors::nearest(before, &VECTOR, &options)?.len(), 3);
            assert_eq!(in_memory(before), 0);
            Ok(())
        };
        store.read(search).unwrap();
    }
}
