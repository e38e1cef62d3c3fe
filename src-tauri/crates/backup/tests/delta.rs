//! Points in time between full backups, made of the pages that changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;

use chatkeep_backup::{
    Backup, BackupFolder, Check, Control, CreateOptions, Kind, Layout, Level, create_delta, export,
    prepare, verify,
};
use chatkeep_store::Timestamp;
use common::{Chats, flip, now, options, quiet, restoring};
use rusqlite::Connection;

const MINUTE_MS: i64 = 60_000;

fn at(minute: i64) -> Timestamp {
    now().plus_ms(minute * MINUTE_MS)
}

fn point(chats: &Chats, minute: i64) -> Option<Backup> {
    create_delta(&chats.place, &options(at(minute)), &quiet()).unwrap()
}

fn kind(backup: &Backup) -> Kind {
    backup.manifest().unwrap().kind
}

fn folder(chats: &Chats) -> BackupFolder {
    BackupFolder::open(&chats.place.backups).unwrap()
}

fn rows(chats: &Chats, backup: &Backup) -> i64 {
    let to = chats.folder.path().join("exported.db");
    let _ = fs::remove_file(&to);
    export(backup, &to, Layout::Exact, None, &quiet()).unwrap();
    let connection = Connection::open(&to).unwrap();
    connection
        .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_point_holds_only_what_changed_and_restores_all() {
    let chats = Chats::new();
    for number in 0..20 {
        chats.add(&format!("Session {number}"), 100);
    }
    let full = point(&chats, 0).unwrap();
    assert_eq!(kind(&full), Kind::Full, "there was nothing to build on");
    let mut points = vec![full];
    for minute in 1..=4 {
        chats.add(&format!("Minute {minute}"), 5);
        let point = point(&chats, minute).unwrap();
        assert_eq!(kind(&point), Kind::Delta);
        points.push(point);
    }
    let size = |it: &Backup| fs::metadata(&it.path).unwrap().len();
    assert!(
        size(&points[4]) * 20 < size(&points[0]),
        "{} of {}",
        size(&points[4]),
        size(&points[0])
    );
    for (minute, point) in points.iter().enumerate() {
        assert_eq!(rows(&chats, point), 2020 + 5 * minute as i64);
    }

    let moment = folder(&chats)
        .find_at(Timestamp::from_ms(at(2).as_ms() + 30_000))
        .unwrap();
    assert_eq!(moment.path, points[2].path);
    prepare(&chats.place, &moment, restoring(), &quiet())
        .unwrap()
        .apply(&quiet())
        .unwrap();
    assert!(chats.names().contains(&"Minute 2".to_owned()));
    assert!(!chats.names().contains(&"Minute 3".to_owned()));
}

#[test]
fn nothing_is_written_when_nothing_has_changed() {
    let chats = Chats::new();
    point(&chats, 0).unwrap();
    assert_eq!(point(&chats, 1), None);
    assert_eq!(chats.names(), ["Tea"]);
    assert_eq!(
        point(&chats, 2),
        None,
        "opening and closing the app changes nothing"
    );
    chats.add("Coffee", 1);
    assert!(point(&chats, 3).is_some());
    assert_eq!(point(&chats, 4), None);
    chats.assert_nothing_half_made();
}

#[test]
fn every_level_checks_a_point() {
    let chats = Chats::new();
    point(&chats, 0).unwrap();
    chats.add("Coffee", 1);
    let mut point = point(&chats, 1).unwrap();
    for level in [Level::Quick, Level::Standard, Level::Drill] {
        let check = Check {
            level,
            key: None,
            now: at(2),
        };
        point = verify(&chats.place, point, &check, &quiet()).unwrap();
    }
    assert!(point.manifest().unwrap().is_verified());
}

#[test]
fn a_database_that_shrinks_and_grows_is_followed() {
    let chats = Chats::new();
    for number in 0..6 {
        chats.add(&format!("Session {number}"), 200);
    }
    point(&chats, 0).unwrap();
    let connection = Connection::open(chats.database()).unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON; DELETE FROM sessions WHERE name LIKE 'Session%'; VACUUM",
        )
        .unwrap();
    drop(connection);
    // Nearly every page differs, but it is still a point; its size then makes the next one full.
    let small = point(&chats, 1).unwrap();
    assert_eq!(rows(&chats, &small), 20);
    for number in 0..6 {
        chats.add(&format!("Again {number}"), 200);
    }
    let large = point(&chats, 2).unwrap();
    assert_eq!(rows(&chats, &large), 1220);
}

#[test]
fn a_lost_list_of_hashes_is_made_again() {
    let chats = Chats::new();
    point(&chats, 0).unwrap();
    for minute in 1..4 {
        chats.add("More", 3);
        for entry in fs::read_dir(chats.place.backups.join(".work")).unwrap() {
            let path = entry.unwrap().path();
            if path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("pages-")
            {
                match minute {
                    1 | 2 => fs::remove_file(path).unwrap(),
                    _ => flip(&path, 40),
                }
            }
        }
        let point = point(&chats, minute).unwrap();
        assert_eq!(kind(&point), Kind::Delta);
        assert_eq!(rows(&chats, &point), 20 + 3 * minute);
    }
}

#[test]
fn a_damaged_base_makes_its_points_useless_and_the_next_one_full() {
    let chats = Chats::new();
    let full = point(&chats, 0).unwrap();
    chats.add("Coffee", 1);
    let delta = point(&chats, 1).unwrap();
    flip(&full.path, 5000);
    let outcome = prepare(&chats.place, &delta, restoring(), &quiet()).map(drop);
    assert_eq!(outcome.unwrap_err().exit_code(), 21);
    let check = Check {
        level: Level::Quick,
        key: None,
        now: at(1),
    };
    verify(&chats.place, full, &check, &quiet()).unwrap_err();
    chats.add("Water", 1);
    assert_eq!(kind(&point(&chats, 2).unwrap()), Kind::Full);
}

#[test]
fn every_byte_of_a_delta_matters() {
    let chats = Chats::new();
    point(&chats, 0).unwrap();
    chats.add("Coffee", 1);
    let delta = point(&chats, 1).unwrap();
    let live = chats.bytes();
    let size = fs::metadata(&delta.path).unwrap().len() as usize;
    for at_byte in (0..size).step_by(251) {
        flip(&delta.path, at_byte);
        let outcome = prepare(&chats.place, &delta, restoring(), &quiet()).map(drop);
        assert_eq!(outcome.unwrap_err().exit_code(), 21, "byte {at_byte}");
        flip(&delta.path, at_byte);
    }
    assert_eq!(chats.bytes(), live);
}

#[test]
fn a_cancelled_point_leaves_nothing() {
    use std::sync::atomic::Ordering;
    let chats = Chats::new();
    point(&chats, 0).unwrap();
    chats.add("Coffee", 1);
    let control = Control::default();
    control.cancel_flag().store(true, Ordering::Relaxed);
    let error = create_delta(&chats.place, &options(at(1)), &control).unwrap_err();
    assert_eq!(error.exit_code(), 130);
    chats.assert_nothing_half_made();
    assert_eq!(folder(&chats).list().unwrap().len(), 1);
}

#[test]
fn another_store_in_the_same_folder_begins_a_chain_of_its_own() {
    let (chats, other) = (Chats::new(), Chats::new());
    point(&chats, 0).unwrap();
    let mut place = other.place.clone();
    place.backups.clone_from(&chats.place.backups);
    let backup = create_delta(&place, &CreateOptions { ..options(at(1)) }, &quiet()).unwrap();
    assert_eq!(kind(&backup.unwrap()), Kind::Full);
}
