//! Shelves: which sessions are on which, in what order, and the pages and cursors of them.

use std::collections::BTreeSet;

use chatkeep_store::testing::TestStore;
use chatkeep_store::{NewMessage, NewSession, Session, SessionCursor, Shelf, messages, sessions};
use serde_json::json;

use crate::support::{assert_invalid, shelf};

const SHELVES: [Shelf; 3] = [Shelf::Active, Shelf::Archived, Shelf::Trash];

fn names(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn a_session_is_on_one_shelf_and_the_trash_hides_the_archive() {
    let store = TestStore::new();
    let session = store.session("Tea");
    let on = |store: &TestStore| {
        let found = SHELVES.map(|it| shelf(store, it, 10).len());
        (found[0], found[1], found[2])
    };
    assert_eq!(on(&store), (1, 0, 0));
    store
        .write(|tx| sessions::set_archived(tx, session.id, true))
        .unwrap();
    assert_eq!(on(&store), (0, 1, 0));
    store.write(|tx| sessions::trash(tx, session.id)).unwrap();
    assert_eq!(on(&store), (0, 0, 1));
    store.write(|tx| sessions::restore(tx, session.id)).unwrap();
    assert_eq!(on(&store), (0, 1, 0));
    store
        .write(|tx| sessions::set_archived(tx, session.id, false))
        .unwrap();
    assert_eq!(on(&store), (1, 0, 0));
}

#[test]
fn pinned_sessions_come_first_then_the_newest_message_then_the_newest_session() {
    let store = TestStore::new();
    let first = store.session("first");
    let second = store.session("second of the same time");
    store.clock.advance_ms(1);
    store.session("newer");
    let pinned = store.session("pinned");
    store
        .write(|tx| sessions::set_pinned(tx, pinned.id, true))
        .unwrap();
    store.clock.advance_ms(1);
    assert!(second.id > first.id);
    assert_eq!(
        names(&shelf(&store, Shelf::Active, 100)),
        ["pinned", "newer", "second of the same time", "first"]
    );

    store
        .write(|tx| messages::append(tx, &NewMessage::user(first.id, "Up!")))
        .unwrap();
    assert_eq!(
        names(&shelf(&store, Shelf::Active, 100)),
        ["pinned", "first", "newer", "second of the same time"]
    );
}

/// A store with many sessions on every shelf, several of each at the same millisecond.
fn crowded() -> TestStore {
    let store = TestStore::new();
    store
        .write(|tx| {
            for number in 0..60 {
                let session = sessions::insert(tx, &NewSession::named(number.to_string()))?;
                sessions::set_pinned(tx, session.id, number % 7 == 0)?;
                sessions::set_archived(tx, session.id, number % 3 == 1)?;
                if number % 3 == 2 {
                    sessions::trash(tx, session.id)?;
                }
            }
            Ok(())
        })
        .unwrap();
    for session in shelf(&store, Shelf::Active, 1000).iter().step_by(3) {
        store.clock.advance_ms(1);
        store
            .write(|tx| messages::append(tx, &NewMessage::user(session.id, "Hi")))
            .unwrap();
    }
    store
}

#[test]
fn pages_of_every_size_make_up_the_whole_shelf() {
    let store = crowded();
    for which in SHELVES {
        let whole = shelf(&store, which, 1000);
        assert_eq!(whole.len(), 20);
        for limit in 1..=21 {
            assert_eq!(shelf(&store, which, limit), whole, "{which:?} by {limit}");
        }
    }
}

#[test]
fn sessions_that_are_not_touched_while_pages_are_read_are_seen_exactly_once() {
    for limit in 1..=7 {
        let store = crowded();
        let whole = shelf(&store, Shelf::Active, 1000);
        let mut seen = Vec::new();
        let mut touched = BTreeSet::new();
        let mut after = None;
        loop {
            let page = store
                .read(|tx| sessions::list(tx, Shelf::Active, after, limit))
                .unwrap();
            seen.extend(page.items.iter().map(|it| it.id));
            // One that was seen and one that was not get a message; new ones come too.
            let restless = [seen.len() / 2, whole.len() - 1 - seen.len() / 3];
            store.clock.advance_ms(1);
            for session in restless.map(|index| &whole[index % whole.len()]) {
                touched.insert(session.id);
                store
                    .write(|tx| messages::append(tx, &NewMessage::user(session.id, "Again")))
                    .unwrap();
            }
            store.session("New");
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let calm: Vec<_> = whole
            .iter()
            .filter(|it| !touched.contains(&it.id))
            .collect();
        assert!(!calm.is_empty());
        for session in calm {
            let times = seen.iter().filter(|&&id| id == session.id).count();
            assert_eq!(times, 1, "{} in pages of {limit}", session.name);
        }
    }
}

#[test]
fn a_page_has_1_to_1000_rows() {
    let store = TestStore::new();
    store.session("Tea");
    for limit in [0, 1001, usize::MAX] {
        let error = store
            .read(|tx| sessions::list(tx, Shelf::Active, None, limit))
            .unwrap_err();
        let expected = format!("a page has 1 to 1000 rows, not {limit}");
        assert_invalid(&error, "limit", &expected);
    }
    assert_eq!(shelf(&store, Shelf::Active, 1).len(), 1);
    assert_eq!(shelf(&store, Shelf::Active, 1000).len(), 1);
}

#[test]
fn count_counts_every_shelf() {
    let store = crowded();
    assert_eq!(store.read(sessions::count).unwrap(), 60);
    assert_eq!(TestStore::new().read(sessions::count).unwrap(), 0);
}

#[test]
fn a_cursor_comes_back_from_its_text_and_from_json() {
    let store = TestStore::new();
    let session = store.session("Tea");
    for pinned in [false, true] {
        let session = store
            .write(|tx| sessions::set_pinned(tx, session.id, pinned))
            .unwrap()
            .value;
        let cursor = SessionCursor::after(&session);
        let text = cursor.to_string();
        assert_eq!(text.parse::<SessionCursor>().unwrap(), cursor);
        assert_eq!(serde_json::to_value(cursor).unwrap(), json!(text));
        let back: SessionCursor = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(back, cursor);
    }
}

#[test]
fn a_cursor_that_no_page_gave_is_refused() {
    let uuid = crate::support::NOBODY;
    for text in [
        String::new(),
        "1".to_owned(),
        "1.2".to_owned(),
        format!("2.5.{uuid}"),
        format!("true.5.{uuid}"),
        format!("1.five.{uuid}"),
        format!("1.99999999999999999999.{uuid}"),
        format!("1.5.{uuid}x"),
        format!("1.5.{uuid}.6"),
        format!(" 1.5.{uuid}"),
        "1.5.' OR 1=1 --".to_owned(),
    ] {
        let error = text.parse::<SessionCursor>().unwrap_err();
        assert_invalid(&error, "cursor", "is not one that a page of sessions gave");
        assert!(serde_json::from_value::<SessionCursor>(json!(text)).is_err());
    }
    assert!(serde_json::from_value::<SessionCursor>(json!(5)).is_err());
}
