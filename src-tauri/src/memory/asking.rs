//! Asking a model something beside the chat: a short question, one whole answer.

use std::time::{Duration, Instant};

use chatkeep_provider::{ChatRequest, Limits, Parameters, ReplyPart, Turn, Usage, stream_chat};
use chatkeep_store::{
    GenerationStatus, MessageId, NewGeneration, Purpose, ReadTx, SessionId, endpoints, generations,
    models,
};
use tokio::sync::watch;

use super::work::Told;
use crate::error::{CommandError, ErrorKind};
use crate::replies::whole_ms;
use crate::requests::{self, split};
use crate::state::Backend;

/// The longest that an answer is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// The most text, in bytes, that an answer can have.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Asks models. One for the background gives way to replies.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) backend: Backend,
    /// How many replies are under way; nothing: the user waits for the answer.
    replies: Option<watch::Receiver<usize>>,
}

/// What a model is asked.
pub(super) struct Question {
    pub(super) purpose: Purpose,
    /// The session that it is about.
    pub(super) session_id: SessionId,
    /// How many messages it is about.
    pub(super) messages: u32,
    /// The message that it is about, the last of them.
    pub(super) message_id: MessageId,
    /// "endpoint/model".
    pub(super) model: String,
    pub(super) instruction: &'static str,
    pub(super) text: String,
    /// The longest answer, in tokens.
    pub(super) max_tokens: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// A reply began, which the call gave way to.
    Disturbed,
    /// The model could not be asked, or failed.
    Failed(CommandError),
}

impl From<CommandError> for NoAnswer {
    fn from(error: CommandError) -> Self {
        Self::Failed(error)
    }
}

impl Asker {
    /// One whose answers the user waits for.
    pub(super) const fn at_once(backend: Backend) -> Self {
        Self {
            backend,
            replies: None,
        }
    }

    /// One that asks while no reply is under way.
    pub(super) const fn beside(backend: Backend, replies: watch::Receiver<usize>) -> Self {
        Self {
            backend,
            replies: Some(replies),
        }
    }

    /// The model's window in tokens.
    pub(super) async fn window(&self, model: &str) -> Result<u32, CommandError> {
        let (endpoint, name) = split(model);
        let (model, name) = (model.to_owned(), name.to_owned());
        let rows =
            move |tx: &ReadTx<'_>| Ok((endpoints::get(tx, &endpoint)?, models::get(tx, &model)?));
        let (endpoint, profile) = self.backend.store.read(rows).await?;
        Ok(requests::window_of(&endpoint, &name, &profile))
    }

    /// The whole answer. What it cost goes to the ledger, whatever came of it.
    pub(super) async fn ask(&self, question: Question) -> Result<String, NoAnswer> {
        let started = Instant::now();
        let mut call = Answer::default();
        // The window knows of what it has asked for itself.
        let _told = (self.replies.as_ref()).map(|_| Told::begin(&self.backend.store, &question));
        let outcome = tokio::select! {
            biased;
            () = self.reply_begins() => Err(NoAnswer::Disturbed),
            outcome = tokio::time::timeout(ANSWER_TIMEOUT, self.converse(&question, &mut call)) => {
                outcome.map_err(|_| too_slow()).flatten().map_err(NoAnswer::Failed)
            }
        };
        self.note(&question, &call, &outcome, started).await;
        outcome.map(|()| call.text)
    }

    async fn reply_begins(&self) {
        match self.replies.clone() {
            Some(mut replies) => drop(replies.wait_for(|count| *count > 0).await),
            None => std::future::pending().await,
        }
    }

    async fn converse(&self, question: &Question, call: &mut Answer) -> Result<(), CommandError> {
        let (endpoint, name) = split(&question.model);
        let found = self
            .backend
            .store
            .read(move |tx| endpoints::get(tx, &endpoint));
        let connection = requests::connection(&self.backend, &found.await?).await?;
        let request = ChatRequest {
            model: name.to_owned(),
            system: Some(question.instruction.trim().to_owned()),
            messages: vec![Turn::user(&*question.text)],
            parameters: Parameters {
                max_tokens: Some(question.max_tokens),
                ..Parameters::default()
            },
        };
        let started = Instant::now();
        let mut parts = stream_chat(&connection, request, Limits::default()).await?;
        while let Some(part) = parts.next().await {
            match part? {
                ReplyPart::Delta(text) => {
                    call.first_token.get_or_insert_with(|| started.elapsed());
                    call.text.push_str(&text.replace('\0', ""));
                }
                ReplyPart::Done { usage, .. } => call.usage = usage.unwrap_or_default(),
            }
            if call.text.len() > ANSWER_BYTES_MAX {
                return Err(unusable("The model did not stop writing"));
            }
        }
        Ok(())
    }

    async fn note(
        &self,
        question: &Question,
        call: &Answer,
        outcome: &Result<(), NoAnswer>,
        started: Instant,
    ) {
        let (provider, model) = split(&question.model);
        let generation = NewGeneration {
            session_id: question.session_id,
            message_id: question.message_id,
            purpose: question.purpose,
            provider,
            model: model.to_owned(),
            prompt_tokens: call.usage.prompt_tokens,
            completion_tokens: call.usage.completion_tokens,
            first_token_ms: call.first_token.map(whole_ms),
            total_ms: Some(whole_ms(started.elapsed())),
            status: match outcome {
                Ok(()) => GenerationStatus::Complete,
                Err(NoAnswer::Disturbed) => GenerationStatus::Interrupted,
                Err(NoAnswer::Failed(_)) => GenerationStatus::Failed,
            },
            error: match outcome {
                Err(NoAnswer::Failed(error)) => Some(format!("{} {}", error.message, error.remedy)),
                _ => None,
            },
        };
        let noted = self
            .backend
            .store
            .write(move |tx| generations::insert(tx, &generation));
        if let Err(error) = noted.await {
            log::warn!("a call was not noted in the ledger: {}", error.message);
        }
    }
}

/// What has come of an answer.
#[derive(Default)]
struct Answer {
    text: String,
    usage: Usage,
    first_token: Option<Duration>,
}

fn too_slow() -> CommandError {
    CommandError::new(
        ErrorKind::ProviderUnreachable,
        "The model took too long",
        "Try again later, or choose another model for summaries in Settings.",
    )
}

/// The model answered, but not with what was asked for.
pub(super) fn unusable(what: &str) -> CommandError {
    CommandError::new(
        ErrorKind::ProviderReply,
        what,
        "Try again, or choose another model for summaries in Settings.",
    )
}

/// An answer without what models put around it: their thinking, a fence, empty lines.
pub(super) fn bare(answer: &str) -> &str {
    let answer = answer
        .rsplit_once("</think>")
        .map_or(answer, |(_, said)| said)
        .trim();
    let fenced = answer
        .strip_prefix("```")
        .and_then(|it| it.strip_suffix("```"));
    fenced
        .map(|it| it.split_once('\n').map_or(it, |(_, body)| body))
        .unwrap_or(answer)
        .trim()
}

/// A long text without its middle.
pub(super) fn excerpt(text: &str, chars_max: usize) -> String {
    let chars = text.chars().count();
    if chars <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max * 2 / 3).collect();
    let tail: String = text.chars().skip(chars - chars_max / 3).collect();
    format!("{head}\n[…]\n{tail}")
}
