//! The log: in the data folder, rotated, and without a word of what was said.

use std::path::{Path, PathBuf};

use chatkeep_provider::UNLOGGED_TARGETS;
use log::LevelFilter;
use tauri::Runtime;
use tauri::plugin::TauriPlugin;
use tauri_plugin_log::{Builder, RotationStrategy, Target, TargetKind};

/// Bytes in one file: 1 MiB.
const FILE_BYTES_MAX: u128 = 1024 * 1024;
/// Files that are kept.
const FILES_MAX: usize = 5;

/// Where the log lies.
pub(crate) fn folder(data_folder: &Path) -> PathBuf {
    data_folder.join("logs")
}

pub(crate) fn plugin<R: Runtime>(data_folder: &Path) -> TauriPlugin<R> {
    let file = TargetKind::Folder {
        path: folder(data_folder),
        file_name: Some("chatkeep".to_owned()),
    };
    Builder::new()
        .clear_targets()
        .target(Target::new(file))
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
