//! The log: in the system's folder for logs, rotated, and without a word of what was said.

use chatkeep_provider::UNLOGGED_TARGETS;
use log::LevelFilter;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tauri_plugin_log::{Builder, RotationStrategy, Target, TargetKind};

/// Bytes in one file: 1 MiB.
const FILE_BYTES_MAX: u128 = 1024 * 1024;
/// Files that are kept.
const FILES_MAX: usize = 5;

/// Begins the log. An app that cannot write one runs nonetheless, and says so on the terminal.
#[expect(clippy::print_stderr, reason = "there is no log to say it in")]
pub(crate) fn start(app: &AppHandle) {
    if let Err(error) = app.plugin(plugin()) {
        eprintln!("chatkeep: no log is written: {error}");
    }
}

fn plugin() -> TauriPlugin<Wry> {
    Builder::new()
        .clear_targets()
        .target(Target::new(TargetKind::LogDir {
            file_name: Some("chatkeep".to_owned()),
        }))
        // Libraries write at lower levels what passes through them.
        .level(LevelFilter::Warn)
        .level_for("chatkeep_app", LevelFilter::Info)
        .filter(|record| {
            !UNLOGGED_TARGETS
                .iter()
                .any(|target| record.target().starts_with(target))
        })
        .max_file_size(FILE_BYTES_MAX)
        .rotation_strategy(RotationStrategy::KeepSome(FILES_MAX))
        .build()
}
