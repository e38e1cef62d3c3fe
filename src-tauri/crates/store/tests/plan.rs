//! What goes into a context: that the promises of a plan hold for any rows, and what it chooses.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use chatkeep_store::context::{Part, PlanOptions, Reason, plan};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Context, ContextPlan, Exclusion, Message, MessageId, MessageStatus, Persona, PersonaId, Pin,
    PinScope, PinSource, PinType, Role, Score, Summary, SummaryOrigin, Timestamp, personas,
};

use crate::support::{NOBODY, missing_session};

mod promises;

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
        scope: PinScope::Session,
        session_id: Some(missing_session()),
        persona_id: None,
        content: content.to_owned(),
        source_message_id: None,
        importance_score: Score::new(0.5).unwrap(),
        pin_type: PinType::User,
        source: PinSource::User,
        rule: None,
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
        origin: SummaryOrigin::Model,
        model_id: None,
        whole: true,
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
        recalled: vec![],
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
fn a_summary_that_ends_before_what_a_tool_answered_is_not_used() {
    let mut drafts = turns(10);
    drafts[3] = said(Role::Tool, 20);
    let mut context = context(&drafts, 0);
    context.summaries = vec![summary(1, "cut", 0..=2)];
    let plan = planned(&context, 1000);
    assert_eq!(reasons(&plan, Part::Summary), [Reason::NotNeeded]);
    assert!(!reasons(&plan, Part::Message).contains(&Reason::Covered));
    context.summaries = vec![summary(1, "whole", 0..=3)];
    let plan = planned(&context, 1000);
    assert_eq!(reasons(&plan, Part::Summary), [Reason::Summary]);
    assert_eq!(reasons(&plan, Part::Message)[..4], [Reason::Covered; 4]);
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
