//! What the commands share: the open store, the replies under way, the API keys, the backups, the
//! memory's work.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chatkeep_backup::{Gate, Place as BackupPlace};
use chatkeep_provider::KeyStore;
use chatkeep_store::{
    Clock, Committed, ReadTx, Result as StoreResult, Store, SystemClock, WriteTx,
};
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

use crate::backups::environment::Environment;
use crate::backups::{Backups, automatic, gate};
use crate::embedding::Embedding;
use crate::error::{CommandError, ErrorKind};
use crate::events::News;
use crate::memory::Memory;
use crate::opening::{self, AppStatus, OpenFailure};
use crate::replies::Replies;

/// How long reads and writes under way get to end before the database is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the app waits for a restore, which is then finished by the next start.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// What hears the news.
pub(crate) type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// The database, as far as there is one.
enum Opened {
    Ready(Open),
    Failed(Box<OpenFailure>),
    Closed(Closed),
}

/// An open store, and the gate at which `restore-db` asks for it.
struct Open {
    // Dropped first: it leads to the store.
    _gate: Option<Gate>,
    store: Arc<Store>,
}

/// Why no database is open although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    /// It is being replaced.
    Replacing,
    /// The app is about to end.
    Ending,
}

/// What the commands share.
pub(crate) struct AppState {
    store: Arc<StoreHandle>,
    /// Who opens, closes or replaces the database does so alone.
    turn: Mutex<()>,
    /// The replies under way.
    pub(crate) replies: Replies,
    /// The API keys.
    pub(crate) keys: Arc<KeyStore>,
    /// The backups.
    pub(crate) backups: Backups,
    /// What is done for the memory beside the replies.
    pub(crate) memory: Memory,
    /// What makes messages found by their meaning.
    pub(crate) embedding: Embedding,
}

/// What it takes to ask a model: the store, the API keys, and what finds by meaning.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) store: Arc<StoreHandle>,
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) embedding: Embedding,
}

impl AppState {
    /// Opens the store in `folder`, or notes why it could not be opened. `tell` hears what every
    /// commit touched, and all other news.
    pub(crate) fn open(
        folder: PathBuf,
        environment: Environment,
        tell: impl Fn(News) + Send + Sync + 'static,
    ) -> Self {
        let opened = opening::open(&environment.place(&folder));
        let backups = Backups::new(environment, Arc::new(tell));
        let embedding = Embedding::default();
        let tell = embedding.listening(backups.listening());
        let state = Self {
            store: Arc::new(StoreHandle {
                place: RwLock::new(Place {
                    folder: folder.clone(),
                    opened: Opened::Closed(Closed::Replacing),
                }),
                commits: AtomicU64::new(0),
                tell,
                to_index: Notify::new(),
            }),
            turn: Mutex::new(()),
            replies: Replies::default(),
            keys: Arc::new(KeyStore::new()),
            backups,
            memory: Memory::new(),
            embedding,
        };
        state.install(folder, opened);
        state
    }

    /// What it takes to ask a model, to hand to a task of its own.
    pub(crate) fn backend(&self) -> Backend {
        Backend {
            store: self.store(),
            keys: Arc::clone(&self.keys),
            embedding: self.embedding.clone(),
        }
    }

    /// The store, to hand to a task of its own.
    pub(crate) fn store(&self) -> Arc<StoreHandle> {
        Arc::clone(&self.store)
    }

    /// Reads on a thread where it may wait, so that no command holds up another.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&ReadTx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.store.read(body).await
    }

    /// Writes likewise, and tells the window what changed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&WriteTx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.store.write(body).await
    }

    /// Whether the app has its database.
    pub(crate) async fn status(&self) -> AppStatus {
        match self.failure() {
            Some(failure) => AppStatus::Failed { failure },
            None => AppStatus::Ready {
                keychain: self.keys.available().await,
            },
        }
    }

    /// Why there is no database, if there is none.
    pub(crate) fn failure(&self) -> Option<OpenFailure> {
        match &self.store.place().opened {
            Opened::Failed(failure) => Some(OpenFailure::clone(failure)),
            Opened::Ready(_) | Opened::Closed(_) => None,
        }
    }

    /// What the process ends with: failure, if it has no database.
    pub(crate) fn exit_code(&self) -> i32 {
        i32::from(self.failure().is_some())
    }

    /// Ends the replies, makes a last point in time, and closes the database, which empties its
    /// write-ahead log: the last thing that the app does. None of it can keep the app from ending.
    pub(crate) async fn close(&self) {
        self.memory.stop();
        self.backups.stop().await;
        let Ok(_turn) = timeout(TURN_TIMEOUT, self.turn.lock()).await else {
            log::warn!("the app ends in the middle of a restore; the next start finishes it");
            return;
        };
        let _paused = self.replies.pause().await;
        automatic::on_exit(self, SystemClock.now()).await;
        let closed = self.store.set(Place {
            folder: self.folder(),
            opened: Opened::Closed(Closed::Ending),
        });
        drop(closed);
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.store.folder()
    }

    /// The database and its folder of backups.
    pub(crate) fn place(&self) -> BackupPlace {
        self.backups.environment.place(&self.folder())
    }

    /// Opens the store in `folder` in the place of the one that is open. If it cannot be opened, an
    /// open one stays.
    pub(crate) async fn reopen(&self, folder: PathBuf) -> Result<AppStatus, CommandError> {
        let _turn = self.turn.lock().await;
        if self.failure().is_none() && self.folder() == folder {
            return Ok(self.status().await);
        }
        match self.try_open(&folder).await {
            Err(failure) if self.failure().is_none() => return Err((&*failure).into()),
            opened => {
                let _paused = self.replies.pause().await;
                self.install(folder, opened);
            }
        }
        Ok(self.status().await)
    }

    /// Runs `work` with the database closed, so that it may put another in its place, then opens
    /// what is there. The window reads everything anew.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, AppStatus), CommandError> {
        let _turn = self.turn.lock().await;
        let paused = self.replies.pause().await;
        if !paused.all_ended {
            return Err(still_busy("a reply is still being written"));
        }
        self.let_go().await?;
        let outcome = blocking(work).await;
        let folder = self.folder();
        let opened = self.try_open(&folder).await;
        self.install(folder, opened);
        drop(paused);
        (self.store.tell)(News::Reload);
        Ok((outcome?, self.status().await))
    }

    /// Closes the store, if one is open, once nobody uses it any more.
    async fn let_go(&self) -> Result<(), CommandError> {
        let folder = self.folder();
        let former = self.store.set(Place {
            folder: folder.clone(),
            opened: Opened::Closed(Closed::Replacing),
        });
        let Opened::Ready(Open { _gate: gate, store }) = former.opened else {
            return Ok(());
        };
        blocking(move || drop(gate)).await?;
        let unused = async {
            while Arc::strong_count(&store) > 1 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(CLOSE_TIMEOUT, unused).await.is_err() {
            self.put(folder, store);
            return Err(still_busy("the database is still being read or written"));
        }
        blocking(move || drop(store)).await
    }

    async fn try_open(&self, folder: &Path) -> Result<Store, Box<OpenFailure>> {
        let place = self.backups.environment.place(folder);
        let opened = blocking(move || opening::open(&place)).await;
        opened.unwrap_or_else(|error| Err(opening::failure(folder, &error.message)))
    }

    fn install(&self, folder: PathBuf, opened: Result<Store, Box<OpenFailure>>) {
        match opened {
            Ok(store) => self.put(folder, Arc::new(store)),
            Err(failure) => {
                let opened = Opened::Failed(failure);
                drop(self.store.set(Place { folder, opened }));
            }
        }
        self.backups.begin_anew();
    }

    fn put(&self, folder: PathBuf, store: Arc<Store>) {
        let gate = gate::open(&store, &self.replies, &folder, &self.store.tell);
        let opened = Opened::Ready(Open { _gate: gate, store });
        drop(self.store.set(Place { folder, opened }));
        self.embedding.wake();
    }
}

fn still_busy(what: &str) -> CommandError {
    CommandError::new(
        ErrorKind::Busy,
        what,
        "Nothing was changed. Wait a moment and try again.",
    )
}

/// The store that is open now, for as long as it is.
pub(crate) struct StoreHandle {
    place: RwLock<Place>,
    /// How often something was written since the app started.
    commits: AtomicU64,
    tell: Tell,
    to_index: Notify,
}

struct Place {
    folder: PathBuf,
    opened: Opened,
}

impl StoreHandle {
    /// The data folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place().folder.clone()
    }

    /// Reads what is there at one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&ReadTx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        let store = self.get()?;
        Ok(blocking(move || store.read(body)).await??)
    }

    /// Lets the search's indexes be looked after: other rows are there now.
    pub(crate) fn want_indexing(&self) {
        self.to_index.notify_one();
    }

    /// Waits until that is wanted.
    pub(crate) async fn indexing_wanted(&self) {
        self.to_index.notified().await;
    }

    /// Commits, durably, and tells what changed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&WriteTx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        let store = self.get()?;
        let committed = blocking(move || store.write(body)).await??;
        Ok(self.tell(committed))
    }

    /// Commits what can be done again without waiting for the disk, and tells what changed.
    pub(crate) async fn write_redoable<T: Send + 'static>(
        &self,
        body: impl FnOnce(&WriteTx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        let store = self.get()?;
        let committed = blocking(move || store.write_redoable(body)).await??;
        Ok(self.tell(committed))
    }

    /// Empties the write-ahead log, so that what was deleted is gone from the disk.
    pub(crate) async fn truncate_log(&self) -> Result<(), CommandError> {
        let store = self.get()?;
        Ok(blocking(move || store.truncate_log()).await??)
    }

    /// How often something was written since the app started: equal numbers, equal rows.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Tells what no commit tells.
    pub(crate) fn announce(&self, news: News) {
        (self.tell)(news);
    }

    fn tell<T>(&self, committed: Committed<T>) -> T {
        self.commits.fetch_add(1, Ordering::SeqCst);
        if !committed.changes.is_empty() {
            (self.tell)(News::Changes(committed.changes));
        }
        committed.value
    }

    fn get(&self) -> Result<Arc<Store>, CommandError> {
        match &self.place().opened {
            Opened::Ready(open) => Ok(Arc::clone(&open.store)),
            Opened::Closed(Closed::Ending) => Err(CommandError::new(
                ErrorKind::NoStore,
                "Chatkeep is ending",
                "Start it again.",
            )),
            Opened::Closed(Closed::Replacing) => Err(CommandError::new(
                ErrorKind::NoStore,
                "Chatkeep is putting another database in place",
                "Wait until that is done.",
            )),
            Opened::Failed(failure) => Err((&**failure).into()),
        }
    }

    fn place(&self) -> std::sync::RwLockReadGuard<'_, Place> {
        self.place.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the former one, whose store may take a while to close.
    #[must_use = "to be dropped where that may take a while"]
    fn set(&self, place: Place) -> Place {
        let mut current = self.place.write().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::replace(&mut *current, place);
        self.want_indexing();
        former
    }
}

/// Runs `work` on a thread where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CommandError> {
    tauri::async_runtime::spawn_blocking(work)
        .await
        .map_err(CommandError::internal)
}
