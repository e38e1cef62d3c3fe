//! What each side does, so that both are given the same work in the same order.

use serde::Deserialize;

use crate::Result;

/// One line of the corpus.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    /// The session's number.
    pub(crate) session: usize,
    /// The message's number in its session, from 0.
    pub(crate) seq: usize,
    /// "user" or "assistant".
    pub(crate) role: String,
    /// The text.
    pub(crate) text: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) created_at: i64,
}

impl Line {
    /// Tokens, as the peer guesses them.
    pub(crate) fn token_usage(&self) -> u32 {
        u32::try_from(self.text.len() >> 2).unwrap_or(u32::MAX)
    }
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The operating system.
    Normal,
    /// The disk.
    Full,
}

/// The model that the workload's messages are said to be by.
pub(crate) const MODEL: &str = "openai/gpt-4";
/// Newest messages that opening a session reads.
pub(crate) const OPENED: usize = 50;
/// Sessions in one list.
pub(crate) const LISTED: usize = 50;
/// Newest messages, top pins and newest summaries of a context.
pub(crate) const CONTEXT: (usize, usize, usize) = (8, 5, 3);

/// The message that is appended: about 220 bytes.
pub(crate) fn appended_text() -> String {
    "lorem ipsum dolor sit amet ".repeat(8)
}

/// Each of the three summaries of a session.
pub(crate) fn summary_text() -> String {
    "summary ".repeat(40)
}

/// Each of the five pins of a session.
pub(crate) fn pin_text() -> String {
    "pinned fact ".repeat(10)
}

/// One way of doing the workload.
pub(crate) trait Side {
    /// One transaction of the import, which waits for no disk: it can be done again.
    fn import(&mut self, batch: &[Line]) -> Result<()>;
    /// Five pins and three summaries for every session, in one transaction.
    fn furnish(&mut self) -> Result<()>;
    /// How many sessions were imported.
    fn sessions(&self) -> usize;
    /// One user message at the end of a session, in a commit of its own.
    fn append(&self, session: usize, durability: Durability) -> Result<()>;
    /// The newest messages of a session, oldest first.
    fn open_session(&self, session: usize) -> Result<()>;
    /// The sessions that were last updated.
    fn list_sessions(&self) -> Result<()>;
    /// The rows of a session's memory context.
    fn build_context(&self, session: usize) -> Result<()>;
}
