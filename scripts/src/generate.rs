//! Manual pages and shell completions, made from the commands themselves for the package.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;

/// Writes the pages and completions of `command`, installed as `name`, into `folder`.
///
/// # Errors
/// What the file system says.
pub fn generate(command: &Command, name: &'static str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut command = command.clone().name(name).bin_name(name);
    clap_mangen::generate_to(command.clone(), folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, name, folder)?;
    }
    Ok(())
}
