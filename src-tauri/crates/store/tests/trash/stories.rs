//! Any story of deletions: what holds of the tree after each step of it.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{Message, MessageId, SessionId, branches, sessions, trash};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{get, purge, trash_branch, trash_message};
use crate::support::{assert_sound, branch, column, looker, say, say_after};

/// What a person does with the messages of one session.
#[derive(Debug, Clone)]
enum Step {
    Say,
    Retry(Index),
    TrashMessage(Index),
    TrashBranch(Index),
    Restore(Index),
    Show(Index),
    Purge { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        6 => Just(Step::Say),
        3 => index().prop_map(Step::Retry),
        4 => index().prop_map(Step::TrashMessage),
        2 => index().prop_map(Step::TrashBranch),
        4 => index().prop_map(Step::Restore),
        1 => index().prop_map(Step::Show),
        1 => (0_i64..200).prop_map(|ms| Step::Purge { ms }),
    ]
}

/// The messages of the session, whether on show or not.
fn all(store: &TestStore) -> Vec<Message> {
    let ids = column(&looker(store.file()), "SELECT id FROM messages ORDER BY id");
    let ids = ids.iter().map(|id| MessageId::new(id.parse().unwrap()));
    ids.map(|id| get(store, id)).collect()
}

fn choose(all: &[Message], at: Index, trashed: bool) -> Option<MessageId> {
    let fitting = all.iter().filter(|it| it.deleted_at.is_some() == trashed);
    let ids: Vec<_> = fitting.map(|it| it.id).collect();
    (!ids.is_empty()).then(|| *at.get(&ids))
}

fn take(store: &TestStore, session: SessionId, step: &Step) {
    store.clock.advance_ms(10);
    let all = all(store);
    let (at, trashed) = match step {
        Step::Say => {
            say(store, session, "Hi");
            return;
        }
        Step::Purge { ms } => {
            purge(store, *ms);
            return;
        }
        Step::Restore(at) => (*at, true),
        Step::Retry(at) | Step::TrashMessage(at) | Step::TrashBranch(at) | Step::Show(at) => {
            (*at, false)
        }
    };
    let Some(id) = choose(&all, at, trashed) else {
        return;
    };
    match step {
        Step::Retry(_) => {
            let former = get(store, id);
            say_after(store, session, former.parent_id, "Once more");
        }
        Step::TrashMessage(_) => drop(trash_message(store, id)),
        Step::TrashBranch(_) => drop(trash_branch(store, id)),
        Step::Show(_) => drop(store.write(|tx| branches::show(tx, id)).unwrap()),
        _ => restore_if_possible(store, id),
    }
}

/// Only below a parent that is in the trash it is refused.
fn restore_if_possible(store: &TestStore, id: MessageId) {
    let parent = get(store, id).parent_id;
    let below_trash = parent.is_some_and(|it| get(store, it).deleted_at.is_some());
    let restored = store.write(|tx| trash::restore(tx, id));
    assert_eq!(restored.is_err(), below_trash, "{restored:?}");
    if let Ok(session) = restored {
        let shown = branch(store, session.id, 10);
        assert!(
            shown.iter().any(|it| it.id == id),
            "restored, but not shown"
        );
    }
}

/// What holds of the messages of a session after every step.
fn assert_tree(store: &TestStore, session: SessionId) {
    let all = all(store);
    let find = |id: MessageId| all.iter().find(|it| it.id == id).unwrap();
    for message in &all {
        let mut walk = 1;
        let mut above = message.parent_id;
        while let Some(parent) = above {
            walk += 1;
            above = find(parent).parent_id;
        }
        assert_eq!(message.depth, walk, "the depth of {:?}", message.id);
        let parent_is_trashed = (message.parent_id).is_some_and(|it| find(it).deleted_at.is_some());
        assert!(message.deleted_at.is_some() || !parent_is_trashed);
    }
    let visible: Vec<_> = all.iter().filter(|it| it.deleted_at.is_none()).collect();
    match store.read(|tx| sessions::get(tx, session)).unwrap().head_id {
        None => assert_eq!(visible, Vec::<&Message>::new()),
        Some(head) => {
            assert_eq!(find(head).deleted_at, None);
            assert!(visible.iter().all(|it| it.parent_id != Some(head)));
        }
    }
    let moved = "SELECT moved_messages.id FROM moved_messages
                 LEFT JOIN messages AS child ON child.id = moved_messages.id
                 LEFT JOIN messages AS parent ON parent.id = moved_messages.parent_id
                 WHERE parent.deleted_at IS NULL OR child.parent_id = parent.id
                     OR child.session_id IS NOT parent.session_id";
    assert_eq!(column(&looker(store.file()), moved), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_depth_is_always_the_length_of_the_walk_and_nothing_on_show_is_below_the_trash(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let store = TestStore::new();
        let session = store.session("Tree").id;
        for step in &steps {
            take(&store, session, step);
            assert_tree(&store, session);
        }
        assert_sound(store.file());
    }

    #[test]
    fn messages_that_were_deleted_and_restored_in_any_order_stand_where_they_stood(
        growth in prop::collection::vec(any::<Option<Index>>(), 2..20),
        gone in prop::collection::vec(any::<Index>(), 1..10),
        order in prop::collection::vec(any::<Index>(), 60),
    ) {
        let store = TestStore::new();
        let session = store.session("Tree").id;
        let mut ids = vec![say(&store, session, "Hi").id];
        for at in growth {
            let parent = at.map(|at| *at.get(&ids)).unwrap_or(ids[ids.len() - 1]);
            ids.push(say_after(&store, session, Some(parent), "Hi").id);
        }
        let before = all(&store);
        for at in gone {
            if let Some(id) = choose(&all(&store), at, false) {
                trash_message(&store, id);
            }
        }
        let mut order = order.into_iter().cycle();
        while let Some(id) = choose(&all(&store), order.next().unwrap(), true) {
            restore_if_possible(&store, id);
            // Each of the others once, where the one that was chosen cannot be restored yet.
            for other in all(&store).iter().filter(|it| it.deleted_at.is_some()).take(1) {
                restore_if_possible(&store, other.id);
            }
            assert_tree(&store, session);
        }
        prop_assert_eq!(all(&store), before);
    }
}
