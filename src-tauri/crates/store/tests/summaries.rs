//! Summaries: the range each covers, its limits, and what is left when messages go.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, MessageId, NOTE_BYTES_MAX, NewMessage, NewSummary, Parent, Result, Role, Score,
    SessionId, Summary, SummaryId, SummaryOrigin, SummaryUpdate, Wording, WriteTx, branches,
    messages, summaries, trash,
};
use serde_json::json;

use crate::support::{
    NOBODY, assert_invalid, assert_missing, assert_sound, branch, changes, missing_session,
    purge_message, refused, touched,
};

fn say(store: &TestStore, session: SessionId, parent: Parent) -> MessageId {
    let new = NewMessage {
        parent,
        ..NewMessage::user(session, "Hi")
    };
    let committed = store.write(|tx| messages::append(tx, &new)).unwrap();
    committed.id
}

/// A session with a branch of five messages.
fn five(store: &TestStore) -> (SessionId, Vec<MessageId>) {
    let session = store.session("Tea").id;
    let ids = (0..5).map(|_| say(store, session, Parent::Head)).collect();
    (session, ids)
}

fn new(session_id: SessionId, start: MessageId, end: MessageId) -> NewSummary {
    NewSummary {
        session_id,
        summary: "On tea.".to_owned(),
        start_message_id: start,
        end_message_id: end,
    }
}

fn insert(store: &TestStore, new: &NewSummary) -> Summary {
    store.write(|tx| summaries::insert(tx, new)).unwrap().value
}

fn missing() -> SummaryId {
    NOBODY.parse().unwrap()
}

#[test]
fn a_summary_is_read_back_and_counts_the_messages_it_covers() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    for (start, end, count) in [(0, 0, 1), (1, 3, 3), (4, 4, 1)] {
        let new = new(session, ids[start], ids[end]);
        let committed = store.write(|tx| summaries::insert(tx, &new)).unwrap();
        assert_eq!(
            changes(&committed),
            [touched(Entity::Summary, committed.id)]
        );
        assert_eq!(committed.message_count, count);
        assert_eq!(committed.importance_score, Score::new(0.7).unwrap());
        let read = store.read(|tx| summaries::get(tx, committed.id)).unwrap();
        assert_eq!(read, committed.value);
        assert_eq!(
            (read.start_message_id, read.end_message_id),
            (ids[start], ids[end])
        );
    }
}

#[test]
fn a_range_follows_a_branch_and_not_the_numbers() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let sibling = say(&store, session, Parent::After(Some(ids[1])));
    // root, second and the sibling: the three between them by number are on another branch.
    assert_eq!(
        insert(&store, &new(session, ids[0], sibling)).message_count,
        3
    );

    let limit = "must begin and end on the same branch";
    for (start, end) in [(ids[2], sibling), (ids[4], ids[0]), (sibling, ids[0])] {
        let error = refused(&store, |tx| {
            summaries::insert(tx, &new(session, start, end))
        });
        assert_invalid(&error, "range", limit);
    }
}

#[test]
fn a_range_of_another_session_or_of_missing_messages_is_refused() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let other = store.session("Other").id;
    let foreign = say(&store, other, Parent::Head);
    for (start, end) in [(ids[0], foreign), (foreign, ids[4]), (foreign, foreign)] {
        let error = refused(&store, |tx| {
            summaries::insert(tx, &new(session, start, end))
        });
        assert_invalid(&error, "range", "must be messages of the same session");
    }
    let nowhere = MessageId::new(4711);
    for (start, end) in [(nowhere, ids[4]), (ids[0], nowhere)] {
        let error = refused(&store, |tx| {
            summaries::insert(tx, &new(session, start, end))
        });
        assert_missing(&error, Entity::Message, nowhere);
    }
    let error = refused(&store, |tx| {
        summaries::insert(tx, &new(missing_session(), ids[0], ids[4]))
    });
    assert_missing(&error, Entity::Session, missing_session());
}

#[test]
fn a_text_says_something_in_at_most_256_kib_without_nul() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let mut new = new(session, ids[0], ids[4]);
    new.summary = "s".repeat(NOTE_BYTES_MAX);
    let id = insert(&store, &new).id;
    for (text, limit) in [
        (
            "s".repeat(NOTE_BYTES_MAX + 1),
            "at most 256 KiB are possible, this is 257 KiB",
        ),
        (" \n ".to_owned(), "must not be empty"),
        (
            "a\0".to_owned(),
            "holds a NUL character (byte 1); remove it and try again",
        ),
    ] {
        new.summary.clone_from(&text);
        let error = refused(&store, |tx| summaries::insert(tx, &new));
        assert_invalid(&error, "summary", limit);
        let update = SummaryUpdate {
            summary: text,
            importance_score: Score::new(0.1).unwrap(),
        };
        let error = refused(&store, |tx| summaries::update(tx, id, &update));
        assert_invalid(&error, "summary", limit);
    }
}

#[test]
fn an_update_changes_text_and_importance_and_nothing_else() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let before = insert(&store, &new(session, ids[0], ids[4]));
    store.clock.advance_ms(10);
    let update = SummaryUpdate {
        summary: "On green tea.".to_owned(),
        importance_score: Score::new(1.0).unwrap(),
    };
    let committed = store
        .write(|tx| summaries::update(tx, before.id, &update))
        .unwrap();
    let expected = Summary {
        summary: update.summary,
        importance_score: update.importance_score,
        ..before
    };
    assert_eq!(committed.value, expected);
    assert_eq!(changes(&committed), [touched(Entity::Summary, expected.id)]);
}

#[test]
fn every_verb_on_a_missing_summary_is_not_found() {
    let store = TestStore::new();
    let verbs: [fn(&WriteTx<'_>) -> Result<()>; 3] = [
        |tx| summaries::get(tx, missing()).map(drop),
        |tx| {
            let update = SummaryUpdate {
                summary: "New".to_owned(),
                importance_score: Score::new(0.5)?,
            };
            summaries::update(tx, missing(), &update).map(drop)
        },
        |tx| summaries::delete(tx, missing()),
    ];
    for verb in verbs {
        assert_missing(&refused(&store, verb), Entity::Summary, missing());
    }
}

#[test]
fn a_list_has_the_newest_first_and_only_its_own_session() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let (other, others) = five(&store);
    insert(&store, &new(other, others[0], others[1]));
    let mut made = Vec::new();
    for (at, step) in [0, 0, 5, 0].into_iter().enumerate() {
        store.clock.advance_ms(step);
        made.push(insert(&store, &new(session, ids[at], ids[at])));
    }
    made.reverse();
    assert_eq!(store.read(|tx| summaries::list(tx, session)).unwrap(), made);
    let none = store
        .read(|tx| summaries::list(tx, missing_session()))
        .unwrap();
    assert_eq!(none, []);
}

#[test]
fn a_summary_is_deleted_alone() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let kept = insert(&store, &new(session, ids[0], ids[1]));
    let gone = insert(&store, &new(session, ids[2], ids[3]));
    let committed = store.write(|tx| summaries::delete(tx, gone.id)).unwrap();
    assert_eq!(changes(&committed), [touched(Entity::Summary, gone.id)]);
    let left = store.read(|tx| summaries::list(tx, session)).unwrap();
    assert_eq!(left, [kept]);
}

#[test]
fn json_has_the_names_of_the_bindings() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let summary = insert(&store, &new(session, ids[0], ids[4]));
    assert_eq!(
        serde_json::to_value(&summary).unwrap(),
        json!({
            "id": summary.id.to_string(), "sessionId": session.to_string(), "summary": "On tea.",
            "messageCount": 5, "startMessageId": ids[0].get(), "endMessageId": ids[4].get(),
            "importanceScore": 0.7, "origin": "user", "modelId": null, "whole": true, "createdAt": summary.created_at.as_ms(),
        })
    );
    let update = json!({ "summary": "New", "importanceScore": 1.2 });
    assert!(serde_json::from_value::<SummaryUpdate>(update).is_err());
}

fn trash_message(store: &TestStore, id: MessageId) {
    // What goes in one moment comes back together.
    store.clock.advance_ms(1);
    store.write(|tx| trash::trash_message(tx, id)).unwrap();
}

fn restore(store: &TestStore, id: MessageId) {
    store.write(|tx| trash::restore(tx, id)).unwrap();
}

fn get(store: &TestStore, id: SummaryId) -> Summary {
    store.read(|tx| summaries::get(tx, id)).unwrap()
}

#[test]
fn a_summary_begins_where_those_before_it_end_and_none_has_a_message_of_another() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let refuse = |start: usize, end: usize, limit: &str| {
        let error = refused(&store, |tx| {
            summaries::insert(tx, &new(session, ids[start], ids[end]))
        });
        assert_invalid(&error, "range", limit);
    };
    let first = "must begin with the first message that no summary covers, which is 1";
    refuse(1, 2, first);
    let hole = insert(&store, &new(session, ids[0], ids[1]));
    let first = "must begin with the first message that no summary covers, which is 3";
    refuse(1, 2, first);
    refuse(3, 4, first);
    insert(&store, &new(session, ids[2], ids[3]));
    insert(&store, &new(session, ids[4], ids[4]));
    refuse(4, 4, "is covered by other summaries already");
    // A hole that the user makes is what the next one is for, and it ends there.
    store.write(|tx| summaries::delete(tx, hole.id)).unwrap();
    let backlog = store
        .read(|tx| summaries::backlog(tx, session, None, u32::MAX))
        .unwrap();
    assert!(backlog.has_hole);
    assert_eq!(backlog.next, Some((ids[0], ids[1])));
    refuse(0, 2, "must not hold a message that another summary covers");
    insert(&store, &new(session, ids[0], ids[1]));
    let backlog = store
        .read(|tx| summaries::backlog(tx, session, None, u32::MAX))
        .unwrap();
    assert_eq!(
        (backlog.messages, backlog.next, backlog.first),
        (0, None, None)
    );
    assert_eq!((backlog.branch_messages, backlog.has_hole), (5, false));
}

#[test]
fn a_summary_that_would_count_on_another_branch_too_has_to_end_where_that_does_not() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    insert(&store, &new(session, ids[0], ids[3]));
    let beside = say(&store, session, Parent::After(Some(ids[1])));
    let after = say(&store, session, Parent::Head);
    let error = refused(&store, |tx| {
        summaries::insert(tx, &new(session, ids[0], ids[1]))
    });
    assert_invalid(
        &error,
        "range",
        "must not hold a message that another summary covers",
    );
    // However little is to be summarised at a time.
    let backlog = store
        .read(|tx| summaries::backlog(tx, session, Some(after), 0))
        .unwrap();
    assert_eq!(backlog.next, Some((ids[0], beside)));
    let made = insert(&store, &new(session, ids[0], beside));
    assert_eq!(made.message_count, 3);
}

#[test]
fn what_a_tool_answered_is_never_parted_from_what_asked_for_it() {
    let store = TestStore::new();
    let session = store.session("Tools").id;
    let roles = [
        Role::User,
        Role::Assistant,
        Role::Tool,
        Role::Tool,
        Role::Assistant,
    ];
    let ids = roles.map(|role| {
        let new = NewMessage::new(session, role, "Long enough to be a token");
        store.write(|tx| messages::append(tx, &new)).unwrap().id
    });
    let limit = "must not end between a request to a tool and what it answered";
    for end in [1, 2] {
        let error = refused(&store, |tx| {
            summaries::insert(tx, &new(session, ids[0], ids[end]))
        });
        assert_invalid(&error, "range", limit);
    }
    let next = |before, tokens_max| {
        let backlog = store.read(|tx| summaries::backlog(tx, session, before, tokens_max));
        backlog.unwrap().next
    };
    assert_eq!(next(Some(ids[3]), u32::MAX), Some((ids[0], ids[0])));
    assert_eq!(next(Some(ids[4]), u32::MAX), Some((ids[0], ids[3])));
    assert_eq!(next(None, 0), Some((ids[0], ids[0])));
    insert(&store, &new(session, ids[0], ids[0]));
    // As little as can be, where less is asked for.
    assert_eq!(next(None, 0), Some((ids[1], ids[3])));
}

#[test]
fn a_summary_is_out_of_use_while_a_message_of_it_is_in_the_trash_and_goes_with_it() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let before = insert(&store, &new(session, ids[0], ids[2]));
    for id in [ids[0], ids[1], ids[2]] {
        trash_message(&store, id);
        assert!(!get(&store, before.id).whole);
        restore(&store, id);
        assert_eq!(get(&store, before.id), before);
    }
    for id in [ids[2], ids[1]] {
        trash_message(&store, id);
    }
    restore(&store, ids[1]);
    assert!(!get(&store, before.id).whole, "one is still there");
    purge_message(&store, ids[4]);
    let error = store.read(|tx| summaries::get(tx, before.id)).unwrap_err();
    assert_missing(&error, Entity::Summary, before.id);
    assert_eq!(branch(&store, session, 10).len(), 3);
    assert_sound(store.file());
}

#[test]
fn a_message_that_comes_back_among_those_of_a_summary_puts_it_out_of_use() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    trash_message(&store, ids[1]);
    let made = insert(&store, &new(session, ids[0], ids[3]));
    assert_eq!(made.message_count, 3);
    restore(&store, ids[1]);
    assert!(!get(&store, made.id).whole);
    // One for all of them takes its place.
    let next = insert(&store, &new(session, ids[0], ids[3]));
    assert_eq!(next.message_count, 4);
    let left = store.read(|tx| summaries::list(tx, session)).unwrap();
    assert_eq!(left, [next]);
}

#[test]
fn one_that_is_out_of_use_and_could_come_back_over_the_new_one_makes_room_for_it() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    insert(&store, &new(session, ids[0], ids[3]));
    trash_message(&store, ids[3]);
    let next = insert(&store, &new(session, ids[0], ids[2]));
    restore(&store, ids[3]);
    let left = store.read(|tx| summaries::list(tx, session)).unwrap();
    assert_eq!(left, [next]);
}

#[test]
fn what_was_summarised_is_stored_only_if_the_branch_on_show_is_as_it_was() {
    type Change = fn(&TestStore, SessionId, &[MessageId]);
    let ways: [(&str, Change, bool); 6] = [
        ("nothing", |_, _, _| {}, true),
        (
            "said more",
            |store, session, _| {
                say(store, session, Parent::Head);
            },
            true,
        ),
        (
            "edited",
            |store, session, ids| {
                say(store, session, Parent::After(Some(ids[1])));
            },
            false,
        ),
        (
            "trashed",
            |store, _, ids| trash_message(store, ids[1]),
            false,
        ),
        (
            "summarised",
            |store, session, ids| drop(insert(store, &new(session, ids[0], ids[0]))),
            false,
        ),
        (
            "session deleted",
            |store, session, _| {
                store
                    .write(|tx| chatkeep_store::sessions::delete(tx, session))
                    .unwrap();
            },
            false,
        ),
    ];
    for (way, change, stored) in ways {
        let store = TestStore::new();
        let (session, ids) = five(&store);
        let read = store
            .read(|tx| summaries::messages_between(tx, ids[0], ids[2]))
            .unwrap();
        change(&store, session, &ids);
        let wording = Wording::by_model("On tea.", "ollama/qwen3:4b");
        let made = store
            .write(|tx| summaries::insert_for(tx, &read, &wording))
            .unwrap();
        assert_eq!(made.is_some(), stored, "{way}");
        if let Some(made) = made.value {
            assert_eq!(made.origin, SummaryOrigin::Model);
            assert_eq!(made.model_id.as_deref(), Some("ollama/qwen3:4b"));
            assert_eq!(
                (made.start_message_id, made.end_message_id),
                (ids[0], ids[2])
            );
        }
    }
}

#[test]
fn a_summary_of_pieces_waits_for_a_model_and_is_replaced_unless_it_was_changed() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let read = store
        .read(|tx| summaries::messages_between(tx, ids[0], ids[2]))
        .unwrap();
    let pieces = Wording::of_pieces(&read);
    assert_eq!(pieces.text, "User: Hi\nUser: Hi\nUser: Hi");
    let made = store
        .write(|tx| summaries::insert_for(tx, &read, &pieces))
        .unwrap();
    let made = made.value.unwrap();
    let waiting = || store.read(|tx| summaries::list_extractive(tx, 10)).unwrap();
    assert_eq!(waiting(), std::slice::from_ref(&made));
    let model = Wording::by_model("Greetings.", "ollama/qwen3:4b");
    let late = store.write(|tx| summaries::rewrite(tx, made.id, "Something else", &model));
    assert_eq!(late.unwrap().value, None);
    let done = store
        .write(|tx| summaries::rewrite(tx, made.id, &made.summary, &model))
        .unwrap();
    let done = done.value.unwrap();
    assert_eq!(
        (done.summary.as_str(), done.origin),
        ("Greetings.", SummaryOrigin::Model)
    );
    assert_eq!(waiting(), []);
    // What the user makes of it is the user's; another importance alone is not.
    let mut update = SummaryUpdate {
        summary: done.summary.clone(),
        importance_score: Score::new(1.0).unwrap(),
    };
    let same = store
        .write(|tx| summaries::update(tx, done.id, &update))
        .unwrap();
    assert_eq!(same.origin, SummaryOrigin::Model);
    update.summary.push_str(" And more.");
    let mine = store
        .write(|tx| summaries::update(tx, done.id, &update))
        .unwrap();
    assert_eq!((mine.origin, &mine.model_id), (SummaryOrigin::User, &None));
    // In the trash, a session waits for nothing.
    let read = store
        .read(|tx| summaries::messages_between(tx, ids[3], ids[3]))
        .unwrap();
    let pieces = Wording::of_pieces(&read);
    store
        .write(|tx| summaries::insert_for(tx, &read, &pieces))
        .unwrap();
    assert_eq!(waiting().len(), 1);
    store
        .write(|tx| chatkeep_store::sessions::trash(tx, session))
        .unwrap();
    assert_eq!(waiting(), []);
}

#[test]
fn messages_between_two_are_those_of_one_branch() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let beside = say(&store, session, Parent::After(Some(ids[1])));
    let between = |start, end| store.read(|tx| summaries::messages_between(tx, start, end));
    let found: Vec<_> = between(ids[1], beside)
        .unwrap()
        .iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(found, [ids[1], beside]);
    for (start, end) in [(ids[2], beside), (ids[4], ids[0])] {
        let error = between(start, end).unwrap_err();
        assert_invalid(&error, "range", "must begin and end on the same branch");
    }
    store.write(|tx| branches::show(tx, ids[4])).unwrap();
    assert_eq!(between(ids[0], ids[4]).unwrap().len(), 5);
}
