//! The desktop app: a window over the store and the models. No SQL and no HTTP here.

mod args;
mod backups;
pub mod commands;
mod embedding;
mod error;
mod events;
mod finding;
mod indexing;
mod jobs;
mod logging;
mod memory;
mod opening;
mod recall;
mod replies;
mod requests;
mod signals;
mod state;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tauri::{App, AppHandle, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder};

use crate::args::Args;
use crate::backups::environment::Environment;
use crate::events::News;
use crate::state::AppState;

/// Runs the app until it is quit, and returns what the process ends with: failure if the database
/// could not be opened, or no window could.
#[must_use]
pub fn run() -> ExitCode {
    let folder = Args::parse().data_folder();
    if let Err(problem) = can_open_window() {
        return run_without_window(folder, problem);
    }
    let app = tauri::Builder::default()
        .plugin(single_instance(&folder))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_window_state::Builder::new().build());
    let bindings = commands::bindings();
    let app = app
        .invoke_handler(bindings.invoke_handler())
        .setup(move |app| {
            bindings.mount_events(app);
            Ok(setup(app, folder)?)
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => exit_code(app.run_return(on_event)),
        Err(error) => fail(&error.to_string()),
    }
}

fn setup(app: &App, folder: PathBuf) -> tauri::Result<()> {
    let handle = app.handle().clone();
    logging::start(&handle);
    let environment = Environment::of_process();
    app.manage(AppState::open(folder, environment, move |news| {
        // What is there now may hold messages that are not indexed.
        if let (News::Reload, Some(state)) = (&news, handle.try_state::<AppState>()) {
            state.store().want_indexing();
        }
        news.tell(&handle);
    }));
    jobs::start(app.handle());
    indexing::start(app.handle());
    signals::start(app.handle());
    WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
        .title("Chatkeep")
        .inner_size(1200.0, 800.0)
        .min_inner_size(480.0, 400.0)
        .build()?;
    Ok(())
}

fn on_event(app: &AppHandle, event: RunEvent) {
    // Events come from before the setup, too.
    let Some(state) = app.try_state::<AppState>() else {
        return;
    };
    match event {
        // The last window was closed. Without a database that is a failure, however it is closed.
        RunEvent::ExitRequested {
            code: None, api, ..
        } if state.failure().is_some() => {
            api.prevent_exit();
            app.exit(1);
        }
        RunEvent::Exit => tauri::async_runtime::block_on(state.close()),
        _ => {}
    }
}

/// One app a data folder: a second start shows the first one's window. Apps on other folders, such
/// as a demo's, are apart.
fn single_instance(folder: &std::path::Path) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    std::path::absolute(folder)
        .unwrap_or_else(|_| folder.to_owned())
        .hash(&mut hasher);
    tauri_plugin_single_instance::Builder::new()
        .dbus_id(format!("app.chatkeep.desktop.f{:016x}", hasher.finish()))
        .callback(|app, _arguments, _folder| {
            if let Some(window) = app.get_webview_window("main") {
                let shown = window.unminimize().and_then(|()| window.show());
                if let Err(error) = shown.and_then(|()| window.set_focus()) {
                    log::warn!("the window could not be shown: {error}");
                }
            }
        })
        .build()
}

/// Whether there is a display. GTK would end the process on its own if there is none.
fn can_open_window() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| "there is no display to open a window on".to_owned())?;
    Ok(())
}

/// Says on the terminal what a window would have said.
fn run_without_window(folder: PathBuf, problem: String) -> ExitCode {
    let state = AppState::open(folder, Environment::of_process(), |_| {});
    match state.failure() {
        Some(_) => ExitCode::FAILURE, // told when it was met
        None => fail(&format!(
            "{problem}. Start Chatkeep in a desktop session, or under Xvfb. Your chats are intact."
        )),
    }
}

#[expect(clippy::print_stderr, reason = "there is no window to say it in")]
fn fail(message: &str) -> ExitCode {
    eprintln!("chatkeep: {message}");
    ExitCode::FAILURE
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
