//! What the commands share: the open store, the replies under way, the API keys.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chatkeep_provider::KeyStore;
use chatkeep_store::{Change, Committed, Entity, ReadTx, Result as StoreResult, Store, WriteTx};

use crate::embedding::Embedding;
use crate::error::{CommandError, ErrorKind};
use crate::opening::{self, AppStatus, OpenFailure};
use crate::replies::Replies;

/// The database, as far as there is one.
enum Opened {
    Ready(Arc<Store>),
    Failed(Box<OpenFailure>),
    /// The app is about to end.
    Closed,
}

impl From<Result<Store, Box<OpenFailure>>> for Opened {
    fn from(opened: Result<Store, Box<OpenFailure>>) -> Self {
        match opened {
            Ok(store) => Self::Ready(Arc::new(store)),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// What the commands share.
pub(crate) struct AppState {
    store: Arc<StoreHandle>,
    /// The replies under way.
    pub(crate) replies: Replies,
    /// The API keys.
    pub(crate) keys: Arc<KeyStore>,
    /// What makes messages found by their meaning.
    pub(crate) embedding: Arc<Embedding>,
}

/// What it takes to ask a model: the store, and the API keys.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) store: Arc<StoreHandle>,
    pub(crate) keys: Arc<KeyStore>,
}

impl AppState {
    /// Opens the store in `folder`, or notes why it could not be opened. `on_change` hears what
    /// every commit touched.
    pub(crate) fn open(
        folder: PathBuf,
        on_change: impl Fn(Vec<Change>) + Send + Sync + 'static,
    ) -> Self {
        let opened = opening::open(&folder).into();
        let embedding = Arc::new(Embedding::default());
        let wakes = Arc::clone(&embedding);
        let on_change = move |changes: Vec<Change>| {
            if changes.iter().any(|change| wakes_embedding(change.entity)) {
                wakes.wake();
            }
            on_change(changes);
        };
        Self {
            store: Arc::new(StoreHandle {
                place: RwLock::new(Place { folder, opened }),
                on_change: Box::new(on_change),
            }),
            replies: Replies::default(),
            keys: Arc::new(KeyStore::new()),
            embedding,
        }
    }

    /// What it takes to ask a model, to hand to a task of its own.
    pub(crate) fn backend(&self) -> Backend {
        Backend {
            store: self.store(),
            keys: Arc::clone(&self.keys),
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
            Opened::Ready(_) | Opened::Closed => None,
        }
    }

    /// Ends the replies and closes the database, which empties its write-ahead log: the last thing
    /// that the app does.
    pub(crate) async fn close(&self) {
        self.replies.stop_all().await;
        let folder = self.folder();
        self.store.set(Place {
            folder,
            opened: Opened::Closed,
        });
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.store.folder()
    }

    /// Opens the store in `folder` in the place of the one that is open. If it cannot be opened, an
    /// open one stays.
    pub(crate) async fn reopen(&self, folder: PathBuf) -> Result<AppStatus, CommandError> {
        if self.failure().is_none() && self.folder() == folder {
            return Ok(self.status().await);
        }
        let asked = folder.clone();
        let opened = blocking(move || opening::open(&asked)).await?;
        match opened {
            Ok(store) => {
                self.replies.stop_all().await;
                self.store.set(Place {
                    folder,
                    opened: Opened::Ready(Arc::new(store)),
                });
                self.embedding.wake();
            }
            Err(failure) if self.failure().is_some() => {
                self.store.set(Place {
                    folder,
                    opened: Opened::Failed(failure),
                });
            }
            Err(failure) => return Err((&*failure).into()),
        }
        Ok(self.status().await)
    }
}

/// The store that is open now, for as long as it is.
pub(crate) struct StoreHandle {
    place: RwLock<Place>,
    on_change: Box<dyn Fn(Vec<Change>) + Send + Sync>,
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

    fn tell<T>(&self, committed: Committed<T>) -> T {
        if !committed.changes.is_empty() {
            (self.on_change)(committed.changes);
        }
        committed.value
    }

    fn get(&self) -> Result<Arc<Store>, CommandError> {
        match &self.place().opened {
            Opened::Ready(store) => Ok(Arc::clone(store)),
            Opened::Closed => Err(CommandError::new(
                ErrorKind::NoStore,
                "Chatkeep is ending",
                "Start it again.",
            )),
            Opened::Failed(failure) => Err((&**failure).into()),
        }
    }

    fn place(&self) -> std::sync::RwLockReadGuard<'_, Place> {
        self.place.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, place: Place) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

/// Whether a change of it may have queued something, or chosen another model.
fn wakes_embedding(entity: Entity) -> bool {
    matches!(entity, Entity::Message | Entity::Settings)
}

/// Runs `work` on a thread where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CommandError> {
    tauri::async_runtime::spawn_blocking(work)
        .await
        .map_err(CommandError::internal)
}
