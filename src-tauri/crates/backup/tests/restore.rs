//! Restoring: what comes back, what is refused, and what is left when it fails.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;

use chatkeep_backup::{
    Backup, BackupFolder, Error, Gate, Live, Mode, RestoreOptions, last_restore, prepare,
    restore_to, undo_backup,
};
use common::{Chats, add, flip, names, quiet, restoring};
use rusqlite::Connection;

fn restore(chats: &Chats, backup: &Backup) -> chatkeep_backup::Restored {
    let prepared = prepare(&chats.place, backup, restoring(), &quiet()).unwrap();
    prepared.apply(&quiet()).unwrap()
}

#[test]
fn a_restore_brings_back_what_was_there_and_can_be_undone() {
    let chats = Chats::new();
    let backup = chats.back_up();
    chats.add("Coffee", 3);

    let restored = restore(&chats, &backup);
    assert_eq!(restored.mode, Mode::Online);
    assert_eq!(chats.names(), ["Tea"]);

    let before = undo_backup(&chats.place).unwrap();
    restore(&chats, &before);
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
    chats.assert_nothing_half_made();
}

#[test]
fn a_plan_tells_rows_gained_and_lost_and_changes_nothing() {
    let chats = Chats::new();
    let backup = chats.back_up();
    chats.add("Coffee", 3);
    let before = chats.bytes();

    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    let change = |table: &str| {
        let all = &prepared.plan().tables;
        let it = all.iter().find(|it| it.table == table).unwrap();
        (it.now, it.then)
    };
    assert_eq!(change("sessions"), (Some(2), 1));
    assert_eq!(change("messages"), (Some(23), 20));
    assert_eq!(prepared.plan().age_ms, Some(0));
    drop(prepared);

    assert_eq!(chats.bytes(), before);
    chats.assert_nothing_half_made();
}

#[test]
fn a_missing_database_is_put_back() {
    let chats = Chats::new();
    let backup = chats.back_up();
    fs::remove_file(chats.database()).unwrap();
    let restored = restore(&chats, &backup);
    assert_eq!(restored.mode, Mode::Offline);
    assert_eq!(chats.names(), ["Tea"]);
}

/// Beside a new database file, the log of the old one would be taken for its own.
#[test]
fn a_damaged_database_is_moved_away_with_its_log() {
    let chats = Chats::new();
    let backup = chats.back_up();
    fs::write(
        chats.database(),
        b"this is no database, and long enough to be looked at",
    )
    .unwrap();
    fs::write(common::with_suffix(chats.database(), "-wal"), b"a log").unwrap();

    let restored = restore(&chats, &backup);
    assert_eq!(restored.mode, Mode::Offline);
    assert_eq!(chats.names(), ["Tea"]);
    let former = std::path::PathBuf::from(restored.former.unwrap());
    assert_eq!(fs::read(former.join("chatkeep.db-wal")).unwrap(), b"a log");
    assert!(undo_backup(&chats.place).is_err());
}

#[test]
fn a_damage_that_only_a_full_check_finds_is_replaced_offline() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let size = fs::metadata(chats.database()).unwrap().len() as usize;
    flip(chats.database(), size - 4096 + 2);
    flip(chats.database(), size - 4096 + 200);
    let restored = restore(&chats, &backup);
    assert_eq!(chats.names(), ["Tea"]);
    assert!(restored.safety_backup.is_some() || restored.former.is_some());
}

#[test]
fn the_app_is_asked_to_hold_its_writes_and_reads_anew() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let store = chats.open();
    add(&store, "Coffee", 3);

    let heard = Arc::new(Mutex::new(Vec::new()));
    let (on_hold, on_release) = (Arc::clone(&heard), Arc::clone(&heard));
    let gate = Gate::open(
        chats.folder.path(),
        move |by| {
            on_hold
                .lock()
                .unwrap()
                .push(format!("hold for {}", by.split(' ').next().unwrap()));
            Ok(7)
        },
        move |held: i32, replaced| {
            on_release
                .lock()
                .unwrap()
                .push(format!("release {held}, replaced: {replaced}"));
        },
    )
    .unwrap();

    restore(&chats, &backup);
    assert_eq!(names(&store), ["Tea"]);
    add(&store, "Water", 1);
    drop(gate);
    assert_eq!(
        *heard.lock().unwrap(),
        ["hold for restore-db", "release 7, replaced: true"]
    );
    drop(store);
    assert_eq!(chats.names(), ["Tea", "Water"]);
}

#[test]
fn an_app_that_cannot_be_asked_keeps_its_database() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let store = chats.open();
    add(&store, "Coffee", 3);
    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    let error = prepared.apply(&quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 11, "{error}");
    assert!(error.to_string().contains("process"), "{error}");
    assert_eq!(names(&store), ["Coffee", "Tea"]);
}

#[test]
fn an_app_that_refuses_keeps_its_database() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let _store = chats.open();
    let _gate = Gate::open(
        chats.folder.path(),
        |_| Err::<(), _>("a migration runs".to_owned()),
        |(), _| (),
    )
    .unwrap();
    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    let error = prepared.apply(&quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 11);
    assert!(error.to_string().contains("a migration runs"), "{error}");
}

/// As the earlier scripts made it, with `sqlite3 .backup`.
#[test]
fn a_bare_file_restores_and_says_what_was_not_checked() {
    let chats = Chats::new();
    let bare = chats.folder.path().join("chatkeep.db.old.bak");
    let connection = Connection::open(chats.database()).unwrap();
    connection.backup("main", &bare, None).unwrap();
    drop(connection);
    chats.add("Coffee", 3);

    let backup = Backup::at(&bare).unwrap();
    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    assert!(prepared.plan().notes[0].contains("no manifest"));
    prepared.apply(&quiet()).unwrap();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn what_is_no_backup_is_refused_and_the_live_file_is_untouched() {
    let chats = Chats::new();
    let good = fs::read(&chats.back_up().path).unwrap();
    let before = chats.bytes();
    let file = chats.folder.path().join("chatkeep.db.x.bak");
    let refused = |bytes: &[u8], code: u8| {
        fs::write(&file, bytes).unwrap();
        let backup = Backup::at(&file).unwrap();
        let error = prepare(&chats.place, &backup, restoring(), &quiet())
            .map(drop)
            .unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        assert_eq!(chats.bytes(), before);
    };
    refused(b"", 21);
    refused(
        b"not a database at all, but long enough to be looked at as one",
        21,
    );
    refused(&good[..good.len() / 2], 21);
    refused(&good[..100], 21);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let chats = Chats::new();
    let file = chats.folder.path().join("chatkeep.db.x.bak");
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let backup = Backup::at(&file).unwrap();
    let error = prepare(&chats.place, &backup, restoring(), &quiet())
        .map(drop)
        .unwrap_err();
    assert_eq!(error.exit_code(), 21);
    assert!(
        error.to_string().contains("not a Chatkeep database"),
        "{error}"
    );
}

#[test]
fn another_persons_backup_is_refused_unless_it_is_wanted() {
    let (chats, other) = (Chats::new(), Chats::new());
    other.add("Coffee", 1);
    let backup = other.back_up();
    let error = prepare(&chats.place, &backup, restoring(), &quiet())
        .map(drop)
        .unwrap_err();
    assert_eq!(error.exit_code(), 22, "{error}");

    let wanted = RestoreOptions {
        allow_foreign: true,
        ..restoring()
    };
    prepare(&chats.place, &backup, wanted, &quiet())
        .unwrap()
        .apply(&quiet())
        .unwrap();
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}

/// Changes a copy of the store and takes it for a backup.
fn changed(chats: &Chats, sql: &str) -> Backup {
    let good = chats.back_up();
    let file = chats.folder.path().join("chatkeep.db.changed.bak");
    fs::copy(&good.path, &file).unwrap();
    Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    Backup::at(&file).unwrap()
}

#[test]
fn a_newer_backup_is_refused_before_anything_is_touched() {
    let chats = Chats::new();
    let backup = changed(&chats, "PRAGMA user_version = 9999");
    let before = chats.bytes();
    let error = prepare(&chats.place, &backup, restoring(), &quiet())
        .map(drop)
        .unwrap_err();
    assert_eq!(error.exit_code(), 23, "{error}");
    assert_eq!(chats.bytes(), before);
}

#[test]
fn a_hostile_schema_is_refused() {
    let chats = Chats::new();
    for sql in [
        "CREATE TRIGGER x AFTER INSERT ON messages BEGIN DELETE FROM sessions; END",
        "CREATE VIEW v AS SELECT * FROM messages",
        "CREATE VIRTUAL TABLE f USING fts5 (x)",
        "DROP TRIGGER generations_are_not_deleted",
        "DROP TABLE semantic_pins",
        "UPDATE refinery_schema_history SET checksum = 'x'",
        "UPDATE refinery_schema_history SET applied_on = 'x'",
        "DELETE FROM refinery_schema_history WHERE version = 2",
        "PRAGMA user_version = -1",
        "PRAGMA foreign_keys = OFF; DELETE FROM sessions",
    ] {
        let backup = changed(&chats, sql);
        let outcome = prepare(&chats.place, &backup, restoring(), &quiet()).map(drop);
        let error = outcome.expect_err(sql);
        assert!(matches!(error, Error::Invalid { .. }), "{sql}: {error:?}");
    }
}

/// A store of schema 5, which had no uid, takes the uid of the store that it comes back to.
#[test]
fn an_older_backup_is_brought_up_to_date_on_the_way() {
    let chats = Chats::new();
    let backup = changed(
        &chats,
        "PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema WHERE name LIKE 'search%' OR tbl_name LIKE 'search%';
         PRAGMA writable_schema = RESET;
         VACUUM;
         DROP TRIGGER new_messages_are_queued;
         DROP TRIGGER finished_messages_are_queued;
         DROP TRIGGER streaming_messages_have_no_vectors;
         DROP TABLE message_vectors;
         DROP TABLE embedding_queue;
         DROP TABLE embedding_models;
         DROP TABLE summary_messages;
         DROP INDEX summaries_by_end;
         DROP INDEX summaries_extractive;
         ALTER TABLE conversation_summaries DROP COLUMN origin;
         ALTER TABLE conversation_summaries DROP COLUMN model_id;
         ALTER TABLE conversation_summaries DROP COLUMN whole;
         ALTER TABLE sessions DROP COLUMN named_by_user;
         ALTER TABLE generations DROP COLUMN purpose;
         DROP TABLE store_identity;
         DELETE FROM refinery_schema_history WHERE version >= 6;
         PRAGMA user_version = 5;",
    );
    chats.add("Coffee", 1);
    let uid = chats.back_up().manifest().unwrap().db_uid.clone();
    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    assert_eq!(prepared.plan().schema, 5);
    prepared.apply(&quiet()).unwrap();
    assert_eq!(chats.names(), ["Tea"]);
    assert_eq!(chats.back_up().manifest().unwrap().db_uid, uid);
}

#[test]
fn a_backup_with_other_pages_is_rewritten_to_fit() {
    let chats = Chats::new();
    let backup = changed(&chats, "PRAGMA page_size = 8192; VACUUM");
    chats.add("Coffee", 1);
    assert_eq!(restore(&chats, &backup).mode, Mode::Online);
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn a_backup_goes_to_a_new_file_and_never_over_one() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let to = chats.folder.path().join("elsewhere.db");
    restore_to(&backup, &to, &restoring(), &quiet()).unwrap();
    let rows: i64 = Connection::open(&to)
        .unwrap()
        .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 20);
    let error = restore_to(&backup, &to, &restoring(), &quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
}

#[test]
fn a_half_done_swap_is_finished_before_anything_else() {
    let chats = Chats::new();
    let backup = chats.back_up();
    chats.add("Coffee", 1);
    let stage = chats.place.backups.join(".work/swap");
    let out = chats.place.backups.join("quarantine/replaced-x");
    for state in ["out", "in"] {
        fs::create_dir_all(&stage).unwrap();
        fs::create_dir_all(&out).unwrap();
        fs::copy(&backup.path, stage.join("chatkeep.db")).unwrap();
        if state == "in" {
            fs::rename(chats.database(), out.join("chatkeep.db")).unwrap();
        }
        let journal = format!(
            r#"{{"format_version":1,"state":"{state}","incoming":"backups/.work/swap","outgoing":"backups/quarantine/replaced-x"}}"#
        );
        fs::write(chats.folder.path().join("restore.journal.json"), journal).unwrap();
        let refused = chatkeep_store::OpenOptions::new(chats.folder.path()).open();
        assert!(
            matches!(
                refused,
                Err(chatkeep_store::OpenError::RestoreUnfinished { .. })
            ),
            "the app does not open half a restore"
        );
        assert!(chatkeep_backup::finish_interrupted(&chats.place, &quiet()).unwrap());
        assert_eq!(chats.names(), ["Tea"]);
        chats.assert_nothing_half_made();
    }
}

#[test]
fn the_plan_tells_what_is_in_the_live_files_place() {
    let chats = Chats::new();
    let backup = chats.back_up();
    fs::write(chats.database(), b"").unwrap();
    let prepared = prepare(&chats.place, &backup, restoring(), &quiet()).unwrap();
    assert!(matches!(prepared.plan().live, Live::Damaged { .. }));
    drop(prepared);
    assert!(last_restore(&chats.place).unwrap().is_none());
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let chats = Chats::new();
    chats.back_up();
    let error = BackupFolder::open(&chats.folder.path().join("nowhere")).unwrap_err();
    assert_eq!(error.exit_code(), 10);
}
