//! What a tool needs that replaces the database of a running store, and what is done before a
//! migration.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chatkeep_store::testing::make_older_database;
use chatkeep_store::{DATABASE_FILE, Error, NewSession, OpenError, OpenOptions, Store, sessions};
use tempfile::tempdir;

use crate::support::{column, looker};

fn add(store: &Store, name: &str) -> Result<(), Error> {
    let added = store.write(|tx| sessions::insert(tx, &NewSession::named(name)));
    added.map(drop)
}

fn count(store: &Store) -> u64 {
    store.read(sessions::count).unwrap()
}

#[test]
fn while_writes_are_held_reads_go_on_and_a_write_waits() {
    let folder = tempdir().unwrap();
    let store = Arc::new(OpenOptions::new(folder.path()).open().unwrap());
    let hold = store.hold_writes().unwrap();
    let writer = Arc::clone(&store);
    let waiting = thread::spawn(move || add(&writer, "Tea"));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(count(&store), 0);
    drop(hold);
    waiting.join().unwrap().unwrap();
    assert_eq!(count(&store), 1);
}

/// Whether a write was refused that had begun to wait `ahead` before the database was replaced.
fn is_refused(store: &Arc<Store>, ahead: Duration) -> bool {
    let before = count(store);
    let hold = store.hold_writes().unwrap();
    let writer = Arc::clone(store);
    let waiting = thread::spawn(move || add(&writer, "Too late"));
    thread::sleep(ahead);
    hold.replaced();
    match waiting.join().unwrap() {
        Err(Error::Busy) => {
            assert_eq!(count(store), before);
            true
        }
        // On a busy computer it had not begun to wait by then.
        outcome => outcome.map(|()| false).unwrap(),
    }
}

#[test]
fn a_write_that_waited_while_the_database_was_replaced_is_not_done() {
    let folder = tempdir().unwrap();
    let store = Arc::new(OpenOptions::new(folder.path()).open().unwrap());
    let longer_each_time = (4..12).map(|it| Duration::from_millis(1 << it));
    assert!(
        longer_each_time
            .into_iter()
            .any(|it| is_refused(&store, it))
    );
    add(&store, "Afterwards").unwrap();
}

#[test]
fn before_a_migration_the_caller_is_asked_once_and_with_the_database_as_it_is() {
    let folder = tempdir().unwrap();
    make_older_database(folder.path(), 5);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let hearing = Arc::clone(&asked);
    let open = move || {
        let hearing = Arc::clone(&hearing);
        OpenOptions::new(folder.path())
            .before_migration(move |file| {
                let version = column(&looker(file), "PRAGMA user_version");
                hearing.lock().unwrap().extend(version);
                Ok(())
            })
            .open()
            .unwrap()
    };
    drop(open());
    drop(open());
    assert_eq!(*asked.lock().unwrap(), ["5"]);
}

#[test]
fn a_caller_who_refuses_keeps_the_database_as_it_is() {
    let folder = tempdir().unwrap();
    make_older_database(folder.path(), 5);
    let file = folder.path().join(DATABASE_FILE);
    let before = std::fs::read(&file).unwrap();
    let refused = OpenOptions::new(folder.path())
        .before_migration(|_| Err(OpenError::DiskFull))
        .open();
    assert!(matches!(refused, Err(OpenError::DiskFull)));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
