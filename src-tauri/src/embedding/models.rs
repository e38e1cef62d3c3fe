//! The models that messages can be embedded with: on this machine, or behind an endpoint.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chatkeep_embed::{Embedder, Model, Piece, cut};
use chatkeep_provider::{Connection, embed};
use chatkeep_store::{EndpointId, endpoints};
use tokio::sync::Mutex as AsyncMutex;

use super::lock;
use super::status::LocalEmbeddingModel;
use crate::error::CommandError;
use crate::requests::connection;
use crate::state::{Backend, blocking};

/// The folder of models, in the data folder.
const FOLDER: &str = "models";
/// About 250 tokens of an endpoint's model, whose own count is not known; all of them read 512.
const ENDPOINT_PIECES: usize = 250;
const ENDPOINT_OVERLAP: usize = 32;
/// Letters of a word that are taken for a token.
const PIECE_CHARS: usize = 4;

/// The models that are in memory, and where others are.
#[derive(Default)]
pub(super) struct Models {
    folders: Mutex<Vec<PathBuf>>,
    loaded: AsyncMutex<Vec<Arc<dyn Embedder>>>,
}

/// What makes vectors of texts.
#[derive(Clone)]
pub(super) enum Source {
    Local(Arc<dyn Embedder>),
    Endpoint {
        connection: Connection,
        model: String,
    },
}

impl Models {
    pub(super) fn look_in(&self, folders: Vec<PathBuf>) {
        *lock(&self.folders) = folders;
    }

    fn folders(&self, backend: &Backend) -> Vec<PathBuf> {
        let mut folders = lock(&self.folders).clone();
        folders.push(backend.store.folder().join(FOLDER));
        folders
    }

    pub(super) fn local(&self, backend: &Backend) -> Vec<LocalEmbeddingModel> {
        let folders = self.folders(backend);
        let model = |model: Model| LocalEmbeddingModel {
            name: model.name().to_owned(),
            installed: model.is_installed(&folders),
        };
        Model::ALL.into_iter().map(model).collect()
    }

    /// The model of a name, read from the disk if it is not in memory.
    pub(super) async fn get(&self, backend: &Backend, name: &str) -> Result<Source, CommandError> {
        if let Some((endpoint, model)) = name.split_once('/') {
            let id = EndpointId::new(endpoint);
            let endpoint = backend
                .store
                .read(move |tx| endpoints::get(tx, &id))
                .await?;
            return Ok(Source::Endpoint {
                connection: connection(backend, &endpoint).await?,
                model: model.to_owned(),
            });
        }
        let model = Model::parse(name).ok_or_else(|| {
            CommandError::invalid("embedding model", "is not known", "Choose one of the list.")
        })?;
        let mut loaded = self.loaded.lock().await;
        if let Some(embedder) = loaded.iter().find(|embedder| embedder.name() == name) {
            return Ok(Source::Local(Arc::clone(embedder)));
        }
        let folders = self.folders(backend);
        let embedder: Arc<dyn Embedder> = blocking(move || model.load(&folders)).await??.into();
        loaded.push(Arc::clone(&embedder));
        Ok(Source::Local(embedder))
    }
}

impl Source {
    /// The passages of a text, each with where it begins in it, in bytes.
    pub(super) fn passages(&self, text: &str) -> Result<Vec<(usize, String)>, CommandError> {
        let passages = match self {
            Self::Local(embedder) => embedder.passages(text)?,
            Self::Endpoint { .. } => cut(&guess(text), ENDPOINT_PIECES, ENDPOINT_OVERLAP),
        };
        let passages = passages.into_iter().filter_map(|bytes| {
            let passage = text.get(bytes.clone())?;
            Some((bytes.start, passage.to_owned()))
        });
        Ok(passages.collect())
    }

    pub(super) async fn embed(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, CommandError> {
        match self {
            Self::Local(embedder) => {
                let embedder = Arc::clone(embedder);
                let work = move || {
                    let passages: Vec<_> = passages.iter().map(String::as_str).collect();
                    embedder.embed_passages(&passages)
                };
                Ok(blocking(work).await??)
            }
            Self::Endpoint { connection, model } => Ok(embed(connection, model, &passages).await?),
        }
    }

    pub(super) async fn embed_query(&self, text: &str) -> Result<Vec<f32>, CommandError> {
        match self {
            Self::Local(embedder) => {
                let (embedder, text) = (Arc::clone(embedder), text.to_owned());
                Ok(blocking(move || embedder.embed_query(&text)).await??)
            }
            Self::Endpoint { .. } => {
                let vectors = self.embed(vec![text.to_owned()]).await?;
                let vector = vectors.into_iter().next();
                vector.ok_or_else(|| CommandError::internal("an endpoint sent no vector"))
            }
        }
    }
}

/// A text in pieces that are about its tokens: a few letters of a word each, or one sign of a
/// script that has no spaces.
fn guess(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut chars = 0;
    for (start, char) in text.char_indices() {
        let end = start + char.len_utf8();
        if char.is_whitespace() {
            chars = 0;
        } else if char.is_ascii_alphanumeric() && 0 < chars && chars < PIECE_CHARS {
            chars += 1;
            if let Some(piece) = pieces.last_mut() {
                piece.bytes.end = end;
            }
        } else {
            let begins_word = chars < PIECE_CHARS;
            chars = if char.is_ascii_alphanumeric() { 1 } else { 0 };
            pieces.push(Piece {
                bytes: start..end,
                begins_word,
            });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn a_guess_has_pieces_of_words_and_single_signs() {
        let text = "embedding, é 東京";
        let pieces = guess(text);
        let words: Vec<_> = pieces
            .iter()
            .map(|piece| (&text[piece.bytes.clone()], piece.begins_word))
            .collect();
        let expected = [
            ("embe", true),
            ("ddin", false),
            ("g", false),
            (",", true),
            ("é", true),
            ("東", true),
            ("京", true),
        ];
        assert_eq!(words, expected);
    }
}
