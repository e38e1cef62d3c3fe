//! What is read of a database that SQLite no longer reads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;

use chatkeep_backup::{Backup, Salvaged, prepare, salvage};
use chatkeep_store::search::{SearchRequest, index, repair, search};
use chatkeep_store::{DATABASE_FILE, NewPin, OpenOptions, PinScope, PinType, pins};
use common::{Chats, quiet, restoring, with_suffix};
use rusqlite::Connection;

const PAGE: usize = 4096;

fn chats() -> Chats {
    let chats = Chats::new();
    for number in 0..10 {
        chats.add(&format!("Session {number}"), 60);
    }
    chats
}

/// In a table without row ids, which is kept as an index is.
fn add_exclusions(chats: &Chats) {
    Connection::open(chats.database())
        .unwrap()
        .execute_batch(
            "INSERT INTO context_exclusions (session_id, part, item_id)
             SELECT session_id, 'message', uid FROM messages",
        )
        .unwrap();
}

fn run(chats: &Chats) -> (Salvaged, Connection) {
    let to = chats.folder.path().join("salvaged.db");
    let report = salvage(chats.database(), &to, &quiet()).unwrap();
    (report, Connection::open(to).unwrap())
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
}

fn root_of(chats: &Chats, table: &str) -> usize {
    Connection::open(chats.database())
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
            [table],
            |row| row.get(0),
        )
        .unwrap()
}

fn overwrite(chats: &Chats, page: usize) {
    let mut bytes = fs::read(chats.database()).unwrap();
    bytes[(page - 1) * PAGE..page * PAGE].fill(0xa5);
    fs::write(chats.database(), bytes).unwrap();
}

#[test]
fn of_a_sound_database_everything_is_read() {
    let chats = chats();
    add_exclusions(&chats);
    let (report, connection) = run(&chats);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(count(&connection, "context_exclusions"), 620);
    assert_eq!(count(&connection, "messages"), 620);
    assert_eq!(count(&connection, "sessions"), 11);
    let original = Connection::open(chats.database()).unwrap();
    let dump = |it: &Connection| -> Vec<(i64, String, String, Option<i64>)> {
        let mut statement = it
            .prepare("SELECT id, uid, text, parent_id FROM messages ORDER BY id")
            .unwrap();
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        rows.unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(dump(&connection), dump(&original));
}

#[test]
fn what_is_only_in_the_log_is_read_too() {
    let chats = chats();
    let store = chats.open();
    common::add(&store, "Fresh", 5);
    // As after a crash: nobody has it open, and the log is full.
    let copy = chats.folder.path().join("crashed.db");
    fs::copy(chats.database(), &copy).unwrap();
    fs::copy(
        with_suffix(chats.database(), "-wal"),
        with_suffix(&copy, "-wal"),
    )
    .unwrap();
    let to = chats.folder.path().join("salvaged.db");
    let report = salvage(&copy, &to, &quiet()).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(count(&Connection::open(to).unwrap(), "messages"), 625);
}

#[test]
fn a_destroyed_root_leaves_the_leaves() {
    let chats = chats();
    overwrite(&chats, root_of(&chats, "messages"));
    let (report, connection) = run(&chats);
    assert!(report.pages_lost > 0);
    assert_eq!(count(&connection, "messages"), 620);
    assert_eq!(count(&connection, "sessions"), 11);
}

#[test]
fn a_destroyed_header_leaves_the_leaves() {
    let chats = chats();
    overwrite(&chats, 1);
    let (_, connection) = run(&chats);
    assert_eq!(count(&connection, "messages"), 620);
    assert_eq!(count(&connection, "sessions"), 11);
}

#[test]
fn messages_of_a_lost_session_are_kept_in_a_new_one() {
    let chats = chats();
    add_exclusions(&chats);
    overwrite(&chats, root_of(&chats, "sessions"));
    let (report, connection) = run(&chats);
    assert_eq!(count(&connection, "messages"), 620);
    assert_eq!(count(&connection, "sessions"), 11);
    assert!(
        report
            .notes
            .iter()
            .any(|it| it.starts_with("11 sessions made")),
        "{report:?}"
    );
}

#[test]
fn what_was_salvaged_can_be_restored() {
    let chats = chats();
    overwrite(&chats, root_of(&chats, "messages"));
    run(&chats);
    let salvaged = Backup::at(&chats.folder.path().join("salvaged.db")).unwrap();
    prepare(&chats.place, &salvaged, restoring(), &quiet())
        .unwrap()
        .apply(&quiet())
        .unwrap();
    assert_eq!(chats.names().len(), 11);
}

/// Each page in turn: the rest is always read, and the new database is always sound.
#[test]
fn any_one_destroyed_page_leaves_the_rest() {
    let chats = chats();
    let whole = fs::read(chats.database()).unwrap();
    let pages = whole.len() / PAGE;
    for page in (1..=pages).step_by(5) {
        fs::write(chats.database(), &whole).unwrap();
        overwrite(&chats, page);
        let (_, connection) = run(&chats);
        // A leaf holds some ten messages of this length.
        assert!(count(&connection, "messages") >= 600, "page {page}");
        drop(connection);
        fs::remove_file(chats.folder.path().join("salvaged.db")).unwrap();
    }
}

/// The index is made from the rows that were read, and not read itself: whatever is destroyed, it
/// holds just those rows.
#[test]
fn after_a_salvage_the_index_is_of_the_rows() {
    for destroyed in [
        "messages",
        "sessions",
        "search_words_data",
        "search_parts_data",
        "search_words_docsize",
        "search_notes",
        "search_pending",
        "sqlite_schema",
    ] {
        let chats = chats();
        add_pin(&chats);
        catch_up(&chats.open());
        let page = match destroyed {
            "sqlite_schema" => 1,
            table => root_of(&chats, table),
        };
        overwrite(&chats, page);
        let (_, salvaged) = run(&chats);
        let rows = count(&salvaged, "messages");
        assert_eq!(rows, 620, "{destroyed}");
        drop(salvaged);

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(DATABASE_FILE);
        fs::copy(chats.folder.path().join("salvaged.db"), &file).unwrap();
        let store = OpenOptions::new(folder.path()).open().unwrap();
        let pending = store.read(index::pending).unwrap();
        assert!(pending >= 620, "{destroyed}: it says what is not found yet");
        catch_up(&store);
        assert!(store.read(repair::looks_whole).unwrap(), "{destroyed}");
        assert!(store.read(repair::is_sound).unwrap(), "{destroyed}");
        let find = |text: &str| {
            let request = SearchRequest::new(text);
            store
                .read(|tx| search(tx, &request, common::now()))
                .unwrap()
        };
        assert_eq!(find("leaves").total.count, 620, "{destroyed}");
        assert_eq!(find("eave").total.count, 620, "{destroyed}");
        assert_eq!(find("steeped").notes.len(), 1, "{destroyed}: the pin");
        drop(store);
        assert_indexed(&file);
    }
}

fn add_pin(chats: &Chats) {
    let store = chats.open();
    let session = store
        .read(|tx| chatkeep_store::sessions::list(tx, chatkeep_store::Shelf::Active, None, 1))
        .unwrap()
        .items[0]
        .id;
    let pin = NewPin {
        scope: PinScope::All,
        session_id: session,
        content: "Tea is steeped for two minutes".to_owned(),
        source_message_id: None,
        pin_type: PinType::User,
    };
    store.write(|tx| pins::insert(tx, &pin)).unwrap();
}

fn catch_up(store: &chatkeep_store::Store) {
    while *store.write(index::catch_up).unwrap() > 0 {}
}

/// SQLite reads every text again and compares.
fn assert_indexed(file: &std::path::Path) {
    let connection = Connection::open(file).unwrap();
    for index in ["search_words", "search_parts"] {
        connection
            .execute_batch(&format!(
                "INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"
            ))
            .unwrap();
    }
}

#[test]
fn a_database_in_use_is_left_alone() {
    let chats = chats();
    let _store = chats.open();
    let to = chats.folder.path().join("salvaged.db");
    assert_eq!(
        salvage(chats.database(), &to, &quiet())
            .unwrap_err()
            .exit_code(),
        11
    );
    assert!(!to.exists());
}
