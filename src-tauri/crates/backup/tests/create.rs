//! Making a backup, from a database that is in use, damaged, or not there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatkeep_backup::{Backup, BackupFolder, CreateOptions, Error, Level, Reason, create};
use common::{Chats, add, flip, now, options, quiet};

#[test]
fn a_backup_is_one_private_sqlite_file_with_a_manifest() {
    let chats = Chats::new();
    let backup = chats.back_up();

    assert_eq!(backup.name(), "chatkeep.db.2026-11-21_000000.bak");
    let header = fs::read(&backup.path).unwrap();
    assert_eq!(&header[18..20], [1, 1], "journal mode delete");
    for path in [
        backup.path.clone(),
        common::with_suffix(&backup.path, ".json"),
    ] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let manifest = backup.manifest().unwrap();
    assert!(manifest.is_verified());
    assert_eq!(manifest.content["messages"].rows, 20);
    assert!(manifest.db_uid.is_some());
    chats.assert_nothing_half_made();
}

#[test]
fn what_is_written_is_what_is_listed() {
    let chats = Chats::new();
    let made = chats.back_up();
    let listed = BackupFolder::open(&chats.place.backups)
        .unwrap()
        .list()
        .unwrap();
    assert_eq!(listed, [made]);
}

#[test]
fn two_backups_in_one_second_are_both_kept_and_in_order() {
    let chats = Chats::new();
    chats.back_up();
    chats.back_up();
    let folder = BackupFolder::open(&chats.place.backups).unwrap();
    let names: Vec<_> = folder.list().unwrap().iter().map(Backup::name).collect();
    assert_eq!(
        names,
        [
            "chatkeep.db.2026-11-21_000000-2.bak",
            "chatkeep.db.2026-11-21_000000.bak"
        ]
    );
}

#[test]
fn a_clock_that_was_set_back_does_not_change_the_order() {
    let chats = Chats::new();
    let first = chats.back_up();
    let second = chats.back_up_at(now().plus_ms(-86_400_000));
    let folder = BackupFolder::open(&chats.place.backups).unwrap();
    assert_eq!(folder.list().unwrap(), [second.clone(), first]);
    assert_eq!(folder.find("latest").unwrap(), second);
}

#[test]
fn a_backup_holds_what_was_committed_and_is_still_in_the_log() {
    let chats = Chats::new();
    let store = chats.open();
    add(&store, "Coffee", 5);
    let backup = chats.back_up();
    assert_eq!(backup.manifest().unwrap().content["messages"].rows, 25);
}

/// Without the pinned read transaction every commit makes the copy begin again.
#[test]
fn a_backup_ends_beside_a_writer_that_does_not() {
    let chats = Chats::new();
    let store = chats.open();
    for number in 0..40 {
        add(&store, &format!("Session {number}"), 200);
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                add(&store, "More", 1);
                count += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            count
        });
        let control = quiet().at_most(4 << 20).within(Duration::from_secs(60));
        let backup = create(&chats.place, &options(now()), &control);
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        let backup = backup.unwrap();
        assert!(backup.manifest().unwrap().content["messages"].rows >= 8020);
        println!("{written} commits beside it");
        assert!(written > 10);
    });
}

#[test]
fn the_newest_backup_is_proven_by_a_restore() {
    let chats = Chats::new();
    let backup = create(
        &chats.place,
        &CreateOptions::new(Reason::Manual, now()),
        &quiet(),
    )
    .unwrap();
    let verification = backup.manifest().unwrap().verification.clone().unwrap();
    assert_eq!(verification.level, Level::Drill);
    assert_eq!(verification.drilled_at_ms, Some(common::NOW_MS));
    chats.assert_nothing_half_made();
}

#[test]
fn a_damaged_database_is_not_backed_up_but_kept_for_a_look() {
    let chats = Chats::new();
    let good = chats.back_up();
    let size = fs::metadata(chats.database()).unwrap().len() as usize;
    for at in (4096 * 3..size).step_by(4096) {
        flip(chats.database(), at);
    }
    let error = create(&chats.place, &options(now()), &quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 20);
    let Error::SourceCorrupt {
        quarantine: Some(copy),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(copy.is_file());
    let again = create(&chats.place, &options(now().plus_ms(60_000)), &quiet()).unwrap_err();
    let Error::SourceCorrupt { quarantine, .. } = again else {
        panic!("{again:?}");
    };
    assert_eq!(quarantine, Some(copy), "one copy a day");
    let folder = BackupFolder::open(&chats.place.backups).unwrap();
    assert_eq!(folder.list().unwrap(), [good]);
}

#[test]
fn nothing_is_no_database() {
    let chats = Chats::new();
    fs::remove_file(chats.database()).unwrap();
    let error = create(&chats.place, &options(now()), &quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 10, "{error}");
    fs::write(chats.database(), b"").unwrap();
    let error = create(&chats.place, &options(now()), &quiet()).unwrap_err();
    assert_eq!(error.exit_code(), 20, "{error}");
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let chats = Chats::new();
    let control = quiet();
    let cancel = control.cancel_flag();
    let control = control.watched(move |_| cancel.store(true, Ordering::Relaxed));
    let error = create(&chats.place, &options(now()), &control).unwrap_err();
    assert_eq!(error.exit_code(), 130);
    chats.assert_nothing_half_made();
    assert!(
        BackupFolder::open(&chats.place.backups)
            .unwrap()
            .list()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_backup_that_takes_too_long_is_given_up() {
    let chats = Chats::new();
    let control = quiet().within(Duration::ZERO);
    let error = create(&chats.place, &options(now()), &control).unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
    chats.assert_nothing_half_made();
}

/// An older SQLite than the one built in, as a Debian user has it.
#[test]
fn debians_sqlite3_opens_a_backup() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let output = Command::new("sqlite3")
        .arg(&backup.path)
        .arg("PRAGMA integrity_check; SELECT count(*) FROM messages;")
        .output()
        .expect("the Debian package sqlite3");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n20\n");
}
