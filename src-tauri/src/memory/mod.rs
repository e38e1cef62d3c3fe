//! What is done for the memory beside the replies: recaps, pins, summaries.
//!
//! One task does it all, one thing after the other, after a reply has ended and while none is under
//! way: a call to a model is given up when a reply begins, and made again after it. So no message ever
//! waits for it. Whatever ends the app, nothing of it is half done: a text is stored in one commit
//! with what it is of, and what was not stored is found to be missing after the next reply.

mod asking;
mod finding;
mod recaps;
mod stats;
mod summarising;
#[cfg(test)]
mod tests;
mod work;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatkeep_store::{
    EndpointId, Message, MessageStatus, SummaryId, sessions, settings, summaries,
};
use tauri::async_runtime::JoinHandle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use self::asking::{Asker, NoAnswer};
use self::summarising::{Outcome, When, rewritten, summarise};
use crate::error::{CommandError, ErrorKind};
use crate::requests::split;
use crate::state::Backend;

pub(crate) use stats::{MemoryStats, stats};
pub(crate) use summarising::{regenerate, summarize_now};
pub(crate) use work::MemoryWork;

/// The most summaries that are written after one reply.
const SUMMARIES_MAX: usize = 4;
/// The most summaries that wait for a model and are tried at a time.
const RETRIES_MAX: usize = 20;
/// How long it is waited before a model that did not answer is tried again; doubled each time.
const RETRY_MIN: Duration = Duration::from_secs(60);
const RETRY_MAX: Duration = Duration::from_secs(60 * 60);
/// How often a model is asked for a summary of the same messages that it gives no usable one of.
const UNUSABLE_MAX: u32 = 3;

/// Where the work comes in, and the task that does it.
pub(crate) struct Memory {
    replies: mpsc::UnboundedSender<Message>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Message>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let (replies, waiting) = mpsc::unbounded_channel();
        Self {
            replies,
            waiting: Mutex::new(Some(waiting)),
            task: Mutex::new(None),
        }
    }

    /// Begins the work; `replies` tells how many are under way.
    pub(crate) fn start(&self, backend: Backend, replies: watch::Receiver<usize>) {
        if let Some(waiting) = lock(&self.waiting).take() {
            let worker = Worker::new(backend, replies);
            let task = tauri::async_runtime::spawn(worker.run(waiting));
            *lock(&self.task) = Some(task);
        }
    }

    /// A reply has ended, however it did.
    pub(crate) fn reply_ended(&self, reply: Message) {
        // While the app ends nobody takes it.
        let _ = self.replies.send(reply);
    }

    /// Ends the work; what was not stored yet is left.
    pub(crate) fn stop(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a model is asked for after a reply.
#[derive(Debug, Clone, Copy)]
enum Step {
    Recap,
    Pins,
    Summary,
}

/// Which summaries still wait for a model after those of one endpoint were tried.
enum Left {
    Nothing,
    /// Those of other endpoints.
    Others,
}

struct Worker {
    asker: Asker,
    replies: watch::Receiver<usize>,
    /// When summaries that wait for a model are tried again, and how long it is waited after that.
    retry_at: Instant,
    pause: Duration,
    /// How often a model's answer was no summary of the messages.
    unusable: HashMap<SummaryId, u32>,
}

impl Worker {
    fn new(backend: Backend, replies: watch::Receiver<usize>) -> Self {
        Self {
            asker: Asker::beside(backend, replies.clone()),
            replies,
            retry_at: Instant::now(),
            pause: RETRY_MIN,
            unusable: HashMap::new(),
        }
    }

    async fn run(mut self, mut ended: mpsc::UnboundedReceiver<Message>) {
        loop {
            tokio::select! {
                biased;
                reply = ended.recv() => match reply {
                    Some(reply) => self.after(&reply).await,
                    None => return,
                },
                () = sleep_until(self.retry_at) => self.retry(None).await,
            }
        }
    }

    /// What is done after a reply. One that failed says nothing, but what was asked may hold facts.
    async fn after(&mut self, reply: &Message) {
        if let Err(error) = finding::by_rules(&self.asker.backend, reply).await {
            log::info!("no pins were looked for: {}", error.message);
        }
        if reply.status != MessageStatus::Complete {
            return;
        }
        self.until_done(Step::Recap, reply).await;
        self.until_done(Step::Pins, reply).await;
        self.summarise(reply).await;
        let endpoint = reply.model_id.as_deref().map(|model| split(model).0);
        self.pause = RETRY_MIN;
        self.retry(endpoint).await;
    }

    /// Does it while no reply is under way, from its beginning each time that one came between.
    async fn until_done(&mut self, step: Step, reply: &Message) -> Outcome {
        loop {
            self.quiet().await;
            match self.take(step, reply).await {
                Ok(outcome) => return outcome,
                Err(NoAnswer::Disturbed) => {}
                Err(NoAnswer::Failed(error)) => {
                    log::info!("after a reply, {step:?}: {}", error.message);
                    return Outcome::Nothing;
                }
            }
        }
    }

    async fn take(&self, step: Step, reply: &Message) -> Result<Outcome, NoAnswer> {
        match step {
            Step::Recap => recaps::name(&self.asker, reply).await?,
            Step::Pins => finding::by_model(&self.asker, reply).await?,
            Step::Summary => return summarise(&self.asker, reply.session_id, When::Due).await,
        }
        Ok(Outcome::Nothing)
    }

    async fn quiet(&mut self) {
        // An error means that nothing replies any more.
        let _ = self.replies.wait_for(|count| *count == 0).await;
    }

    async fn summarise(&mut self, reply: &Message) {
        for _ in 0..SUMMARIES_MAX {
            match self.until_done(Step::Summary, reply).await {
                Outcome::Written(_) => {}
                Outcome::Pieced(_) => return self.later(),
                Outcome::Nothing => return,
            }
        }
    }

    /// Lets a model write the summaries that wait for one, of this endpoint or of any.
    async fn retry(&mut self, endpoint: Option<EndpointId>) {
        match self.retry_each(endpoint).await {
            Ok(Left::Others) => {} // Those have a time of their own.
            Ok(Left::Nothing) => self.retry_at = Instant::now() + RETRY_MAX,
            Err(error) => {
                log::info!("summaries still wait for a model: {}", error.message);
                self.later();
            }
        }
    }

    fn later(&mut self) {
        self.retry_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(RETRY_MAX);
    }

    async fn retry_each(&mut self, endpoint: Option<EndpointId>) -> Result<Left, CommandError> {
        let waiting = self.asker.backend.store.read(|tx| {
            let settings = settings::get(tx)?;
            let waiting = match settings.summarize {
                true => summaries::list_extractive(tx, RETRIES_MAX)?,
                false => Vec::new(),
            };
            waiting
                .into_iter()
                .map(|summary| {
                    let session = sessions::get(tx, summary.session_id)?;
                    Ok((summary.id, settings.summary_model.clone().or(session.model)))
                })
                .collect::<chatkeep_store::Result<Vec<_>>>()
        });
        let mut left = Left::Nothing;
        for (id, model) in waiting.await? {
            let Some(model) = model else { continue };
            if endpoint.as_ref().is_some_and(|it| *it != split(&model).0) {
                left = Left::Others;
            } else if self
                .unusable
                .get(&id)
                .is_none_or(|times| *times < UNUSABLE_MAX)
            {
                self.retry_one(id).await?;
            }
        }
        Ok(left)
    }

    async fn retry_one(&mut self, id: SummaryId) -> Result<(), CommandError> {
        loop {
            self.quiet().await;
            match rewritten(&self.asker, id).await {
                Err(NoAnswer::Disturbed) => {}
                Err(NoAnswer::Failed(error)) if error.kind == ErrorKind::ProviderReply => {
                    *self.unusable.entry(id).or_default() += 1;
                    return Ok(());
                }
                Err(NoAnswer::Failed(error)) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }
}
