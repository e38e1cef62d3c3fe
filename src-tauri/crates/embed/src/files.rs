//! The files of a model: where they lie, and whether they are what was published.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::EmbedError;

/// The SHA-256 of every file, as `sha256sum` writes it; `scripts/lib/fetch-models` checks by the
/// same list.
const SUMS: &str = include_str!("../models.sha256");

/// The folder of one model.
pub(crate) struct Files {
    model: &'static str,
    folder: PathBuf,
}

impl Files {
    /// The first of `folders` that has a folder with the model's name in it.
    pub(crate) fn find(model: &'static str, folders: &[PathBuf]) -> Result<Self, EmbedError> {
        let candidates = folders.iter().map(|folder| folder.join(model));
        match candidates.into_iter().find(|folder| folder.is_dir()) {
            Some(folder) => Ok(Self { model, folder }),
            None => Err(EmbedError::Missing {
                model,
                folders: folders.to_vec(),
            }),
        }
    }

    /// A file, whole and checked.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, EmbedError> {
        let file = self.folder.join(name);
        let bytes = fs::read(&file).map_err(|source| EmbedError::Unreadable {
            file: file.clone(),
            source,
        })?;
        let found = hex::encode(Sha256::digest(&bytes));
        if Some(found.as_str()) == self.published(name) {
            Ok(bytes)
        } else {
            Err(damaged(&file, "it is not the file that was published"))
        }
    }

    /// What is wrong with a file.
    pub(crate) fn damaged(&self, name: &str, problem: impl ToString) -> EmbedError {
        damaged(&self.folder.join(name), problem)
    }

    fn published(&self, name: &str) -> Option<&'static str> {
        SUMS.lines().find_map(|line| {
            let (sum, path) = line.split_once("  ")?;
            let (model, file) = path.split_once('/')?;
            (model == self.model && file == name).then_some(sum)
        })
    }
}

fn damaged(file: &Path, problem: impl ToString) -> EmbedError {
    EmbedError::Damaged {
        file: file.to_owned(),
        problem: problem.to_string(),
    }
}
