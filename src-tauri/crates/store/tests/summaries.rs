//! Summaries: the range each covers, its limits, and what is left when messages go.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, MessageId, NOTE_BYTES_MAX, NewMessage, NewSummary, Parent, Result, Score, SessionId,
    Summary, SummaryId, SummaryUpdate, WriteTx, messages, summaries,
};
use serde_json::json;

use crate::support::{
    NOBODY, assert_invalid, assert_missing, assert_sound, changes, missing_session, purge_message,
    refused, touched,
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
    for (start, end, count) in [(0, 4, 5), (1, 3, 3), (2, 2, 1)] {
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
    for step in [0, 0, 5, 0] {
        store.clock.advance_ms(step);
        made.push(insert(&store, &new(session, ids[0], ids[4])));
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
fn a_summary_keeps_its_range_when_the_messages_at_its_ends_are_purged() {
    let store = TestStore::new();
    let (session, ids) = five(&store);
    let before = insert(&store, &new(session, ids[1], ids[3]));
    for id in [ids[1], ids[3]] {
        purge_message(&store, id);
    }
    let after = store.read(|tx| summaries::get(tx, before.id)).unwrap();
    assert_eq!(after, before);
    assert_sound(store.file());
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
            "importanceScore": 0.7, "createdAt": summary.created_at.as_ms(),
        })
    );
    let update = json!({ "summary": "New", "importanceScore": 1.2 });
    assert!(serde_json::from_value::<SummaryUpdate>(update).is_err());
}
