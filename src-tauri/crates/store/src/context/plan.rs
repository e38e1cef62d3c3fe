//! What goes into a context: a pure function over rows.
//!
//! In this order, each as long as there is room:
//! 1. the system prompt and everything from the user's last message on: without these there is no
//!    request, and where they do not fit the plan says so and sends nothing;
//! 2. the newest messages, so that there are three at least;
//! 3. pins by importance, in half of the room that is left, and summaries, newest first, in half of
//!    what is left then;
//! 4. what is recalled, the nearest first, in its own share of the budget;
//! 5. messages back from the newest, but for those that a summary above covers, up to the first that
//!    does not fit;
//! 6. older messages that matter, the most important first.
//!
//! What a tool answered is never parted from the message that asked for it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Context, Exclusion, Part, Recalled, RecalledFrom, importance};
use crate::ids::MessageId;
use crate::limits::Score;
use crate::messages::{Message, Role};
use crate::row::word_enum;
use crate::summaries::Summary;

/// Tokens that a message costs beside its text: its role and its borders.
const MESSAGE_TOKENS: u32 = 4;
/// From where on an old message matters enough to be chosen.
const IMPORTANT: f64 = 0.6;
/// Characters of an item's text that a plan shows.
const BEGINNING_CHARS: usize = 160;

/// How a plan is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanOptions {
    /// Tokens that may be sent: the model's context window less its longest reply.
    pub budget: u32,
    /// Tokens of the model to tokens as counted here, learned from what it reported.
    pub token_ratio: f64,
    /// The fewest of the newest messages.
    pub newest_messages: usize,
    /// The most summaries.
    pub summaries: usize,
    /// The share of the budget for what is recalled, in percent.
    pub recall_percent: u32,
}

impl PlanOptions {
    /// The usual plan within this many tokens.
    #[must_use]
    pub const fn within(budget: u32) -> Self {
        Self {
            budget,
            token_ratio: 1.0,
            newest_messages: 3,
            summaries: 5,
            recall_percent: 10,
        }
    }
}

word_enum! {
    /// Why an item is in a context, or is not.
    Reason {
        /// In: it is the persona's prompt.
        Prompt = "prompt",
        /// In: it is the user's last message, or follows it.
        LastMessage = "last_message",
        /// In: it is one of the newest.
        Newest = "newest",
        /// In: it is pinned.
        Pinned = "pinned",
        /// In: it stands for the messages it covers.
        Summary = "summary",
        /// In: it is about what the user's last message is about.
        Recalled = "recalled",
        /// In: going back from the newest, there was room for it.
        Recent = "recent",
        /// In: it is older, but matters.
        Important = "important",
        /// Out: there was no room for it.
        NoRoom = "no_room",
        /// Out: a summary that is in covers it.
        Covered = "covered",
        /// Out: it covers messages that are in themselves, or a part of what belongs together, or newer
        /// summaries are enough.
        NotNeeded = "not_needed",
        /// Out: the user keeps it out.
        LeftOut = "left_out",
        /// Out: there is nothing in it.
        Empty = "empty",
    }
}

/// One item of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ContextItem {
    /// What it is.
    pub part: Part,
    /// Its id, as text; the persona's for the prompt.
    pub id: String,
    /// Whose message it is.
    pub role: Option<Role>,
    /// How its text begins.
    pub beginning: String,
    /// How much the user said a message matters, 0 to 1; nothing: the rules say.
    pub mark: Option<Score>,
    /// How near it is to the user's last message, where it was found by that, 0 to 1.
    pub score: Option<Score>,
    /// Where a message that is recalled stands, when that is not among the session's messages here.
    pub recalled_from: Option<RecalledFrom>,
    /// What it costs, in the model's tokens.
    pub tokens: u32,
    /// Whether it is sent.
    pub included: bool,
    /// Why, or why not.
    pub reason: Reason,
}

/// What is sent of a session, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct ContextPlan {
    /// Tokens that may be sent.
    pub budget: u32,
    /// Tokens that are sent; never more than the budget.
    pub used: u32,
    /// Tokens of what has to be sent: above the budget, nothing is.
    pub needed: u32,
    /// The prompt, the pins, the summaries, what is recalled, then the messages, oldest first.
    pub items: Vec<ContextItem>,
    /// Messages before the oldest in the list; none of them is sent.
    pub older_messages: u32,
}

impl ContextPlan {
    /// Whether what has to be sent fits.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.needed <= self.budget
    }

    /// Whether this item is sent.
    #[must_use]
    pub fn sends(&self, part: Part, id: &str) -> bool {
        self.items
            .iter()
            .any(|item| item.included && item.part == part && item.id == id)
    }
}

/// Plans what is sent. `count` counts the tokens of a text; a message that has its count is not
/// counted again. The same input gives the same plan.
#[must_use]
pub fn plan(context: &Context, options: PlanOptions, count: impl Fn(&str) -> u32) -> ContextPlan {
    let mut planner = Planner::new(context, options, &count);
    if planner.take_needed() {
        planner.take_newest();
        planner.take_pins();
        planner.take_summaries();
        planner.take_recalled();
        planner.take_recent();
        planner.take_important();
    }
    planner.finish()
}

/// Messages that go together: one, or a request to tools and the answers.
struct Unit<'a> {
    messages: &'a [Message],
    /// Of each message.
    tokens: Vec<u32>,
    importance: f64,
    score: Option<Score>,
    decision: Option<Reason>,
}

impl Unit<'_> {
    fn range(&self) -> Option<RangeInclusive<MessageId>> {
        Some(self.messages.first()?.id..=self.messages.last()?.id)
    }

    fn is_open(&self) -> bool {
        self.decision.is_none()
    }

    fn is_sent(&self) -> bool {
        self.decision.is_some_and(is_in)
    }

    fn cost(&self) -> u32 {
        sum(self.tokens.iter().copied())
    }
}

/// A pin, a summary, or a message that is recalled from elsewhere.
struct Note {
    part: Part,
    id: String,
    text: String,
    role: Option<Role>,
    score: Option<Score>,
    recalled_from: Option<RecalledFrom>,
    tokens: u32,
    decision: Option<Reason>,
}

struct Planner<'a> {
    context: &'a Context,
    options: PlanOptions,
    prompt: Option<Note>,
    pins: Vec<Note>,
    summaries: Vec<Note>,
    recalled: Vec<Note>,
    units: Vec<Unit<'a>>,
    used: u32,
    needed: u32,
    covered: Vec<RangeInclusive<MessageId>>,
}

impl<'a> Planner<'a> {
    fn new(context: &'a Context, options: PlanOptions, count: &dyn Fn(&str) -> u32) -> Self {
        let cost = |tokens: u32| scaled(tokens, options.token_ratio);
        let note = |part, id: String, text: &str| Note {
            tokens: cost(count(text).saturating_add(MESSAGE_TOKENS)),
            decision: excluded(context, part, &id).or_else(|| blank(text)),
            text: text.to_owned(),
            role: None,
            score: None,
            recalled_from: None,
            id,
            part,
        };
        let elsewhere = |it: &&Recalled| position(&context.messages, it.message.id).is_none();
        let recalled = |it: &Recalled| Note {
            role: Some(it.message.role),
            score: Some(it.score),
            recalled_from: Some(RecalledFrom::of(it)),
            ..note(Part::Recalled, it.message.id.to_string(), &it.message.text)
        };
        let persona = context.persona.as_ref();
        Self {
            context,
            options,
            prompt: persona.map(|it| note(Part::System, it.id.to_string(), &it.fields.prompt)),
            pins: (context.pins.iter())
                .map(|it| note(Part::Pin, it.id.to_string(), &it.content))
                .collect(),
            summaries: (context.summaries.iter())
                .map(|it| note(Part::Summary, it.id.to_string(), &it.summary))
                .collect(),
            recalled: (context.recalled.iter().filter(elsewhere))
                .map(recalled)
                .collect(),
            units: units(&context.messages)
                .map(|messages| unit(context, messages, cost, count))
                .collect(),
            used: 0,
            needed: 0,
            covered: Vec::new(),
        }
    }

    fn room(&self) -> u32 {
        self.options.budget.saturating_sub(self.used)
    }

    /// The prompt, and what is from the user's last message on. False if that does not fit.
    fn take_needed(&mut self) -> bool {
        let last_user = self.units.iter().rposition(|unit| {
            unit.is_open()
                && unit
                    .messages
                    .iter()
                    .any(|message| message.role == Role::User)
        });
        let from = last_user.unwrap_or(self.units.len());
        let prompt = self.prompt.as_ref().filter(|it| it.decision.is_none());
        let last = self.units.iter().skip(from).filter(|unit| unit.is_open());
        self.needed = sum(prompt
            .map(|it| it.tokens)
            .into_iter()
            .chain(last.map(Unit::cost)));
        if self.needed > self.options.budget {
            return false;
        }
        if let Some(prompt) = self.prompt.as_mut().filter(|it| it.decision.is_none()) {
            prompt.decision = Some(Reason::Prompt);
        }
        for unit in self
            .units
            .iter_mut()
            .skip(from)
            .filter(|unit| unit.is_open())
        {
            unit.decision = Some(Reason::LastMessage);
        }
        self.used = self.needed;
        true
    }

    /// Back from the newest until there are enough messages.
    fn take_newest(&mut self) {
        let mut messages = 0;
        for index in (0..self.units.len()).rev() {
            if messages >= self.options.newest_messages {
                break;
            }
            if self.units[index].is_open() && !self.take_unit(index, Reason::Newest) {
                break;
            }
            if self.units[index].is_sent() {
                messages += self.units[index].messages.len();
            }
        }
    }

    fn take_pins(&mut self) {
        let mut share = self.room() / 2;
        for pin in self.pins.iter_mut().filter(|pin| pin.decision.is_none()) {
            if pin.tokens <= share {
                share -= pin.tokens;
                self.used += pin.tokens;
                pin.decision = Some(Reason::Pinned);
            }
        }
    }

    /// A summary goes in unless a message that it covers is in already, or it ends between a request
    /// to tools and the answers.
    fn take_summaries(&mut self) {
        let mut share = self.room() / 2;
        let mut taken = 0;
        let sent: Vec<_> = self.sent_ranges().collect();
        let units: Vec<_> = self.units.iter().filter_map(Unit::range).collect();
        for (note, summary) in self.summaries.iter_mut().zip(&self.context.summaries) {
            let range = range_of(summary);
            let overlaps = sent.iter().chain(&self.covered).any(|it| meet(it, &range));
            let cuts = units
                .iter()
                .any(|it| meet(it, &range) && !holds(&range, it));
            if note.decision.is_some() {
                continue;
            }
            if overlaps || cuts || taken == self.options.summaries {
                note.decision = Some(Reason::NotNeeded);
            } else if note.tokens <= share {
                share -= note.tokens;
                self.used += note.tokens;
                taken += 1;
                note.decision = Some(Reason::Summary);
                self.covered.push(range);
            }
        }
    }

    /// The nearest first: one that stands in the messages is taken there, another one is a note. None
    /// that is in already, in itself or by a summary.
    fn take_recalled(&mut self) {
        let percent = u64::from(self.options.recall_percent.min(100));
        let share = u64::from(self.options.budget) * percent / 100;
        let mut share = u32::try_from(share).unwrap_or(u32::MAX).min(self.room());
        let mut notes = 0;
        for recalled in &self.context.recalled {
            let cost = match position(&self.context.messages, recalled.message.id) {
                Some(at) => self.recall_unit(at, recalled, share),
                None => {
                    notes += 1;
                    self.recall_note(notes - 1, recalled, share)
                }
            };
            share -= cost;
            self.used += cost;
        }
    }

    /// Takes a message where it stands, and returns what it costs.
    fn recall_unit(&mut self, at: usize, recalled: &Recalled, share: u32) -> u32 {
        let mut before = 0;
        let index = self.units.iter().position(|unit| {
            before += unit.messages.len();
            before > at
        });
        let Some(index) = index.filter(|index| !self.is_covered(*index)) else {
            return 0;
        };
        let unit = &mut self.units[index];
        if !unit.is_open() || unit.cost() > share {
            return 0;
        }
        unit.score = Some(recalled.score);
        unit.decision = Some(Reason::Recalled);
        unit.cost()
    }

    /// Takes a message as a note, and returns what it costs.
    fn recall_note(&mut self, index: usize, recalled: &Recalled, share: u32) -> u32 {
        let Recalled { message, .. } = recalled;
        let here = self.context.messages.first().map(|it| it.session_id);
        let is_covered = here == Some(message.session_id)
            && self.covered.iter().any(|it| it.contains(&message.id));
        let is_said = self.is_said(message.text.trim());
        let note = &mut self.recalled[index];
        if note.decision.is_some() {
            return 0;
        }
        note.decision = match () {
            () if is_covered => Some(Reason::Covered),
            () if is_said => Some(Reason::NotNeeded),
            () if note.tokens <= share => Some(Reason::Recalled),
            () => return 0,
        };
        if note.decision == Some(Reason::Recalled) {
            note.tokens
        } else {
            0
        }
    }

    /// Whether this is the text of something that is in.
    fn is_said(&self, text: &str) -> bool {
        let notes = self.pins.iter().chain(&self.recalled);
        let mut notes = notes.filter(|it| it.decision.is_some_and(is_in));
        let sent = self.units.iter().filter(|unit| unit.is_sent());
        let mut messages = sent.flat_map(|unit| unit.messages);
        notes.any(|it| it.text.trim() == text) || messages.any(|it| it.text.trim() == text)
    }

    /// Back from the newest, up to the first message that does not fit.
    fn take_recent(&mut self) {
        for index in (0..self.units.len()).rev() {
            if !self.units[index].is_open() {
                continue;
            }
            if self.is_covered(index) {
                self.units[index].decision = Some(Reason::Covered);
            } else if !self.take_unit(index, Reason::Recent) {
                break;
            }
        }
    }

    /// Older messages that matter, the most important first, of two alike the newer.
    fn take_important(&mut self) {
        for index in 0..self.units.len() {
            if self.units[index].is_open() && self.is_covered(index) {
                self.units[index].decision = Some(Reason::Covered);
            }
        }
        let mut open: Vec<usize> = (0..self.units.len())
            .filter(|&index| {
                self.units[index].is_open() && self.units[index].importance >= IMPORTANT
            })
            .collect();
        open.sort_by(|&a, &b| {
            let by_importance = self.units[b]
                .importance
                .total_cmp(&self.units[a].importance);
            by_importance.then(Reverse(a).cmp(&Reverse(b)))
        });
        for index in open {
            self.take_unit(index, Reason::Important);
        }
    }

    fn take_unit(&mut self, index: usize, reason: Reason) -> bool {
        let room = self.room();
        let unit = &mut self.units[index];
        let fits = unit.cost() <= room;
        if fits {
            self.used += unit.cost();
            unit.decision = Some(reason);
        }
        fits
    }

    fn sent_ranges(&self) -> impl Iterator<Item = RangeInclusive<MessageId>> {
        self.units
            .iter()
            .filter(|unit| unit.is_sent())
            .filter_map(Unit::range)
    }

    fn is_covered(&self, index: usize) -> bool {
        let range = self.units[index].range();
        range.is_some_and(|range| self.covered.iter().any(|it| meet(it, &range)))
    }

    fn finish(self) -> ContextPlan {
        let notes = self
            .prompt
            .into_iter()
            .chain(self.pins)
            .chain(self.summaries)
            .chain(self.recalled);
        let mut items: Vec<ContextItem> = notes.map(note_item).collect();
        for unit in &self.units {
            let costs = unit.messages.iter().zip(&unit.tokens);
            items.extend(costs.map(|(message, tokens)| message_item(unit, message, *tokens)));
        }
        ContextPlan {
            budget: self.options.budget,
            used: self.used,
            needed: self.needed,
            items,
            older_messages: self.context.older_messages(),
        }
    }
}

/// Splits messages so that what tools answered stays with what asked for it.
fn units(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    messages.chunk_by(|_, next| next.role == Role::Tool)
}

fn unit<'a>(
    context: &Context,
    messages: &'a [Message],
    cost: impl Fn(u32) -> u32,
    count: &dyn Fn(&str) -> u32,
) -> Unit<'a> {
    let tokens = |message: &Message| {
        let counted = message.token_count.unwrap_or_else(|| count(&message.text));
        cost(counted.saturating_add(MESSAGE_TOKENS))
    };
    let decision = |message: &Message| {
        excluded(context, Part::Message, &message.id.to_string()).or_else(|| blank(&message.text))
    };
    Unit {
        tokens: messages.iter().map(tokens).collect(),
        importance: messages.iter().map(importance).fold(0.0, f64::max),
        score: None,
        // One that is kept out keeps its unit out; one that is empty only if all are.
        decision: match messages
            .iter()
            .map(decision)
            .collect::<Option<HashSet<_>>>()
        {
            Some(reasons) if reasons.contains(&Reason::LeftOut) => Some(Reason::LeftOut),
            Some(_) => Some(Reason::Empty),
            None => messages
                .iter()
                .find_map(|message| excluded(context, Part::Message, &message.id.to_string())),
        },
        messages,
    }
}

/// Where among these, which stand in the order of their ids, one is.
fn position(messages: &[Message], id: MessageId) -> Option<usize> {
    messages.binary_search_by_key(&id, |it| it.id).ok()
}

fn excluded(context: &Context, part: Part, id: &str) -> Option<Reason> {
    let item = Exclusion {
        part: part.kept_out_as(),
        item_id: id.to_owned(),
    };
    context
        .exclusions
        .contains(&item)
        .then_some(Reason::LeftOut)
}

fn blank(text: &str) -> Option<Reason> {
    text.trim().is_empty().then_some(Reason::Empty)
}

fn range_of(summary: &Summary) -> RangeInclusive<MessageId> {
    summary.start_message_id..=summary.end_message_id
}

fn holds(range: &RangeInclusive<MessageId>, unit: &RangeInclusive<MessageId>) -> bool {
    range.start() <= unit.start() && unit.end() <= range.end()
}

fn meet(a: &RangeInclusive<MessageId>, b: &RangeInclusive<MessageId>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

const fn is_in(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Prompt
            | Reason::LastMessage
            | Reason::Newest
            | Reason::Pinned
            | Reason::Summary
            | Reason::Recalled
            | Reason::Recent
            | Reason::Important
    )
}

/// More than can be counted to never fits.
fn sum(tokens: impl Iterator<Item = u32>) -> u32 {
    tokens.fold(0, u32::saturating_add)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded up, positive, and cut at the largest number there is"
)]
fn scaled(tokens: u32, ratio: f64) -> u32 {
    (f64::from(tokens) * ratio)
        .ceil()
        .clamp(0.0, f64::from(u32::MAX)) as u32
}

fn note_item(note: Note) -> ContextItem {
    let reason = note.decision.unwrap_or(Reason::NoRoom);
    ContextItem {
        part: note.part,
        id: note.id,
        role: note.role,
        beginning: beginning(&note.text),
        mark: None,
        score: note.score,
        recalled_from: note.recalled_from,
        tokens: note.tokens,
        included: is_in(reason),
        reason,
    }
}

fn message_item(unit: &Unit<'_>, message: &Message, tokens: u32) -> ContextItem {
    let reason = unit.decision.unwrap_or(Reason::NoRoom);
    ContextItem {
        part: Part::Message,
        id: message.id.to_string(),
        role: Some(message.role),
        beginning: beginning(&message.text),
        mark: (message.importance_by_user).then_some(message.importance_score),
        score: unit.score,
        recalled_from: None,
        tokens,
        included: is_in(reason),
        reason,
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(BEGINNING_CHARS).collect()
}
