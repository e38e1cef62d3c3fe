//! What is still to be embedded, and the writing of what was.
//!
//! The database itself keeps the queue, by triggers: a message is in it from when it is whole until its
//! vectors are written, whatever becomes of the program in between.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use super::blob;
use super::models::{self, EmbeddingModel, ModelId};
use crate::error::{Error, Result};
use crate::ids::MessageId;
use crate::limits;
use crate::row::from_row;
use crate::transaction::{ReadTx, WriteTx};

/// The most chunks of one message.
pub const CHUNKS_MAX: usize = 1000;

/// A message that is to be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Which one.
    pub message_id: MessageId,
    /// Its whole text.
    pub text: String,
}

from_row!(Queued { message_id, text });

/// A part of a message as a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Where in the text it begins, in bytes.
    pub start: u32,
    /// Of any length but 0.
    pub vector: Vec<f32>,
}

/// How far the embedding is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Progress {
    /// The model that messages are embedded with; nothing: search by meaning is off.
    pub model: Option<EmbeddingModel>,
    /// The model that is searched; another one while all is embedded anew.
    pub serving: Option<EmbeddingModel>,
    /// Messages that are still to be embedded.
    #[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))]
    pub queued: u64,
    /// All messages.
    #[cfg_attr(feature = "specta", specta(type = specta_typescript::Number))]
    pub messages: u64,
}

/// Returns what is to be embedded with the wanted model, the newest first.
///
/// # Errors
/// [`Error::Invalid`] for a limit out of range.
pub fn queued(tx: &ReadTx<'_>, limit: usize) -> Result<Vec<Queued>> {
    tx.list(
        "SELECT message_id, text
         FROM embedding_queue
         JOIN messages ON messages.id = message_id
         ORDER BY message_id DESC
         LIMIT ?1",
        [limits::page_limit(limit)?],
    )
}

/// Writes the vectors of a message in place of those that it has of this model, and takes it off the
/// queue. `text_bytes` is how long the text was that was embedded: should it have grown since, or the
/// message be gone, nothing is written and the answer is false. A message without chunks has nothing
/// in it that could be found.
///
/// # Errors
/// [`Error::Invalid`] if the model is not in use, or a vector is not one of it.
pub fn put(
    tx: &WriteTx<'_>,
    model: ModelId,
    message_id: MessageId,
    text_bytes: usize,
    chunks: &[Chunk],
) -> Result<bool> {
    let model = in_use(tx, model)?;
    if chunks.len() > CHUNKS_MAX {
        let limit = format!("a message has at most {CHUNKS_MAX}, not {}", chunks.len());
        return Err(Error::invalid("chunks", limit));
    }
    let vectors = chunks
        .iter()
        .map(|chunk| blob::unit(&chunk.vector, model.dimension))
        .collect::<Result<Vec<_>>>()?;
    let unchanged: Option<bool> = tx.value(
        "SELECT octet_length(text) = ?2 AND status <> 'streaming' FROM messages WHERE id = ?1",
        (message_id, text_bytes),
    )?;
    if unchanged != Some(true) {
        return Ok(false);
    }
    replace(tx, model.id, message_id, chunks, &vectors)?;
    models::move_mean(tx, &model, &vectors)?;
    if models::wanted(tx)?.is_some_and(|wanted| wanted.id == model.id) {
        tx.execute(
            "DELETE FROM embedding_queue WHERE message_id = ?1",
            [message_id],
        )?;
    }
    Ok(true)
}

fn in_use(tx: &ReadTx<'_>, id: ModelId) -> Result<EmbeddingModel> {
    let models = [models::wanted(tx)?, models::serving(tx)?];
    let found = models.into_iter().flatten().find(|model| model.id == id);
    found.ok_or_else(|| Error::invalid("embedding model", "is not in use any more"))
}

fn replace(
    tx: &WriteTx<'_>,
    model: ModelId,
    message_id: MessageId,
    chunks: &[Chunk],
    vectors: &[Vec<f32>],
) -> Result<()> {
    tx.execute(
        "DELETE FROM message_vectors WHERE message_id = ?1 AND model_id = ?2",
        (message_id, model),
    )?;
    for (number, (chunk, vector)) in chunks.iter().zip(vectors).enumerate() {
        tx.execute(
            "INSERT INTO message_vectors (message_id, model_id, chunk, start, vector)
             VALUES (:message_id, :model, :chunk, :start, :vector)",
            named_params! {
                ":message_id": message_id,
                ":model": model,
                ":chunk": number,
                ":start": chunk.start,
                ":vector": blob::to_blob(vector),
            },
        )?;
    }
    Ok(())
}

/// Returns how far the embedding is.
///
/// # Errors
/// What SQLite reports.
pub fn progress(tx: &ReadTx<'_>) -> Result<Progress> {
    Ok(Progress {
        model: models::wanted(tx)?,
        serving: models::serving(tx)?,
        queued: tx
            .value("SELECT count(*) FROM embedding_queue", [])?
            .unwrap_or(0),
        messages: crate::messages::count(tx)?,
    })
}
