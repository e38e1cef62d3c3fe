//! Sessions: what each verb changes and refuses, what goes with them, temporary sessions.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Committed, Entity, NewGeneration, NewMessage, NewPin, NewSession, NewSummary, PersonaId,
    PinScope, PinType, Purpose, Result, Session, Settings, Shelf, Timestamp, WriteTx, drafts,
    generations, messages, pins, sessions, settings, summaries, trash,
};
use serde_json::json;

use crate::support::{
    assert_invalid, assert_missing, assert_sound, branch, changes, column, dump, looker,
    missing_session, refused, shelf, touched,
};

/// What a temporary session lives after its last message, unless it is set.
const DAY_MS: i64 = 86_400_000;

const SHELVES: [Shelf; 3] = [Shelf::Active, Shelf::Archived, Shelf::Trash];

/// How many sessions went with a purge that leaves the trash alone.
fn purge_expired(store: &TestStore) -> Committed<usize> {
    let long_ago = Timestamp::from_ms(0);
    store
        .write(|tx| Ok(trash::purge(tx, long_ago)?.sessions))
        .unwrap()
}

fn get(store: &TestStore, session: &Session) -> Session {
    store.read(|tx| sessions::get(tx, session.id)).unwrap()
}

fn names(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn a_new_session_is_read_back_as_it_was_returned() {
    let store = TestStore::new();
    let now = store.write(|tx| Ok(tx.now())).unwrap().value;

    let session = store
        .write(|tx| {
            let new = NewSession {
                name: "  Tea \u{a0}".to_owned(),
                model: Some("ollama/qwen3:8b".to_owned()),
                persona_id: Some(PersonaId::new("default-local")),
                saved: true,
            };
            sessions::insert(tx, &new)
        })
        .unwrap()
        .value;

    assert_eq!(get(&store, &session), session);
    assert_eq!(session.name, "Tea");
    assert_eq!(session.model.as_deref(), Some("ollama/qwen3:8b"));
    assert_eq!(session.persona_id, Some(PersonaId::new("default-local")));
    assert_eq!((session.created_at, session.updated_at), (now, now));
    assert!(session.saved && !session.pinned);
    assert_eq!((session.recap, session.head_id), (None, None));
    assert_eq!(
        (session.expires_at, session.archived_at, session.deleted_at),
        (None, None, None)
    );
}

#[test]
fn a_name_has_1_to_200_characters_however_many_bytes_they_take() {
    let store = TestStore::new();
    let session = store.session("Before");
    for longest in ["x".repeat(200), "ü".repeat(200), "🍵".repeat(200)] {
        store
            .write(|tx| sessions::rename(tx, session.id, &longest))
            .unwrap();
        assert_eq!(get(&store, &session).name, longest);
    }
    let too_long = "at most 200 characters are possible, these are 201";
    for (name, limit) in [
        ("🍵".repeat(201), too_long),
        (String::new(), "must not be empty"),
        (" \t\n\u{3000}".to_owned(), "must not be empty"),
    ] {
        let on_insert = refused(&store, |tx| {
            sessions::insert(tx, &NewSession::named(name.as_str()))
        });
        assert_invalid(&on_insert, "name", limit);
        let on_rename = refused(&store, |tx| sessions::rename(tx, session.id, &name));
        assert_invalid(&on_rename, "name", limit);
    }
}

#[test]
fn a_name_or_recap_is_one_line_without_control_characters() {
    let store = TestStore::new();
    let session = store.session("Before");
    let limit = "must be one line without control characters";
    for text in [
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{1b}[2Jb",
        "a\u{7f}b",
        "a\u{85}b",
    ] {
        let error = refused(&store, |tx| sessions::rename(tx, session.id, text));
        assert_invalid(&error, "name", limit);
        let error = refused(&store, |tx| sessions::set_recap(tx, session.id, Some(text)));
        assert_invalid(&error, "recap", limit);
    }
}

#[test]
fn a_model_is_an_endpoint_a_slash_and_a_name() {
    let store = TestStore::new();
    let session = store.session("Tea");
    for model in ["ollama/qwen3:8b", "openrouter/meta/llama-4", "a/b"] {
        store
            .write(|tx| sessions::set_model(tx, session.id, Some(model)))
            .unwrap();
        assert_eq!(get(&store, &session).model.as_deref(), Some(model));
    }
    for (model, limit) in [
        ("", "must not be empty"),
        ("gpt", "must be \"provider/model\""),
        ("/gpt", "must be \"provider/model\""),
        ("openai/", "must be \"provider/model\""),
        ("openai/gpt ", "must be \"provider/model\""),
        ("\nopenai/gpt", "must be \"provider/model\""),
        (
            "open\nai/gpt",
            "must be one line without control characters",
        ),
    ] {
        let new = NewSession {
            model: Some(model.to_owned()),
            ..NewSession::named("New")
        };
        assert_invalid(
            &refused(&store, |tx| sessions::insert(tx, &new)),
            "model",
            limit,
        );
        let error = refused(&store, |tx| {
            sessions::set_model(tx, session.id, Some(model))
        });
        assert_invalid(&error, "model", limit);
    }
}

#[test]
fn an_unknown_persona_is_not_found() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let ghost = PersonaId::new("ghost");
    let new = NewSession {
        persona_id: Some(ghost.clone()),
        ..NewSession::named("New")
    };
    let error = refused(&store, |tx| sessions::insert(tx, &new));
    assert_missing(&error, Entity::Persona, &ghost);
    let error = refused(&store, |tx| {
        sessions::set_persona(tx, session.id, Some(&ghost))
    });
    assert_missing(&error, Entity::Persona, &ghost);
}

#[test]
fn every_verb_on_a_missing_session_is_not_found() {
    let store = TestStore::new();
    store.session("Another");
    let id = missing_session();
    let verbs: [fn(&WriteTx<'_>) -> Result<Session>; 12] = [
        |tx| sessions::get(tx, missing_session()),
        |tx| sessions::rename(tx, missing_session(), "New"),
        |tx| sessions::set_recap(tx, missing_session(), None),
        |tx| sessions::set_model(tx, missing_session(), None),
        |tx| sessions::set_persona(tx, missing_session(), None),
        |tx| sessions::set_pinned(tx, missing_session(), true),
        |tx| sessions::set_archived(tx, missing_session(), true),
        |tx| sessions::set_saved(tx, missing_session(), false),
        |tx| sessions::set_saved(tx, missing_session(), true),
        |tx| sessions::trash(tx, missing_session()),
        |tx| sessions::restore(tx, missing_session()),
        |tx| {
            sessions::delete(tx, missing_session())?;
            sessions::get(tx, missing_session())
        },
    ];
    for verb in verbs {
        assert_missing(&refused(&store, verb), Entity::Session, id);
    }
}

#[test]
fn each_verb_changes_its_own_field_of_its_own_session_and_reports_just_that() {
    type Verb = fn(&WriteTx<'_>, &Session) -> Result<Session>;
    type Expected = fn(&mut Session, now_ms: i64);
    let verbs: [(Verb, Expected); 13] = [
        (
            |tx, it| sessions::rename(tx, it.id, " New "),
            |it, _| it.name = "New".to_owned(),
        ),
        (
            |tx, it| sessions::set_recap(tx, it.id, Some("On tea.")),
            |it, _| it.recap = Some("On tea.".to_owned()),
        ),
        (
            |tx, it| sessions::set_recap(tx, it.id, None),
            |it, _| it.recap = None,
        ),
        (
            |tx, it| sessions::set_model(tx, it.id, Some("a/b")),
            |it, _| it.model = Some("a/b".to_owned()),
        ),
        (
            |tx, it| sessions::set_model(tx, it.id, None),
            |it, _| it.model = None,
        ),
        (
            |tx, it| sessions::set_persona(tx, it.id, Some(&PersonaId::new("default-cloud"))),
            |it, _| it.persona_id = Some(PersonaId::new("default-cloud")),
        ),
        (
            |tx, it| sessions::set_persona(tx, it.id, None),
            |it, _| it.persona_id = None,
        ),
        (
            |tx, it| sessions::set_pinned(tx, it.id, true),
            |it, _| it.pinned = true,
        ),
        (
            |tx, it| sessions::set_archived(tx, it.id, true),
            |it, now| it.archived_at = Some(chatkeep_store::Timestamp::from_ms(now)),
        ),
        (
            |tx, it| sessions::set_archived(tx, it.id, false),
            |it, _| it.archived_at = None,
        ),
        (
            |tx, it| sessions::trash(tx, it.id),
            |it, now| it.deleted_at = Some(chatkeep_store::Timestamp::from_ms(now)),
        ),
        (
            |tx, it| sessions::restore(tx, it.id),
            |it, _| it.deleted_at = None,
        ),
        (
            |tx, it| sessions::set_pinned(tx, it.id, false),
            |it, _| it.pinned = false,
        ),
    ];
    let store = TestStore::new();
    let other = store.session("Other");
    let mut expected = store.session("Tea");
    for (verb, expect) in verbs {
        store.clock.advance_ms(1000);
        let now = store.write(|tx| Ok(tx.now())).unwrap().value;
        let committed = store.write(|tx| verb(tx, &expected)).unwrap();
        expect(&mut expected, now.as_ms());
        assert_eq!(committed.value, expected);
        assert_eq!(get(&store, &expected), expected);
        assert_eq!(changes(&committed), [touched(Entity::Session, expected.id)]);
    }
    assert_eq!(get(&store, &other), other);
}

#[test]
fn a_commit_names_each_thing_once_in_the_order_of_first_touch() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea"), store.session("Rice"));

    let committed = store
        .write(|tx| {
            sessions::rename(tx, rice.id, "Brown rice")?;
            let message = messages::append(tx, &NewMessage::user(tea.id, "Green?"))?;
            sessions::set_pinned(tx, rice.id, true)?;
            sessions::set_pinned(tx, tea.id, true)?;
            drafts::set(tx, None, "later")?;
            Ok(message.id)
        })
        .unwrap();

    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Session, rice.id),
            touched(Entity::Message, committed.value),
            touched(Entity::Session, tea.id),
            touched(Entity::Draft, ""),
        ]
    );
    let nothing = store.write(|tx| sessions::get(tx, tea.id)).unwrap();
    assert_eq!(changes(&nothing), []);
}

#[test]
fn ids_are_uuidv7_of_the_clock_and_sort_as_they_were_made() {
    let store = TestStore::new();
    let mut made = Vec::new();
    for step in [0, 0, 1, 1000, 0, 86_400_000] {
        store.clock.advance_ms(step);
        let session = store.session("Tea");
        let uuid: uuid::Uuid = session.id.to_string().parse().unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        let (seconds, nanos) = uuid.get_timestamp().unwrap().to_unix();
        let ms = i64::try_from(seconds).unwrap() * 1000 + i64::from(nanos / 1_000_000);
        assert_eq!(ms, session.created_at.as_ms());
        made.push(session.id);
    }
    assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn ids_sort_as_they_were_made_even_when_the_clock_is_set_back() {
    let store = TestStore::new();
    let before = store.session("Before").id;
    store.clock.advance_ms(-3_600_000);
    let after = store.session("After").id;
    assert!(before < after);
}

/// A session with a message, a summary, a pin, a draft and a generation.
fn full_session(store: &TestStore, name: &str) -> Session {
    let session = store.session(name);
    store
        .write(|tx| {
            let message = messages::append(tx, &NewMessage::user(session.id, name))?;
            let summary = NewSummary {
                session_id: session.id,
                summary: name.to_owned(),
                start_message_id: message.id,
                end_message_id: message.id,
            };
            summaries::insert(tx, &summary)?;
            let pin = NewPin {
                scope: PinScope::Session,
                session_id: session.id,
                content: name.to_owned(),
                source_message_id: Some(message.id),
                pin_type: PinType::User,
            };
            pins::insert(tx, &pin)?;
            drafts::set(tx, Some(session.id), name)?;
            generations::insert(tx, &generation(&session, message.id))
        })
        .unwrap();
    session
}

fn generation(session: &Session, message_id: chatkeep_store::MessageId) -> NewGeneration {
    NewGeneration {
        session_id: session.id,
        message_id,
        purpose: Purpose::Reply,
        provider: chatkeep_store::EndpointId::new("ollama"),
        model: "qwen3:8b".to_owned(),
        prompt_tokens: Some(3),
        completion_tokens: Some(4),
        first_token_ms: Some(5),
        total_ms: Some(6),
        status: chatkeep_store::GenerationStatus::Complete,
        error: None,
    }
}

#[test]
fn deleting_a_session_takes_all_that_is_its_own_and_leaves_the_ledger_and_other_sessions() {
    let store = TestStore::new();
    let kept = full_session(&store, "kept");
    let gone = full_session(&store, "gone");
    let rows_of = |name: &str, id: &str| -> Vec<String> {
        let rows = dump(store.file()).into_iter();
        rows.filter(|row| row.contains(name) || row.contains(id))
            .collect()
    };
    let kept_before = rows_of("kept", &kept.id.to_string());
    assert_eq!(rows_of("gone", &gone.id.to_string()).len(), 6);

    let committed = store.write(|tx| sessions::delete(tx, gone.id)).unwrap();

    assert_eq!(changes(&committed), [touched(Entity::Session, gone.id)]);
    let left = rows_of("gone", &gone.id.to_string());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("generations |"));
    assert_eq!(rows_of("kept", &kept.id.to_string()), kept_before);
    assert_eq!(branch(&store, kept.id, 10).len(), 1);
    assert_sound(store.file());
}

#[test]
fn a_temporary_session_expires_a_day_after_its_last_message() {
    let store = TestStore::new();
    let new = NewSession {
        saved: false,
        ..NewSession::named("Passing")
    };
    let passing = store.write(|tx| sessions::insert(tx, &new)).unwrap().value;
    let kept = store.session("Kept");
    let expires_at = passing.created_at.plus_ms(DAY_MS);
    assert_eq!(passing.expires_at, Some(expires_at));

    store.clock.advance_ms(DAY_MS - 1);
    assert_eq!(purge_expired(&store).value, 0);
    store
        .write(|tx| messages::append(tx, &NewMessage::user(passing.id, "Still here")))
        .unwrap();
    store.clock.advance_ms(DAY_MS - 1);
    let none = purge_expired(&store);
    assert_eq!((none.value, changes(&none)), (0, vec![]));
    store.clock.advance_ms(1);
    let one = purge_expired(&store);
    assert_eq!(one.value, 1);
    assert_eq!(changes(&one), [touched(Entity::Session, passing.id)]);

    assert_eq!(names(&shelf(&store, Shelf::Active, 10)), ["Kept"]);
    assert_eq!(get(&store, &kept), kept);
    assert_eq!(store.read(messages::count).unwrap(), 0);
    assert_sound(store.file());
}

#[test]
fn how_long_a_temporary_session_lives_is_set_and_counts_from_its_next_use() {
    let store = TestStore::new();
    let new = NewSession {
        saved: false,
        ..NewSession::named("Passing")
    };
    let passing = store.write(|tx| sessions::insert(tx, &new)).unwrap().value;
    let settings = Settings {
        temporary_hours: 2,
        ..Settings::default()
    };
    store.write(|tx| settings::update(tx, &settings)).unwrap();
    let in_two_hours = passing.created_at.plus_ms(2 * 60 * 60 * 1000);
    assert_eq!(get(&store, &passing).expires_at, Some(in_two_hours));
    store.clock.advance_ms(1000);
    store
        .write(|tx| messages::append(tx, &NewMessage::user(passing.id, "Hi")))
        .unwrap();
    let from_use = Some(in_two_hours.plus_ms(1000));
    assert_eq!(get(&store, &passing).expires_at, from_use);
}

#[test]
fn a_temporary_session_can_be_kept_and_a_kept_one_made_temporary() {
    let store = TestStore::new();
    let session = store.session("Tea");
    store.clock.advance_ms(500);

    let temporary = store
        .write(|tx| sessions::set_saved(tx, session.id, false))
        .unwrap()
        .value;
    assert!(!temporary.saved);
    let a_day_on = session.created_at.plus_ms(500 + DAY_MS);
    assert_eq!(temporary.expires_at, Some(a_day_on));

    let kept = store
        .write(|tx| sessions::set_saved(tx, session.id, true))
        .unwrap()
        .value;
    assert_eq!(kept, session);
    store.clock.advance_ms(10 * DAY_MS);
    assert_eq!(purge_expired(&store).value, 0);
    store
        .write(|tx| messages::append(tx, &NewMessage::user(session.id, "Hi")))
        .unwrap();
    assert_eq!(get(&store, &session).expires_at, None);
}

#[test]
fn json_has_the_names_of_the_bindings() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let ms = session.created_at.as_ms();
    assert_eq!(
        serde_json::to_value(&session).unwrap(),
        json!({
            "id": session.id.to_string(), "name": "Tea", "model": null, "recap": null,
            "personaId": null, "saved": true, "expiresAt": null, "headId": null,
            "archivedAt": null, "deletedAt": null, "pinned": false,
            "createdAt": ms, "updatedAt": ms,
        })
    );
    let page = store
        .read(|tx| sessions::list(tx, Shelf::Active, None, 10))
        .unwrap();
    let page = serde_json::to_value(page).unwrap();
    assert_eq!(page["next"], json!(null));
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));

    let new: NewSession = serde_json::from_value(json!({
        "name": "Tea", "model": null, "personaId": "default-cloud", "saved": false,
    }))
    .unwrap();
    assert_eq!(new.persona_id, Some(PersonaId::new("default-cloud")));
    let words = serde_json::to_value(SHELVES).unwrap();
    assert_eq!(words, json!(["active", "archived", "trash"]));
    assert!(serde_json::from_value::<Shelf>(json!("bin")).is_err());
    assert!(serde_json::from_value::<chatkeep_store::SessionId>(json!("7")).is_err());
}

#[test]
fn a_session_that_somebody_damaged_is_told_as_damage_and_leaves_the_others_readable() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea"), store.session("Rice"));
    crate::support::intruder(store.file())
        .execute(
            "UPDATE sessions SET id = 'not a uuid' WHERE id = ?1",
            [tea.id.to_string()],
        )
        .unwrap();
    let error = store
        .read(|tx| sessions::list(tx, Shelf::Active, None, 10))
        .unwrap_err();
    assert!(
        matches!(error, chatkeep_store::Error::Corrupt(_)),
        "{error:?}"
    );
    assert_eq!(get(&store, &rice), rice);
    assert_eq!(
        column(&looker(store.file()), "SELECT count(*) FROM sessions"),
        ["2"]
    );
}
