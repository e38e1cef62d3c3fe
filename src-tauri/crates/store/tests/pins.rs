//! Pins: their order, their limits, and where they were taken from.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    ContextLimits, Entity, Fact, FactKind, MessageId, NOTE_BYTES_MAX, NewMessage, NewPin,
    NewSession, PersonaId, Pin, PinId, PinScope, PinSource, PinType, PinUpdate, Result, Score,
    SessionId, WriteTx, branches, context, messages, personas, pins, sessions,
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
        scope: PinScope::Session,
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
    for (number, pin_type) in TYPES.into_iter().enumerate() {
        for (place, source_message_id) in [("typed", None), ("taken", Some(message))] {
            let content = format!("Green tea: 80 °C, {place} {number}");
            let new = NewPin {
                pin_type,
                source_message_id,
                ..new(session, &content)
            };
            let committed = store.write(|tx| pins::insert(tx, &new)).unwrap();
            assert_eq!(changes(&committed), [touched(Entity::Pin, committed.id)]);
            assert_eq!(committed.content, content);
            assert_eq!(committed.source, PinSource::User);
            assert_eq!(committed.session_id, Some(session));
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
    let error = store.read(|tx| pins::list(tx, missing_session()));
    assert_missing(&error.unwrap_err(), Entity::Session, missing_session());
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
        "UPDATE semantic_pins SET session_id = NULL",
        "UPDATE semantic_pins SET scope = 'all'",
        "UPDATE semantic_pins SET scope = 'persona', session_id = NULL",
        "UPDATE semantic_pins SET source = 'guess'",
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
            "id": pin.id.to_string(), "scope": "session", "sessionId": session.to_string(),
            "personaId": null, "content": "Pinned", "sourceMessageId": null,
            "importanceScore": 0.8, "pinType": "user", "source": "user", "rule": null,
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

fn fact(text: &str) -> Fact {
    Fact {
        text: text.to_owned(),
        kind: FactKind::Preference,
    }
}

fn found(store: &TestStore, message: MessageId, text: &str) -> Vec<Pin> {
    store
        .write(|tx| pins::insert_found(tx, message, &[fact(text)], PinSource::Rule))
        .unwrap()
        .value
}

fn contents(store: &TestStore, session: SessionId) -> Vec<String> {
    list(store, session)
        .into_iter()
        .map(|it| it.content)
        .collect()
}

fn with_persona(store: &TestStore, name: &str, persona: &str) -> SessionId {
    let new = NewSession {
        persona_id: Some(PersonaId::new(persona)),
        ..NewSession::named(name)
    };
    store.write(|tx| sessions::insert(tx, &new)).unwrap().id
}

#[test]
fn a_pin_counts_as_far_as_its_scope_reaches_and_outlives_its_session() {
    let store = TestStore::new();
    let tea = with_persona(&store, "Tea", "default-cloud");
    let rice = with_persona(&store, "Rice", "default-cloud");
    let soup = with_persona(&store, "Soup", "default-local");
    let plain = store.session("Plain").id;
    for (scope, content) in [
        (PinScope::Session, "session"),
        (PinScope::Persona, "persona"),
        (PinScope::All, "all"),
    ] {
        let made = insert(
            &store,
            &NewPin {
                scope,
                ..new(tea, content)
            },
        );
        assert_eq!(made.scope, scope);
        assert_eq!(made.session_id.is_some(), scope == PinScope::Session);
        assert_eq!(made.persona_id.is_some(), scope == PinScope::Persona);
    }
    assert_eq!(contents(&store, tea), ["all", "persona", "session"]);
    assert_eq!(contents(&store, rice), ["all", "persona"]);
    assert_eq!(contents(&store, soup), ["all"]);
    assert_eq!(contents(&store, plain), ["all"]);
    // A fork has a copy of what was the session's, and the others once.
    let said = say(&store, tea);
    let fork = store.write(|tx| branches::fork(tx, said)).unwrap().id;
    assert_eq!(contents(&store, fork), ["session", "all", "persona"]);
    let context = ContextLimits::default();
    let built = store.read(|tx| context::build(tx, soup, context)).unwrap();
    assert_eq!(built.pins.len(), 1);
    store.write(|tx| sessions::delete(tx, tea)).unwrap();
    assert_eq!(contents(&store, rice), ["all", "persona"]);
    let cloud = PersonaId::new("default-cloud");
    store
        .write(|tx| personas::set_default(tx, &PersonaId::new("default-local")))
        .unwrap();
    store.write(|tx| personas::delete(tx, &cloud)).unwrap();
    assert_eq!(contents(&store, rice), ["all"]);
}

#[test]
fn a_scope_is_changed_from_any_to_any_for_the_session_on_show() {
    let store = TestStore::new();
    let tea = with_persona(&store, "Tea", "default-cloud");
    let plain = store.session("Plain").id;
    let pin = insert(&store, &new(tea, "Pinned"));
    let set = |scope, session| {
        store
            .write(|tx| pins::set_scope(tx, pin.id, scope, session))
            .unwrap()
            .value
    };
    let persona = set(PinScope::Persona, tea);
    assert_eq!(persona.persona_id, Some(PersonaId::new("default-cloud")));
    assert_eq!(contents(&store, plain), [""; 0]);
    assert_eq!(set(PinScope::All, plain).persona_id, None);
    assert_eq!(contents(&store, plain), ["Pinned"]);
    assert_eq!(set(PinScope::Session, plain).session_id, Some(plain));
    assert_eq!(contents(&store, tea), [""; 0]);
    let error = refused(&store, |tx| {
        pins::set_scope(tx, pin.id, PinScope::Persona, plain)
    });
    let limit = "this session has no persona that a pin could be kept for";
    assert_invalid(&error, "scope", limit);
    let error = refused(&store, |tx| {
        pins::set_scope(tx, missing(), PinScope::All, plain)
    });
    assert_missing(&error, Entity::Pin, missing());
}

#[test]
fn the_same_text_is_one_pin_however_it_is_written_but_code_is_kept_letter_by_letter() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let pin = insert(&store, &new(session, "I prefer green tea."));
    for same in [
        "i prefer  GREEN tea",
        "\u{ff29} prefer green\u{a0}tea!",
        "I prefer green tea",
        "- I prefer “green” tea.",
    ] {
        let merged = insert(&store, &new(session, same));
        assert_eq!(
            (merged.id, merged.content.as_str()),
            (pin.id, "I prefer green tea.")
        );
    }
    for other in [
        "I prefer green teas",
        "I prefer C",
        "I prefer C++",
        "I prefer C#",
        "?!",
        "?",
    ] {
        assert_ne!(insert(&store, &new(session, other)).id, pin.id, "{other}");
    }
    assert_eq!(list(&store, session).len(), 7);
    let code = |content: &str| {
        let pin_type = PinType::Code;
        insert(
            &store,
            &NewPin {
                pin_type,
                ..new(session, content)
            },
        )
    };
    let first = code("let Tea = 1;");
    assert_eq!(code("let Tea = 1;").id, first.id);
    for other in ["let tea = 1;", "let Tea = 1", "let  Tea = 1;"] {
        assert_eq!(code(other).content, other);
    }
    // One that counts elsewhere is not the same.
    let elsewhere = store.session("Rice").id;
    assert_ne!(
        insert(&store, &new(elsewhere, "I prefer green tea.")).id,
        pin.id
    );
}

#[test]
fn what_the_user_sets_goes_above_what_was_found_and_the_wider_scope_above_the_narrower() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let said = say(&store, session);
    let auto = found(&store, said, "I prefer tea.").remove(0);
    assert_eq!(
        (auto.source, auto.pin_type),
        (PinSource::Rule, PinType::Auto)
    );
    assert_eq!(
        (auto.rule, auto.source_message_id),
        (Some(FactKind::Preference), Some(said))
    );
    assert_eq!(auto.importance_score, Score::new(0.75).unwrap());
    let scope = PinScope::All;
    let merged = insert(
        &store,
        &NewPin {
            scope,
            ..new(session, "i prefer tea")
        },
    );
    assert_eq!(
        (merged.id, merged.source, merged.rule),
        (auto.id, PinSource::User, None)
    );
    assert_eq!(
        (merged.scope, merged.pin_type),
        (PinScope::All, PinType::User)
    );
    assert_eq!(merged.importance_score, Score::new(0.8).unwrap());
    assert_eq!(merged.source_message_id, Some(said));
    assert_eq!(found(&store, said, "I prefer tea"), [], "it is there");
    let narrow = insert(&store, &new(session, "I prefer tea."));
    assert_eq!((narrow.id, narrow.scope), (merged.id, PinScope::All));
    // Changed, one that was found is the user's.
    let other = found(&store, said, "I prefer rice.").remove(0);
    let same = update("I prefer rice.", 1.0, PinType::Auto);
    let same = store.write(|tx| pins::update(tx, other.id, &same)).unwrap();
    assert_eq!(same.source, PinSource::Rule);
    let mine = update("I prefer brown rice.", 1.0, PinType::Auto);
    let mine = store.write(|tx| pins::update(tx, other.id, &mine)).unwrap();
    assert_eq!((mine.source, mine.rule), (PinSource::User, None));
}

#[test]
fn what_is_rejected_is_never_found_again_but_can_be_taken_back_or_set_by_hand() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let other = store.session("Rice").id;
    let (said, elsewhere) = (say(&store, session), say(&store, other));
    let auto = found(&store, said, "I live in Lisbon.").remove(0);
    let committed = store.write(|tx| pins::reject(tx, auto.id)).unwrap();
    assert_eq!(changes(&committed), [touched(Entity::Pin, auto.id)]);
    assert_eq!(contents(&store, session), [""; 0]);
    for message in [said, elsewhere] {
        assert_eq!(found(&store, message, "i live in lisbon"), []);
    }
    let back = store
        .write(|tx| pins::restore_rejected(tx, auto.id))
        .unwrap();
    assert_eq!(back.value, auto);
    store.write(|tx| pins::reject(tx, auto.id)).unwrap();
    let mine = insert(&store, &new(session, "I live in Lisbon."));
    assert_ne!(mine.id, auto.id);
    assert_eq!(contents(&store, session), ["I live in Lisbon."]);
    let error = refused(&store, |tx| pins::reject(tx, mine.id));
    assert_invalid(&error, "pin", "is one that you set; delete it instead");
    let error = refused(&store, |tx| pins::reject(tx, missing()));
    assert_missing(&error, Entity::Pin, missing());
    let error = refused(&store, |tx| pins::restore_rejected(tx, missing()));
    assert_missing(&error, Entity::Pin, missing());
}
