//! The lock of a data folder: one opener at a time, in this process or another, until its end.

use std::fs;

use chatkeep_store::{DATABASE_FILE, OpenError, OpenOptions, Store, sessions};
use tempfile::tempdir;

use crate::support::child;

fn open(folder: &std::path::Path, holder: &str) -> Result<Store, OpenError> {
    OpenOptions::new(folder).holder(holder).open()
}

/// Who has the folder, as a second opener is told.
fn told_holder(folder: &std::path::Path) -> String {
    match open(folder, "The second").err() {
        Some(OpenError::Locked { file, holder }) => {
            assert_eq!(file, folder.join(DATABASE_FILE));
            holder
        }
        other => panic!("not locked: {other:?}"),
    }
}

#[test]
fn a_second_opener_in_the_same_process_is_told_who_was_first() {
    let folder = tempdir().unwrap();
    let first = open(folder.path(), "The first").unwrap();
    let expected = format!("The first (process {})", std::process::id());
    assert_eq!(told_holder(folder.path()), expected);
    assert_eq!(told_holder(folder.path()), expected, "asking takes nothing");
    assert_eq!(first.read(sessions::count).unwrap(), 0);

    drop(first);
    let second = open(folder.path(), "The second, and longer").unwrap();
    assert!(told_holder(folder.path()).starts_with("The second, and longer (process "));
    drop(second);
    open(folder.path(), "X").unwrap();
    let note = fs::read_to_string(folder.path().join("chatkeep.db.lock")).unwrap();
    assert_eq!(note, format!("X (process {})", std::process::id()));
}

#[test]
fn a_holder_without_a_name_is_chatkeep() {
    let folder = tempdir().unwrap();
    let _first = OpenOptions::new(folder.path()).open().unwrap();
    assert!(told_holder(folder.path()).starts_with("Chatkeep (process "));
}

#[test]
fn a_locked_database_says_which_file_and_who() {
    let folder = tempdir().unwrap();
    let _first = open(folder.path(), "The first").unwrap();
    let error = open(folder.path(), "The second").err().unwrap();
    let expected = format!(
        "the database {} is in use by The first (process {})",
        folder.path().join(DATABASE_FILE).display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_open_that_fails_gives_the_lock_back() {
    let folder = tempdir().unwrap();
    let file = folder.path().join(DATABASE_FILE);
    fs::write(&file, "no database").unwrap();
    for _ in 0..2 {
        let error = open(folder.path(), "The first").err().unwrap();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    }
    fs::remove_file(file).unwrap();
    open(folder.path(), "The first").unwrap();
}

#[test]
fn another_process_keeps_the_folder_until_it_is_killed() {
    if let Some(folder) = child::folder() {
        let _store = open(&folder, "The other").unwrap();
        child::say("open");
        return child::stay();
    }
    let folder = tempdir().unwrap();
    let test = "locking::another_process_keeps_the_folder_until_it_is_killed";
    let mut other = child::Running::start(test, folder.path());
    assert_eq!(other.hear(), "open");
    let expected = format!("The other (process {})", other.id());
    assert_eq!(told_holder(folder.path()), expected);

    other.kill();
    let store = open(folder.path(), "The second").unwrap();
    assert_eq!(store.read(sessions::count).unwrap(), 0);
}

#[test]
fn two_folders_are_open_side_by_side() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let _one = open(one.path(), "The first").unwrap();
    open(two.path(), "The second").unwrap();
}
