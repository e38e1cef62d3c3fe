//! Branches: the tree that messages make, the one branch of it on show, pages of it, siblings.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, Message, MessageId, NewMessage, NewSession, Parent, Result, SessionId, Timestamp,
    WriteTx, branches, messages, sessions, trash,
};
use proptest::prelude::*;

use crate::support::{branch, changes, looker, say, say_after, texts, touched};

/// The siblings of each message of the branch on show that has any.
fn siblings(store: &TestStore, session: SessionId) -> Vec<(MessageId, Vec<MessageId>)> {
    let shown = branch(store, session, 10);
    let found = store.read(|tx| branches::siblings(tx, &shown)).unwrap();
    let found = found.into_iter();
    found.map(|it| (it.message_id, it.ids)).collect()
}

#[test]
fn a_sibling_begins_a_branch_of_its_own_and_only_that_is_on_show() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let question = say(&store, id, "How long?");
    let first = say(&store, id, "Two minutes.");
    say(&store, id, "Thanks!");
    let second = say_after(&store, id, Some(question.id), "Three minutes.");
    assert_eq!(
        texts(&branch(&store, id, 10)),
        ["How long?", "Three minutes."]
    );
    assert_eq!(first.parent_id, second.parent_id);

    let edited = say_after(&store, id, None, "How long does it steep?");
    assert_eq!(edited.parent_id, None);
    assert_eq!(texts(&branch(&store, id, 10)), ["How long does it steep?"]);

    say_after(&store, id, Some(first.id), "Back here");
    assert_eq!(
        texts(&branch(&store, id, 10)),
        ["How long?", "Two minutes.", "Back here"]
    );
    assert_eq!(store.read(messages::count).unwrap(), 6);
}

#[test]
fn a_page_before_a_message_follows_the_branch_of_that_message() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let root = say(&store, id, "root");
    let old = say(&store, id, "old reply");
    say(&store, id, "old end");
    say_after(&store, id, Some(root.id), "on show");
    let page = store
        .read(|tx| messages::list(tx, id, Some(old.id), 10))
        .unwrap();
    assert_eq!((texts(&page.items), page.next), (vec!["root"], None));
    let page = store
        .read(|tx| messages::list(tx, id, Some(root.id), 10))
        .unwrap();
    assert_eq!((page.items, page.next), (vec![], None));
}

#[test]
fn pages_of_every_size_make_up_the_whole_branch() {
    let store = TestStore::new();
    let id = store.session("Long").id;
    let other = store.session("Between").id;
    for number in 0..40 {
        say(&store, id, &number.to_string());
        if number % 4 == 0 {
            say(&store, other, "between");
        }
    }
    let whole = branch(&store, id, 1000);
    assert_eq!(whole.len(), 40);
    for limit in 1..=41 {
        assert_eq!(branch(&store, id, limit), whole, "by {limit}");
    }
}

#[test]
fn messages_that_come_while_pages_are_read_make_none_skip_or_repeat() {
    let store = TestStore::new();
    let id = store.session("Long").id;
    for number in 0..25 {
        say(&store, id, &number.to_string());
    }
    for limit in 1..=9 {
        let whole = branch(&store, id, 1000);
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let page = store
                .read(|tx| messages::list(tx, id, before, limit))
                .unwrap();
            pages.push(page.items);
            say(&store, id, "meanwhile");
            let Some(next) = page.next else { break };
            before = Some(next);
        }
        let seen: Vec<_> = pages.into_iter().rev().flatten().collect();
        assert_eq!(seen, whole, "in pages of {limit}");
    }
}

#[test]
fn append_all_makes_one_branch_and_touches_the_session_once() {
    let store = TestStore::new();
    let id = store.session("Imported").id;
    say(&store, id, "before");
    let new: Vec<_> = (0..5)
        .map(|number| NewMessage {
            created_at: Some(Timestamp::from_ms(number)),
            parent: Parent::After(None),
            ..NewMessage::user(id, number.to_string())
        })
        .collect();
    let committed = store
        .write(|tx| messages::append_all(tx, id, &new))
        .unwrap();

    let all = branch(&store, id, 3);
    assert_eq!(texts(&all), ["before", "0", "1", "2", "3", "4"]);
    assert_eq!(all[5].created_at, Timestamp::from_ms(4));
    let mut expected: Vec<_> = all[1..]
        .iter()
        .map(|it| touched(Entity::Message, it.id))
        .collect();
    expected.push(touched(Entity::Session, id));
    assert_eq!(changes(&committed), expected);
}

#[test]
fn appending_no_messages_at_all_changes_nothing() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    say(&store, id, "Hi");
    let before = store.read(|tx| sessions::get(tx, id)).unwrap();
    store.clock.advance_ms(10);
    let committed = store.write(|tx| messages::append_all(tx, id, &[])).unwrap();
    assert_eq!(changes(&committed), []);
    assert_eq!(store.read(|tx| sessions::get(tx, id)).unwrap(), before);
}

#[test]
fn each_message_of_a_page_is_told_its_siblings_oldest_first_and_first_messages_too() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let other = store.session("Rice").id;
    assert_eq!(siblings(&store, id), []);
    let first = say(&store, id, "How long?");
    say(&store, other, "another first message, of another session");
    let reply = say(&store, id, "Two minutes.");
    assert_eq!(siblings(&store, id), []);

    let retried = say_after(&store, id, Some(first.id), "Three minutes.");
    let thanks = say(&store, id, "Thanks!");
    let both = vec![reply.id, retried.id];
    assert_eq!(siblings(&store, id), [(retried.id, both.clone())]);
    let page = [reply.clone(), retried.clone()];
    let of_both = store.read(|tx| branches::siblings(tx, &page)).unwrap();
    assert_eq!((&of_both[0].ids, &of_both[1].ids), (&both, &both));
    let page = [thanks];
    assert_eq!(store.read(|tx| branches::siblings(tx, &page)).unwrap(), []);

    let edited = say_after(&store, id, None, "How long does it steep?");
    assert_eq!(
        siblings(&store, id),
        [(edited.id, vec![first.id, edited.id])]
    );
    assert_eq!(siblings(&store, other), []);

    store
        .write(|tx| trash::trash_branch(tx, edited.id))
        .unwrap();
    assert_eq!(siblings(&store, id), [(retried.id, both)]);
    store.write(|tx| trash::trash_branch(tx, reply.id)).unwrap();
    assert_eq!(siblings(&store, id), []);
}

#[test]
fn to_show_a_message_is_to_show_its_branch_down_to_the_newest_leaf() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let id = session.id;
    let root = say(&store, id, "root");
    let left = say(&store, id, "left");
    say(&store, id, "older leaf");
    say_after(&store, id, Some(left.id), "newer");
    let leaf = say(&store, id, "newest leaf");
    let right = say_after(&store, id, Some(root.id), "right");
    let before = store.read(|tx| sessions::get(tx, id)).unwrap();
    store.clock.advance_ms(50);

    let committed = store.write(|tx| branches::show(tx, left.id)).unwrap();
    assert_eq!(committed.head_id, Some(leaf.id));
    assert_eq!(committed.updated_at, before.updated_at);
    assert_eq!(changes(&committed), [touched(Entity::Session, id)]);
    assert_eq!(
        texts(&branch(&store, id, 10)),
        ["root", "left", "newer", "newest leaf"]
    );
    // By the newest child each time, and not by the longest branch.
    let shown = store.write(|tx| branches::show(tx, root.id)).unwrap();
    assert_eq!(shown.head_id, Some(right.id));

    store.write(|tx| trash::trash_branch(tx, leaf.id)).unwrap();
    store.write(|tx| branches::show(tx, left.id)).unwrap();
    assert_eq!(texts(&branch(&store, id, 10)), ["root", "left", "newer"]);
}

/// Where each new message goes: on from the head, or after one that is there already.
#[derive(Debug, Clone)]
enum Growth {
    OnHead,
    After(prop::sample::Index),
    First,
}

fn growth() -> impl Strategy<Value = Growth> {
    prop_oneof![
        5 => Just(Growth::OnHead),
        3 => any::<prop::sample::Index>().prop_map(Growth::After),
        1 => Just(Growth::First),
    ]
}

/// Grows a tree, in two sessions at a time so that ids have gaps, and returns the one's ids.
fn grow(tx: &WriteTx<'_>, tree: &[Growth]) -> Result<(SessionId, Vec<MessageId>)> {
    let id = sessions::insert(tx, &NewSession::named("Tree"))?.id;
    let other = sessions::insert(tx, &NewSession::named("Other"))?.id;
    let mut ids = Vec::new();
    for growth in tree {
        let parent = match growth {
            Growth::After(index) if !ids.is_empty() => Parent::After(Some(*index.get(&ids))),
            Growth::First => Parent::After(None),
            _ => Parent::Head,
        };
        let new = NewMessage {
            parent,
            ..NewMessage::user(id, "Hi")
        };
        ids.push(messages::append(tx, &new)?.id);
        if ids.len() % 3 == 0 {
            messages::append(tx, &NewMessage::user(other, "Hi"))?;
        }
    }
    Ok((id, ids))
}

/// The branch that ends in `head`, oldest first, one look at `parent_id` after the other.
fn walk(raw: &rusqlite::Connection, head: MessageId) -> Vec<MessageId> {
    let mut ids = vec![head];
    while let Some(parent) = raw
        .query_row(
            "SELECT parent_id FROM messages WHERE id = ?1",
            [ids[ids.len() - 1].get()],
            |row| row.get::<_, Option<i64>>(0),
        )
        .unwrap()
    {
        ids.push(MessageId::new(parent));
    }
    ids.reverse();
    ids
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|it| it.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pages_of_a_tree_with_many_forks_are_what_a_walk_of_the_parents_finds(
        tree in prop::collection::vec(growth(), 1..120),
        limit in 1_usize..12,
        start in any::<prop::sample::Index>(),
    ) {
        let store = TestStore::new();
        let (session, all) = store.write(|tx| grow(tx, &tree)).unwrap().value;
        let raw = looker(store.file());

        let on_show = ids(&branch(&store, session, limit));
        prop_assert_eq!(on_show, walk(&raw, all[all.len() - 1]));

        // Paging from any message, on show or not, goes back along that message's branch.
        let from = *start.get(&all);
        let mut expected = walk(&raw, from);
        expected.pop();
        let mut before = Some(from);
        while let Some(at) = before {
            let page = store.read(|tx| messages::list(tx, session, Some(at), limit)).unwrap();
            let rest = expected.split_off(expected.len().saturating_sub(limit));
            prop_assert_eq!(ids(&page.items), rest);
            prop_assert_eq!(page.next.is_some(), !expected.is_empty());
            before = page.next;
        }
    }
}
