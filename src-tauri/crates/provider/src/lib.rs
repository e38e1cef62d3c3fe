//! Talking to language models: list the models of an endpoint, stream a reply, cancel it, count
//! its tokens; turn texts into vectors; find local servers; keep API keys in the operating system's keychain.
//!
//! No SQL, no window, no store: text goes in, text comes out.
//!
//! # What may be logged
//! Nothing in this crate logs, and no [`ProviderError`] holds a key or the text of a message. The
//! library underneath (`genai`) does write pieces of replies to `tracing` on some paths: whoever
//! sets up logging switches [`UNLOGGED_TARGETS`] off.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), chatkeep_provider::ProviderError> {
//! use chatkeep_provider::{
//!     ChatRequest, Connection, EndpointKind, Limits, Parameters, ReplyPart, Turn, list_models,
//!     stream_chat,
//! };
//!
//! let kind = EndpointKind::Ollama;
//! let connection = Connection { kind, base_url: kind.default_base_url().into(), key: None };
//! let model = list_models(&connection).await?.remove(0);
//! let request = ChatRequest {
//!     model,
//!     system: None,
//!     messages: vec![Turn::user("Why is the sky blue?")],
//!     parameters: Parameters::default(),
//! };
//! let mut reply = stream_chat(&connection, request, Limits::default()).await?;
//! while let Some(part) = reply.next().await {
//!     if let ReplyPart::Delta(text) = part? {
//!         println!("{text}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod call;
mod chat;
mod connection;
mod discovery;
mod embeddings;
mod endpoint;
mod error;
mod genai_stream;
mod http;
mod keys;
mod models;
mod ollama_stream;
mod parameters;
mod tokens;

pub use address::parse_base_url;
pub use chat::{ChatRequest, Limits, Reply, ReplyPart, Role, StopReason, Turn, Usage, stream_chat};
pub use connection::{ApiKey, Connection};
pub use discovery::{LocalPort, LocalServer, USUAL_PORTS, discover, discover_at};
pub use embeddings::embed;
pub use endpoint::EndpointKind;
pub use error::ProviderError;
pub use keys::{KeyPlace, KeyStore};
pub use models::{list_embedding_models, list_models};
pub use parameters::Parameters;
pub use tokens::{context_window, count_tokens};

/// Targets of `tracing` and `log` records that may carry the text of a reply: switch them off
/// wherever logging is set up, at every level.
pub const UNLOGGED_TARGETS: [&str; 1] = ["genai"];
