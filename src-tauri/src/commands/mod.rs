//! The list of commands, one file an entity beside it. A command takes its arguments apart, calls
//! the store or a provider once, and hands back what came of it.

mod app;
mod backups;
mod branches;
mod context;
mod drafts;
mod embedding;
mod endpoints;
mod memory;
mod messages;
mod personas;
mod replies;
mod search;
mod sessions;
mod settings;

use tauri::Wry;
use tauri_specta::{Builder, collect_commands, collect_events};

use crate::events::{BackupsChanged, Changed, EmbeddingChanged, MemoryWorkChanged, StatusChanged};
use crate::indexing::IndexChanged;

/// What a command returns.
type Result<T> = std::result::Result<T, crate::error::CommandError>;

/// Every command and event, for the handler and for the generated TypeScript.
#[must_use]
pub fn bindings() -> Builder<Wry> {
    Builder::new()
        // 64-bit integers here are message ids and milliseconds since 1970: both stay below 2^53,
        // up to which a TypeScript number is exact.
        .dangerously_cast_bigints_to_number()
        // Every type here reads as it is written, so TypeScript needs no pair of each.
        .disable_serde_phases()
        .commands(collect_commands![
            app::app_status,
            app::open_data_folder,
            app::open_external,
            app::pick_data_folder,
            app::quit,
            app::retry_open,
            app::storage_info,
            app::use_data_folder,
            backups::backup_status,
            backups::cancel_backup_task,
            backups::create_backup,
            backups::delete_backup,
            backups::list_backups,
            backups::pick_backup_key,
            backups::pick_second_folder,
            backups::plan_restore,
            backups::restore_backup,
            backups::reveal_backup,
            backups::salvage_database,
            backups::set_backup_pinned,
            backups::set_backup_settings,
            backups::set_second_folder,
            backups::undo_restore,
            backups::use_salvaged,
            backups::verify_backup,
            branches::fork_session,
            branches::list_trash,
            branches::restore_message,
            branches::show_branch,
            branches::trash_branch,
            branches::trash_message,
            context::get_context,
            context::set_context_window,
            context::set_excluded,
            drafts::get_draft,
            drafts::set_draft,
            embedding::embedding_status,
            embedding::list_embedding_models,
            embedding::set_embedding_model,
            embedding::set_embedding_paused,
            endpoints::clear_endpoint_key,
            endpoints::create_endpoint,
            endpoints::delete_endpoint,
            endpoints::discover_local_servers,
            endpoints::list_endpoints,
            endpoints::list_models,
            endpoints::set_endpoint_key,
            endpoints::update_endpoint,
            memory::create_pin,
            memory::create_summary,
            memory::delete_pin,
            memory::delete_summary,
            memory::get_memory_stats,
            memory::list_pins,
            memory::list_summaries,
            memory::regenerate_summary,
            memory::reject_pin,
            memory::restore_rejected_pin,
            memory::set_pin_scope,
            memory::summarize_now,
            memory::update_pin,
            memory::update_summary,
            messages::append_message,
            messages::get_message,
            messages::list_generations,
            messages::list_messages,
            messages::set_message_importance,
            personas::create_persona,
            personas::delete_persona,
            personas::get_persona,
            personas::list_personas,
            personas::set_default_persona,
            personas::update_persona,
            replies::continue_reply,
            replies::edit_message,
            replies::retry_reply,
            replies::send_message,
            replies::stop_reply,
            search::check_index,
            search::check_vectors,
            search::index_status,
            search::more_like,
            search::palette_search,
            search::rebuild_index,
            search::rebuild_vectors,
            search::search,
            sessions::create_session,
            sessions::delete_session,
            sessions::get_session,
            sessions::list_sessions,
            sessions::rename_session,
            sessions::restore_session,
            sessions::set_session_archived,
            sessions::set_session_model,
            sessions::set_session_persona,
            sessions::set_session_pinned,
            sessions::set_session_recap,
            sessions::set_session_saved,
            sessions::trash_session,
            settings::get_settings,
            settings::update_settings,
        ])
        .events(collect_events![
            BackupsChanged,
            Changed,
            EmbeddingChanged,
            IndexChanged,
            MemoryWorkChanged,
            StatusChanged
        ])
}
