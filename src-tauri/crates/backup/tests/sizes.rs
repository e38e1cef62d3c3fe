//! Databases with pages of every size, and larger than the page at 1 GiB that SQLite never writes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;

use chatkeep_backup::{Backup, Kind, Place, create, create_delta, prepare, restore_to};
use common::{Chats, options, quiet, restoring, with_suffix};
use rusqlite::{Connection, params};

fn change(chats: &Chats, sql: &str) {
    let connection = Connection::open(chats.database()).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// Row counts and all text, as one number each.
fn content(file: &std::path::Path) -> (i64, i64) {
    let connection = Connection::open(file).unwrap();
    connection
        .query_row(
            "SELECT count(*), sum(length(text)) FROM messages",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap()
}

fn restored(place: &Place, backup: &Backup) -> (i64, i64) {
    let to = with_suffix(&place.database, ".restored");
    restore_to(backup, &to, &restoring(), &quiet()).unwrap();
    let found = content(&to);
    fs::remove_file(to).unwrap();
    found
}

#[test]
fn pages_of_every_size_are_copied_compared_and_restored() {
    for page_size in [512, 1024, 2048, 8192, 16_384, 32_768, 65_536] {
        let chats = Chats::new();
        change(
            &chats,
            &format!(
                "PRAGMA journal_mode = DELETE;
                 PRAGMA page_size = {page_size};
                 VACUUM;
                 PRAGMA journal_mode = WAL;"
            ),
        );
        let first = content(chats.database());
        let full = chats.back_up();
        assert_eq!(full.manifest().unwrap().database.page_size, page_size);
        chats.add("Coffee", 40);
        let second = content(chats.database());
        let point = create_delta(&chats.place, &options(common::now()), &quiet());
        let point = point.unwrap().unwrap();
        assert_eq!(point.manifest().unwrap().kind, Kind::Delta);
        assert_eq!(restored(&chats.place, &full), first, "{page_size}");
        assert_eq!(restored(&chats.place, &point), second, "{page_size}");
        let prepared = prepare(&chats.place, &full, restoring(), &quiet()).unwrap();
        prepared.apply(&quiet()).unwrap();
        assert_eq!(chats.names(), ["Tea"], "{page_size}");
    }
}

const MIB: usize = 1 << 20;

/// Rows of 1 MiB until the database is past the page that SQLite locks on.
fn grow_past_one_gib(chats: &Chats) {
    let mut connection = Connection::open(chats.database()).unwrap();
    let tx = connection.transaction().unwrap();
    for number in 0..1030 {
        tx.execute(
            "INSERT INTO drafts (text, updated_at) VALUES (?1, ?2)",
            params!["x".repeat(MIB), number],
        )
        .unwrap();
    }
    tx.commit().unwrap();
}

/// Five copies lie in memory at once, which not every machine has room for.
#[test]
fn the_page_at_one_gib_is_passed_over() {
    const ROOM: u64 = 8 << 30;
    let chats = Chats::new();
    if fs4::available_space(chats.folder.path()).unwrap() < ROOM {
        return common::skip::skip("the page at 1 GiB, which needs 8 GiB of memory or disk");
    }
    grow_past_one_gib(&chats);
    let full = create(&chats.place, &options(common::now()), &quiet()).unwrap();
    let pages = full.manifest().unwrap().database.page_count;
    assert!(pages > (1 << 30) / 4096 + 1, "{pages}");
    // Beyond the page, on which a page number that is one off would be seen.
    change(
        &chats,
        "UPDATE drafts SET text = 'short' WHERE updated_at = 1029",
    );
    chats.add("Coffee", 5);
    let point = create_delta(&chats.place, &options(common::now()), &quiet());
    let point = point.unwrap().unwrap();
    assert_eq!(point.manifest().unwrap().kind, Kind::Delta);
    let prepared = prepare(&chats.place, &point, restoring(), &quiet()).unwrap();
    prepared.apply(&quiet()).unwrap();
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}
