//! What backup-db and restore-db share: where things are, how they are told, how they end.

mod arguments;
mod ending;
mod generate;
mod keys;
mod listing;
mod output;
mod progress;

pub use arguments::{Common, parse_duration, parse_moment, parse_size};
pub use ending::{Failure, Outcome, run};
pub use generate::generate;
pub use keys::{KeyArguments, LockArguments};
pub use listing::{list_json, list_text, manifest_text};
pub use output::{Output, age, bytes};
pub use progress::ProgressMode;
