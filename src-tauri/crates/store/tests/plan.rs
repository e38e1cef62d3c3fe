//! What goes into a context: that the promises of a plan hold for any rows, and what it chooses.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use chatkeep_store::context::{ContextItem, Part, PlanOptions, Reason, importance, plan};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Context, ContextPlan, Exclusion, Message, MessageId, MessageStatus, Persona, PersonaId, Pin,
    PinType, Role, Score, Summary, Timestamp, personas,
};
use proptest::prelude::*;

use crate::support::{NOBODY, missing_session};

/// Tokens that a message costs beside its text.
const BORDER: u32 = 4;
const NOW: Timestamp = Timestamp::from_ms(0);

/// A word is a token here.
fn count(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap()
}

/// A message to be: whose, what, its count where it has one, the user's mark.
type Draft = (Role, String, Option<u32>, Option<f64>);

/// Ids with gaps, as those of other branches lie between.
fn message_id(index: usize) -> MessageId {
    MessageId::new(i64::try_from(index * 3 + 5).unwrap())
}

fn message(index: usize, older: u32, draft: &Draft) -> Message {
    let (role, text, token_count, mark) = draft;
    Message {
        id: message_id(index),
        uid: NOBODY.parse().unwrap(),
        session_id: missing_session(),
        parent_id: index.checked_sub(1).map(message_id),
        role: *role,
        text: text.clone(),
        model_id: None,
        token_usage: None,
        importance_score: Score::new(mark.unwrap_or(0.5)).unwrap(),
        importance_by_user: mark.is_some(),
        token_count: *token_count,
        status: MessageStatus::Complete,
        depth: older + u32::try_from(index).unwrap() + 1,
        deleted_at: None,
        created_at: NOW,
    }
}

fn pin(index: usize, content: &str) -> Pin {
    Pin {
        id: format!("00000000-0000-7000-8000-0000000000{index:02}")
            .parse()
            .unwrap(),
        session_id: missing_session(),
        content: content.to_owned(),
        source_message_id: None,
        importance_score: Score::new(0.5).unwrap(),
        pin_type: PinType::User,
        created_at: NOW,
    }
}

fn summary(index: usize, text: &str, range: RangeInclusive<usize>) -> Summary {
    Summary {
        id: format!("00000000-0000-7000-8000-0000000001{index:02}")
            .parse()
            .unwrap(),
        session_id: missing_session(),
        summary: text.to_owned(),
        message_count: u32::try_from(range.clone().count()).unwrap(),
        start_message_id: message_id(*range.start()),
        end_message_id: message_id(*range.end()),
        importance_score: Score::new(0.5).unwrap(),
        created_at: NOW,
    }
}

fn persona(prompt: &str) -> Persona {
    static SEEDED: LazyLock<Persona> = LazyLock::new(|| {
        let store = TestStore::new();
        let cloud = PersonaId::new("default-cloud");
        store.read(|tx| personas::get(tx, &cloud)).unwrap()
    });
    let mut persona = SEEDED.clone();
    persona.fields.prompt = prompt.to_owned();
    persona
}

fn context(drafts: &[Draft], older: u32) -> Context {
    let messages = drafts.iter().enumerate();
    Context {
        persona: None,
        messages: messages.map(|(at, it)| message(at, older, it)).collect(),
        pins: vec![],
        summaries: vec![],
        exclusions: HashSet::new(),
    }
}

/// So many words that no rule of importance knows.
fn words(count: usize) -> String {
    "tea ".repeat(count)
}

fn said(role: Role, count: usize) -> Draft {
    (role, words(count), None, None)
}

/// Messages of twenty words, whose cost is 24 each, by turns.
fn turns(count: usize) -> Vec<Draft> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    roles.take(count).map(|role| said(role, 20)).collect()
}

fn exclusion(part: Part, id: impl ToString) -> Exclusion {
    Exclusion {
        part,
        item_id: id.to_string(),
    }
}

fn reasons(plan: &ContextPlan, part: Part) -> Vec<Reason> {
    let items = plan.items.iter().filter(|it| it.part == part);
    items.map(|it| it.reason).collect()
}

fn planned(context: &Context, budget: u32) -> ContextPlan {
    plan(context, PlanOptions::within(budget), count)
}

#[test]
fn where_there_is_room_everything_is_sent_and_says_why() {
    let mut context = context(&turns(6), 0);
    context.persona = Some(persona("Be short."));
    context.pins = vec![pin(1, "one pin"), pin(2, " ")];
    let plan = planned(&context, 1000);
    assert_eq!(reasons(&plan, Part::System), [Reason::Prompt]);
    assert_eq!(reasons(&plan, Part::Pin), [Reason::Pinned, Reason::Empty]);
    use Reason::{LastMessage, Newest, Recent};
    assert_eq!(
        reasons(&plan, Part::Message),
        [Recent, Recent, Recent, Newest, LastMessage, LastMessage]
    );
    assert_eq!(plan.used, 6 + 6 + 6 * 24);
    assert_eq!(plan.needed, 6 + 2 * 24);
    assert_eq!((plan.budget, plan.older_messages), (1000, 0));
    assert!(plan.fits() && plan.sends(Part::Message, &message_id(0).to_string()));
    assert_eq!(plan.items[0].beginning, "Be short.");
}

#[test]
fn what_has_to_be_sent_and_does_not_fit_is_told_and_nothing_is_sent() {
    let mut context = context(&turns(5), 7);
    context.persona = Some(persona("Be short."));
    let plan = planned(&context, 29);
    assert_eq!((plan.needed, plan.used, plan.fits()), (30, 0, false));
    assert!(plan.items.iter().all(|it| it.reason == Reason::NoRoom));
    assert_eq!(plan.older_messages, 7);
    assert!(planned(&context, 30).fits());
}

#[test]
fn pins_are_taken_in_their_order_from_half_of_the_room_and_one_too_large_is_passed_over() {
    let mut context = context(&turns(1), 0);
    context.pins = vec![pin(1, &words(26)), pin(2, &words(46)), pin(3, &words(16))];
    // 24 are needed; of 100 more, 50 are for pins.
    let plan = planned(&context, 124);
    use Reason::{NoRoom, Pinned};
    assert_eq!(reasons(&plan, Part::Pin), [Pinned, NoRoom, Pinned]);
    context.pins.swap(0, 1);
    let plan = planned(&context, 124);
    assert_eq!(reasons(&plan, Part::Pin), [Pinned, NoRoom, NoRoom]);
}

#[test]
fn a_summary_stands_for_its_messages_unless_they_are_sent_themselves() {
    let mut context = context(&turns(10), 0);
    context.summaries = vec![
        summary(1, "too new", 5..=8),
        summary(2, "newer", 3..=5),
        summary(3, "over the same", 2..=3),
        summary(4, "older", 0..=1),
    ];
    let plan = planned(&context, 1000);
    use Reason::{Covered, LastMessage, Newest, NotNeeded, Recent};
    assert_eq!(
        reasons(&plan, Part::Summary),
        [NotNeeded, Reason::Summary, NotNeeded, Reason::Summary]
    );
    assert_eq!(
        reasons(&plan, Part::Message),
        [
            Covered,
            Covered,
            Recent,
            Covered,
            Covered,
            Covered,
            Recent,
            Newest,
            LastMessage,
            LastMessage
        ]
    );
}

#[test]
fn five_summaries_are_enough() {
    let mut context = context(&turns(20), 0);
    context.summaries = (0..7).map(|at| summary(at, "short", at..=at)).collect();
    let plan = planned(&context, 10_000);
    let mut expected = vec![Reason::Summary; 5];
    expected.extend([Reason::NotNeeded; 2]);
    assert_eq!(reasons(&plan, Part::Summary), expected);
}

#[test]
fn of_older_messages_those_that_matter_most_are_chosen_of_two_alike_the_newer() {
    let mut drafts = turns(12);
    // Too large to fit, so that what is before it is older.
    drafts[8] = said(Role::User, 500);
    for (at, mark) in [(1, 0.9), (3, 0.7), (4, 0.9), (5, 0.59), (6, 0.0)] {
        drafts[at].3 = Some(mark);
    }
    let context = context(&drafts, 0);
    let chosen = |budget: u32| {
        let plan = planned(&context, budget);
        let found = reasons(&plan, Part::Message).into_iter().enumerate();
        let important = found.filter(|(_, it)| *it == Reason::Important);
        important.map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(chosen(3 * 24), [0; 0]);
    assert_eq!(chosen(4 * 24), [4]);
    assert_eq!(chosen(5 * 24), [1, 4]);
    assert_eq!(chosen(6 * 24), [1, 3, 4]);
    assert_eq!(chosen(12 * 24), [1, 3, 4]);
}

#[test]
fn an_answer_of_a_tool_goes_with_what_asked_for_it_or_not_at_all() {
    let mut drafts = turns(8);
    drafts[2].0 = Role::Tool;
    drafts[3].0 = Role::Tool;
    let mut context = context(&drafts, 0);
    // The last four, and two of the three that go together.
    let plan = planned(&context, 6 * 24 + 23);
    assert!(
        reasons(&plan, Part::Message)[..4]
            .iter()
            .all(|it| *it == Reason::NoRoom)
    );
    let plan = planned(&context, 7 * 24);
    assert_eq!(
        reasons(&plan, Part::Message)[..4],
        [
            Reason::NoRoom,
            Reason::Recent,
            Reason::Recent,
            Reason::Recent
        ]
    );
    // Kept out is the whole too.
    context.exclusions = HashSet::from([exclusion(Part::Message, message_id(2))]);
    let plan = planned(&context, 1000);
    assert_eq!(
        reasons(&plan, Part::Message)[..4],
        [
            Reason::Recent,
            Reason::LeftOut,
            Reason::LeftOut,
            Reason::LeftOut
        ]
    );
}

#[test]
fn a_reply_that_is_still_empty_is_not_one_of_the_newest_three() {
    let mut drafts = turns(8);
    drafts[7].1 = " \n".to_owned();
    let context = context(&drafts, 0);
    let plan = planned(&context, 3 * 24);
    use Reason::{Empty, LastMessage, Newest};
    assert_eq!(
        reasons(&plan, Part::Message)[4..],
        [Newest, Newest, LastMessage, Empty]
    );
}

#[test]
fn without_a_word_of_the_user_the_newest_are_sent() {
    let drafts = vec![said(Role::Assistant, 20); 5];
    let plan = planned(&context(&drafts, 0), 3 * 24);
    assert_eq!((plan.needed, plan.used), (0, 3 * 24));
    assert_eq!(planned(&context(&[], 0), 10).items, []);
}

#[test]
fn costs_are_rounded_up_by_the_ratio_and_a_known_count_is_not_counted_again() {
    let mut context = context(&turns(2), 0);
    context.messages[0].token_count = Some(96);
    for (ratio, expected) in [(1.0, [100, 24]), (1.3, [130, 32]), (0.5, [50, 12])] {
        let options = PlanOptions {
            token_ratio: ratio,
            ..PlanOptions::within(1000)
        };
        let plan = plan(&context, options, |text| {
            assert_eq!(text, context.messages[1].text);
            count(text)
        });
        let tokens: Vec<_> = plan.items.iter().map(|it| it.tokens).collect();
        assert_eq!(tokens, expected);
        assert_eq!(plan.used, expected.iter().sum::<u32>());
    }
}

#[test]
fn counts_that_no_number_holds_are_only_too_large() {
    let mut context = context(&turns(3), 0);
    for message in &mut context.messages {
        message.token_count = Some(u32::MAX);
    }
    let plan = planned(&context, 100_000);
    assert_eq!((plan.needed, plan.used), (u32::MAX, 0));
}

#[test]
fn the_beginning_of_an_item_has_160_characters_and_the_mark_of_the_user_is_told() {
    let drafts = [(Role::User, "é".repeat(300), None, Some(1.0))];
    let plan = planned(&context(&drafts, 0), 100);
    assert_eq!(plan.items[0].beginning, "é".repeat(160));
    assert_eq!(plan.items[0].mark, Some(Score::new(1.0).unwrap()));
    assert_eq!(planned(&context(&turns(1), 0), 100).items[0].mark, None);
}

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
    )
        .prop_map(|(drafts, older, prompt, pins, ranges, out)| {
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
            context
        })
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
    units: Vec<Unit<'a>>,
}

impl<'a> Checked<'a> {
    fn new(context: &'a Context, plan: &'a ContextPlan) -> Self {
        let (prompt, rest) = plan.items.split_at(usize::from(context.persona.is_some()));
        let (pins, rest) = rest.split_at(context.pins.len());
        let (summaries, mut messages) = rest.split_at(context.summaries.len());
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
                Reason::LastMessage | Reason::Newest | Reason::Recent => {}
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
        let mut open = open.filter(|it| it.can_be_sent() && it.reason() != Reason::Covered);
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
    ) {
        let options = PlanOptions {
            token_ratio: ratio,
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
        checked.assert_exclusions();
        prop_assert_eq!(&made, &plan(&context, options, count));
        prop_assert_eq!(&made, &plan(&context.clone(), options, count));
    }
}
