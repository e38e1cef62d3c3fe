//! Messages as vectors: search by meaning.
//!
//! The rows hold the vectors, in f16, and are all that lasts: [`put`] writes them, and they go with
//! their messages. Held in memory are short codes of them, for the scan; [`nearest`] brings these up
//! to its own snapshot first, so nothing has to be told of a commit, a purge or a restore.
//!
//! A graph (HNSW) was not worth its memory below a million vectors, and `sqlite-vec` reads all of them
//! at every search: 350 ms for a million against 10.

mod blob;
mod codes;
mod index;
mod models;
mod nearest;
mod queue;
mod scan;

pub(crate) use index::{VectorIndex, VectorReader};
pub use models::{
    EmbeddingModel, ModelId, ModelState, no_model, serving, settle, use_model, wanted,
};
pub use nearest::{
    Check, Filter, Nearest, NearestOptions, check, nearest, of_message, rebuild, warm,
};
pub use queue::{CHUNKS_MAX, Chunk, Progress, Queued, progress, put, queued};
