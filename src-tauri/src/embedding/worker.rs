//! The task that embeds what is queued.

use std::sync::Arc;
use std::time::Duration;

use chatkeep_store::vectors::{self, CHUNKS_MAX, Chunk, EmbeddingModel, Queued};
use chatkeep_store::{ReadTx, settings};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::models::Source;
use super::status::EmbeddingState;
use super::{Shared, lock};
use crate::error::CommandError;
use crate::state::Backend;

/// Messages a commit.
const BATCH: usize = 32;
/// Passages at a time, between which it is looked whether to rest: a quarter of a second of work.
const PASSAGES: usize = 8;
/// How often it is looked whether the user still types.
const REST: Duration = Duration::from_millis(500);
/// How often the window is told.
const TELL: Duration = Duration::from_millis(500);
/// How long it is waited after a failure, unless something wakes the work.
const RETRY: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    backend: Backend,
    shared: Arc<Shared>,
    replies: watch::Receiver<usize>,
    told_at: Option<Instant>,
}

/// What a step came to.
enum Step {
    More,
    Done,
}

impl Worker {
    pub(super) fn new(
        backend: Backend,
        shared: Arc<Shared>,
        replies: watch::Receiver<usize>,
    ) -> Self {
        Self {
            backend,
            shared,
            replies,
            told_at: None,
        }
    }

    pub(super) async fn run(mut self) {
        self.warm().await;
        loop {
            match self.step().await {
                Ok(Step::More) => {}
                Ok(Step::Done) => {
                    self.warm().await;
                    self.enter(EmbeddingState::Done, None).await;
                    self.shared.wake.notified().await;
                }
                Err(problem) => {
                    self.enter(EmbeddingState::Failed, Some(problem)).await;
                    // Whichever comes first.
                    let _ = timeout(RETRY, self.shared.wake.notified()).await;
                }
            }
        }
    }

    /// Brings the vectors in memory up to the rows: the next search does not wait for what is new, and
    /// what is purged does not stay there until then.
    async fn warm(&self) {
        if let Err(error) = self.backend.store.read(vectors::warm).await {
            log::info!(
                "the vectors in memory are not those of now: {}",
                error.message
            );
        }
    }

    /// Embeds a batch with the model that is chosen, and commits it.
    async fn step(&mut self) -> Result<Step, CommandError> {
        let read = |tx: &ReadTx<'_>| {
            let chosen = settings::get(tx)?.embedding_model;
            Ok((chosen, vectors::wanted(tx)?, vectors::queued(tx, BATCH)?))
        };
        let (chosen, wanted, queued) = self.backend.store.read(read).await?;
        if chosen.is_empty() {
            return self.turn_off(wanted).await;
        }
        let Some(model) = wanted.filter(|model| model.name == chosen) else {
            return self.turn_to(chosen).await;
        };
        if queued.is_empty() {
            return self.settle().await;
        }
        self.rest().await;
        self.enter(EmbeddingState::Working, None).await;
        let source = self.shared.models.get(&self.backend, &chosen).await?;
        self.embed(&source, model, queued).await
    }

    async fn turn_off(&self, wanted: Option<EmbeddingModel>) -> Result<Step, CommandError> {
        if wanted.is_some() {
            self.backend.store.write(vectors::no_model).await?;
        }
        self.settle().await
    }

    /// From now on messages are embedded with another model.
    async fn turn_to(&self, name: String) -> Result<Step, CommandError> {
        let source = self.shared.models.get(&self.backend, &name).await?;
        let dimension = source.embed_query("How long is a vector?").await?.len();
        let dimension = u32::try_from(dimension).map_err(CommandError::internal)?;
        let turn = move |tx: &chatkeep_store::WriteTx<'_>| vectors::use_model(tx, &name, dimension);
        self.backend.store.write(turn).await?;
        Ok(Step::More)
    }

    /// Nothing is queued: a new model begins to serve, and the old vectors go, a batch a commit.
    async fn settle(&self) -> Result<Step, CommandError> {
        let more = self.backend.store.write_redoable(vectors::settle).await?;
        Ok(if more { Step::More } else { Step::Done })
    }

    /// Embeds the passages of all these messages together: a model takes several at a time for little
    /// more than one of them.
    async fn embed(
        &mut self,
        source: &Source,
        model: EmbeddingModel,
        queued: Vec<Queued>,
    ) -> Result<Step, CommandError> {
        let (mut messages, mut passages) = (Vec::with_capacity(queued.len()), Vec::new());
        for Queued { message_id, text } in queued {
            // What is past the most that the database keeps of one message is found by its words alone.
            let mut of_message = source.passages(&text)?;
            of_message.truncate(CHUNKS_MAX);
            messages.push((message_id, text.len(), of_message.len()));
            passages.extend(of_message);
        }
        let mut chunks = self.chunks(source, &passages).await?.into_iter();
        let done: Vec<_> = messages
            .into_iter()
            .map(|(id, bytes, count)| (id, bytes, chunks.by_ref().take(count).collect::<Vec<_>>()))
            .collect();
        let put = move |tx: &chatkeep_store::WriteTx<'_>| {
            for (message_id, text_bytes, chunks) in &done {
                vectors::put(tx, model.id, *message_id, *text_bytes, chunks)?;
            }
            Ok(())
        };
        self.backend.store.write_redoable(put).await?;
        Ok(Step::More)
    }

    /// Passages as vectors, in their order.
    async fn chunks(
        &mut self,
        source: &Source,
        passages: &[(usize, String)],
    ) -> Result<Vec<Chunk>, CommandError> {
        let mut chunks = Vec::with_capacity(passages.len());
        for part in passages.chunks(PASSAGES) {
            self.rest().await;
            let texts = part.iter().map(|(_, passage)| passage.clone()).collect();
            let vectors = source.embed(texts).await?;
            for ((start, _), vector) in part.iter().zip(vectors) {
                let start = u32::try_from(*start).map_err(CommandError::internal)?;
                chunks.push(Chunk { start, vector });
            }
        }
        Ok(chunks)
    }

    /// Waits until nobody needs the machine more, and the user has not paused the work.
    async fn rest(&mut self) {
        loop {
            if *self.shared.paused.borrow() {
                self.enter(EmbeddingState::Paused, None).await;
                // The sender lives as long as this does.
                let _ = self
                    .shared
                    .paused
                    .subscribe()
                    .wait_for(|paused| !paused)
                    .await;
            } else if *self.replies.borrow() > 0 {
                self.enter(EmbeddingState::Waiting, None).await;
                let _ = self.replies.wait_for(|replies| *replies == 0).await;
            } else if self.shared.is_typing() {
                self.enter(EmbeddingState::Waiting, None).await;
                sleep(REST).await;
            } else {
                return;
            }
        }
    }

    /// Notes what the work is doing, and tells the window: at once if that is new, else now and
    /// then how far it is.
    async fn enter(&mut self, state: EmbeddingState, problem: Option<CommandError>) {
        let is_new = std::mem::replace(&mut *lock(&self.shared.state), state) != state
            || *lock(&self.shared.problem) != problem;
        if let Some(problem) = problem.as_ref().filter(|_| is_new) {
            log::warn!("messages are not embedded: {}", problem.message);
        }
        *lock(&self.shared.problem) = problem;
        if !is_new && self.told_at.is_some_and(|at| at.elapsed() < TELL) {
            return;
        }
        self.told_at = Some(Instant::now());
        match (
            self.shared.status(&self.backend).await,
            self.shared.tell.get(),
        ) {
            (Ok(status), Some(tell)) => tell(status),
            (Err(error), _) => log::info!("the embedding's state is unknown: {}", error.message),
            (Ok(_), None) => {}
        }
    }
}
