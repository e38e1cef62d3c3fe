//! Any story of what is said, deleted and summarised: what holds of the summaries and of the context
//! after each step of it, on every branch, however the program ends in between.

use std::collections::{BTreeSet, HashSet};

use chatkeep_store::context::{self, ContextLimits, Part, PlanOptions, Reason, plan};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Message, MessageId, NewMessage, NewSummary, Role, SessionId, Summary, Wording, branches,
    messages, sessions, summaries, trash,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{assert_sound, branch, column, looker, say_after};

#[derive(Debug, Clone)]
enum Step {
    Say(usize, Vec<Role>),
    Edit(Index),
    Show(Index),
    TrashMessage(Index),
    TrashBranch(Index),
    Restore(Index),
    Purge {
        ms: i64,
    },
    /// What the background does: what is read, whatever happens, what is stored.
    Summarise {
        tokens_max: u32,
        meanwhile: Option<Box<Step>>,
    },
    /// What the user does: any range.
    Write(Index, Index),
    DeleteSummary(Index),
    /// The program ends, in the middle of a write too.
    Crash,
}

fn simple_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let role = prop_oneof![
        4 => Just(Role::User),
        4 => Just(Role::Assistant),
        2 => Just(Role::Tool),
    ];
    prop_oneof![
        6 => (1_usize..4, prop::collection::vec(role, 1..5)).prop_map(|(n, roles)| Step::Say(n, roles)),
        3 => index().prop_map(Step::Edit),
        2 => index().prop_map(Step::Show),
        3 => index().prop_map(Step::TrashMessage),
        2 => index().prop_map(Step::TrashBranch),
        4 => index().prop_map(Step::Restore),
        1 => (0_i64..200).prop_map(|ms| Step::Purge { ms }),
        2 => (index(), index()).prop_map(|(a, b)| Step::Write(a, b)),
        1 => index().prop_map(Step::DeleteSummary),
        1 => Just(Step::Crash),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => simple_step(),
        1 => (0_u32..60, prop::option::of(simple_step())).prop_map(|(tokens_max, meanwhile)| {
            Step::Summarise { tokens_max, meanwhile: meanwhile.map(Box::new) }
        }),
    ]
}

/// A word is a token here, as the store takes three bytes for one.
fn count(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap()
}

fn ids(store: &TestStore, condition: &str) -> Vec<MessageId> {
    let sql = format!("SELECT id FROM messages WHERE {condition} ORDER BY id");
    let found = column(&looker(store.file()), &sql);
    found
        .iter()
        .map(|id| MessageId::new(id.parse().unwrap()))
        .collect()
}

fn chosen(store: &TestStore, at: Index, condition: &str) -> Option<MessageId> {
    let fitting = ids(store, condition);
    (!fitting.is_empty()).then(|| *at.get(&fitting))
}

fn all_summaries(store: &TestStore, session: SessionId) -> Vec<Summary> {
    store.read(|tx| summaries::list(tx, session)).unwrap()
}

fn take(store: TestStore, session: SessionId, step: &Step) -> TestStore {
    const SHOWN: &str = "deleted_at IS NULL";
    store.clock.advance_ms(10);
    match step {
        Step::Say(times, roles) => {
            for role in roles.iter().cycle().take(roles.len() * times) {
                let new = NewMessage::new(session, *role, "tea for two");
                store.write(|tx| messages::append(tx, &new)).unwrap();
            }
        }
        Step::Edit(at) => {
            if let Some(id) = chosen(&store, *at, SHOWN) {
                let former = store.read(|tx| messages::get(tx, id)).unwrap();
                say_after(&store, session, former.parent_id, "coffee for two");
            }
        }
        Step::Show(at) => {
            if let Some(id) = chosen(&store, *at, SHOWN) {
                store.write(|tx| branches::show(tx, id)).unwrap();
            }
        }
        Step::TrashMessage(at) => {
            if let Some(id) = chosen(&store, *at, SHOWN) {
                store.write(|tx| trash::trash_message(tx, id)).unwrap();
            }
        }
        Step::TrashBranch(at) => {
            if let Some(id) = chosen(&store, *at, SHOWN) {
                store.write(|tx| trash::trash_branch(tx, id)).unwrap();
            }
        }
        Step::Restore(at) => {
            if let Some(id) = chosen(&store, *at, "deleted_at IS NOT NULL") {
                let _ = store.write(|tx| trash::restore(tx, id));
            }
        }
        Step::Purge { ms } => {
            store
                .write(|tx| trash::purge(tx, tx.now().plus_ms(-ms)))
                .unwrap();
        }
        Step::Write(a, b) => {
            let (Some(a), Some(b)) = (chosen(&store, *a, SHOWN), chosen(&store, *b, SHOWN)) else {
                return store;
            };
            let new = NewSummary {
                session_id: session,
                summary: "By hand.".to_owned(),
                start_message_id: a.min(b),
                end_message_id: a.max(b),
            };
            let _ = store.write(|tx| summaries::insert(tx, &new));
        }
        Step::DeleteSummary(at) => {
            let all = all_summaries(&store, session);
            if !all.is_empty() {
                store
                    .write(|tx| summaries::delete(tx, at.get(&all).id))
                    .unwrap();
            }
        }
        Step::Summarise {
            tokens_max,
            meanwhile,
        } => {
            return summarise(store, session, *tokens_max, meanwhile.as_deref());
        }
        Step::Crash => {
            // A write that does not come to its end leaves nothing.
            let before = all_summaries(&store, session);
            let cut: Result<_, chatkeep_store::Error> = store.write(|tx| {
                if let Some((start, end)) = summaries::backlog(tx, session, None, 1)?.next {
                    let read = summaries::messages_between(tx, start, end)?;
                    summaries::insert_for(tx, &read, &Wording::of_pieces(&read))?;
                }
                sessions::rename(tx, session, "")
            });
            assert!(cut.is_err());
            let store = store.reopened();
            assert_eq!(all_summaries(&store, session), before);
            return store;
        }
    }
    store
}

/// Up to what the newest three messages begin with.
fn summarise(
    store: TestStore,
    session: SessionId,
    tokens_max: u32,
    meanwhile: Option<&Step>,
) -> TestStore {
    let shown = branch(&store, session, 100);
    let newest = shown
        .len()
        .checked_sub(3)
        .and_then(|at| shown.get(at))
        .map(|it| it.id);
    let Some(before) = newest else { return store };
    let backlog = store.read(|tx| summaries::backlog(tx, session, Some(before), tokens_max));
    let Some((start, end)) = backlog.unwrap().next else {
        return store;
    };
    let read = store
        .read(|tx| summaries::messages_between(tx, start, end))
        .unwrap();
    assert!(read.iter().all(|it| it.id < before));
    let store = match meanwhile {
        Some(step) => take(store, session, step),
        None => store,
    };
    let wording = Wording::of_pieces(&read);
    let made = store
        .write(|tx| summaries::insert_for(tx, &read, &wording))
        .unwrap()
        .value;
    assert!(
        meanwhile.is_some() || made.is_some(),
        "nothing came between"
    );
    if let Some(made) = made {
        let covered: Vec<_> = read.iter().map(|it| it.id).collect();
        assert_eq!(covered_by(&store, &made), covered);
    }
    store
}

fn covered_by(store: &TestStore, summary: &Summary) -> Vec<MessageId> {
    let sql = format!(
        "SELECT message_id FROM summary_messages WHERE summary_id = '{}' ORDER BY message_id",
        summary.id
    );
    let found = column(&looker(store.file()), &sql);
    found
        .iter()
        .map(|id| MessageId::new(id.parse().unwrap()))
        .collect()
}

/// Every branch that could be on show, by its last message.
fn walk(store: &TestStore, leaf: MessageId) -> Vec<MessageId> {
    let mut path = Vec::new();
    let mut at = Some(leaf);
    while let Some(id) = at {
        path.push(id);
        at = store.read(|tx| messages::get(tx, id)).unwrap().parent_id;
    }
    path.reverse();
    path
}

fn assert_summaries(store: &TestStore, session: SessionId) {
    let whole: Vec<Summary> = all_summaries(store, session)
        .into_iter()
        .filter(|it| it.whole)
        .collect();
    let leaves = ids(
        store,
        "deleted_at IS NULL AND id NOT IN (SELECT parent_id FROM messages
             WHERE parent_id IS NOT NULL AND deleted_at IS NULL)",
    );
    for leaf in leaves {
        let path = walk(store, leaf);
        let mut covered = HashSet::new();
        for summary in &whole {
            let Some(end) = path.iter().position(|id| *id == summary.end_message_id) else {
                continue;
            };
            let start = path
                .iter()
                .position(|id| *id == summary.start_message_id)
                .unwrap();
            assert_eq!(
                covered_by(store, summary),
                path[start..=end],
                "a hole in {summary:?}"
            );
            for id in &path[start..=end] {
                assert!(covered.insert(*id), "{id} of {leaf} is in two summaries");
            }
        }
    }
}

fn assert_context(store: &TestStore, session: SessionId, budget: u32) {
    let limits = ContextLimits {
        messages: 6,
        pins: 5,
        summaries: 20,
    };
    let build = || {
        store
            .read(|tx| context::build(tx, session, limits))
            .unwrap()
    };
    let context = build();
    assert_eq!(context, build());
    let options = PlanOptions::within(budget);
    let made = plan(&context, options, count);
    assert_eq!(made, plan(&context, options, count));
    assert!(made.used <= made.budget);
    let used: u32 = made
        .items
        .iter()
        .filter(|it| it.included)
        .map(|it| it.tokens)
        .sum();
    assert_eq!(used, made.used);
    let shown: Vec<Message> = branch(store, session, 100);
    let mut told = BTreeSet::new();
    for summary in context
        .summaries
        .iter()
        .filter(|it| made.sends(Part::Summary, &it.id.to_string()))
    {
        for id in covered_by(store, summary) {
            assert!(told.insert(id), "{id} is told twice");
        }
    }
    let listed: Vec<_> = made
        .items
        .iter()
        .filter(|it| it.part == Part::Message)
        .collect();
    assert_eq!(listed.len() + made.older_messages as usize, shown.len());
    for (item, message) in listed.iter().rev().zip(shown.iter().rev()) {
        assert_eq!(item.id, message.id.to_string());
        assert_eq!(
            item.reason == Reason::Covered,
            !item.included && told.contains(&message.id)
        );
        assert!(
            !item.included || !told.contains(&message.id),
            "sent and summarised"
        );
    }
    assert!(told.iter().all(|id| shown.iter().any(|it| it.id == *id)));
}

/// When everything that can be summarised is, nothing is left but what a summary of another branch
/// has.
fn assert_no_hole_stays(store: &TestStore, session: SessionId) {
    let next = || {
        store
            .read(|tx| summaries::backlog(tx, session, None, 20))
            .unwrap()
    };
    while let Some((start, end)) = next().next {
        let read = store
            .read(|tx| summaries::messages_between(tx, start, end))
            .unwrap();
        let made = store.write(|tx| summaries::insert_for(tx, &read, &Wording::of_pieces(&read)));
        assert!(made.unwrap().is_some());
        assert_summaries(store, session);
    }
    let backlog = next();
    if backlog.first.is_some() {
        let whole = all_summaries(store, session)
            .into_iter()
            .filter(|it| it.whole);
        let taken: HashSet<_> = whole.flat_map(|it| covered_by(store, &it)).collect();
        let shown = branch(store, session, 100);
        let first = shown.iter().skip_while(|it| Some(it.id) != backlog.first);
        let mut run = first.take_while(|it| !shown_is_covered(store, session, it.id, &shown));
        let asking =
            "id IN (SELECT parent_id FROM messages WHERE role = 'tool' AND deleted_at IS NULL)";
        let asking = ids(store, asking);
        let tools = |it: &Message| asking.contains(&it.id);
        assert!(
            run.all(|it| taken.contains(&it.id) || tools(it)),
            "{backlog:?}"
        );
    }
}

fn shown_is_covered(
    store: &TestStore,
    session: SessionId,
    id: MessageId,
    shown: &[Message],
) -> bool {
    let whole = all_summaries(store, session)
        .into_iter()
        .filter(|it| it.whole);
    let mut here = whole.filter(|it| shown.iter().any(|m| m.id == it.end_message_id));
    here.any(|it| covered_by(store, &it).contains(&id))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_happens_no_message_is_skipped_or_told_twice(
        steps in prop::collection::vec(step(), 1..40),
        budget in 10_u32..200,
    ) {
        let mut store = TestStore::new();
        let session = store.session("Tea").id;
        for step in &steps {
            store = take(store, session, step);
            assert_summaries(&store, session);
            assert_context(&store, session, budget);
        }
        assert_no_hole_stays(&store, session);
        assert_sound(store.file());
    }
}
