//! The command line.

use std::path::PathBuf;

use chatkeep_store::location;
use clap::Parser;

/// A desktop AI-chat app whose history is yours.
#[derive(Debug, Parser)]
#[command(name = "chatkeep", version)]
pub(crate) struct Args {
    /// The folder with your chats [default: $CHATKEEP_DATA_DIR, else the folder chosen in the app,
    /// else `chatkeep` in the system's folder for app data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn data_folder(self) -> PathBuf {
        location::data_folder(self.data_dir)
    }
}
