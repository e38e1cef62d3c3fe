//! Whatever the rows are, a plan keeps its promises.

use std::collections::HashSet;

use chatkeep_store::context::{ContextItem, Part, PlanOptions, Reason, Recalled, importance, plan};
use chatkeep_store::{Context, ContextPlan, Message, MessageId, Role, Score, Summary};
use proptest::prelude::*;

use super::{BORDER, Draft, context, count, exclusion, persona, pin, summary, words};

fn draft() -> impl Strategy<Value = Draft> {
    let role = prop_oneof![
        4 => Just(Role::User),
        4 => Just(Role::Assistant),
        3 => Just(Role::Tool),
        1 => Just(Role::System),
    ];
    let text = prop_oneof![
        8 => (0_usize..40).prop_map(words),
        2 => (0_usize..40).prop_map(|count| format!("Remember: agreed? {}", words(count))),
    ];
    let tokens = prop::option::weighted(0.3, 0_u32..60);
    (role, text, tokens, prop::option::weighted(0.3, 0.0..=1.0))
}

/// Any rows that a session can have, and what of them is kept out.
fn contexts() -> impl Strategy<Value = Context> {
    let texts = |most| prop::collection::vec((0_usize..30).prop_map(words), 0..most);
    (
        prop::collection::vec(draft(), 1..30),
        0_u32..50,
        prop::option::of((0_usize..20).prop_map(words)),
        texts(8),
        prop::collection::vec((0_usize..30, 0_usize..6, 0_usize..20), 0..12),
        prop::collection::vec((0_usize..3, 0_usize..30), 0..4),
        prop::collection::vec((candidate(), 0_usize..40, any::<bool>()), 0..8),
    )
        .prop_map(|(drafts, older, prompt, pins, ranges, out, recalled)| {
            let mut context = context(&drafts, older);
            context.persona = prompt.map(|prompt| persona(&prompt));
            let pins = pins.iter().enumerate();
            context.pins = pins.map(|(at, text)| pin(at, text)).collect();
            let ranges = ranges.into_iter().enumerate();
            context.summaries = ranges
                .map(|(at, (start, length, count))| {
                    summary(at, &words(count), start..=start + length)
                })
                .collect();
            let out = out.into_iter().filter_map(|(part, at)| match part {
                0 => Some(exclusion(Part::Message, context.messages.get(at)?.id)),
                1 => Some(exclusion(Part::Pin, context.pins.get(at)?.id)),
                _ => Some(exclusion(Part::Summary, context.summaries.get(at)?.id)),
            });
            context.exclusions = out.collect();
            context.recalled = recalls(&context, recalled);
            context
        })
}

/// Where a message that may be recalled stands.
#[derive(Debug, Clone)]
enum Candidate {
    /// Among the messages that were read.
    Read(usize),
    /// Between them, of another branch or before them.
    Between(i64),
    /// A message of another session.
    Elsewhere(i64),
}

fn candidate() -> impl Strategy<Value = Candidate> {
    prop_oneof![
        (0_usize..30).prop_map(Candidate::Read),
        (0_i64..90).prop_map(Candidate::Between),
        (0_i64..90).prop_map(Candidate::Elsewhere),
    ]
}

/// Each message once, as a search finds it.
fn recalls(context: &Context, candidates: Vec<(Candidate, usize, bool)>) -> Vec<Recalled> {
    let mut seen = HashSet::new();
    let candidates = candidates.into_iter().filter_map(|(from, count, is_told)| {
        let mut message = context.messages.first()?.clone();
        let session_id = message.session_id;
        let id = match from {
            Candidate::Read(at) => context.messages.get(at)?.id,
            // Ids of messages that are read are 5, 8, 11 and so on.
            Candidate::Between(at) => MessageId::new(at * 3 + 3),
            Candidate::Elsewhere(at) => MessageId::new(at * 3 + 4),
        };
        match context.messages.iter().find(|it| it.id == id) {
            Some(read) => message = read.clone(),
            None => {
                message.id = id;
                message.token_count = None;
                message.text = match context.pins.first().filter(|_| is_told) {
                    Some(pin) => pin.content.clone(),
                    None => words(count),
                };
            }
        }
        if matches!(from, Candidate::Elsewhere(_)) {
            message.session_id = "00000000-0000-7000-8000-000000000009".parse().unwrap();
        }
        assert_eq!(
            message.session_id == session_id,
            !matches!(from, Candidate::Elsewhere(_))
        );
        seen.insert(id).then(|| Recalled {
            message,
            session_name: "Tea".to_owned(),
            score: Score::new(0.5).unwrap(),
        })
    });
    candidates.collect()
}

/// A message and the answers of tools that follow it, with their items.
struct Unit<'a> {
    messages: &'a [Message],
    items: &'a [ContextItem],
}

impl Unit<'_> {
    fn reason(&self) -> Reason {
        self.items[0].reason
    }

    fn tokens(&self) -> u32 {
        self.items.iter().map(|it| it.tokens).sum()
    }

    fn can_be_sent(&self) -> bool {
        !matches!(self.reason(), Reason::LeftOut | Reason::Empty)
    }

    fn is_in(&self, summary: &Summary) -> bool {
        let mut ids = self.messages.iter().map(|it| it.id);
        ids.all(|id| (summary.start_message_id..=summary.end_message_id).contains(&id))
    }

    fn meets(&self, summary: &Summary) -> bool {
        let mut ids = self.messages.iter().map(|it| it.id);
        ids.any(|id| (summary.start_message_id..=summary.end_message_id).contains(&id))
    }
}

/// The items of a plan beside the rows that they are of.
struct Checked<'a> {
    context: &'a Context,
    plan: &'a ContextPlan,
    prompt: &'a [ContextItem],
    pins: &'a [ContextItem],
    summaries: &'a [ContextItem],
    recalled: &'a [ContextItem],
    units: Vec<Unit<'a>>,
}

impl<'a> Checked<'a> {
    fn new(context: &'a Context, plan: &'a ContextPlan) -> Self {
        let (prompt, rest) = plan.items.split_at(usize::from(context.persona.is_some()));
        let (pins, rest) = rest.split_at(context.pins.len());
        let (summaries, rest) = rest.split_at(context.summaries.len());
        let (recalled, mut messages) = rest.split_at(rest.len() - context.messages.len());
        assert_eq!(messages.len(), context.messages.len());
        let mut units = Vec::new();
        for unit in context.messages.chunk_by(|_, next| next.role == Role::Tool) {
            let (items, rest) = messages.split_at(unit.len());
            messages = rest;
            units.push(Unit {
                messages: unit,
                items,
            });
        }
        Self {
            context,
            plan,
            prompt,
            pins,
            summaries,
            recalled,
            units,
        }
    }

    fn included_summaries(&self) -> Vec<&'a Summary> {
        let both = self.context.summaries.iter().zip(self.summaries);
        both.filter(|(_, item)| item.included)
            .map(|(it, _)| it)
            .collect()
    }

    fn assert_budget(&self) {
        let sent = self.plan.items.iter().filter(|it| it.included);
        let sum: u32 = sent.map(|it| it.tokens).sum();
        assert_eq!(self.plan.used, sum);
        assert!(sum <= self.plan.budget);
    }

    /// The items stand in the order of their rows and cost what their texts cost.
    fn assert_items(&self, ratio: f64) {
        let cost = |tokens: u32| (f64::from(tokens + BORDER) * ratio).ceil();
        let messages = self
            .units
            .iter()
            .flat_map(|it| it.messages.iter().zip(it.items));
        for (message, item) in messages {
            let tokens = message.token_count.unwrap_or_else(|| count(&message.text));
            assert_eq!(
                (item.part, &item.id),
                (Part::Message, &message.id.to_string())
            );
            assert_eq!(f64::from(item.tokens), cost(tokens));
        }
        for (summary, item) in self.context.summaries.iter().zip(self.summaries) {
            assert_eq!(
                (item.part, &item.id),
                (Part::Summary, &summary.id.to_string())
            );
            assert_eq!(f64::from(item.tokens), cost(count(&summary.summary)));
        }
        for (pin, item) in self.context.pins.iter().zip(self.pins) {
            assert_eq!((item.part, &item.id), (Part::Pin, &pin.id.to_string()));
            assert_eq!(f64::from(item.tokens), cost(count(&pin.content)));
        }
    }

    /// From the user's last message on all is in, or nothing at all is.
    fn assert_needed(&self) {
        let last = self.units.iter().rposition(|unit| {
            unit.can_be_sent() && unit.messages.iter().any(|it| it.role == Role::User)
        });
        let from = last.unwrap_or(self.units.len());
        let needed: Vec<_> = self.units[from..]
            .iter()
            .filter(|it| it.can_be_sent())
            .collect();
        let prompt = self.prompt.iter().filter(|it| it.reason != Reason::Empty);
        let tokens = prompt.map(|it| it.tokens).sum::<u32>()
            + needed.iter().map(|it| it.tokens()).sum::<u32>();
        assert_eq!(self.plan.needed, tokens);
        assert_eq!(self.plan.fits(), tokens <= self.plan.budget);
        let expected = if self.plan.fits() {
            Reason::LastMessage
        } else {
            Reason::NoRoom
        };
        assert!(needed.iter().all(|it| it.reason() == expected));
        assert!(self.plan.fits() || self.plan.items.iter().all(|it| !it.included));
    }

    /// Back from the newest, units are in until there are enough messages or one does not fit.
    fn assert_newest(&self) {
        let mut messages = 0;
        let mut tokens = self.plan.needed;
        for unit in self.units.iter().rev().filter(|it| it.can_be_sent()) {
            if unit.reason() != Reason::LastMessage {
                tokens += unit.tokens();
            }
            if messages >= 3 || tokens > self.plan.budget {
                break;
            }
            let among = matches!(unit.reason(), Reason::LastMessage | Reason::Newest);
            assert!(among, "{:?} is one of the newest", unit.reason());
            messages += unit.messages.len();
        }
    }

    /// Never two of them over one message, and no message that is sent under one.
    fn assert_summaries(&self) {
        let included = self.included_summaries();
        assert!(included.len() <= 5);
        for (at, summary) in included.iter().enumerate() {
            let apart = |other: &&&Summary| {
                other.end_message_id < summary.start_message_id
                    || summary.end_message_id < other.start_message_id
            };
            assert!(
                included[at + 1..].iter().all(|it| apart(&it)),
                "they overlap"
            );
            let sent = self.units.iter().filter(|it| it.items[0].included);
            assert!(
                sent.into_iter().all(|unit| !unit.meets(summary)),
                "sent twice"
            );
            let mut covered = self.units.iter().filter(|unit| unit.meets(summary));
            assert!(covered.all(|unit| unit.is_in(summary)), "a unit is split");
        }
    }

    /// Every message is in, or out for a reason that holds.
    fn assert_messages(&self) {
        let out = &self.context.exclusions;
        let included = self.included_summaries();
        for unit in &self.units {
            let reason = unit.reason();
            let kept_out = |it: &Message| out.contains(&exclusion(Part::Message, it.id));
            let blank = unit.messages.iter().all(|it| it.text.trim().is_empty());
            assert!(
                unit.items.iter().all(|it| it.reason == reason),
                "a unit is split"
            );
            assert_eq!(
                reason == Reason::LeftOut,
                unit.messages.iter().any(kept_out)
            );
            assert_eq!(reason == Reason::Empty, blank && reason != Reason::LeftOut);
            match reason {
                Reason::Covered => assert!(included.iter().any(|it| unit.meets(it))),
                Reason::Important => {
                    assert!(unit.messages.iter().any(|it| importance(it) >= 0.6));
                }
                Reason::LastMessage | Reason::Newest | Reason::Recalled | Reason::Recent => {}
                Reason::NoRoom => assert!(!unit.items[0].included),
                Reason::LeftOut | Reason::Empty => assert!(!unit.items[0].included),
                other => panic!("{other:?} is no reason of a message"),
            }
        }
        assert_eq!(self.plan.older_messages, self.context.messages[0].depth - 1);
    }

    /// What is in for being recent goes back from the newest without a gap, and what is left for
    /// want of room and matters would not fit in what is over.
    fn assert_recent(&self) {
        let open = self.units.iter().rev();
        let passed_over = [Reason::Covered, Reason::Recalled];
        let mut open = open.filter(|it| it.can_be_sent() && !passed_over.contains(&it.reason()));
        open.find(|it| matches!(it.reason(), Reason::NoRoom | Reason::Important));
        assert!(open.all(|it| matches!(it.reason(), Reason::NoRoom | Reason::Important)));
        let over = self.plan.budget - self.plan.used;
        for unit in self.units.iter().filter(|it| it.reason() == Reason::NoRoom) {
            let matters = unit.messages.iter().any(|it| importance(it) >= 0.6);
            assert!(!self.plan.fits() || !matters || unit.tokens() > over);
        }
    }

    /// A pin is passed over only where those that matter more left too little.
    fn assert_pins(&self) {
        let before = [Reason::Prompt, Reason::LastMessage, Reason::Newest];
        let items = self.plan.items.iter();
        let used = items
            .filter(|it| before.contains(&it.reason))
            .map(|it| it.tokens);
        let mut share = (self.plan.budget - used.sum::<u32>()) / 2;
        for item in self.pins {
            match item.reason {
                Reason::Pinned => share -= item.tokens,
                Reason::NoRoom => assert!(item.tokens > share || !self.plan.fits()),
                Reason::LeftOut | Reason::Empty => {}
                other => panic!("{other:?} is no reason of a pin"),
            }
        }
    }

    /// In their share, never what a summary or another item says already, and with their score.
    fn assert_recalled(&self, percent: u32) {
        let items = self.plan.items.iter();
        let taken = items.filter(|it| it.reason == Reason::Recalled);
        let tokens: u32 = taken.clone().map(|it| it.tokens).sum();
        assert!(u64::from(tokens) * 100 <= u64::from(self.plan.budget) * u64::from(percent));
        assert!(taken.clone().all(|it| it.included));
        let read: HashSet<_> = self.context.messages.iter().map(|it| it.id).collect();
        let elsewhere = self.context.recalled.iter();
        let elsewhere: Vec<_> = elsewhere
            .filter(|it| !read.contains(&it.message.id))
            .collect();
        assert_eq!(self.recalled.len(), elsewhere.len());
        let here = self.context.messages[0].session_id;
        for (item, candidate) in self.recalled.iter().zip(&elsewhere) {
            let Message {
                id,
                text,
                session_id,
                role,
                ..
            } = &candidate.message;
            assert_eq!((item.part, &item.id), (Part::Recalled, &id.to_string()));
            assert_eq!(
                (item.role, item.score),
                (Some(*role), Some(candidate.score))
            );
            let kept_out = self
                .context
                .exclusions
                .contains(&exclusion(Part::Message, id));
            assert_eq!(item.reason == Reason::LeftOut, kept_out);
            let covered = self.included_summaries().into_iter().any(|it| {
                *session_id == here && (it.start_message_id..=it.end_message_id).contains(id)
            });
            assert!(!(item.included && covered), "summarised and sent");
            if item.included {
                let pins = self.context.pins.iter().zip(self.pins);
                let mut pins = pins.filter(|(_, it)| it.included);
                assert!(
                    pins.all(|(pin, _)| pin.content.trim() != text.trim()),
                    "sent twice"
                );
                let others = self.recalled.iter().zip(&elsewhere);
                let same = others
                    .filter(|(it, other)| it.included && other.message.text.trim() == text.trim());
                assert_eq!(same.count(), 1, "sent twice");
            }
        }
    }

    fn assert_exclusions(&self) {
        for item in self.pins.iter().chain(self.summaries) {
            let kept_out = self
                .context
                .exclusions
                .contains(&exclusion(item.part, &item.id));
            assert_eq!(item.reason == Reason::LeftOut, kept_out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn whatever_the_rows_a_plan_keeps_its_promises(
        context in contexts(),
        budget in prop_oneof![0_u32..100, 0_u32..1500],
        ratio in prop_oneof![Just(1.0), 0.5..3.0],
        recall_percent in prop_oneof![Just(0_u32), 0_u32..=50],
    ) {
        let options = PlanOptions {
            token_ratio: ratio,
            recall_percent,
            ..PlanOptions::within(budget)
        };
        let made = plan(&context, options, count);
        let checked = Checked::new(&context, &made);
        checked.assert_budget();
        checked.assert_items(ratio);
        checked.assert_needed();
        checked.assert_newest();
        checked.assert_summaries();
        checked.assert_messages();
        checked.assert_recent();
        checked.assert_pins();
        checked.assert_recalled(recall_percent);
        checked.assert_exclusions();
        prop_assert_eq!(&made, &plan(&context, options, count));
        prop_assert_eq!(&made, &plan(&context.clone(), options, count));
    }
}
