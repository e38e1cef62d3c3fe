//! What several test files share: a look at the file past the store, refused writes, whole lists.

pub(crate) mod child;
pub(crate) mod folder;

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::path::Path;

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Committed, Entity, Error, Message, MessageId, NewMessage, NewSession, Parent, Result, Session,
    SessionId, Shelf, Store, WriteTx, messages, sessions, trash,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

/// An id of the right form that nothing has.
pub(crate) const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A session that is not there.
pub(crate) fn missing_session() -> SessionId {
    NOBODY.parse().unwrap()
}

/// A connection beside the store, which can see but not touch.
pub(crate) fn looker(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// A connection that goes past the store's checks.
pub(crate) fn intruder(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

/// The first column of a query, as text.
pub(crate) fn column(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok(cell(row, 0)));
    rows.unwrap().map(|value| value.unwrap()).collect()
}

fn cell(row: &Row<'_>, index: usize) -> String {
    match row.get_ref(index).unwrap() {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Blob(bytes) => format!("{bytes:?}"),
        ValueRef::Text(bytes) if bytes.len() > 1000 => {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            format!("{} bytes, hash {:x}", bytes.len(), hasher.finish())
        }
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Every row of every table, each a line that begins with its table; but for the search's, which
/// [`assert_sound`] compares with the others.
pub(crate) fn dump(file: &Path) -> Vec<String> {
    let connection = looker(file);
    let tables = column(
        &connection,
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'search\\_%' ESCAPE '\\' ORDER BY name",
    );
    let rows_of = |table: &String| {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY 1"))
            .unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells: Vec<_> = (0..columns).map(|index| cell(row, index)).collect();
            Ok(format!("{table} | {}", cells.join(" | ")))
        });
        rows.unwrap().map(|row| row.unwrap()).collect::<Vec<_>>()
    };
    tables.iter().flat_map(rows_of).collect()
}

/// SQLite itself finds nothing wrong with the file, and the search's indexes hold what they should.
pub(crate) fn assert_sound(file: &Path) {
    let connection = looker(file);
    assert_eq!(column(&connection, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(
        column(&connection, "PRAGMA foreign_key_check"),
        [""; 0],
        "rows without their parent"
    );
    assert_indexed(file);
}

/// Each index holds the words of the texts that it should, and of no other: SQLite tells, by reading
/// all of them again.
pub(crate) fn assert_indexed(file: &Path) {
    let raw = intruder(file);
    if !raw.table_exists(None, "search_words").unwrap() {
        return; // a database from before there was a search
    }
    for index in ["search_words", "search_parts"] {
        let command = format!("INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)");
        let outcome = raw.execute_batch(&command);
        assert!(outcome.is_ok(), "{index} is not of the texts: {outcome:?}");
    }
    let unnumbered = "SELECT id FROM sessions
         UNION SELECT id FROM conversation_summaries
         UNION SELECT id FROM semantic_pins
         EXCEPT SELECT item_id FROM search_notes";
    assert_eq!(column(&raw, unnumbered), [""; 0], "not in the index");
    let left_over = "SELECT item_id FROM search_notes
         EXCEPT SELECT id FROM sessions
         EXCEPT SELECT id FROM conversation_summaries
         EXCEPT SELECT id FROM semantic_pins";
    assert_eq!(column(&raw, left_over), [""; 0], "in the index, and gone");
}

/// The error of a write that must be refused; nothing of it may stay, nor of what it did before.
pub(crate) fn refused<T: Debug>(
    store: &TestStore,
    body: impl FnOnce(&WriteTx<'_>) -> Result<T>,
) -> Error {
    let before = dump(store.file());
    let result = store.write(|tx| {
        sessions::insert(tx, &NewSession::named("In the same write"))?;
        body(tx)
    });
    let error = result.expect_err("a refused write");
    assert_eq!(dump(store.file()), before, "after {error}");
    error
}

/// Asserts that a value was refused, and how the user is told.
#[track_caller]
pub(crate) fn assert_invalid(error: &Error, expected_field: &str, expected_limit: &str) {
    match error {
        Error::Invalid { field, limit } => {
            assert_eq!((*field, limit.as_str()), (expected_field, expected_limit));
        }
        other => panic!("{expected_field} was not refused as invalid but with: {other:?}"),
    }
}

/// Asserts that nothing was found under an id, and that the error says so.
#[track_caller]
pub(crate) fn assert_missing(error: &Error, expected: Entity, expected_id: impl ToString) {
    match error {
        Error::NotFound { entity, id } => {
            assert_eq!((*entity, id), (expected, &expected_id.to_string()));
        }
        other => panic!("not told as missing but as: {other:?}"),
    }
}

/// What a commit says that it touched.
pub(crate) fn changes<T>(committed: &Committed<T>) -> Vec<(Entity, String)> {
    let changes = committed.changes.iter();
    changes.map(|it| (it.entity, it.id.clone())).collect()
}

/// What a commit is expected to say.
pub(crate) fn touched(entity: Entity, id: impl ToString) -> (Entity, String) {
    (entity, id.to_string())
}

/// A whole shelf, read in pages of `limit`.
pub(crate) fn shelf(store: &Store, shelf: Shelf, limit: usize) -> Vec<Session> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .read(|tx| sessions::list(tx, shelf, after, limit))
            .unwrap();
        assert!(page.items.len() <= limit, "a page of {}", page.items.len());
        assert!(all.len() < 20_000, "the pages come to no end");
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// A whole branch on show, oldest first, read in pages of `limit` from its end.
pub(crate) fn branch(store: &Store, session: SessionId, limit: usize) -> Vec<Message> {
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = store
            .read(|tx| messages::list(tx, session, before, limit))
            .unwrap();
        assert!(page.items.len() <= limit, "a page of {}", page.items.len());
        assert!(pages.len() < 20_000, "the pages come to no end");
        pages.push(page.items);
        match page.next {
            Some(next) => before = Some(next),
            None => return pages.into_iter().rev().flatten().collect(),
        }
    }
}

/// The texts of messages.
pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|it| it.text.as_str()).collect()
}

/// What a person says next.
pub(crate) fn say(store: &TestStore, session: SessionId, text: &str) -> Message {
    let new = NewMessage::user(session, text);
    store.write(|tx| messages::append(tx, &new)).unwrap().value
}

/// Moves a message to the trash, and purges that.
pub(crate) fn purge_message(store: &TestStore, id: MessageId) {
    store
        .write(|tx| {
            trash::trash_message(tx, id)?;
            trash::purge(tx, tx.now())
        })
        .unwrap();
}

/// What a person says beside whatever follows `parent`.
pub(crate) fn say_after(
    store: &TestStore,
    session: SessionId,
    parent: Option<MessageId>,
    text: &str,
) -> Message {
    let new = NewMessage {
        parent: Parent::After(parent),
        ..NewMessage::user(session, text)
    };
    store.write(|tx| messages::append(tx, &new)).unwrap().value
}
