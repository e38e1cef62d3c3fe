//! What a check finds, what it notes, and how the folder is looked after.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;

use chatkeep_backup::{
    Backup, BackupFolder, Check, Error, Layout, Level, Manifest, Place, Policy, Prune, Severity,
    State, create, delete, doctor, export, prepare, prune, set_pinned, verify,
};
use common::{Chats, flip, now, options, quiet, restoring, with_suffix};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

fn at(level: Level) -> Check<'static> {
    Check {
        level,
        key: None,
        now: now(),
    }
}

fn folder(place: &Place) -> BackupFolder {
    BackupFolder::open(&place.backups).unwrap()
}

#[test]
fn every_level_passes_on_a_good_backup_and_is_noted() {
    let chats = Chats::new();
    let mut backup = chats.back_up();
    for level in [Level::Quick, Level::Standard, Level::Drill] {
        backup = verify(&chats.place, backup, &at(level), &quiet()).unwrap();
    }
    let noted = folder(&chats.place).list().unwrap();
    let verification = noted[0].manifest().unwrap().verification.clone().unwrap();
    assert_eq!(verification.level, Level::Drill);
    assert_eq!(verification.drilled_at_ms, Some(common::NOW_MS));
    chats.assert_nothing_half_made();
}

#[test]
fn every_byte_of_a_manifest_matters() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let good = fs::read(with_suffix(&backup.path, ".json")).unwrap();
    assert!(Manifest::parse(&good).is_ok());
    for at in 0..good.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            assert!(Manifest::parse(&bytes).is_err(), "byte {at}, bit {bit:#x}");
        }
        assert!(Manifest::parse(&good[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_changed_byte_of_the_data_is_found_and_the_live_file_is_untouched() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let before = chats.bytes();
    let size = fs::metadata(&backup.path).unwrap().len() as usize;
    for at_byte in (0..size).step_by(997) {
        flip(&backup.path, at_byte);
        let error = verify(&chats.place, backup.clone(), &at(Level::Quick), &quiet()).unwrap_err();
        assert_eq!(error.exit_code(), 21, "byte {at_byte}");
        let outcome = prepare(&chats.place, &backup, restoring(), &quiet()).map(drop);
        assert_eq!(outcome.unwrap_err().exit_code(), 21, "byte {at_byte}");
        flip(&backup.path, at_byte);
    }
    assert_eq!(chats.bytes(), before);
    verify(&chats.place, backup, &at(Level::Standard), &quiet()).unwrap();
}

#[test]
fn a_damaged_backup_is_never_the_latest() {
    let chats = Chats::new();
    let good = chats.back_up();
    let bad = chats.back_up_at(now().plus_ms(60_000));
    flip(&bad.path, 5000);
    verify(&chats.place, bad, &at(Level::Quick), &quiet()).unwrap_err();
    let found = folder(&chats.place).find("latest").unwrap();
    assert_eq!(found.path, good.path);
}

/// As when the log of a copied database is missing: sound pages, fewer rows.
#[test]
fn rows_that_are_missing_from_a_sound_database_are_found() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let text = fs::read_to_string(with_suffix(&backup.path, ".json")).unwrap();
    let more = text.replace("\"rows\": 20", "\"rows\": 21");
    assert_ne!(more, text);
    let body = more.rsplit_once("\n  \"manifest_blake3\"").unwrap().0;
    let sealed = format!(
        "{body}\n  \"manifest_blake3\": \"{}\"\n}}\n",
        blake3::hash(body.as_bytes()).to_hex()
    );
    fs::write(with_suffix(&backup.path, ".json"), sealed).unwrap();
    let backup = Backup::at(&backup.path).unwrap();
    let error = verify(&chats.place, backup, &at(Level::Standard), &quiet()).unwrap_err();
    assert!(
        error.to_string().contains("20 rows; its manifest says 21"),
        "{error}"
    );
}

/// The pages and the rows are sound then, and an index is of something else.
#[test]
fn an_index_that_is_not_of_the_texts_is_found_by_its_ids_and_in_a_drill_by_its_words() {
    let chats = Chats::new();
    let intrude = |sql: &str| {
        let raw = Connection::open(chats.database()).unwrap();
        raw.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
            .unwrap();
        raw.execute_batch(sql).unwrap();
    };
    intrude("UPDATE messages SET text = 'nothing of the kind' WHERE id = 3");
    let backup = chats.back_up();
    let backup = verify(&chats.place, backup, &at(Level::Standard), &quiet()).unwrap();
    let error = verify(&chats.place, backup, &at(Level::Drill), &quiet()).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");

    intrude("DELETE FROM search_words_docsize WHERE id = 3");
    let error = create(&chats.place, &options(now()), &quiet()).unwrap_err();
    assert!(
        error.to_string().contains("search_words is an index of"),
        "{error}"
    );
}

#[test]
fn fields_of_a_newer_version_are_kept() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let path = with_suffix(&backup.path, ".json");
    let text = fs::read_to_string(&path).unwrap();
    let body = text.rsplit_once("\n  \"manifest_blake3\"").unwrap().0;
    let body = body.replacen('{', "{\n  \"mood\": \"good\",", 1);
    let hash = blake3::hash(body.as_bytes()).to_hex();
    fs::write(
        &path,
        format!("{body}\n  \"manifest_blake3\": \"{hash}\"\n}}\n"),
    )
    .unwrap();
    let backup = Backup::at(&backup.path).unwrap();
    set_pinned(&folder(&chats.place), &backup, true, &quiet()).unwrap();
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("\"mood\": \"good\"")
    );
    let State::Managed(manifest) = Backup::at(&backup.path).unwrap().state else {
        panic!("not managed");
    };
    assert!(manifest.pinned);
}

#[test]
fn pruning_removes_what_no_rule_keeps_and_nothing_else() {
    let chats = Chats::new();
    let day = 86_400_000;
    let backups: Vec<_> = (0..4)
        .map(|it| chats.back_up_at(now().plus_ms(it * day)))
        .collect();
    fs::write(chats.place.backups.join("notes.txt"), "mine").unwrap();
    fs::copy(
        &backups[0].path,
        chats.place.backups.join("chatkeep.db.bare.bak"),
    )
    .unwrap();
    set_pinned(&folder(&chats.place), &backups[0], true, &quiet()).unwrap();
    let policy = Policy {
        within_ms: 0,
        last: 1,
        daily: 0,
        weekly: 0,
        monthly: 0,
        fulls_min: 1,
        ..Policy::default()
    };
    let end = now().plus_ms(4 * day);
    let folder = folder(&chats.place);
    let would = prune(&folder, &policy, Prune::DryRun, end, &quiet()).unwrap();
    assert_eq!(folder.list().unwrap().len(), 5);
    let done = prune(&folder, &policy, Prune::Remove, end, &quiet()).unwrap();
    assert_eq!(would, done);
    let left: Vec<_> = folder.list().unwrap().iter().map(Backup::name).collect();
    assert_eq!(
        left,
        [
            backups[3].name(),
            backups[0].name(),
            "chatkeep.db.bare.bak".into()
        ]
    );
    assert!(chats.place.backups.join("notes.txt").exists());
}

#[test]
fn a_prune_that_was_cut_between_two_files_is_finished_by_the_next() {
    let chats = Chats::new();
    let first = chats.back_up();
    chats.back_up();
    fs::remove_file(&first.path).unwrap();
    let folder = folder(&chats.place);
    assert!(matches!(folder.list().unwrap()[1].state, State::Damaged(_)));
    prune(&folder, &Policy::default(), Prune::Remove, now(), &quiet()).unwrap();
    assert_eq!(folder.list().unwrap().len(), 1);
}

#[test]
fn a_pinned_backup_is_not_deleted() {
    let chats = Chats::new();
    let backup = chats.back_up();
    let folder = folder(&chats.place);
    let pinned = set_pinned(&folder, &backup, true, &quiet()).unwrap();
    assert_eq!(
        delete(&folder, &pinned, &quiet()).unwrap_err().exit_code(),
        2
    );
    let unpinned = set_pinned(&folder, &pinned, false, &quiet()).unwrap();
    delete(&folder, &unpinned, &quiet()).unwrap();
    assert!(folder.list().unwrap().is_empty());
}

#[test]
fn an_export_is_a_plain_database() {
    let chats = Chats::new();
    let backup = chats.back_up();
    for (layout, name) in [(Layout::Exact, "exact.db"), (Layout::Compact, "compact.db")] {
        let to = chats.folder.path().join(name);
        export(&backup, &to, layout, None, &quiet()).unwrap();
        let connection = Connection::open(&to).unwrap();
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 20);
        let again = export(&backup, &to, layout, None, &quiet());
        assert!(matches!(again, Err(Error::Usage { .. })));
    }
}

#[test]
fn the_doctor_tells_what_is_missing() {
    let chats = Chats::new();
    let worst = || {
        doctor(&chats.place, now(), &quiet())
            .unwrap()
            .iter()
            .map(|it| it.severity)
            .max()
    };
    assert_eq!(worst(), Some(Severity::Error), "no backups");
    let backup = chats.back_up();
    assert_eq!(worst(), Some(Severity::Warning), "no drill, the same disk");
    fs::remove_file(&backup.path).unwrap();
    assert_eq!(worst(), Some(Severity::Error), "no data");
}

#[test]
fn the_backup_of_a_moment_is_the_newest_before_it() {
    let chats = Chats::new();
    let first = chats.back_up();
    let second = chats.back_up_at(now().plus_ms(60_000));
    let folder = folder(&chats.place);
    let path_at = |ms| folder.find_at(now().plus_ms(ms)).map(|it| it.path);
    assert_eq!(path_at(59_999).unwrap(), first.path);
    assert_eq!(path_at(60_000).unwrap(), second.path);
    assert_eq!(path_at(-1).unwrap_err().exit_code(), 10);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_works() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join(OsStr::from_bytes(b"dat\xff a"));
    fs::create_dir(&data).unwrap();
    common::add(&common::open(&data), "Tea", 3);
    let place = Place::in_folder(&data);
    let backup = chatkeep_backup::create(&place, &common::options(now()), &quiet()).unwrap();
    common::add(&common::open(&data), "Coffee", 3);
    prepare(&place, &backup, restoring(), &quiet())
        .unwrap()
        .apply(&quiet())
        .unwrap();
    assert_eq!(common::names(&common::open(&data)), ["Tea"]);
}
