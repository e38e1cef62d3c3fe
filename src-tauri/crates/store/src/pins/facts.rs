//! Facts that a user states, found by rules.

use crate::row::word_enum;

word_enum! {
    /// What a fact is.
    FactKind {
        /// The user asked for it to be remembered.
        Remember = "remember",
        /// How the user wants things to be.
        Preference = "preference",
        /// Something about the user.
        Fact = "fact",
        /// What was decided.
        Decision = "decision",
    }
}

impl FactKind {
    /// How much a pin of this kind matters, 0 to 1.
    #[must_use]
    pub const fn importance(self) -> f64 {
        match self {
            Self::Remember => 0.9,
            Self::Preference => 0.75,
            Self::Fact | Self::Decision => 0.7,
        }
    }
}

/// Something that the user stated, worth to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The user's own words.
    pub text: String,
    /// What it is.
    pub kind: FactKind,
}

/// The facts that a user states in a message.
#[must_use]
pub fn facts(text: &str) -> Vec<Fact> {
    let _ = text;
    Vec::new()
}
