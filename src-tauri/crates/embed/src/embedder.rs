//! What every model can do.

use std::ops::Range;

use crate::EmbedError;

/// A model that turns a text into a vector: texts that mean the like get vectors that point the
/// like way. Vectors have length 1, so that a dot product is the cosine.
///
/// The same text always gets the same vector. Any number of threads may ask at a time; what they
/// ask is done on two threads of the model's own, one for queries and one, at low priority, for
/// passages.
pub trait Embedder: Send + Sync {
    /// The name under which the vectors are kept.
    fn name(&self) -> &'static str;

    /// The length of every vector.
    fn dimension(&self) -> usize;

    /// How many tokens of a passage are read, the model's own marks included.
    fn max_tokens(&self) -> usize;

    /// Cuts a text of any length into passages that the model reads whole, each overlapping the
    /// one before: bytes of `text`, in order. None if there is nothing in it to read.
    ///
    /// # Errors
    /// [`EmbedError::Failed`].
    fn passages(&self, text: &str) -> Result<Vec<Range<usize>>, EmbedError>;

    /// The vector of what somebody looks for.
    ///
    /// # Errors
    /// [`EmbedError::Failed`].
    fn embed_query(&self, text: &str) -> Result<Vec<f32>, EmbedError>;

    /// The vectors of what can be found, one a passage. A passage that is longer than the model
    /// reads is cut.
    ///
    /// # Errors
    /// [`EmbedError::Failed`].
    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}
