//! What of a session is sent to the model.

use crate::error::Result;
use crate::ids::SessionId;
use crate::messages::{self, Message};
use crate::pins::{self, Pin};
use crate::sessions;
use crate::summaries::{self, Summary};
use crate::transaction::ReadTx;

/// The most of each that goes into a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// The newest messages of the branch on show.
    pub messages: usize,
    /// The most important pins.
    pub pins: usize,
    /// The newest summaries.
    pub summaries: usize,
}

/// The rows that a request to a model is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// The most important first.
    pub pins: Vec<Pin>,
    /// Newest first.
    pub summaries: Vec<Summary>,
}

/// Returns the context of a session.
///
/// # Errors
/// [`crate::Error::NotFound`] if there is no such session.
pub fn build(tx: &ReadTx<'_>, session_id: SessionId, limits: ContextLimits) -> Result<Context> {
    let head = sessions::get(tx, session_id)?.head_id;
    let mut messages = messages::branch(tx, session_id, head, limits.messages)?;
    messages.reverse();
    Ok(Context {
        messages,
        pins: pins::top(tx, session_id, limits.pins)?,
        summaries: summaries::newest(tx, session_id, limits.summaries)?,
    })
}
