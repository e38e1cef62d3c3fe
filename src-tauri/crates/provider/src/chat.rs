//! A chat: the request, and the reply as it streams in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::api_root;
use crate::call::Call;
use crate::genai_stream::GenaiStream;
use crate::ollama_stream::OllamaStream;
use crate::{Connection, EndpointKind, Parameters, ProviderError};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model, by the provider's own name.
    pub model: String,
    /// The instruction above the conversation, such as a persona's prompt.
    pub system: Option<String>,
    /// The conversation, oldest first. Blank turns are left out, as several providers refuse them.
    pub messages: Vec<Turn>,
    /// How the reply is sampled.
    pub parameters: Parameters,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

impl Turn {
    /// A turn of the user's.
    pub fn user(text: impl Into<String>) -> Self {
        Self {
            role: Role::User,
            text: text.into(),
        }
    }

    /// A turn of the model's.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self {
            role: Role::Assistant,
            text: text.into(),
        }
    }

    /// An instruction in the middle of the conversation.
    pub fn system(text: impl Into<String>) -> Self {
        Self {
            role: Role::System,
            text: text.into(),
        }
    }
}

/// Who speaks in a [`Turn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An instruction.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// How long a server is given. A connection always has 10 seconds to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest silence: until the first byte, and between any two pieces. 120 seconds by
    /// default, for a local server may first have to read a model of many gigabytes.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(120),
        }
    }
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyPart {
    /// Text to append; never empty.
    Delta(String),
    /// The proper end, always the last part.
    Done {
        /// The tokens, if the server counted them.
        usage: Option<Usage>,
        /// Why the reply ends here.
        stop_reason: StopReason,
    },
}

/// How many tokens a call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read, those from a cache among them.
    pub prompt_tokens: Option<u32>,
    /// Tokens written, those of reasoning among them.
    pub completion_tokens: Option<u32>,
}

/// Why a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model was done, or met a stop sequence.
    Finished,
    /// The longest reply or the context window was reached.
    Length,
    /// The provider's filter cut it.
    Filtered,
    /// Something else, or the server did not say.
    Other,
}

/// Asks a model and streams its reply.
///
/// Nothing is sent before the first [`Reply::next`], so this returns at once. Errors of the
/// request itself come from here, all others from there.
///
/// # Errors
/// [`ProviderError::InvalidUrl`] if the address cannot be used; [`ProviderError::Key`] if the
/// provider needs a key and there is none.
pub async fn stream_chat(
    connection: &Connection,
    mut request: ChatRequest,
    limits: Limits,
) -> Result<Reply, ProviderError> {
    let root = api_root(connection.kind, &connection.base_url)?;
    request.messages.retain(|turn| !turn.text.trim().is_empty());
    request.parameters = request
        .parameters
        .fitted(connection.kind, &request.model, &root);
    let turns = request.messages.iter().map(|turn| turn.text.as_str());
    let call = Call::new(connection, limits.idle)?
        .sending(&request.model, turns.chain(request.system.as_deref()));
    let source = match connection.kind {
        EndpointKind::Ollama => Source::Ollama(Box::new(OllamaStream::new(
            connection, &call, &root, &request,
        )?)),
        _ => Source::Genai(Box::new(
            GenaiStream::new(connection, &call, &root, request).await?,
        )),
    };
    Ok(Reply {
        call,
        source: Some(source),
    })
}

/// A reply that streams in. Dropping it cancels it and closes the connection.
pub struct Reply {
    call: Call,
    /// `None` once the reply ended, so that the connection is gone with its last part.
    source: Option<Source>,
}

enum Source {
    Genai(Box<GenaiStream>),
    Ollama(Box<OllamaStream>),
}

impl Reply {
    /// The next part; `None` after [`ReplyPart::Done`] and after an error.
    ///
    /// Safe to drop while it waits (in `tokio::select!`): no part is lost.
    ///
    /// # Errors
    /// Any [`ProviderError`] but those of [`stream_chat`]; parts that came before it stay valid.
    pub async fn next(&mut self) -> Option<Result<ReplyPart, ProviderError>> {
        let part = match self.source.as_mut()? {
            Source::Genai(stream) => stream.next(&self.call).await,
            Source::Ollama(stream) => stream.next(&self.call).await,
        };
        if !matches!(part, Ok(ReplyPart::Delta(_))) {
            self.source = None;
        }
        Some(part)
    }
}
