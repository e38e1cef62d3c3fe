//! Opening: what is made, what is refused and with which error, and that what is refused stays as
//! it was, byte for byte.

use std::fs;
use std::path::Path;

use chatkeep_store::{
    DATABASE_FILE, Error, NewMessage, OpenError, Shelf, Store, messages, sessions,
};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::{TempDir, tempdir};

use crate::support::folder::{contents, database, open, saved_folder};
use crate::support::{assert_sound, branch, intruder, shelf, texts};

/// The error of a folder that must be refused, and must be left as it was, twice.
fn refused(folder: &Path) -> OpenError {
    let before = contents(folder);
    let first = open(folder).err().expect("a folder that is refused");
    let second = open(folder).err().expect("a folder that is refused again");
    let after = contents(folder);
    assert!(
        before == after,
        "{first}: from {:?} to {:?}",
        before.keys(),
        after.keys()
    );
    assert_eq!(first.to_string(), second.to_string());
    first
}

/// Asserts that the folder is refused as damaged, and what is said of it.
#[track_caller]
fn assert_corrupt(folder: &Path, said: &str) {
    match refused(folder) {
        OpenError::Corrupt { what } => assert!(what.contains(said), "{what:?} without {said:?}"),
        other => panic!("not told as corrupt: {other:?}"),
    }
}

/// What the store shows of a folder made by [`saved_folder`].
fn assert_saved_is_there(store: &Store) {
    let all = shelf(store, Shelf::Active, 10);
    assert_eq!(all.len(), 1);
    assert_eq!(texts(&branch(store, all[0].id, 10)), ["How long?"]);
}

#[cfg(unix)]
#[test]
fn a_missing_folder_is_made_for_its_owner_only_and_a_folder_that_is_there_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |folder: &Path| fs::metadata(folder).unwrap().permissions().mode() & 0o777;
    let home = tempdir().unwrap();
    let folder = home.path().join("share/chatkeep");
    drop(open(&folder).unwrap());
    assert_eq!(mode(&folder), 0o700);

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    drop(open(&folder).unwrap());
    assert_eq!(mode(&folder), 0o755);
}

#[test]
fn a_closed_store_leaves_one_file_and_its_lock() {
    let folder = saved_folder();
    let names: Vec<_> = contents(folder.path()).into_keys().collect();
    assert_eq!(names, [DATABASE_FILE]);
    assert_saved_is_there(&open(folder.path()).unwrap());
}

#[test]
fn a_file_of_zero_bytes_is_not_taken_for_a_new_database() {
    let folder = tempdir().unwrap();
    fs::write(database(&folder), "").unwrap();
    assert_corrupt(folder.path(), "the file is empty (0 bytes)");
}

#[test]
fn files_that_are_no_database_are_refused() {
    let scrambled = |length: u32| -> Vec<u8> {
        let bytes = (1..=length).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]);
        bytes.collect()
    };
    for bytes in [
        b"x".to_vec(),
        b"Dear diary, today I learned about databases.\n".repeat(200),
        scrambled(100),
        scrambled(16_384),
        vec![0; 4096],
    ] {
        let folder = tempdir().unwrap();
        fs::write(database(&folder), bytes).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    }
}

#[test]
fn another_programs_database_is_refused_in_any_journal_mode() {
    for mode in ["delete", "wal"] {
        let folder = tempdir().unwrap();
        let raw = Connection::open(database(&folder)).unwrap();
        raw.pragma_update(None, "journal_mode", mode).unwrap();
        raw.execute_batch("CREATE TABLE sessions (id); PRAGMA user_version = 1;")
            .unwrap();
        raw.close().unwrap();
        let before = fs::read(database(&folder)).unwrap();
        match open(folder.path()).err() {
            Some(OpenError::Corrupt { what }) => {
                assert_eq!(what, "the file is not a Chatkeep database");
            }
            other => panic!("{mode}: {other:?}"),
        }
        assert!(fs::read(database(&folder)).unwrap() == before, "{mode}");
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let folder = saved_folder();
    let raw = intruder(&database(&folder));
    raw.pragma_update(None, "user_version", 99).unwrap();
    raw.close().unwrap();
    let error = refused(folder.path());
    assert!(
        matches!(
            error,
            OpenError::SchemaTooNew {
                found: 99,
                supported: 10
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the database has schema 99; this version reads up to 10"
    );
}

/// Leaves the write-ahead log as a crash would.
fn close_without_checkpoint(raw: Connection) {
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .unwrap();
    raw.close().unwrap();
}

#[test]
fn a_newer_schema_is_refused_also_where_it_is_still_in_the_log() {
    let folder = saved_folder();
    let raw = intruder(&database(&folder));
    raw.execute_batch("CREATE TABLE of_tomorrow (id); PRAGMA user_version = 99;")
        .unwrap();
    close_without_checkpoint(raw);
    let log = "chatkeep.db-wal";
    assert!(!contents(folder.path())[log].is_empty());

    let error = refused(folder.path());

    assert!(
        matches!(error, OpenError::SchemaTooNew { found: 99, .. }),
        "{error:?}"
    );
    assert!(!contents(folder.path())[log].is_empty());
}

#[test]
fn a_missing_file_beside_its_log_is_not_taken_for_a_new_database() {
    let folder = saved_folder();
    let raw = intruder(&database(&folder));
    raw.execute_batch("UPDATE sessions SET name = 'Newer'")
        .unwrap();
    close_without_checkpoint(raw);
    let away = folder.path().join("elsewhere.db");
    fs::rename(database(&folder), &away).unwrap();
    assert_corrupt(
        folder.path(),
        "the file is missing, but its write-ahead log",
    );
    assert!(!database(&folder).exists());

    // Put back, nothing is lost.
    fs::rename(away, database(&folder)).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(shelf(&store, Shelf::Active, 10)[0].name, "Newer");
}

#[test]
fn a_log_without_a_byte_beside_a_missing_file_is_no_obstacle() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("chatkeep.db-wal"), "").unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.read(sessions::count).unwrap(), 0);
}

/// The threads of the pool once held a connection for a moment longer than the lock.
#[test]
fn a_store_that_is_closed_right_after_it_was_opened_is_closed_once_it_is_dropped() {
    let folder = saved_folder();
    for _ in 0..50 {
        drop(open(folder.path()).unwrap());
        assert!(!folder.path().join("chatkeep.db-wal").exists());
    }
}

#[test]
fn a_damaged_record_of_the_migrations_is_told_and_ends_no_program() {
    for damage in [
        "UPDATE refinery_schema_history SET applied_on = 'yesterday' WHERE version = 1",
        "UPDATE refinery_schema_history SET applied_on = NULL",
        "UPDATE refinery_schema_history SET applied_on = x'00ff'",
        "UPDATE refinery_schema_history SET checksum = 'sum' WHERE version = 3",
        "UPDATE refinery_schema_history SET checksum = '-1'",
        "UPDATE refinery_schema_history SET checksum = NULL",
        "UPDATE refinery_schema_history SET version = 'one' WHERE version = 1",
        "UPDATE refinery_schema_history SET version = 99999999999 WHERE version = 2",
        "UPDATE refinery_schema_history SET name = NULL",
        "PRAGMA user_version = -1",
        "DROP TABLE refinery_schema_history",
    ] {
        let folder = saved_folder();
        let raw = intruder(&database(&folder));
        raw.execute_batch(damage).unwrap();
        raw.close().unwrap();
        let error = refused(folder.path());
        assert!(
            matches!(error, OpenError::Corrupt { .. }),
            "{damage}: {error:?}"
        );
    }
}

#[test]
fn a_record_of_other_migrations_is_told_and_ends_no_program() {
    for damage in [
        "DELETE FROM refinery_schema_history",
        "DELETE FROM refinery_schema_history WHERE version = 2",
        "UPDATE refinery_schema_history SET checksum = '0' WHERE version = 1",
        "UPDATE refinery_schema_history SET name = '' WHERE version = 1",
        "INSERT INTO refinery_schema_history
         SELECT max(version) + 1, 'later', applied_on, checksum FROM refinery_schema_history",
    ] {
        let folder = saved_folder();
        let raw = intruder(&database(&folder));
        raw.execute_batch(damage).unwrap();
        raw.close().unwrap();
        let error = refused(folder.path());
        assert!(
            matches!(error, OpenError::Migration(_)),
            "{damage}: {error:?}"
        );
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_told() {
    let folder = tempdir().unwrap();
    fs::create_dir(database(&folder)).unwrap();
    assert_corrupt(folder.path(), "there is a folder in the place of the file");
    assert!(database(&folder).is_dir());
}

#[test]
fn a_file_in_the_place_of_the_folder_is_told_and_kept() {
    let home = tempdir().unwrap();
    let folder = home.path().join("chatkeep");
    fs::write(&folder, "mine").unwrap();
    for path in [folder.clone(), folder.join("inside")] {
        let error = open(&path).err().unwrap();
        assert!(matches!(error, OpenError::Other { .. }), "{error:?}");
    }
    assert_eq!(fs::read_to_string(folder).unwrap(), "mine");
}

/// Where `text` stands in the database file, which must be closed.
fn position(folder: &TempDir, text: &str) -> usize {
    let bytes = fs::read(database(folder)).unwrap();
    let mut windows = bytes.windows(text.len());
    windows.position(|it| it == text.as_bytes()).unwrap()
}

/// Overwrites the page that holds the byte at `position`, past the file's header.
fn damage_page(folder: &TempDir, position: usize) {
    const PAGE: usize = 4096;
    let mut bytes = fs::read(database(folder)).unwrap();
    let start = (position / PAGE * PAGE).max(100);
    let end = position / PAGE * PAGE + PAGE;
    bytes[start..end].fill(0xA5);
    fs::write(database(folder), bytes).unwrap();
}

#[test]
fn a_damaged_page_of_the_schema_is_told() {
    for text in ["CREATE TABLE messages", "CREATE TABLE settings"] {
        let folder = saved_folder();
        damage_page(&folder, position(&folder, text));
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    }
}

#[test]
fn a_statement_of_the_schema_that_is_no_sql_is_told() {
    let folder = saved_folder();
    let at = position(&folder, "CREATE TABLE messages");
    let mut bytes = fs::read(database(&folder)).unwrap();
    bytes[at..at + 12].copy_from_slice(b"CREATE TUBLE");
    fs::write(database(&folder), bytes).unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    for keep in [1, 3] {
        let folder = saved_folder();
        let bytes = fs::read(database(&folder)).unwrap();
        fs::write(database(&folder), &bytes[..bytes.len() * keep / 4]).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    }
}

#[test]
fn a_damaged_page_of_messages_is_told_when_it_is_read_and_the_rest_is_there() {
    let folder = saved_folder();
    damage_page(&folder, position(&folder, "How long?"));
    let store = open(folder.path()).unwrap();
    let all = shelf(&store, Shelf::Active, 10);
    assert_eq!(all[0].name, "Tea");
    let error = store
        .read(|tx| messages::list(tx, all[0].id, None, 10))
        .unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert_eq!(error.to_string(), "the database is damaged");
    let error = store
        .write(|tx| messages::append(tx, &NewMessage::user(all[0].id, "Hello?")))
        .unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[test]
fn what_an_interrupted_first_start_left_is_no_obstacle() {
    for (name, bytes) in [
        (
            "chatkeep.db.new",
            &b"SQLite format 3\0 and not much more"[..],
        ),
        ("chatkeep.db.new", b""),
        (
            "chatkeep.db.new-journal",
            b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
        ),
    ] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let store = open(folder.path()).unwrap();
        assert_eq!(store.read(sessions::count).unwrap(), 0);
        assert_sound(store.file());
        drop(store);
        let names: Vec<_> = contents(folder.path()).into_keys().collect();
        assert_eq!(names, [DATABASE_FILE]);
    }
}

#[test]
fn a_leftover_of_a_first_start_is_not_looked_at_beside_a_database() {
    let folder = saved_folder();
    fs::write(folder.path().join("chatkeep.db.new"), "half").unwrap();
    assert_saved_is_there(&open(folder.path()).unwrap());
}

#[test]
fn the_sqlite_that_is_built_in_is_one_without_the_wal_bug() {
    let version = chatkeep_store::sqlite_version();
    let numbers: Vec<u32> = version.split('.').map(|it| it.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}
