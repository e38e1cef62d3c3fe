//! Summaries by a model, and without one where none answers.

use chatkeep_store::context::{Part, Reason};
use chatkeep_store::{
    Backlog, ContextPlan, Message, MessageId, Purpose, Role, Session, SessionId, Settings, Summary,
    SummaryId, Wording, sessions, settings, summaries,
};

use super::asking::{Asker, NoAnswer, Question, bare, excerpt, unusable};
use crate::error::CommandError;
use crate::requests::{self, Target};
use crate::state::Backend;

const PROMPT: &str = include_str!("prompts/summary.md");
/// The longest answer, in tokens: about 400 words, for models that do not count well.
const ANSWER_TOKENS: u32 = 800;
/// The longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 6000;
/// The most tokens of messages that one summary covers.
const SOURCE_TOKENS_MAX: u32 = 12_000;
/// How much of one message the model is shown, in characters.
const MESSAGE_CHARS_MAX: usize = 8000;

/// When a summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Once enough messages are outside the context.
    Due,
    /// For any message but the newest.
    Asked,
}

/// What came of it.
pub(super) enum Outcome {
    /// Nothing was to be done, or it was no longer so when the text was there.
    Nothing,
    /// A model wrote it.
    Written(Summary),
    /// It is made of pieces, as no model answered.
    Pieced(Summary),
}

/// Summarises what no summary of the branch on show covers; nothing if there is no such message.
pub(crate) async fn summarize_now(
    backend: &Backend,
    session_id: SessionId,
) -> Result<Option<Summary>, CommandError> {
    let asker = Asker::at_once(backend.clone());
    match summarise(&asker, session_id, When::Asked).await {
        Ok(Outcome::Written(summary) | Outcome::Pieced(summary)) => Ok(Some(summary)),
        Ok(Outcome::Nothing) | Err(NoAnswer::Disturbed) => Ok(None),
        Err(NoAnswer::Failed(error)) => Err(error),
    }
}

/// Writes the next summary of a session.
pub(super) async fn summarise(
    asker: &Asker,
    session_id: SessionId,
    when: When,
) -> Result<Outcome, NoAnswer> {
    let store = &asker.backend.store;
    let rows = store.read(move |tx| Ok((sessions::get(tx, session_id)?, settings::get(tx)?)));
    let (session, settings) = rows.await?;
    if when == When::Due && !settings.summarize {
        return Ok(Outcome::Nothing);
    }
    let Some(backlog) = backlog(asker, &session, &settings, when).await? else {
        return Ok(Outcome::Nothing);
    };
    let Some((start, end)) = backlog.next else {
        return Ok(Outcome::Nothing);
    };
    let messages = store
        .read(move |tx| summaries::messages_between(tx, start, end))
        .await?;
    let (wording, by_model) = match written(asker, &session, &settings, &messages).await {
        Ok(wording) => (wording, true),
        Err(NoAnswer::Failed(error)) => {
            log::info!("a summary is made of pieces: {}", error.message);
            (Wording::of_pieces(&messages), false)
        }
        Err(NoAnswer::Disturbed) => return Err(NoAnswer::Disturbed),
    };
    let stored = store
        .write(move |tx| summaries::insert_for(tx, &messages, &wording))
        .await?;
    Ok(match stored {
        Some(summary) if by_model => Outcome::Written(summary),
        Some(summary) => Outcome::Pieced(summary),
        None => Outcome::Nothing,
    })
}

/// What the next summary is to cover, if it is time for one.
async fn backlog(
    asker: &Asker,
    session: &Session,
    settings: &Settings,
    when: When,
) -> Result<Option<Backlog>, CommandError> {
    let Some(model) = session.model.clone() else {
        return Ok(None);
    };
    let backend = &asker.backend;
    let plan = requests::plan(backend, Target::Session(session.id), &model)
        .await?
        .plan;
    let before = match when {
        When::Due => outside_before(&plan),
        When::Asked => newest_from(&plan),
    };
    let Some(before) = before else {
        return Ok(None);
    };
    let writer = settings.summary_model.as_ref().unwrap_or(&model);
    let window = asker.window(writer).await.unwrap_or_default();
    let tokens_max = (window / 2).clamp(1000, SOURCE_TOKENS_MAX);
    let id = session.id;
    let found = backend
        .store
        .read(move |tx| summaries::backlog(tx, id, Some(before), tokens_max));
    let backlog = found.await?;
    let is_due = when == When::Asked || is_due(&backlog, settings, plan.budget);
    Ok(is_due.then_some(backlog))
}

fn is_due(backlog: &Backlog, settings: &Settings, budget: u32) -> bool {
    let share = u64::from(budget) * u64::from(settings.summary_after_percent) / 100;
    backlog.messages >= settings.summary_after_messages
        || (backlog.messages > 0 && u64::from(backlog.tokens) >= share)
}

/// The first message of the part of the context that goes back from the newest: what is before it is
/// outside, but for single messages that matter.
pub(super) fn outside_before(plan: &ContextPlan) -> Option<MessageId> {
    first_that_is(plan, &[Reason::Recent, Reason::Newest, Reason::LastMessage])
}

/// The first of the newest messages, which are never summarised.
fn newest_from(plan: &ContextPlan) -> Option<MessageId> {
    first_that_is(plan, &[Reason::Newest, Reason::LastMessage])
}

fn first_that_is(plan: &ContextPlan, reasons: &[Reason]) -> Option<MessageId> {
    let mut items = plan.items.iter();
    let first = items.find(|it| it.part == Part::Message && reasons.contains(&it.reason))?;
    first.id.parse().ok().map(MessageId::new)
}

/// Lets the model write a summary anew; if it does not, the old one stays.
pub(crate) async fn regenerate(backend: &Backend, id: SummaryId) -> Result<Summary, CommandError> {
    let asker = Asker::at_once(backend.clone());
    match rewritten(&asker, id).await {
        Ok(Some(summary)) => Ok(summary),
        Ok(None) => Err(CommandError::invalid(
            "summary",
            "was changed meanwhile, or covers messages that are in the trash",
            "Look at it again.",
        )),
        Err(NoAnswer::Failed(error)) => Err(error),
        Err(NoAnswer::Disturbed) => Err(CommandError::internal("nobody disturbs this")),
    }
}

/// Writes a summary anew, unless it changes meanwhile.
pub(super) async fn rewritten(asker: &Asker, id: SummaryId) -> Result<Option<Summary>, NoAnswer> {
    let store = &asker.backend.store;
    let rows = store.read(move |tx| {
        let summary = summaries::get(tx, id)?;
        let session = sessions::get(tx, summary.session_id)?;
        let (start, end) = (summary.start_message_id, summary.end_message_id);
        let messages = match summary.whole {
            true => summaries::messages_between(tx, start, end)?,
            false => Vec::new(),
        };
        Ok((summary, session, messages, settings::get(tx)?))
    });
    let (summary, session, messages, settings) = rows.await?;
    if messages.is_empty() {
        return Ok(None);
    }
    let wording = written(asker, &session, &settings, &messages).await?;
    let rewritten = store.write(move |tx| summaries::rewrite(tx, id, &summary.summary, &wording));
    Ok(rewritten.await?)
}

/// What the model writes of these messages.
async fn written(
    asker: &Asker,
    session: &Session,
    settings: &Settings,
    messages: &[Message],
) -> Result<Wording, NoAnswer> {
    let model = settings
        .summary_model
        .clone()
        .or_else(|| session.model.clone());
    let (Some(model), Some(last)) = (model, messages.last()) else {
        let limit = "none is chosen for this session";
        return Err(CommandError::invalid("model", limit, "Choose a model first.").into());
    };
    let text = transcript(messages);
    let source_chars = messages.iter().map(|it| it.text.chars().count()).sum();
    let question = Question {
        purpose: Purpose::Summary,
        session_id: session.id,
        messages: u32::try_from(messages.len()).unwrap_or(u32::MAX),
        message_id: last.id,
        model: model.clone(),
        instruction: PROMPT,
        text,
        max_tokens: ANSWER_TOKENS,
    };
    let answer = asker.ask(question).await?;
    let text = checked(&answer, source_chars)?;
    Ok(Wording::by_model(text, model))
}

/// The messages as the model is shown them.
fn transcript(messages: &[Message]) -> String {
    let turns = messages.iter().map(|message| {
        let speaker = match message.role {
            Role::User => "User",
            Role::Assistant => "Assistant",
            Role::System => "Instruction",
            Role::Tool => "Tool",
        };
        format!(
            "[{speaker}]\n{}",
            excerpt(message.text.trim(), MESSAGE_CHARS_MAX)
        )
    });
    let turns: Vec<_> = turns.collect();
    format!(
        "The conversation:\n\n{}\n\nWrite the summary.",
        turns.join("\n\n")
    )
}

/// The summary in an answer, if it can be one of a text of so many characters.
fn checked(answer: &str, source_chars: usize) -> Result<&str, CommandError> {
    let text = bare(answer);
    let text = text.strip_prefix("Summary:").unwrap_or(text).trim();
    let chars = text.chars().count();
    if !text.chars().any(char::is_alphanumeric) {
        return Err(unusable("The model answered nothing"));
    }
    if chars >= source_chars {
        return Err(unusable("The model's summary is longer than the messages"));
    }
    if chars > SUMMARY_CHARS_MAX {
        return Err(unusable("The model's summary is too long"));
    }
    Ok(text)
}
