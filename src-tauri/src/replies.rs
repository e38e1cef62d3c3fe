//! A reply, from the model to the disk.
//!
//! Both rows are committed before the request is sent, and what streams in reaches the disk at most
//! half a second or 4 KiB later: whatever ends the app, no more than that is lost. What cannot be
//! written, because the disk is full, is kept and tried again.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatkeep_provider::{ChatRequest, Connection, Limits, ReplyPart, Usage, stream_chat};
use chatkeep_store::{
    EndpointId, GenerationStatus, Message, MessageId, MessageStatus, NewGeneration,
    Result as StoreResult, WriteTx, generations, messages, models,
};
use serde::{Deserialize, Serialize};
use tauri::ipc::Channel;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::{CommandError, ErrorKind};
use crate::state::StoreHandle;

/// The longest that text waits before it is written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);
/// The most text, in bytes, that waits.
const FLUSH_BYTES: usize = 4096;
/// How often the end of a reply is tried again that could not be written.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// How long replies get to end when the app does.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What the window hears of a reply. `finished` is the last.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum ReplyEvent {
    /// More text.
    Delta {
        /// The reply.
        message_id: MessageId,
        /// What to append to it.
        text: String,
    },
    /// Text could not be written yet; it is kept, and tried again.
    Unsaved {
        /// The reply.
        message_id: MessageId,
        /// Why not.
        error: CommandError,
    },
    /// The reply has ended.
    Finished {
        /// The reply as it now is.
        message: Message,
        /// Why it failed, if it did.
        error: Option<CommandError>,
    },
}

/// A reply that has begun; what is in it is on disk.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
pub(crate) struct StartedReply {
    /// The message it answers, where that is new.
    pub user: Option<Message>,
    /// The reply, still streaming.
    pub reply: Message,
}

/// What it takes to ask a model.
pub(crate) struct Call {
    pub(crate) connection: Connection,
    pub(crate) request: ChatRequest,
    /// Tokens of the request by this app's own count.
    pub(crate) counted_tokens: u32,
}

/// The replies under way, each with what stops it.
#[derive(Default)]
pub(crate) struct Replies {
    running: Arc<Mutex<HashMap<MessageId, Arc<Notify>>>>,
    /// How many they are.
    count: watch::Sender<usize>,
}

impl Replies {
    /// Streams a reply to the disk and to the window, in a task of its own.
    pub(crate) fn start(
        &self,
        store: Arc<StoreHandle>,
        reply: Message,
        call: impl Future<Output = Result<Call, CommandError>> + Send + 'static,
        events: Channel<ReplyEvent>,
    ) {
        let stop = Arc::new(Notify::new());
        let id = reply.id;
        lock(&self.running).insert(id, Arc::clone(&stop));
        self.count.send_modify(|count| *count += 1);
        let (running, count) = (Arc::clone(&self.running), self.count.clone());
        tauri::async_runtime::spawn(async move {
            ReplyTask::new(store, reply, stop, events).run(call).await;
            lock(&running).remove(&id);
            count.send_modify(|count| *count -= 1);
        });
    }

    /// Tells how many are under way, whenever that changes.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Stops a reply; what has come of it stays.
    pub(crate) fn stop(&self, id: MessageId) -> bool {
        let stop = lock(&self.running).get(&id).cloned();
        stop.inspect(|stop| stop.notify_one()).is_some()
    }

    pub(crate) fn is_running(&self, id: MessageId) -> bool {
        lock(&self.running).contains_key(&id)
    }

    /// Stops every reply, and waits a little until they are on disk.
    pub(crate) async fn stop_all(&self) {
        for stop in lock(&self.running).values() {
            stop.notify_one();
        }
        let all_ended = async {
            while !lock(&self.running).is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(STOP_TIMEOUT, all_ended).await.is_err() {
            log::warn!("replies were still being written when the app ended");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One reply on its way.
struct ReplyTask {
    store: Arc<StoreHandle>,
    /// The reply with all the text that has come, written or not.
    reply: Message,
    stop: Arc<Notify>,
    events: Channel<ReplyEvent>,
    /// How many bytes of the text are written.
    written: usize,
    /// When the oldest unwritten text must be.
    flush_at: Instant,
    started: Instant,
    first_token: Option<Duration>,
    /// Tokens of the request by this app's own count; 0 before it is sent.
    counted_tokens: u32,
}

/// How a reply ended.
struct Ending {
    status: MessageStatus,
    usage: Usage,
    error: Option<CommandError>,
}

impl Ending {
    fn complete(usage: Option<Usage>) -> Self {
        Self {
            status: MessageStatus::Complete,
            usage: usage.unwrap_or_default(),
            error: None,
        }
    }

    fn stopped() -> Self {
        let usage = Usage::default();
        Self {
            status: MessageStatus::Interrupted,
            usage,
            error: None,
        }
    }

    fn failed(error: impl Into<CommandError>) -> Self {
        let usage = Usage::default();
        Self {
            status: MessageStatus::Failed,
            usage,
            error: Some(error.into()),
        }
    }

    const fn generation_status(&self) -> GenerationStatus {
        match self.status {
            MessageStatus::Complete => GenerationStatus::Complete,
            MessageStatus::Failed => GenerationStatus::Failed,
            MessageStatus::Interrupted | MessageStatus::Streaming => GenerationStatus::Interrupted,
        }
    }
}

impl ReplyTask {
    fn new(
        store: Arc<StoreHandle>,
        reply: Message,
        stop: Arc<Notify>,
        events: Channel<ReplyEvent>,
    ) -> Self {
        let now = Instant::now();
        let written = reply.text.len();
        Self {
            store,
            reply,
            stop,
            events,
            written,
            flush_at: now,
            started: now,
            first_token: None,
            counted_tokens: 0,
        }
    }

    async fn run(mut self, call: impl Future<Output = Result<Call, CommandError>>) {
        let ending = match call.await {
            Ok(call) => self.stream(call).await,
            Err(error) => Ending::failed(error),
        };
        self.finish(ending).await;
    }

    async fn stream(&mut self, call: Call) -> Ending {
        let stop = Arc::clone(&self.stop);
        self.counted_tokens = call.counted_tokens;
        let opened = stream_chat(&call.connection, call.request, Limits::default());
        let mut parts = match opened.await {
            Ok(parts) => parts,
            Err(error) => return Ending::failed(error),
        };
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => return Ending::stopped(),
                () = sleep_until(self.flush_at), if self.has_unwritten() => self.flush().await,
                part = parts.next() => match part {
                    Some(Ok(ReplyPart::Delta(text))) => self.take(text).await,
                    Some(Ok(ReplyPart::Done { usage, .. })) => return Ending::complete(usage),
                    Some(Err(error)) => return Ending::failed(error),
                    None => return Ending::complete(None),
                },
            }
        }
    }

    async fn take(&mut self, text: String) {
        // A database cannot hold it as text, and no model means it.
        let text = text.replace('\0', "");
        self.first_token
            .get_or_insert_with(|| self.started.elapsed());
        if !self.has_unwritten() {
            self.flush_at = Instant::now() + FLUSH_INTERVAL;
        }
        self.reply.text.push_str(&text);
        self.send(ReplyEvent::Delta {
            message_id: self.reply.id,
            text,
        });
        if self.reply.text.len() - self.written >= FLUSH_BYTES && self.flush_at > Instant::now() {
            self.flush().await;
        }
    }

    fn has_unwritten(&self) -> bool {
        self.reply.text.len() > self.written
    }

    fn unwritten(&self) -> String {
        self.reply.text[self.written..].to_owned()
    }

    async fn flush(&mut self) {
        let (id, more) = (self.reply.id, self.unwritten());
        let bytes = more.len();
        let flushed = self
            .store
            .write_redoable(move |tx| messages::append_text(tx, id, &more))
            .await;
        match flushed {
            Ok(()) => self.written += bytes,
            Err(error) => {
                self.flush_at = Instant::now() + RETRY_INTERVAL;
                self.send(ReplyEvent::Unsaved {
                    message_id: id,
                    error,
                });
            }
        }
    }

    /// Writes the end of the reply and its entry in the ledger in one commit. Where the disk has no
    /// room or the database is busy, the text is kept and the commit tried until it goes through.
    async fn finish(mut self, ending: Ending) {
        let mut told = false;
        loop {
            let written = self.write_end(&ending).await;
            match written {
                Ok(message) => {
                    self.reply = message;
                    let finished = (!told).then(|| ending.error.clone());
                    return finished.map_or((), |error| self.send_finished(error));
                }
                Err(error) if is_passing(&error) => {
                    if !told {
                        self.reply.status = ending.status;
                        self.send_finished(Some(error));
                    }
                    told = true;
                    sleep(RETRY_INTERVAL).await;
                }
                Err(error) => {
                    log::warn!("the end of a reply was not written: {}", error.message);
                    self.reply.status = MessageStatus::Failed;
                    return self.send_finished(Some(error));
                }
            }
        }
    }

    async fn write_end(&self, ending: &Ending) -> Result<Message, CommandError> {
        let (id, more, status) = (self.reply.id, self.unwritten(), ending.status);
        let completion_tokens = ending.usage.completion_tokens;
        let generation = self.generation(ending);
        let counted = self.counted_tokens;
        self.store
            .write(move |tx| {
                messages::append_text(tx, id, &more)?;
                if let Some(generation) = generation {
                    generations::insert(tx, &generation)?;
                    learn(tx, &generation, counted)?;
                }
                messages::finish(tx, id, status, completion_tokens)
            })
            .await
    }

    fn generation(&self, ending: &Ending) -> Option<NewGeneration> {
        let (provider, model) = self.reply.model_id.as_deref()?.split_once('/')?;
        let error = ending.error.as_ref();
        Some(NewGeneration {
            session_id: self.reply.session_id,
            message_id: self.reply.id,
            provider: EndpointId::new(provider),
            model: model.to_owned(),
            prompt_tokens: ending.usage.prompt_tokens,
            completion_tokens: ending.usage.completion_tokens,
            first_token_ms: self.first_token.map(whole_ms),
            total_ms: Some(whole_ms(self.started.elapsed())),
            status: ending.generation_status(),
            error: error.map(|error| format!("{} {}", error.message, error.remedy)),
        })
    }

    fn send_finished(&self, error: Option<CommandError>) {
        self.send(ReplyEvent::Finished {
            message: self.reply.clone(),
            error,
        });
    }

    /// A window that is gone hears nothing, and the reply goes on to the disk.
    fn send(&self, event: ReplyEvent) {
        if let Err(error) = self.events.send(event) {
            log::info!("a window stopped listening to a reply: {error}");
        }
    }
}

/// How this model counts tokens, from what it reported.
fn learn(tx: &WriteTx<'_>, generation: &NewGeneration, counted: u32) -> StoreResult<()> {
    match generation.prompt_tokens {
        Some(reported) if counted > 0 => {
            let model = format!("{}/{}", generation.provider, generation.model);
            models::learn(tx, &model, counted, reported)
        }
        _ => Ok(()),
    }
}

fn is_passing(error: &CommandError) -> bool {
    matches!(error.kind, ErrorKind::DiskFull | ErrorKind::Busy)
}

fn whole_ms(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}
