//! Backups as the app makes, keeps and restores them, with real databases in folders of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod automatic;
mod gate;
mod opening;
mod restore;

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chatkeep_backup::{Backup, BackupFolder, Place, Reason};
use chatkeep_store::{
    Clock, DATABASE_FILE, NewMessage, NewSession, OpenOptions, SessionId, Shelf, Store,
    SystemClock, Timestamp, messages, sessions,
};
use tauri::ipc::Channel;
use tempfile::TempDir;

use super::environment::Environment;
use super::tasks::ProgressChannel;
use super::views::{BackupNoticeKind, BackupStatus};
use super::{lock, status};
use crate::events::News;
use crate::state::AppState;

/// An app on a data folder of its own, without a window.
struct App {
    state: AppState,
    heard: Arc<Mutex<Vec<News>>>,
    folder: TempDir,
}

impl App {
    fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    fn on(folder: TempDir) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let state = AppState::open(
            folder.path().to_owned(),
            Environment::default(),
            move |news| lock(&hearing).push(news),
        );
        Self {
            state,
            heard,
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn place(&self) -> Place {
        self.state.place()
    }

    /// A session with some messages.
    fn add(&self, name: &str, count: usize) -> SessionId {
        let name = name.to_owned();
        wait(self.state.write(move |tx| add(tx, &name, count))).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let list = |tx: &chatkeep_store::ReadTx<'_>| sessions::list(tx, Shelf::Active, None, 50);
        let page = wait(self.state.read(list)).unwrap();
        let mut names: Vec<_> = page.items.into_iter().map(|it| it.name).collect();
        names.sort();
        names
    }

    fn backups(&self) -> Vec<Backup> {
        let folder = BackupFolder::open(&self.place().backups);
        folder.map_or_else(|_| Vec::new(), |it| it.list().unwrap())
    }

    fn reasons(&self) -> Vec<Reason> {
        let backups = self.backups();
        let manifests = backups.iter().filter_map(Backup::manifest);
        manifests.map(|it| it.reason).collect()
    }

    fn status(&self) -> BackupStatus {
        wait(status::status(&self.state)).unwrap()
    }

    fn notices(&self) -> Vec<BackupNoticeKind> {
        self.status().notices.iter().map(|it| it.kind).collect()
    }

    fn has_heard(&self, news: &News) -> bool {
        lock(&self.heard).contains(news)
    }
}

fn add(
    tx: &chatkeep_store::WriteTx<'_>,
    name: &str,
    count: usize,
) -> chatkeep_store::Result<SessionId> {
    let session = sessions::insert(tx, &NewSession::named(name))?;
    for number in 0..count {
        let text = format!(
            "Message {number} of {name}. {}",
            "How long does it steep? ".repeat(20)
        );
        messages::append(tx, &NewMessage::user(session.id, &text))?;
    }
    Ok(session.id)
}

/// A data folder that an app has used.
fn used_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(|tx| add(tx, "Tea", 60)).unwrap();
    folder
}

fn open(folder: &Path) -> Store {
    OpenOptions::new(folder).open().unwrap()
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join(DATABASE_FILE)
}

/// Damages a page with messages, which neither opening the store nor adding to it reads.
fn damage_rows(folder: &TempDir) {
    let file = database(folder);
    let mut bytes = fs::read(&file).unwrap();
    let text = b"Message 20 of Tea. How long";
    let page = bytes
        .chunks_mut(4096)
        .find(|page| page.windows(text.len()).any(|part| part == text));
    page.unwrap().fill(0xa5);
    fs::write(&file, bytes).unwrap();
}

/// Damages what every opening reads first.
fn damage_header(folder: &TempDir) {
    let file = database(folder);
    let mut bytes = fs::read(&file).unwrap();
    bytes[0..16].fill(0);
    fs::write(&file, bytes).unwrap();
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tauri::async_runtime::block_on(future)
}

fn nobody() -> ProgressChannel {
    Channel::new(|_| Ok(()))
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn minutes(count: i64) -> i64 {
    count * 60 * 1000
}
