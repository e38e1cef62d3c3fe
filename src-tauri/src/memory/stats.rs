//! What the memory of a session holds, and what is off in it.

use chatkeep_provider::count_tokens;
use chatkeep_store::context::{self, Part, Reason};
use chatkeep_store::{
    Backlog, Context, ContextLimits, ContextPlan, MessageId, SessionId, Settings, Summary,
    SummaryOrigin, pins, sessions, settings, summaries,
};
use serde::{Deserialize, Serialize};

use super::summarising::outside_before;
use crate::error::CommandError;
use crate::requests::{self, Target};
use crate::state::{Backend, blocking};

/// What the memory of a session holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoryStats {
    /// Messages on all branches.
    messages: u32,
    /// Messages of the branch on show.
    branch_messages: u32,
    /// Summaries on all branches.
    summaries: u32,
    /// Pins that count for the session.
    pins: u32,
    /// Messages of the branch on show that are outside the context and that no summary covers.
    pub(super) uncovered_messages: u32,
    /// The first message of the branch on show that no summary covers: where the next one begins.
    first_uncovered_id: Option<MessageId>,
    /// The tokens of each part.
    tokens: TokensByPart,
    /// What is off.
    pub(super) hints: Vec<HealthHint>,
}

/// Tokens by part, by the o200k vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokensByPart {
    /// Of the branch on show.
    messages: u32,
    /// Of the summaries that count on it.
    summaries: u32,
    /// Of the pins that count for the session.
    pins: u32,
    /// Of the persona's prompt.
    persona: u32,
    /// What the session's model may be sent; nothing before one is chosen.
    budget: Option<u32>,
}

/// What is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HintKind {
    /// What has to be sent does not fit.
    BudgetTooSmall,
    /// Pins are left out for want of room.
    PinsTooLarge,
    /// Many messages are neither sent nor summarised.
    Uncovered,
    /// Summaries wait for a model.
    ExtractiveLeft,
    /// Messages between summaries are in none.
    SummaryHole,
    /// Summaries do not count, as messages of theirs are in the trash or came back.
    SummaryBroken,
}

/// Something that is off, and what the user can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub(crate) struct HealthHint {
    /// What is off, to branch on.
    pub(super) kind: HintKind,
    /// What is off, as a sentence.
    message: String,
    /// What the user can do, as a sentence.
    remedy: String,
}

/// What the memory of a session holds, and what is off in it.
pub(crate) async fn stats(
    backend: &Backend,
    session_id: SessionId,
) -> Result<MemoryStats, CommandError> {
    let session = backend
        .store
        .read(move |tx| sessions::get(tx, session_id))
        .await?;
    let planned = match session.model {
        Some(model) => Some(requests::plan(backend, Target::Session(session_id), &model).await?),
        None => None,
    };
    let plan = planned.map(|it| it.plan);
    let before = plan.as_ref().and_then(outside_before);
    let rows = backend.store.read(move |tx| {
        Ok(Rows {
            messages: sessions::count_messages(tx, session_id)?,
            backlog: summaries::backlog(tx, session_id, before, u32::MAX)?,
            summaries: summaries::list(tx, session_id)?,
            pins: pins::list(tx, session_id)?.len(),
            context: context::build(
                tx,
                session_id,
                ContextLimits {
                    messages: 1,
                    ..ContextLimits::default()
                },
            )?,
            settings: settings::get(tx)?,
        })
    });
    let rows = rows.await?;
    blocking(move || rows.into_stats(plan.as_ref())).await
}

struct Rows {
    messages: u32,
    backlog: Backlog,
    summaries: Vec<Summary>,
    pins: usize,
    context: Context,
    settings: Settings,
}

impl Rows {
    fn into_stats(self, plan: Option<&ContextPlan>) -> MemoryStats {
        // Before a model is chosen there is no context that anything could be outside of.
        let uncovered = plan.map_or(0, |_| self.backlog.messages);
        MemoryStats {
            messages: self.messages,
            branch_messages: self.backlog.branch_messages,
            summaries: len(self.summaries.len()),
            pins: len(self.pins),
            uncovered_messages: uncovered,
            first_uncovered_id: self.backlog.first,
            tokens: self.tokens(plan),
            hints: self.hints(plan, uncovered),
        }
    }

    fn tokens(&self, plan: Option<&ContextPlan>) -> TokensByPart {
        let sum = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(count_tokens).fold(0, u32::saturating_add)
        };
        let context = &self.context;
        let prompt = context.persona.as_ref().map(|it| it.fields.prompt.as_str());
        TokensByPart {
            messages: self.backlog.branch_tokens,
            summaries: sum(&mut context.summaries.iter().map(|it| it.summary.as_str())),
            pins: sum(&mut context.pins.iter().map(|it| it.content.as_str())),
            persona: sum(&mut prompt.into_iter()),
            budget: plan.map(|it| it.budget),
        }
    }

    fn hints(&self, plan: Option<&ContextPlan>, uncovered: u32) -> Vec<HealthHint> {
        let mut hints = Vec::new();
        hints.extend(plan.and_then(budget_too_small));
        hints.extend(plan.and_then(pins_too_large));
        if uncovered >= self.settings.summary_after_messages {
            hints.push(hint(
                HintKind::Uncovered,
                format!("{uncovered} messages are neither sent nor summarised"),
                "Choose Summarize now, or let summaries be written by themselves in Settings.",
            ));
        }
        if self.backlog.has_hole {
            hints.push(hint(
                HintKind::SummaryHole,
                "Some messages between summaries are in none of them".to_owned(),
                "Choose Summarize now: the next summary covers them.",
            ));
        }
        let extractive = |it: &&Summary| it.origin == SummaryOrigin::Extractive && it.whole;
        let extractive = self.summaries.iter().filter(extractive).count();
        if extractive > 0 {
            hints.push(hint(
                HintKind::ExtractiveLeft,
                format!(
                    "{} made of pieces of messages, as no model answered",
                    summaries_are(extractive)
                ),
                "A model replaces them by itself once it answers; or choose Regenerate.",
            ));
        }
        let broken = self.summaries.iter().filter(|it| !it.whole).count();
        if broken > 0 {
            hints.push(hint(
                HintKind::SummaryBroken,
                format!(
                    "{} out of use, as messages they cover were deleted or came back",
                    summaries_are(broken)
                ),
                "Restore the messages, or delete the summaries; the messages are summarised anew.",
            ));
        }
        hints
    }
}

fn summaries_are(count: usize) -> String {
    match count {
        1 => "1 summary is".to_owned(),
        _ => format!("{count} summaries are"),
    }
}

fn budget_too_small(plan: &ContextPlan) -> Option<HealthHint> {
    (!plan.fits()).then(|| {
        hint(
            HintKind::BudgetTooSmall,
            format!(
                "The last message and the persona need about {} tokens, and the model has room for {}",
                plan.needed, plan.budget
            ),
            "Shorten them, choose a model with a larger context window, or set this model's window \
             in the context panel.",
        )
    })
}

fn pins_too_large(plan: &ContextPlan) -> Option<HealthHint> {
    let out =
        |part: &&context::ContextItem| part.part == Part::Pin && part.reason == Reason::NoRoom;
    let count = plan.items.iter().filter(out).count();
    (plan.fits() && count > 0).then(|| {
        hint(
            HintKind::PinsTooLarge,
            format!("{count} pins are left out, as there is no room for them"),
            "Delete or shorten pins, or give the ones that matter more importance.",
        )
    })
}

fn hint(kind: HintKind, message: String, remedy: &str) -> HealthHint {
    HealthHint {
        kind,
        message: format!("{message}."),
        remedy: remedy.to_owned(),
    }
}

fn len(count: usize) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
