//! What can go wrong.

use std::path::PathBuf;

use rten_gemm::GemmError;

/// Why a model could not be had, or a text not be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The model's files are in none of the folders in which they were looked for.
    #[error("the model {model} is not installed: it is in none of {}", list(.folders))]
    Missing {
        /// The model's name.
        model: &'static str,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// A file of the model cannot be read.
    #[error("{} cannot be read", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the model is not what was published under its name.
    #[error("{} is damaged: {problem}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A text could not be embedded. This is a fault of the program, not of the text.
    #[error("the model {model} failed")]
    Failed {
        /// The model's name.
        model: &'static str,
        /// What failed.
        #[source]
        source: Fault,
    },
}

/// What failed within a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The tokenizer gave up.
    #[error("the tokenizer failed: {0}")]
    Tokenizer(String),
    /// The tokenizer knows a token that the model does not.
    #[error("the tokenizer and the weights do not belong together")]
    UnknownToken,
    /// A text has more tokens than the model has places.
    #[error("a text is longer than the model can read")]
    TooLong,
    /// Weights do not have the sizes that the model is made of.
    #[error("the weights do not have the sizes of the model")]
    Shape,
    /// The matrix library refused.
    #[error("a matrix product failed: {0}")]
    Product(#[from] GemmError),
    /// No thread could be started.
    #[error("no thread could be started: {0}")]
    Thread(String),
}

fn list(folders: &[PathBuf]) -> String {
    let names: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    names.join(", ")
}
