//! The models that there are.

use std::path::PathBuf;

use crate::e5::E5Small;
use crate::files::Files;
use crate::minilm::MiniLm;
use crate::{EmbedError, Embedder};

/// A model that runs on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// all-MiniLM-L6-v2: the default; English.
    MiniLm,
    /// multilingual-e5-small: a hundred languages; half as quick.
    E5Small,
}

impl Model {
    /// Every model, the default first.
    pub const ALL: [Self; 2] = [Self::MiniLm, Self::E5Small];

    /// The name under which its vectors are kept, which is also that of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MiniLm => "all-MiniLM-L6-v2",
            Self::E5Small => "multilingual-e5-small-q4",
        }
    }

    /// The model with this name, the reverse of [`Model::name`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    /// Whether one of `folders` has it; its files are checked when it is loaded.
    #[must_use]
    pub fn is_installed(self, folders: &[PathBuf]) -> bool {
        Files::find(self.name(), folders).is_ok()
    }

    /// Reads it from the first of `folders` that has it. Takes tenths of a second.
    ///
    /// # Errors
    /// [`EmbedError::Missing`], [`EmbedError::Unreadable`] or [`EmbedError::Damaged`], by its files.
    pub fn load(self, folders: &[PathBuf]) -> Result<Box<dyn Embedder>, EmbedError> {
        let files = Files::find(self.name(), folders)?;
        match self {
            Self::MiniLm => Ok(Box::new(MiniLm::load(&files)?)),
            Self::E5Small => Ok(Box::new(E5Small::load(&files)?)),
        }
    }
}
