//! The models that messages are embedded with: one that is searched, and while another takes its
//! place, that one beside it.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

use super::blob;
use crate::error::{Error, Result};
use crate::limits;
use crate::row::{from_row, word_enum};
use crate::transaction::{ReadTx, WriteTx};

/// The most numbers that a vector can have.
const DIMENSION_MAX: u32 = 4096;
/// How many retired vectors one transaction deletes.
const SETTLE_BATCH: usize = 2000;
/// A mean is of so many of the last vectors: with more behind it, it would no longer follow what
/// people write about.
const MEAN_OF: u64 = 65_536;

/// Names a model that messages are embedded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ModelId(#[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))] i64);

impl ToSql for ModelId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for ModelId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

word_enum! {
    /// What a model is for at the moment.
    ModelState {
        /// Its vectors are searched; a query is embedded with it.
        Serving = "serving",
        /// It will serve once every message is embedded with it.
        Building = "building",
    }
}

/// A model that messages are embedded with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct EmbeddingModel {
    /// Its id in this database.
    pub id: ModelId,
    /// What it is called, such as "all-MiniLM-L6-v2".
    pub name: String,
    /// How many numbers a vector of it has.
    pub dimension: u32,
    /// What it is for.
    pub state: ModelState,
    /// How many vectors of it there are.
    #[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))]
    pub vectors: u64,
}

from_row!(EmbeddingModel {
    id,
    name,
    dimension,
    state,
    vectors,
});

/// Returns the model that is searched: a query is embedded with it.
///
/// # Errors
/// What SQLite reports.
pub fn serving(tx: &ReadTx<'_>) -> Result<Option<EmbeddingModel>> {
    tx.find(
        "SELECT id, name, dimension, state, vectors
         FROM embedding_models
         WHERE state = 'serving'",
        [],
    )
}

fn building(tx: &ReadTx<'_>) -> Result<Option<EmbeddingModel>> {
    tx.find(
        "SELECT id, name, dimension, state, vectors
         FROM embedding_models
         WHERE state = 'building'",
        [],
    )
}

/// Returns the model that messages are to be embedded with: the one that is to serve.
///
/// # Errors
/// What SQLite reports.
pub fn wanted(tx: &ReadTx<'_>) -> Result<Option<EmbeddingModel>> {
    match building(tx)? {
        Some(model) => Ok(Some(model)),
        None => serving(tx),
    }
}

/// Says which model messages are to be embedded with, and queues what has no vector of it. The first
/// serves at once. Another one takes the place of the one that serves when [`settle`] finds nothing
/// queued any more; to name the one that serves calls that off.
///
/// # Errors
/// [`Error::Invalid`] for a name or a dimension out of its limits.
pub fn use_model(tx: &WriteTx<'_>, name: &str, dimension: u32) -> Result<EmbeddingModel> {
    let name = limits::name("embedding model", name)?;
    if !(1..=DIMENSION_MAX).contains(&dimension) {
        let limit = format!("must be between 1 and {DIMENSION_MAX}, not {dimension}");
        return Err(Error::invalid("dimension", limit));
    }
    let is_it = |model: &EmbeddingModel| model.name == name && model.dimension == dimension;
    if let Some(model) = wanted(tx)?.filter(is_it) {
        return Ok(model);
    }
    if let Some(model) = building(tx)? {
        retire(tx, model.id)?;
    }
    let model = match serving(tx)? {
        Some(model) if is_it(&model) => model,
        Some(_) => insert(tx, name, dimension, ModelState::Building)?,
        None => insert(tx, name, dimension, ModelState::Serving)?,
    };
    queue_missing(tx, model.id)?;
    Ok(model)
}

/// Turns search by meaning off: no model is left, and [`settle`] takes their vectors.
///
/// # Errors
/// What SQLite reports.
pub fn no_model(tx: &WriteTx<'_>) -> Result<()> {
    for model in [building(tx)?, serving(tx)?].into_iter().flatten() {
        retire(tx, model.id)?;
    }
    clear_queue(tx)
}

fn clear_queue(tx: &WriteTx<'_>) -> Result<()> {
    tx.execute("DELETE FROM embedding_queue", [])?;
    Ok(())
}

fn insert(
    tx: &WriteTx<'_>,
    name: &str,
    dimension: u32,
    state: ModelState,
) -> Result<EmbeddingModel> {
    let mean = blob::mean_to_blob(&vec![0.0; dimension as usize]);
    tx.execute(
        "INSERT INTO embedding_models (name, dimension, state, mean) VALUES (?1, ?2, ?3, ?4)",
        (name, dimension, state, mean),
    )?;
    Ok(EmbeddingModel {
        id: ModelId(tx.last_insert_rowid()),
        name: name.to_owned(),
        dimension,
        state,
        vectors: 0,
    })
}

fn retire(tx: &WriteTx<'_>, id: ModelId) -> Result<()> {
    tx.execute(
        "UPDATE embedding_models SET state = NULL WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

/// Queues every message that has no vector of this model, and no other.
fn queue_missing(tx: &WriteTx<'_>, id: ModelId) -> Result<()> {
    clear_queue(tx)?;
    tx.execute(
        "INSERT INTO embedding_queue (message_id)
         SELECT id
         FROM messages
         WHERE status <> 'streaming'
             AND NOT EXISTS (
                 SELECT 1
                 FROM message_vectors
                 WHERE message_vectors.message_id = messages.id AND model_id = ?1
             )
         ORDER BY id",
        [id],
    )?;
    Ok(())
}

/// Does a part of what is left to do: with nothing queued the building model begins to serve; a batch
/// of the vectors of retired models is deleted. Answers whether there is more.
///
/// # Errors
/// What SQLite reports.
pub fn settle(tx: &WriteTx<'_>) -> Result<bool> {
    let queued: Option<Option<i64>> =
        tx.value("SELECT max(message_id) FROM embedding_queue", [])?;
    if let (None, Some(model)) = (queued.flatten(), building(tx)?) {
        if let Some(former) = serving(tx)? {
            retire(tx, former.id)?;
        }
        tx.execute(
            "UPDATE embedding_models SET state = 'serving' WHERE id = ?1",
            [model.id],
        )?;
    }
    delete_retired(tx)
}

fn delete_retired(tx: &WriteTx<'_>) -> Result<bool> {
    let retired: Option<ModelId> = tx.value(
        "SELECT id FROM embedding_models WHERE state IS NULL ORDER BY id LIMIT 1",
        [],
    )?;
    let Some(model) = retired else {
        return Ok(false);
    };
    let deleted = tx.execute(
        "DELETE FROM message_vectors
         WHERE id IN (
             SELECT id FROM message_vectors WHERE model_id = ?1 ORDER BY id LIMIT ?2
         )",
        (model, SETTLE_BATCH),
    )?;
    if deleted < SETTLE_BATCH {
        tx.execute("DELETE FROM embedding_models WHERE id = ?1", [model])?;
    }
    Ok(true)
}

/// The mean of a model's vectors, as they came.
pub(super) fn mean(tx: &ReadTx<'_>, model: &EmbeddingModel) -> Result<Vec<f32>> {
    let found: Option<Vec<u8>> = tx.value(
        "SELECT mean FROM embedding_models WHERE id = ?1",
        [model.id],
    )?;
    let mut mean = blob::mean_from_blob(&found.unwrap_or_default());
    mean.resize(model.dimension as usize, 0.0);
    Ok(mean)
}

/// Lets the mean follow vectors that were just written.
pub(super) fn move_mean(
    tx: &WriteTx<'_>,
    model: &EmbeddingModel,
    added: &[Vec<f32>],
) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let mut mean = mean(tx, model)?;
    for (vector, before) in added.iter().zip(model.vectors..) {
        #[expect(clippy::cast_precision_loss, reason = "at most MEAN_OF")]
        let share = 1.0 / (before.min(MEAN_OF - 1) + 1) as f32;
        for (mean, number) in mean.iter_mut().zip(vector) {
            *mean += (number - *mean) * share;
        }
    }
    tx.execute(
        "UPDATE embedding_models SET mean = ?2 WHERE id = ?1",
        (model.id, blob::mean_to_blob(&mean)),
    )?;
    Ok(())
}
