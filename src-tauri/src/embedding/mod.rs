//! Messages are turned into vectors in the background, so that they are found by their meaning.
//!
//! What is still to be embedded stands in the database, so that the work goes on where it was,
//! whatever ended the app. It is done the newest first, a batch a commit; it stops while a reply
//! streams and while the user types.

mod models;
mod status;
#[cfg(test)]
mod tests;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chatkeep_store::{Entity, settings, vectors};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::models::Models;
use self::worker::Worker;
use crate::error::CommandError;
use crate::events::News;
use crate::state::{Backend, Tell as NewsTell};

pub(crate) use status::{EmbeddingState, EmbeddingStatus};

/// How long after the last key the user is taken to be typing still.
const TYPING: Duration = Duration::from_secs(3);

type Tell = Box<dyn Fn(EmbeddingStatus) + Send + Sync>;

/// The work, as the commands see it.
#[derive(Clone, Default)]
pub(crate) struct Embedding(Arc<Shared>);

/// What the commands and the task share.
#[derive(Default)]
struct Shared {
    models: Models,
    /// There may be something to do.
    wake: Notify,
    typed_at: Mutex<Option<Instant>>,
    /// Whether the user paused it, until the app ends.
    paused: watch::Sender<bool>,
    /// What the task does, and why it cannot.
    state: Mutex<EmbeddingState>,
    problem: Mutex<Option<CommandError>>,
    tell: OnceLock<Tell>,
}

impl Embedding {
    /// Begins the work. Models are looked for in `folders` and in the data folder; `replies` tells
    /// how many are under way, and `tell` hears how far the work is.
    pub(crate) fn start(
        &self,
        backend: Backend,
        folders: Vec<PathBuf>,
        replies: watch::Receiver<usize>,
        tell: impl Fn(EmbeddingStatus) + Send + Sync + 'static,
    ) {
        self.0.models.look_in(folders);
        if self.0.tell.set(Box::new(tell)).is_ok() {
            let worker = Worker::new(backend, Arc::clone(&self.0), replies);
            tauri::async_runtime::spawn(worker.run());
        }
    }

    /// Tells on, and wakes the work where there may be something to do.
    pub(crate) fn listening(&self, tell: NewsTell) -> NewsTell {
        let shared = Arc::clone(&self.0);
        Arc::new(move |news| {
            let wakes = match &news {
                News::Changes(changes) => changes.iter().any(|change| concerns(change.entity)),
                News::Reload => true,
                News::Backups | News::Memory(_) => false,
            };
            if wakes {
                shared.wake.notify_one();
            }
            tell(news);
        })
    }

    /// Something may have been queued, or another model chosen.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// The user typed.
    pub(crate) fn typed(&self) {
        *lock(&self.0.typed_at) = Some(Instant::now());
    }

    /// Lets the work rest, or go on.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.0.paused.send_replace(paused);
        self.wake();
    }

    /// How far the work is.
    pub(crate) async fn status(&self, backend: &Backend) -> Result<EmbeddingStatus, CommandError> {
        self.0.status(backend).await
    }

    /// Chooses the model: the name of one on this machine, "endpoint/model", or none. It is tried
    /// first; the vectors of the one before serve until every message has one of the new.
    pub(crate) async fn choose(
        &self,
        backend: &Backend,
        model: Option<String>,
    ) -> Result<EmbeddingStatus, CommandError> {
        if let Some(name) = &model {
            let source = self.0.models.get(backend, name).await?;
            source.embed_query("Does it work?").await?;
        }
        let choose = move |tx: &chatkeep_store::WriteTx<'_>| {
            let mut all = settings::get(tx)?;
            all.embedding_model = model.unwrap_or_default();
            settings::update(tx, &all)
        };
        backend.store.write(choose).await?;
        self.wake();
        self.status(backend).await
    }

    /// The vector of what somebody looks for, by the model whose vectors are searched; nothing if
    /// there is none yet.
    pub(crate) async fn embed_query(
        &self,
        backend: &Backend,
        text: &str,
    ) -> Result<Option<Vec<f32>>, CommandError> {
        let Some(serving) = backend.store.read(vectors::serving).await? else {
            return Ok(None);
        };
        let source = self.0.models.get(backend, &serving.name).await?;
        Ok(Some(source.embed_query(text).await?))
    }
}

impl Shared {
    async fn status(&self, backend: &Backend) -> Result<EmbeddingStatus, CommandError> {
        let read = |tx: &chatkeep_store::ReadTx<'_>| {
            Ok((settings::get(tx)?.embedding_model, vectors::progress(tx)?))
        };
        let (model, progress) = backend.store.read(read).await?;
        Ok(EmbeddingStatus {
            model: Some(model).filter(|model| !model.is_empty()),
            serving: progress.serving.map(|model| model.name),
            queued: progress.queued,
            messages: progress.messages,
            state: *lock(&self.state),
            problem: lock(&self.problem).clone(),
            local_models: self.models.local(backend),
        })
    }

    fn is_typing(&self) -> bool {
        lock(&self.typed_at).is_some_and(|at| at.elapsed() < TYPING)
    }
}

/// Whether a change of it may have queued something, taken vectors away, or chosen another model.
fn concerns(entity: Entity) -> bool {
    matches!(entity, Entity::Message | Entity::Session | Entity::Settings)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
