//! A fork: a session of its own with the same past, and the other one left as it is.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, Message, MessageId, MessageStatus, NAME_CHARS_MAX, NewMessage, NewPin, NewSession,
    NewSummary, Parent, PersonaId, PinScope, PinType, PinUpdate, Score, Session, SessionId,
    branches, messages, pins, sessions, summaries,
};

use crate::support::{
    assert_sound, branch, changes, column, dump, looker, say, say_after, texts, touched,
};

fn fork(store: &TestStore, id: MessageId) -> Session {
    store.write(|tx| branches::fork(tx, id)).unwrap().value
}

fn pin(store: &TestStore, session_id: SessionId, content: &str, source: Option<MessageId>) {
    let new = NewPin {
        scope: PinScope::Session,
        session_id,
        content: content.to_owned(),
        source_message_id: source,
        pin_type: PinType::Code,
    };
    let update = PinUpdate {
        content: content.to_owned(),
        importance_score: Score::new(0.25).unwrap(),
        pin_type: PinType::Code,
    };
    store
        .write(|tx| {
            let pin = pins::insert(tx, &new)?;
            pins::update(tx, pin.id, &update)
        })
        .unwrap();
}

fn summary(store: &TestStore, text: &str, start: &Message, end: &Message) {
    let new = NewSummary {
        session_id: start.session_id,
        summary: text.to_owned(),
        start_message_id: start.id,
        end_message_id: end.id,
    };
    store.write(|tx| summaries::insert(tx, &new)).unwrap();
}

/// What of a message a copy has too.
fn told(message: &Message) -> Message {
    Message {
        id: MessageId::new(0),
        parent_id: None,
        uid: crate::support::NOBODY.parse().unwrap(),
        session_id: crate::support::missing_session(),
        ..message.clone()
    }
}

#[test]
fn a_fork_has_the_branch_up_to_its_message_and_the_source_stays_as_it_is() {
    let store = TestStore::new();
    let session = store.session("Between").id;
    let other = store.session("Tea").id;
    let mut past = Vec::new();
    for text in ["0", "1", "2", "3"] {
        past.push(say(&store, other, text));
        say(&store, session, "between");
    }
    say_after(&store, other, Some(past[1].id), "a branch beside it");
    store
        .write(|tx| {
            messages::set_importance(tx, past[1].id, Some(Score::new(1.0)?))?;
            messages::set_token_count(tx, past[1].id, 12)
        })
        .unwrap();
    past[1] = store.read(|tx| messages::get(tx, past[1].id)).unwrap();
    store.clock.advance_ms(500);
    let before = dump(store.file());

    let committed = store.write(|tx| branches::fork(tx, past[2].id)).unwrap();

    let fork = &committed.value;
    assert_eq!(fork.name, "Tea (fork)");
    assert_eq!(fork.created_at, past[0].created_at.plus_ms(500));
    let copies = branch(&store, fork.id, 10);
    assert_eq!(texts(&copies), ["0", "1", "2"]);
    assert_eq!(fork.head_id, Some(copies[2].id));
    for (copy, source) in copies.iter().zip(&past) {
        assert_eq!(told(copy), told(source));
        assert_ne!(copy.uid, source.uid);
        assert_eq!(copy.session_id, fork.id);
    }
    let mut expected = vec![touched(Entity::Session, fork.id)];
    expected.extend(copies.iter().map(|it| touched(Entity::Message, it.id)));
    assert_eq!(changes(&committed), expected);
    let after = dump(store.file());
    let gone: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    // But for the counter of message ids.
    assert!(gone.iter().all(|it| it.starts_with("sqlite_sequence")));
    assert_sound(store.file());

    say(&store, fork.id, "on");
    assert_eq!(
        texts(&branch(&store, other, 10)),
        ["0", "1", "a branch beside it"]
    );
}

#[test]
fn a_fork_has_the_model_and_persona_and_is_as_temporary_as_its_source() {
    let store = TestStore::new();
    let new = NewSession {
        model: Some("ollama/qwen3:8b".to_owned()),
        persona_id: Some(PersonaId::new("default-cloud")),
        saved: false,
        ..NewSession::named("é".repeat(NAME_CHARS_MAX))
    };
    let source = store.write(|tx| sessions::insert(tx, &new)).unwrap().value;
    let message = say(&store, source.id, "Hi");
    store.clock.advance_ms(1000);
    let fork = fork(&store, message.id);
    assert_eq!(fork.model, new.model);
    assert_eq!(fork.persona_id, new.persona_id);
    assert_eq!(fork.expires_at, Some(fork.created_at.plus_ms(86_400_000)));
    assert_eq!(fork.name, "é".repeat(NAME_CHARS_MAX - 7) + " (fork)");
    assert!(fork.updated_at > source.updated_at);
}

#[test]
fn pins_come_along_with_their_source_and_stay_behind_with_it() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let past = ["0", "1", "2"].map(|text| say(&store, session, text));
    pin(&store, session, "of none", None);
    pin(&store, session, "of the past", Some(past[0].id));
    pin(&store, session, "of what came later", Some(past[2].id));
    let fork = fork(&store, past[1].id);
    let copies = branch(&store, fork.id, 10);
    let found = store.read(|tx| pins::list(tx, fork.id)).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.content.as_str(), it.source_message_id))
        .collect();
    assert_eq!(
        found,
        [("of the past", Some(copies[0].id)), ("of none", None)]
    );
    let raw = looker(store.file());
    let kinds = "SELECT DISTINCT pin_type || ' ' || importance_score FROM semantic_pins";
    assert_eq!(column(&raw, kinds), ["code 0.25"]);
    assert_eq!(column(&raw, "SELECT count(*) FROM semantic_pins"), ["5"]);
}

#[test]
fn a_summary_comes_along_if_its_whole_range_does_and_covers_the_copies() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let past = ["0", "1", "2", "3"].map(|text| say(&store, session, text));
    let beside = say_after(&store, session, Some(past[0].id), "beside");
    summary(&store, "of the past", &past[0], &past[1]);
    summary(&store, "of more", &past[2], &past[3]);
    summary(&store, "of another branch", &past[0], &beside);
    let fork = fork(&store, past[2].id);
    let copies = branch(&store, fork.id, 10);
    let found = store.read(|tx| summaries::list(tx, fork.id)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].summary, "of the past");
    assert_eq!(found[0].message_count, 2);
    let range = (found[0].start_message_id, found[0].end_message_id);
    assert_eq!(range, (copies[0].id, copies[1].id));
    let left = store.read(|tx| summaries::list(tx, session)).unwrap();
    assert_eq!(left.len(), 3);
}

#[test]
fn a_reply_that_streams_goes_on_where_it_is_and_is_cut_in_the_fork() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let question = say(&store, session, "How long?");
    let new = NewMessage {
        status: MessageStatus::Streaming,
        parent: Parent::After(Some(question.id)),
        ..NewMessage::assistant(session, "Two")
    };
    let reply = store.write(|tx| messages::append(tx, &new)).unwrap().value;
    let fork = fork(&store, reply.id);
    let copy = &branch(&store, fork.id, 10)[1];
    assert_eq!(copy.status, MessageStatus::Interrupted);
    store
        .write(|tx| messages::append_text(tx, reply.id, " minutes."))
        .unwrap();
    assert_eq!(texts(&branch(&store, session, 10))[1], "Two minutes.");
    assert_eq!(texts(&branch(&store, fork.id, 10))[1], "Two");
}
