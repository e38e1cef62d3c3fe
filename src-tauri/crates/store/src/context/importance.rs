//! How much a message matters, by general rules; what the user says of it goes above them.

use crate::messages::{Message, Role};

/// Words that mark a decision.
const DECISION: &[&str] = &[
    "decide",
    "let's go with",
    "we will",
    "agreed",
    "instead of",
    "choose",
];
/// Words that mark an error.
const ERROR: &[&str] = &["error", "exception", "failed", "panic", "traceback"];
/// Words that mark an instruction or something to be kept.
const INSTRUCTION: &[&str] = &[
    "remember",
    "always",
    "never",
    "must ",
    "please use",
    "i prefer",
    "my name is",
    "do not",
];
/// Bytes from which a message is long, and below which it is short.
const LONG_BYTES: usize = 800;
const SHORT_BYTES: usize = 24;

/// How much a message matters, 0 to 1: the user's mark, where there is one; else 0.4, and
///
/// | if it | plus |
/// |---|---|
/// | holds an instruction, a preference or "remember" | 0.25 |
/// | holds a decision | 0.2 |
/// | holds a block of code | 0.15 |
/// | speaks of an error | 0.1 |
/// | asks a question | 0.1 |
/// | is the user's | 0.05 |
/// | is long, from 800 bytes | 0.05 |
/// | is short, below 24 bytes | −0.2 |
#[must_use]
pub fn importance(message: &Message) -> f64 {
    if message.importance_by_user {
        return message.importance_score.get();
    }
    let text = message.text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let rules = [
        (has(INSTRUCTION), 0.25),
        (has(DECISION), 0.2),
        (text.contains("```"), 0.15),
        (has(ERROR), 0.1),
        (text.contains('?'), 0.1),
        (message.role == Role::User, 0.05),
        (text.len() >= LONG_BYTES, 0.05),
        (text.len() < SHORT_BYTES, -0.2),
    ];
    let sum: f64 = rules
        .iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, score)| score)
        .sum();
    (0.4 + sum).clamp(0.0, 1.0)
}
