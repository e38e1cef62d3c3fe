//! Generations: the ledger of calls to models, which is only ever added to.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{OrNotFound, Result};
use crate::ids::{EndpointId, MessageId, SessionId};
use crate::row::{from_row, word_enum};
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

/// The most generations that one list returns.
pub const LIST_MAX: usize = 100;

word_enum! {
    /// How a call ended.
    GenerationStatus {
        /// The reply is whole.
        Complete = "complete",
        /// It was stopped, by the user or by the end of the app.
        Interrupted = "interrupted",
        /// The model or its server failed.
        Failed = "failed",
    }
}

word_enum! {
    /// What a call was for.
    Purpose {
        /// A reply.
        Reply = "reply",
        /// A summary that ends with the message.
        Summary = "summary",
        /// The line on what a session is about.
        Recap = "recap",
        /// Pins out of the message.
        Pins = "pins",
    }
}

/// One call to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Generation {
    /// Its id.
    pub id: i64,
    /// The session it was for; it may be gone.
    pub session_id: SessionId,
    /// The message it wrote, or was about; it may be gone.
    pub message_id: MessageId,
    /// What it was for.
    pub purpose: Purpose,
    /// The endpoint that was called.
    pub provider: EndpointId,
    /// The provider's own name of the model.
    pub model: String,
    /// Tokens that were sent; nothing if the provider did not report them.
    pub prompt_tokens: Option<u32>,
    /// Tokens that came back.
    pub completion_tokens: Option<u32>,
    /// Milliseconds to the first token; nothing if none came.
    pub first_token_ms: Option<u32>,
    /// Milliseconds to the end; nothing if the app was ended before the call.
    pub total_ms: Option<u32>,
    /// How it ended.
    pub status: GenerationStatus,
    /// What the user was told, where it failed.
    pub error: Option<String>,
    /// When it ended.
    pub created_at: Timestamp,
}

from_row!(Generation {
    id,
    session_id,
    message_id,
    purpose,
    provider,
    model,
    prompt_tokens,
    completion_tokens,
    first_token_ms,
    total_ms,
    status,
    error,
    created_at,
});

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGeneration {
    /// The session it was for.
    pub session_id: SessionId,
    /// The message it wrote, or was about.
    pub message_id: MessageId,
    /// What it was for.
    pub purpose: Purpose,
    /// The endpoint that was called.
    pub provider: EndpointId,
    /// The provider's own name of the model.
    pub model: String,
    /// Tokens that were sent.
    pub prompt_tokens: Option<u32>,
    /// Tokens that came back.
    pub completion_tokens: Option<u32>,
    /// Milliseconds to the first token.
    pub first_token_ms: Option<u32>,
    /// Milliseconds to the end.
    pub total_ms: Option<u32>,
    /// How it ended.
    pub status: GenerationStatus,
    /// What the user was told, where it failed; never the text of a message.
    pub error: Option<String>,
}

/// Adds a call to the ledger.
///
/// # Errors
/// What SQLite reports.
pub fn insert(tx: &WriteTx<'_>, new: &NewGeneration) -> Result<Generation> {
    tx.execute(
        "INSERT INTO generations
             (session_id, message_id, purpose, provider, model, prompt_tokens, completion_tokens,
              first_token_ms, total_ms, status, error, created_at)
         VALUES
             (:session_id, :message_id, :purpose, :provider, :model, :prompt_tokens,
              :completion_tokens, :first_token_ms, :total_ms, :status, :error, :now)",
        named_params! {
            ":session_id": new.session_id,
            ":message_id": new.message_id,
            ":purpose": new.purpose,
            ":provider": new.provider,
            ":model": new.model,
            ":prompt_tokens": new.prompt_tokens,
            ":completion_tokens": new.completion_tokens,
            ":first_token_ms": new.first_token_ms,
            ":total_ms": new.total_ms,
            ":status": new.status,
            ":error": new.error,
            ":now": tx.now(),
        },
    )?;
    let id = tx.last_insert_rowid();
    tx.changed(Entity::Message, new.message_id);
    tx.find(
        "SELECT id, session_id, message_id, purpose, provider, model, prompt_tokens, completion_tokens,
             first_token_ms, total_ms, status, error, created_at
         FROM generations
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Message, new.message_id)
}

/// Returns the calls that wrote a message, newest first, at most [`LIST_MAX`].
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>, message_id: MessageId) -> Result<Vec<Generation>> {
    tx.list(
        "SELECT id, session_id, message_id, purpose, provider, model, prompt_tokens, completion_tokens,
             first_token_ms, total_ms, status, error, created_at
         FROM generations
         WHERE message_id = ?1 AND purpose = 'reply'
         ORDER BY id DESC
         LIMIT ?2",
        (message_id, LIST_MAX),
    )
}
