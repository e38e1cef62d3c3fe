//! How far the embedding is, as the window hears it.

use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// What the work is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmbeddingState {
    /// Every message is embedded, or no model is chosen.
    #[default]
    Done,
    /// Messages are being embedded.
    Working,
    /// It rests while a reply streams or the user types.
    Waiting,
    /// The user paused it.
    Paused,
    /// It cannot go on; `problem` says why. It is tried again by itself.
    Failed,
}

/// A model that can run on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocalEmbeddingModel {
    /// Its name.
    pub name: String,
    /// Whether its files are there.
    pub installed: bool,
}

/// How far the embedding is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmbeddingStatus {
    /// The model that is chosen: a name, or "endpoint/model"; nothing: search by meaning is off.
    pub model: Option<String>,
    /// The model whose vectors are searched; another one while all is embedded anew.
    pub serving: Option<String>,
    /// Messages that are still to be embedded.
    pub queued: u64,
    /// All messages.
    pub messages: u64,
    /// What the work is doing.
    pub state: EmbeddingState,
    /// Why it cannot go on.
    pub problem: Option<CommandError>,
    /// The models that can run on this machine.
    pub local_models: Vec<LocalEmbeddingModel>,
}
