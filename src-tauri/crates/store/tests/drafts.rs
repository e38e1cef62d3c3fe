//! Drafts: one a session and one for the chat that is not begun.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{Entity, MESSAGE_BYTES_MAX, SessionId, drafts, sessions};

use crate::support::{
    assert_invalid, assert_missing, changes, column, looker, missing_session, refused, touched,
};

fn get(store: &TestStore, session: Option<SessionId>) -> String {
    store.read(|tx| drafts::get(tx, session)).unwrap()
}

fn set(store: &TestStore, session: Option<SessionId>, text: &str) {
    let committed = store
        .write_redoable(|tx| drafts::set(tx, session, text))
        .unwrap();
    let id = session.map(|it| it.to_string()).unwrap_or_default();
    assert_eq!(changes(&committed), [touched(Entity::Draft, id)]);
}

fn rows(store: &TestStore) -> String {
    column(&looker(store.file()), "SELECT count(*) FROM drafts").concat()
}

#[test]
fn each_session_and_the_new_chat_have_a_draft_of_their_own_across_restarts() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea").id, store.session("Rice").id);
    for place in [None, Some(tea), Some(rice)] {
        assert_eq!(get(&store, place), "");
    }
    set(&store, None, "new");
    set(&store, Some(tea), "  half a\nthought ");
    let store = store.reopened();
    assert_eq!(get(&store, None), "new");
    assert_eq!(get(&store, Some(tea)), "  half a\nthought ");
    assert_eq!(get(&store, Some(rice)), "");
}

#[test]
fn a_draft_takes_the_place_of_the_former_and_an_empty_one_is_forgotten() {
    let store = TestStore::new();
    let tea = store.session("Tea").id;
    for place in [None, Some(tea)] {
        for text in ["one", "two", "two"] {
            set(&store, place, text);
            assert_eq!(get(&store, place), text);
        }
    }
    assert_eq!(rows(&store), "2");
    for place in [None, Some(tea)] {
        set(&store, place, "");
        assert_eq!(get(&store, place), "");
    }
    assert_eq!(rows(&store), "0");
}

#[test]
fn a_draft_goes_with_its_session_and_not_with_another() {
    let store = TestStore::new();
    let (tea, rice) = (store.session("Tea").id, store.session("Rice").id);
    for place in [None, Some(tea), Some(rice)] {
        set(&store, place, "kept");
    }
    store.write(|tx| sessions::delete(tx, tea)).unwrap();
    assert_eq!(get(&store, Some(tea)), "");
    assert_eq!(get(&store, Some(rice)), "kept");
    assert_eq!(get(&store, None), "kept");
}

#[test]
fn a_draft_has_the_limits_of_a_message_and_a_session_that_is_there() {
    let store = TestStore::new();
    set(&store, None, &"x".repeat(MESSAGE_BYTES_MAX));
    let error = refused(&store, |tx| {
        drafts::set(tx, None, &"x".repeat(MESSAGE_BYTES_MAX + 1))
    });
    let limit = "at most 10.0 MiB are possible, this is 10.0 MiB";
    assert_invalid(&error, "message", limit);
    let error = refused(&store, |tx| drafts::set(tx, None, "a\0"));
    let limit = "holds a NUL character (byte 1); remove it and try again";
    assert_invalid(&error, "message", limit);
    let error = refused(&store, |tx| {
        drafts::set(tx, Some(missing_session()), "lost")
    });
    assert_missing(&error, Entity::Session, missing_session());
}
