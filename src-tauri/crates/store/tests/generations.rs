//! Generations: the ledger, which is only ever added to and outlives what it names.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    EndpointId, Entity, Generation, GenerationStatus, MessageId, NewGeneration, NewMessage,
    Purpose, SessionId, generations, messages, sessions,
};
use serde_json::json;

use crate::support::{changes, dump, intruder, missing_session, purge_message, touched};

fn new(session_id: SessionId, message_id: MessageId) -> NewGeneration {
    NewGeneration {
        session_id,
        message_id,
        purpose: Purpose::Reply,
        provider: EndpointId::new("ollama"),
        model: "qwen3:8b".to_owned(),
        prompt_tokens: Some(0),
        completion_tokens: Some(u32::MAX),
        first_token_ms: Some(120),
        total_ms: Some(4000),
        status: GenerationStatus::Complete,
        error: None,
    }
}

fn insert(store: &TestStore, new: &NewGeneration) -> Generation {
    store
        .write(|tx| generations::insert(tx, new))
        .unwrap()
        .value
}

fn list(store: &TestStore, id: MessageId) -> Vec<Generation> {
    store.read(|tx| generations::list(tx, id)).unwrap()
}

/// A session with a message in it.
fn written(store: &TestStore) -> (SessionId, MessageId) {
    let session = store.session("Tea").id;
    let new = NewMessage::assistant(session, "Two minutes.");
    let committed = store.write(|tx| messages::append(tx, &new)).unwrap();
    (session, committed.id)
}

#[test]
fn a_call_is_read_back_with_every_count_and_every_end() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    let whole = new(session, message);
    let failed = NewGeneration {
        prompt_tokens: None,
        completion_tokens: None,
        first_token_ms: None,
        total_ms: None,
        status: GenerationStatus::Failed,
        error: Some("The server said: too many requests".to_owned()),
        ..whole.clone()
    };
    let cut = NewGeneration {
        status: GenerationStatus::Interrupted,
        ..whole.clone()
    };
    let mut made = Vec::new();
    for new in [whole, failed, cut] {
        let committed = store.write(|tx| generations::insert(tx, &new)).unwrap();
        assert_eq!(changes(&committed), [touched(Entity::Message, message)]);
        let it = &committed.value;
        assert_eq!((it.session_id, it.message_id), (session, message));
        assert_eq!((&it.provider, &it.model), (&new.provider, &new.model));
        assert_eq!(
            (it.prompt_tokens, it.completion_tokens),
            (new.prompt_tokens, new.completion_tokens)
        );
        assert_eq!(
            (it.first_token_ms, it.total_ms),
            (new.first_token_ms, new.total_ms)
        );
        assert_eq!((it.status, &it.error), (new.status, &new.error));
        made.push(committed.value);
    }
    made.reverse();
    assert_eq!(list(&store, message), made, "newest first");
    assert_eq!(list(&store, MessageId::new(4711)), []);
}

#[test]
fn a_list_has_the_calls_that_wrote_the_message_and_none_that_were_only_about_it() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    let reply = insert(&store, &new(session, message));
    for purpose in [Purpose::Summary, Purpose::Recap, Purpose::Pins] {
        let about = NewGeneration {
            purpose,
            ..new(session, message)
        };
        assert_eq!(insert(&store, &about).purpose, purpose);
    }
    assert_eq!(list(&store, message), [reply]);
}

#[test]
fn a_list_has_at_most_the_newest_100() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    let ids = store
        .write(|tx| {
            (0..105)
                .map(|_| Ok(generations::insert(tx, &new(session, message))?.id))
                .collect::<Result<Vec<_>, chatkeep_store::Error>>()
        })
        .unwrap()
        .value;
    let listed: Vec<_> = list(&store, message).iter().map(|it| it.id).collect();
    let newest: Vec<_> = ids.into_iter().rev().take(100).collect();
    assert_eq!(listed, newest);
}

#[test]
fn the_file_itself_refuses_to_change_or_delete_a_row() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    insert(&store, &new(session, message));
    let before = dump(store.file());
    let raw = intruder(store.file());
    for sql in [
        "UPDATE generations SET prompt_tokens = 1",
        "UPDATE generations SET id = 2",
        "DELETE FROM generations",
        "DELETE FROM generations WHERE id = 1",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::ConstraintViolation),
            "{sql}"
        );
        let said = "generations are append-only";
        assert!(error.to_string().contains(said), "{sql}: {error}");
    }
    assert_eq!(dump(store.file()), before);
}

#[test]
fn the_ledger_outlives_the_message_and_the_session() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    let made = insert(&store, &new(session, message));
    purge_message(&store, message);
    assert_eq!(list(&store, message)[0], made);
    store.write(|tx| sessions::delete(tx, session)).unwrap();
    assert_eq!(list(&store, message), [made]);
    // A call that ends after its session was deleted is still told.
    let late = insert(&store, &new(missing_session(), message));
    assert_eq!(list(&store, message)[0], late);
}

#[test]
fn json_has_the_names_of_the_bindings_and_takes_no_other_words() {
    let store = TestStore::new();
    let (session, message) = written(&store);
    let generation = insert(&store, &new(session, message));
    let value = serde_json::to_value(&generation).unwrap();
    assert_eq!(
        value,
        json!({
            "id": 1, "sessionId": session.to_string(), "messageId": message.get(), "purpose": "reply",
            "provider": "ollama", "model": "qwen3:8b", "promptTokens": 0,
            "completionTokens": u32::MAX, "firstTokenMs": 120, "totalMs": 4000,
            "status": "complete", "error": null, "createdAt": generation.created_at.as_ms(),
        })
    );
    let back: Generation = serde_json::from_value(value).unwrap();
    assert_eq!(back, generation);
    for word in ["streaming", "Complete", ""] {
        assert!(serde_json::from_value::<GenerationStatus>(json!(word)).is_err());
    }
}
