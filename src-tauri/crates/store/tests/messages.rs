//! Messages: what each verb does and refuses, limits, replies that stream.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, Error, MESSAGE_BYTES_MAX, Message, MessageId, MessageStatus, NewMessage, Parent,
    Result, Role, Score, SessionId, Timestamp, WriteTx, messages, sessions,
};
use serde_json::json;

use crate::support::{
    assert_invalid, assert_missing, changes, column, intruder, looker, missing_session,
    purge_message, refused, say, touched,
};

const NOWHERE: MessageId = MessageId::new(987_654);

fn append(store: &TestStore, new: &NewMessage) -> Message {
    store.write(|tx| messages::append(tx, new)).unwrap().value
}

fn streaming(session: SessionId) -> NewMessage {
    NewMessage {
        status: MessageStatus::Streaming,
        model_id: Some("ollama/qwen3:8b".to_owned()),
        ..NewMessage::assistant(session, "")
    }
}

fn get(store: &TestStore, id: MessageId) -> Message {
    store.read(|tx| messages::get(tx, id)).unwrap()
}

#[test]
fn a_message_is_read_back_as_it_was_returned() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let hostile = "'; DROP TABLE messages; --\r\n\t\u{feff}\u{202e}🍵\u{301}";
    let question = say(&store, session.id, hostile);
    let new = NewMessage {
        token_usage: Some(u32::MAX),
        created_at: Some(Timestamp::from_ms(-5)),
        ..streaming(session.id)
    };
    let answer = append(&store, &new);

    assert_eq!(get(&store, question.id), question);
    assert_eq!(question.text, hostile);
    assert_eq!(
        (question.role, question.parent_id, question.created_at),
        (Role::User, None, session.created_at)
    );
    assert!((question.importance_score.get() - 0.5).abs() < f64::EPSILON);
    assert_eq!(get(&store, answer.id), answer);
    assert_eq!(answer.parent_id, Some(question.id));
    assert_eq!(answer.model_id.as_deref(), Some("ollama/qwen3:8b"));
    assert_eq!(answer.token_usage, Some(u32::MAX));
    assert_eq!(answer.status, MessageStatus::Streaming);
    assert_eq!(answer.created_at, Timestamp::from_ms(-5));
}

#[test]
fn every_role_and_status_is_read_back() {
    use MessageStatus::{Complete, Failed, Interrupted, Streaming};
    let store = TestStore::new();
    let session = store.session("Tea");
    for role in [Role::System, Role::User, Role::Assistant, Role::Tool] {
        for status in [Complete, Streaming, Interrupted, Failed] {
            let new = NewMessage {
                status,
                ..NewMessage::new(session.id, role, "Hi")
            };
            let message = get(&store, append(&store, &new).id);
            assert_eq!((message.role, message.status), (role, status));
        }
    }
}

#[test]
fn an_append_reports_the_message_and_its_session_and_moves_both_head_and_time() {
    let store = TestStore::new();
    let session = store.session("Tea");
    store.clock.advance_ms(70);
    let committed = store
        .write(|tx| messages::append(tx, &NewMessage::user(session.id, "Hi")))
        .unwrap();
    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Message, committed.id),
            touched(Entity::Session, session.id),
        ]
    );
    let after = store.read(|tx| sessions::get(tx, session.id)).unwrap();
    assert_eq!(after.head_id, Some(committed.id));
    assert_eq!(after.updated_at, session.updated_at.plus_ms(70));
    assert_eq!(after.created_at, session.created_at);
}

#[test]
fn a_clock_set_back_does_not_move_a_session_down() {
    let store = TestStore::new();
    let session = store.session("Tea");
    store.clock.advance_ms(-5000);
    say(&store, session.id, "Hi");
    let after = store.read(|tx| sessions::get(tx, session.id)).unwrap();
    assert_eq!(after.updated_at, session.updated_at);
}

#[test]
fn a_text_of_10_mib_is_kept_and_one_byte_more_is_refused() {
    let store = TestStore::new();
    let session = store.session("Long");
    let largest = "é".repeat(MESSAGE_BYTES_MAX / 2);
    assert_eq!(largest.len(), 10 * 1024 * 1024);
    let message = say(&store, session.id, &largest);
    assert!(get(&store, message.id).text == largest);

    let limit = "at most 10.0 MiB are possible, this is 10.0 MiB";
    let new = NewMessage::user(session.id, largest.clone() + "x");
    assert_invalid(
        &refused(&store, |tx| messages::append(tx, &new)),
        "message",
        limit,
    );
    let both = [NewMessage::user(session.id, "fine"), new];
    let error = refused(&store, |tx| messages::append_all(tx, session.id, &both));
    assert_invalid(&error, "message", limit);

    let reply = append(
        &store,
        &NewMessage {
            text: largest.clone(),
            ..streaming(session.id)
        },
    );
    let error = refused(&store, |tx| messages::append_text(tx, reply.id, "x"));
    assert_invalid(&error, "reply", limit);
    store
        .write(|tx| messages::append_text(tx, reply.id, ""))
        .unwrap();
    assert!(get(&store, reply.id).text == largest);
}

#[test]
fn a_nul_is_refused_and_its_place_is_named() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let limit = "holds a NUL character (byte 3); remove it and try again";
    let new = NewMessage::user(session.id, "ab\n\0");
    assert_invalid(
        &refused(&store, |tx| messages::append(tx, &new)),
        "message",
        limit,
    );
    let reply = append(&store, &streaming(session.id));
    let error = refused(&store, |tx| messages::append_text(tx, reply.id, "abc\0"));
    assert_invalid(&error, "reply", limit);
}

#[test]
fn a_model_that_is_no_reference_is_refused() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let new = NewMessage {
        model_id: Some("qwen3".to_owned()),
        ..NewMessage::assistant(session.id, "Hi")
    };
    let error = refused(&store, |tx| messages::append(tx, &new));
    assert_invalid(&error, "model", "must be \"provider/model\"");
}

#[test]
fn a_message_for_a_missing_session_or_parent_is_not_found() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let ghost = missing_session();
    for parent in [Parent::Head, Parent::After(None)] {
        let new = NewMessage {
            parent,
            ..NewMessage::user(ghost, "Hi")
        };
        let error = refused(&store, |tx| messages::append(tx, &new));
        assert_missing(&error, Entity::Session, ghost);
    }
    let error = refused(&store, |tx| messages::append_all(tx, ghost, &[]));
    assert_missing(&error, Entity::Session, ghost);
    let new = NewMessage {
        parent: Parent::After(Some(NOWHERE)),
        ..NewMessage::user(session.id, "Hi")
    };
    let error = refused(&store, |tx| messages::append(tx, &new));
    assert_missing(&error, Entity::Message, NOWHERE);
}

#[test]
fn a_parent_or_page_of_another_session_is_refused() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea"), store.session("Rice"));
    let foreign = say(&store, rice.id, "Hi").id;
    let new = NewMessage {
        parent: Parent::After(Some(foreign)),
        ..NewMessage::user(tea.id, "Hi")
    };
    let limit = "must be a message of the same session";
    assert_invalid(
        &refused(&store, |tx| messages::append(tx, &new)),
        "parent",
        limit,
    );
    let error = store
        .read(|tx| messages::list(tx, tea.id, Some(foreign), 10))
        .unwrap_err();
    assert_invalid(&error, "parent", limit);
    let mixed = [
        NewMessage::user(tea.id, "Hi"),
        NewMessage::user(rice.id, "Hi"),
    ];
    let error = refused(&store, |tx| messages::append_all(tx, tea.id, &mixed));
    assert_invalid(&error, "session", "must be the same for all messages");
}

#[test]
fn every_verb_on_a_missing_message_is_not_found() {
    let store = TestStore::new();
    let session = store.session("Tea");
    say(&store, session.id, "Hi");
    let verbs: [fn(&WriteTx<'_>) -> Result<()>; 6] = [
        |tx| messages::get(tx, NOWHERE).map(drop),
        |tx| messages::set_importance(tx, NOWHERE, Some(Score::new(1.0)?)).map(drop),
        |tx| messages::append_text(tx, NOWHERE, "more"),
        |tx| messages::finish(tx, NOWHERE, MessageStatus::Complete, None).map(drop),
        |tx| messages::resume(tx, NOWHERE).map(drop),
        |tx| messages::set_importance(tx, NOWHERE, None).map(drop),
    ];
    for verb in verbs {
        assert_missing(&refused(&store, verb), Entity::Message, NOWHERE);
    }
    let error = store
        .read(|tx| messages::list(tx, session.id, Some(NOWHERE), 10))
        .unwrap_err();
    assert_missing(&error, Entity::Message, NOWHERE);
    let error = store
        .read(|tx| messages::list(tx, missing_session(), None, 10))
        .unwrap_err();
    assert_missing(&error, Entity::Session, missing_session());
}

#[test]
fn a_page_has_1_to_1000_rows() {
    let store = TestStore::new();
    let session = store.session("Tea");
    for limit in [0, 1001, usize::MAX] {
        let error = store
            .read(|tx| messages::list(tx, session.id, None, limit))
            .unwrap_err();
        let expected = format!("a page has 1 to 1000 rows, not {limit}");
        assert_invalid(&error, "limit", &expected);
    }
    let empty = store
        .read(|tx| messages::list(tx, session.id, None, 1000))
        .unwrap();
    assert_eq!((empty.items, empty.next), (vec![], None));
}

#[test]
fn importance_is_set_and_a_score_outside_of_0_to_1_cannot_be_made() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let message = say(&store, id, "Hi");
    for value in [0.0, 0.25, 1.0] {
        let committed = store
            .write(|tx| messages::set_importance(tx, message.id, Some(Score::new(value)?)))
            .unwrap();
        assert_eq!(changes(&committed), [touched(Entity::Message, message.id)]);
        let read = get(&store, message.id);
        assert_eq!(read.importance_score, Score::new(value).unwrap());
        assert!(read.importance_by_user);
    }
    let unmarked = store
        .write(|tx| messages::set_importance(tx, message.id, None))
        .unwrap();
    assert_eq!(unmarked.value, message);
    for (value, limit) in [
        (-0.001, "must be between 0 and 1, not -0.001"),
        (1.001, "must be between 0 and 1, not 1.001"),
        (f64::NAN, "must be between 0 and 1, not NaN"),
        (f64::INFINITY, "must be between 0 and 1, not inf"),
    ] {
        assert_invalid(&Score::new(value).unwrap_err(), "importance", limit);
    }
    assert!(serde_json::from_value::<Score>(json!(1.5)).is_err());
    assert!(serde_json::from_value::<Score>(json!(null)).is_err());
    let score: Score = serde_json::from_value(json!(1)).unwrap();
    assert_eq!(serde_json::to_value(score).unwrap(), json!(1.0));
}

#[test]
fn a_reply_streams_in_and_ends() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    for end in [
        MessageStatus::Complete,
        MessageStatus::Interrupted,
        MessageStatus::Failed,
    ] {
        let reply = append(&store, &streaming(id));
        for piece in ["Two ", "", "minutes — ", "🍵"] {
            let committed = store
                .write_redoable(|tx| messages::append_text(tx, reply.id, piece))
                .unwrap();
            assert_eq!(changes(&committed), [touched(Entity::Message, reply.id)]);
        }
        let committed = store
            .write(|tx| messages::finish(tx, reply.id, end, Some(9)))
            .unwrap();
        assert_eq!(changes(&committed), [touched(Entity::Message, reply.id)]);
        let expected = Message {
            text: "Two minutes — 🍵".to_owned(),
            status: end,
            token_usage: Some(9),
            ..reply
        };
        assert_eq!(committed.value, expected);
        assert_eq!(get(&store, expected.id), expected);
    }
}

#[test]
fn a_message_that_is_not_streaming_takes_no_more_text_and_no_second_end() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    for status in [
        MessageStatus::Complete,
        MessageStatus::Interrupted,
        MessageStatus::Failed,
    ] {
        let new = NewMessage {
            status,
            ..NewMessage::assistant(id, "Over")
        };
        let over = append(&store, &new).id;
        let error = refused(&store, |tx| messages::append_text(tx, over, "more"));
        assert_missing(&error, Entity::Message, over);
        let error = refused(&store, |tx| {
            messages::finish(tx, over, MessageStatus::Complete, None)
        });
        assert_missing(&error, Entity::Message, over);
    }
}

#[test]
fn a_cut_reply_goes_on_and_a_finished_one_or_a_persons_words_do_not() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    for (role, status, goes_on) in [
        (Role::Assistant, MessageStatus::Interrupted, true),
        (Role::Assistant, MessageStatus::Failed, true),
        (Role::Assistant, MessageStatus::Complete, false),
        (Role::Assistant, MessageStatus::Streaming, false),
        (Role::User, MessageStatus::Interrupted, false),
    ] {
        let new = NewMessage {
            status,
            token_usage: Some(4),
            ..NewMessage::new(id, role, "Two ")
        };
        let message = append(&store, &new);
        if goes_on {
            let resumed = store
                .write(|tx| messages::resume(tx, message.id))
                .unwrap()
                .value;
            let expected = Message {
                status: MessageStatus::Streaming,
                ..message
            };
            assert_eq!(resumed, expected);
            store
                .write(|tx| {
                    messages::append_text(tx, expected.id, "minutes")?;
                    messages::finish(tx, expected.id, MessageStatus::Complete, None)
                })
                .unwrap();
            let done = get(&store, expected.id);
            assert_eq!(
                (done.text.as_str(), done.token_usage),
                ("Two minutes", Some(4))
            );
        } else {
            let error = refused(&store, |tx| messages::resume(tx, message.id));
            assert_missing(&error, Entity::Message, message.id);
        }
    }
}

#[test]
fn at_start_every_reply_that_still_streams_is_interrupted_and_no_other() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea").id, store.session("Rice").id);
    let whole = say(&store, tea, "whole");
    let cut = [streaming(tea), streaming(rice)].map(|new| append(&store, &new).id);
    store
        .write(|tx| messages::append_text(tx, cut[0], "so far"))
        .unwrap();

    let store = store.reopened();
    let committed = store.write(messages::interrupt_streaming).unwrap();

    let found: Vec<_> = committed.iter().map(|it| it.id).collect();
    assert_eq!(found, cut);
    assert_eq!(
        changes(&committed),
        cut.map(|id| touched(Entity::Message, id))
    );
    assert_eq!(get(&store, cut[0]), committed[0]);
    assert_eq!(committed[0].text, "so far");
    assert_eq!(committed[0].status, MessageStatus::Interrupted);
    assert_eq!(get(&store, whole.id), whole);
    assert!(
        store
            .write(messages::interrupt_streaming)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn message_ids_grow_and_are_never_used_again_and_uids_sort_like_them() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let mut last = say(&store, id, "first");
    for step in [0, 0, 1, -50, 1000] {
        store.clock.advance_ms(step);
        purge_message(&store, last.id);
        let next = say(&store, id, "next");
        assert!(next.id > last.id && next.uid > last.uid);
        let uuid: uuid::Uuid = next.uid.to_string().parse().unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        last = next;
    }
}

#[test]
fn the_file_itself_refuses_a_second_uid_a_younger_parent_and_a_score_out_of_range() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let message = say(&store, id, "Hi");
    let raw = intruder(store.file());
    for sql in [
        "INSERT INTO messages (uid, session_id, role, text, created_at)
         SELECT uid, session_id, role, text, created_at FROM messages",
        "UPDATE messages SET parent_id = id",
        "UPDATE messages SET role = 'robot'",
        "UPDATE messages SET status = 'lost'",
        "UPDATE messages SET importance_score = 1.5",
        "UPDATE messages SET session_id = 'none'",
        "UPDATE messages SET text = NULL",
        "UPDATE messages SET token_usage = 'many'",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::ConstraintViolation),
            "{sql}"
        );
    }
    assert_eq!(get(&store, message.id), message);
}

#[test]
fn a_role_that_somebody_wrote_into_the_file_is_told_as_damage() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let message = say(&store, id, "Hi");
    let raw = intruder(store.file());
    raw.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE messages SET role = 'robot';")
        .unwrap();
    let error = store.read(|tx| messages::get(tx, message.id)).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[test]
fn json_has_the_names_of_the_bindings_and_takes_no_other_words() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let message = say(&store, id, "Hi");
    assert_eq!(
        serde_json::to_value(&message).unwrap(),
        json!({
            "id": message.id.get(), "uid": message.uid.to_string(), "sessionId": id.to_string(),
            "parentId": null, "role": "user", "text": "Hi", "modelId": null, "tokenUsage": null,
            "importanceScore": 0.5, "importanceByUser": false, "tokenCount": null, "depth": 1,
            "status": "complete", "deletedAt": null, "createdAt": message.created_at.as_ms(),
        })
    );
    let page = store.read(|tx| messages::list(tx, id, None, 5)).unwrap();
    let back: chatkeep_store::Page<Message, MessageId> =
        serde_json::from_value(serde_json::to_value(&page).unwrap()).unwrap();
    assert_eq!(back, page);
    for word in ["system", "user", "assistant", "tool"] {
        let role: Role = serde_json::from_value(json!(word)).unwrap();
        assert_eq!(role.as_str(), word);
    }
    for word in ["complete", "streaming", "interrupted", "failed"] {
        let status: MessageStatus = serde_json::from_value(json!(word)).unwrap();
        assert_eq!(status.as_str(), word);
    }
    for word in ["", "User", "human", "done"] {
        assert!(
            serde_json::from_value::<Role>(json!(word)).is_err(),
            "{word}"
        );
        assert!(serde_json::from_value::<MessageStatus>(json!(word)).is_err());
    }
    // A lone surrogate never becomes a text.
    assert!(serde_json::from_str::<String>(r#""\ud83c""#).is_err());
}

#[test]
fn the_count_is_of_all_sessions() {
    let store = TestStore::new();
    assert_eq!(store.read(messages::count).unwrap(), 0);
    for name in ["Tea", "Rice"] {
        let id = store.session(name).id;
        say(&store, id, "Hi");
    }
    assert_eq!(store.read(messages::count).unwrap(), 2);
    let raw = looker(store.file());
    assert_eq!(column(&raw, "SELECT count(*) FROM messages"), ["2"]);
}
