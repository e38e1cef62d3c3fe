//! Pins: their order, their limits, and where they were taken from.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, MessageId, NOTE_BYTES_MAX, NewMessage, NewPin, Pin, PinId, PinType, PinUpdate, Result,
    Score, SessionId, WriteTx, messages, pins,
};
use serde_json::json;

use crate::support::{
    NOBODY, assert_invalid, assert_missing, changes, intruder, missing_session, refused, touched,
};

const TYPES: [PinType; 5] = [
    PinType::User,
    PinType::Auto,
    PinType::Code,
    PinType::Concept,
    PinType::System,
];

fn new(session_id: SessionId, content: &str) -> NewPin {
    NewPin {
        session_id,
        content: content.to_owned(),
        source_message_id: None,
        pin_type: PinType::User,
    }
}

fn insert(store: &TestStore, new: &NewPin) -> Pin {
    store.write(|tx| pins::insert(tx, new)).unwrap().value
}

fn say(store: &TestStore, session: SessionId) -> MessageId {
    let new = NewMessage::user(session, "Hi");
    let committed = store.write(|tx| messages::append(tx, &new)).unwrap();
    committed.id
}

fn list(store: &TestStore, session: SessionId) -> Vec<Pin> {
    store.read(|tx| pins::list(tx, session)).unwrap()
}

fn update(content: &str, score: f64, pin_type: PinType) -> PinUpdate {
    PinUpdate {
        content: content.to_owned(),
        importance_score: Score::new(score).unwrap(),
        pin_type,
    }
}

fn missing() -> PinId {
    NOBODY.parse().unwrap()
}

#[test]
fn a_pin_of_every_type_is_read_back_with_its_source() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let message = say(&store, session);
    for pin_type in TYPES {
        for source_message_id in [None, Some(message)] {
            let new = NewPin {
                pin_type,
                source_message_id,
                ..new(session, "Green tea: 80 °C")
            };
            let committed = store.write(|tx| pins::insert(tx, &new)).unwrap();
            assert_eq!(changes(&committed), [touched(Entity::Pin, committed.id)]);
            assert_eq!(committed.content, "Green tea: 80 °C");
            assert_eq!(committed.pin_type, pin_type);
            assert_eq!(committed.source_message_id, source_message_id);
            assert_eq!(committed.importance_score, Score::new(0.8).unwrap());
            let read = store.read(|tx| pins::get(tx, committed.id)).unwrap();
            assert_eq!(read, committed.value);
        }
    }
}

#[test]
fn a_source_is_a_message_of_the_same_session() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea").id, store.session("Rice").id);
    let foreign = NewPin {
        source_message_id: Some(say(&store, rice)),
        ..new(tea, "Pinned")
    };
    assert_invalid(
        &refused(&store, |tx| pins::insert(tx, &foreign)),
        "source",
        "must be a message of the same session",
    );
    let nowhere = MessageId::new(4711);
    let lost = NewPin {
        source_message_id: Some(nowhere),
        ..new(tea, "Pinned")
    };
    let error = refused(&store, |tx| pins::insert(tx, &lost));
    assert_missing(&error, Entity::Message, nowhere);
    let error = refused(&store, |tx| {
        pins::insert(tx, &new(missing_session(), "Pinned"))
    });
    assert_missing(&error, Entity::Session, missing_session());
}

#[test]
fn a_text_says_something_in_at_most_256_kib_without_nul() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let id = insert(&store, &new(session, &"p".repeat(NOTE_BYTES_MAX))).id;
    for (text, limit) in [
        (
            "p".repeat(NOTE_BYTES_MAX + 1),
            "at most 256 KiB are possible, this is 257 KiB",
        ),
        ("\t".to_owned(), "must not be empty"),
        (
            "\0".to_owned(),
            "holds a NUL character (byte 0); remove it and try again",
        ),
    ] {
        let error = refused(&store, |tx| pins::insert(tx, &new(session, &text)));
        assert_invalid(&error, "pin", limit);
        let update = update(&text, 0.5, PinType::Code);
        let error = refused(&store, |tx| pins::update(tx, id, &update));
        assert_invalid(&error, "pin", limit);
    }
}

#[test]
fn an_update_changes_text_importance_and_type_and_nothing_else() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let before = insert(&store, &new(session, "Pinned"));
    let other = insert(&store, &new(session, "Other"));
    let update = update("Changed", 0.0, PinType::Concept);
    let committed = store
        .write(|tx| pins::update(tx, before.id, &update))
        .unwrap();
    let expected = Pin {
        content: update.content,
        importance_score: update.importance_score,
        pin_type: update.pin_type,
        ..before
    };
    assert_eq!(committed.value, expected);
    assert_eq!(changes(&committed), [touched(Entity::Pin, expected.id)]);
    assert_eq!(list(&store, session), [other, expected]);
}

#[test]
fn every_verb_on_a_missing_pin_is_not_found() {
    let store = TestStore::new();
    let verbs: [fn(&WriteTx<'_>) -> Result<()>; 3] = [
        |tx| pins::get(tx, missing()).map(drop),
        |tx| pins::update(tx, missing(), &update("New", 0.5, PinType::User)).map(drop),
        |tx| pins::delete(tx, missing()),
    ];
    for verb in verbs {
        assert_missing(&refused(&store, verb), Entity::Pin, missing());
    }
}

#[test]
fn a_list_has_the_most_important_first_then_the_newest_and_only_its_own_session() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let other = store.session("Other").id;
    insert(&store, &new(other, "foreign"));
    let important = insert(&store, &new(session, "important")).id;
    insert(&store, &new(session, "first of its time"));
    insert(&store, &new(session, "second of its time"));
    store.clock.advance_ms(1);
    insert(&store, &new(session, "newest"));
    let least = insert(&store, &new(session, "least")).id;
    store
        .write(|tx| {
            pins::update(tx, important, &update("important", 0.9, PinType::User))?;
            pins::update(tx, least, &update("least", 0.1, PinType::User))
        })
        .unwrap();
    let all = list(&store, session);
    let contents: Vec<_> = all.iter().map(|it| it.content.as_str()).collect();
    assert_eq!(
        contents,
        [
            "important",
            "newest",
            "second of its time",
            "first of its time",
            "least"
        ]
    );
    assert_eq!(list(&store, missing_session()), []);
}

#[test]
fn a_pin_is_deleted_alone_and_its_source_stays() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let source_message_id = Some(say(&store, session));
    let kept = insert(&store, &new(session, "kept"));
    let gone = NewPin {
        source_message_id,
        ..new(session, "gone")
    };
    let gone = insert(&store, &gone);
    let committed = store.write(|tx| pins::delete(tx, gone.id)).unwrap();
    assert_eq!(changes(&committed), [touched(Entity::Pin, gone.id)]);
    assert_eq!(list(&store, session), [kept]);
    assert_eq!(store.read(messages::count).unwrap(), 1);
}

#[test]
fn the_file_itself_refuses_unknown_types_and_sources_that_are_not_there() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    insert(&store, &new(session, "Pinned"));
    let raw = intruder(store.file());
    for sql in [
        "UPDATE semantic_pins SET pin_type = 'needle'",
        "UPDATE semantic_pins SET importance_score = -0.1",
        "UPDATE semantic_pins SET source_message_id = 4711",
        "UPDATE semantic_pins SET session_id = 'none'",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::ConstraintViolation),
            "{sql}"
        );
    }
}

#[test]
fn json_has_the_names_of_the_bindings_and_takes_no_other_words() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let pin = insert(&store, &new(session, "Pinned"));
    let value = serde_json::to_value(&pin).unwrap();
    assert_eq!(
        value,
        json!({
            "id": pin.id.to_string(), "sessionId": session.to_string(), "content": "Pinned",
            "sourceMessageId": null, "importanceScore": 0.8, "pinType": "user",
            "createdAt": pin.created_at.as_ms(),
        })
    );
    assert_eq!(serde_json::from_value::<Pin>(value).unwrap(), pin);
    let words = serde_json::to_value(TYPES).unwrap();
    assert_eq!(words, json!(["user", "auto", "code", "concept", "system"]));
    for word in ["", "User", "needle"] {
        let error = serde_json::from_value::<PinType>(json!(word));
        assert!(error.is_err(), "{word}");
    }
}
