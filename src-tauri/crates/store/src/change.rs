//! What a commit touched, so that a window can refresh just that.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The kinds of thing that the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Entity {
    /// A chat.
    Session,
    /// One turn in a session.
    Message,
    /// Who the model is asked to be.
    Persona,
    /// A shorter text for a range of messages.
    Summary,
    /// A fact that is kept in context.
    Pin,
    /// Where models are reached.
    Endpoint,
    /// Text that was typed and not sent.
    Draft,
    /// The app's own settings.
    Settings,
}

impl Entity {
    /// The word for it in messages to the user.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Message => "message",
            Self::Persona => "persona",
            Self::Summary => "summary",
            Self::Pin => "pin",
            Self::Endpoint => "provider",
            Self::Draft => "draft",
            Self::Settings => "settings",
        }
    }
}

/// One thing that a commit inserted, updated or deleted. What goes with a deleted session (its
/// messages, summaries, pins and draft) is not named by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Change {
    /// What kind of thing.
    pub entity: Entity,
    /// Which one: its id as text, empty where there is only one.
    pub id: String,
}

/// What a committed write returned, and what it changed. Derefs to the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<T> {
    /// What the closure returned.
    pub value: T,
    /// Everything the commit touched, each once, in the order it was first touched.
    pub changes: Vec<Change>,
}

impl<T> Deref for Committed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
