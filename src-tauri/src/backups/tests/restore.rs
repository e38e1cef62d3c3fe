//! Restoring and salvaging from within the app, with a database and without one.

use chatkeep_backup::{Control, CreateOptions, Lock};

use super::super::key::BackupKey;
use super::super::restore::{plan, restore, salvage, undo, use_salvaged};
use super::super::views::{BackupLevel, LiveDatabase};
use super::super::{create, delete, list, set_pinned, verify};
use super::*;
use crate::error::ErrorKind;
use crate::opening::{AppStatus, FailureKind};

fn back_up(app: &App) -> String {
    wait(create(&app.state, nobody())).unwrap().id
}

fn is_ready(status: &AppStatus) -> bool {
    matches!(status, AppStatus::Ready { .. })
}

/// An app whose database could not be opened, with a backup of it.
fn failed() -> (App, String) {
    let app = App::new();
    app.add("Tea", 60);
    let id = back_up(&app);
    wait(app.state.close());
    let App { state, folder, .. } = app;
    drop(state);
    damage_header(&folder);
    let app = App::on(folder);
    assert_eq!(app.state.failure().unwrap().kind, FailureKind::Corrupt);
    (app, id)
}

#[test]
fn a_plan_tells_what_is_gained_and_lost_and_changes_nothing() {
    let app = App::new();
    let tea = app.add("Tea", 3);
    let id = back_up(&app);
    wait(app.state.write(move |tx| sessions::delete(tx, tea))).unwrap();
    app.add("Coffee", 2);
    let plan = wait(plan(&app.state, id, None, nobody())).unwrap();
    assert_eq!(plan.live, LiveDatabase::Readable);
    let rows = |table: &str| {
        let it = plan.tables.iter().find(|it| it.table == table).unwrap();
        (it.now, it.then, it.gained, it.lost)
    };
    // As many sessions as before, and not the same one.
    assert_eq!(rows("sessions"), (Some(1), 1, 1, 1));
    assert_eq!(rows("messages"), (Some(2), 3, 3, 2));
    assert!(plan.newest_message_now > plan.newest_message_then);
    assert_eq!(app.names(), ["Coffee"]);
}

#[test]
fn a_restore_replaces_everything_and_its_undo_brings_it_back() {
    let app = App::new();
    app.add("Tea", 3);
    let id = back_up(&app);
    app.add("Coffee", 2);
    let restored = wait(restore(&app.state, id, None, nobody())).unwrap();
    assert_eq!(app.names(), ["Tea"]);
    assert!(is_ready(&restored.status) && app.has_heard(&News::Reload));
    let undoable = app.status().undo.unwrap();
    assert_eq!(Some(undoable.name), restored.safety_backup);

    wait(undo(&app.state, nobody())).unwrap();
    assert_eq!(app.names(), ["Coffee", "Tea"]);
    app.add("Water", 1);
}

#[test]
fn a_backup_of_other_chats_is_refused_and_the_app_goes_on() {
    let other = App::new();
    other.add("Not mine", 1);
    back_up(&other);
    let app = App::new();
    app.add("Tea", 3);
    back_up(&app);
    for entry in fs::read_dir(other.place().backups).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let to = app.place().backups.join(path.file_name().unwrap());
            fs::copy(
                &path,
                to.with_file_name(format!("{}", to.file_name().unwrap().display())),
            )
            .unwrap();
        }
    }
    let foreign = list::all(&other.place()).unwrap().remove(0).id;
    let error = wait(restore(&app.state, foreign, None, nobody())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BackupUnusable);
    app.add("Coffee", 1);
    assert_eq!(app.names(), ["Coffee", "Tea"]);
}

#[test]
fn a_damaged_row_found_while_the_app_runs_does_not_stop_a_restore() {
    let app = App::new();
    app.add("Tea", 60);
    let id = back_up(&app);
    wait(app.state.close());
    let App { state, folder, .. } = app;
    drop(state);
    damage_rows(&folder);
    let app = App::on(folder);
    assert!(app.state.failure().is_none());
    let refused = wait(create(&app.state, nobody())).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::DatabaseCorrupt);
    assert!(app.notices().contains(&BackupNoticeKind::SourceDamaged));
    let restored = wait(restore(&app.state, id, None, nobody())).unwrap();
    assert!(
        Path::new(&restored.former.unwrap())
            .join(DATABASE_FILE)
            .is_file()
    );
    assert!(is_ready(&restored.status));
    assert_eq!(app.notices(), [BackupNoticeKind::SameDisk]);
    app.add("Coffee", 1);
    assert_eq!(app.names(), ["Coffee", "Tea"]);
}

#[test]
fn the_failure_window_lists_plans_and_restores() {
    let (app, id) = failed();
    assert!(
        list::all(&app.place())
            .unwrap()
            .iter()
            .any(|it| it.id == id)
    );
    let planned = wait(plan(&app.state, id.clone(), None, nobody())).unwrap();
    assert_eq!(planned.live, LiveDatabase::Damaged);
    assert!(app.state.failure().is_some(), "a plan changes nothing");

    let restored = wait(restore(&app.state, id, None, nobody())).unwrap();
    assert!(is_ready(&restored.status) && app.has_heard(&News::Reload));
    assert_eq!(app.names(), ["Tea"]);
    let former = Path::new(&restored.former.unwrap()).join(DATABASE_FILE);
    assert_eq!(fs::read(former).unwrap()[..16], [0; 16]);
}

#[test]
fn the_failure_window_salvages_and_uses_what_was_saved() {
    let (app, _) = failed();
    let early = wait(use_salvaged(&app.state)).unwrap_err();
    assert!(matches!(early.kind, ErrorKind::InvalidInput { .. }));

    let saved = wait(salvage(&app.state, nobody())).unwrap();
    let sessions = saved
        .tables
        .iter()
        .find(|it| it.table == "sessions")
        .unwrap();
    assert_eq!((sessions.rows, &sessions.problem), (1, &None));
    assert!(Path::new(&saved.file).is_file());
    assert!(app.state.failure().is_some(), "it is not in use yet");

    let used = wait(use_salvaged(&app.state)).unwrap();
    assert!(is_ready(&used.status));
    assert_eq!(app.names(), ["Tea"]);
    assert!(Path::new(&used.former).join(DATABASE_FILE).is_file());
    app.add("Coffee", 1);
}

#[test]
fn the_newest_good_backup_and_pinned_ones_are_not_deleted() {
    let app = App::new();
    app.add("Tea", 3);
    let older = back_up(&app);
    app.add("Coffee", 3);
    let newest = back_up(&app);
    let refused = wait(delete(&app.state, newest)).unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::InvalidInput { .. }));
    assert!(
        wait(set_pinned(&app.state, older.clone(), true))
            .unwrap()
            .pinned
    );
    wait(delete(&app.state, older.clone())).unwrap_err();
    wait(set_pinned(&app.state, older.clone(), false)).unwrap();
    wait(delete(&app.state, older)).unwrap();
    assert_eq!(app.backups().len(), 1);
}

const PASSPHRASE: &str = "seven green leaves";
/// A pair of keys that opens nothing but these tests' backups.
const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

/// A backup as `backup-db` makes it when it is told to encrypt.
fn encrypted(app: &App, lock: Lock) -> String {
    let options = CreateOptions {
        encrypt: Some(lock),
        ..CreateOptions::new(Reason::Manual, now())
    };
    let backup = chatkeep_backup::create(&app.place(), &options, &Control::default()).unwrap();
    list::item(&backup, false).id
}

fn passphrase(text: &str) -> Option<BackupKey> {
    let passphrase = text.to_owned();
    Some(BackupKey::Passphrase { passphrase })
}

fn file(path: PathBuf) -> Option<BackupKey> {
    Some(BackupKey::File { path })
}

#[test]
fn an_encrypted_backup_is_restored_with_its_passphrase_and_with_no_other() {
    let app = App::new();
    app.add("Tea", 3);
    let id = encrypted(&app, Lock::Passphrase(PASSPHRASE.to_owned().into()));
    app.add("Coffee", 2);
    for wrong in [None, passphrase(""), passphrase("seven green leaves ")] {
        let refused = wait(restore(&app.state, id.clone(), wrong, nobody())).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::BackupKey);
        assert_eq!(app.names(), ["Coffee", "Tea"]);
    }
    let wrong = wait(plan(&app.state, id.clone(), passphrase("leaves"), nobody()));
    assert_eq!(wrong.unwrap_err().kind, ErrorKind::BackupKey);
    let planned = wait(plan(
        &app.state,
        id.clone(),
        passphrase(PASSPHRASE),
        nobody(),
    ))
    .unwrap();
    assert!(planned.backup.encrypted && planned.tables.iter().any(|it| it.lost > 0));
    let restored = wait(restore(&app.state, id, passphrase(PASSPHRASE), nobody())).unwrap();
    assert!(is_ready(&restored.status));
    assert_eq!(app.names(), ["Tea"]);
    assert_eq!(files_with(&app, PASSPHRASE), Vec::<PathBuf>::new());
}

#[test]
fn the_failure_window_restores_an_encrypted_backup_with_its_key_file() {
    let app = App::new();
    app.add("Tea", 60);
    let id = encrypted(&app, Lock::recipients(&[RECIPIENT]).unwrap());
    wait(app.state.close());
    let App { state, folder, .. } = app;
    drop(state);
    damage_header(&folder);
    let app = App::on(folder);
    let keys = tempfile::tempdir().unwrap();
    let (right, no_key) = (keys.path().join("key.txt"), keys.path().join("letter.txt"));
    fs::write(&right, format!("# created today\n{IDENTITY}\n")).unwrap();
    fs::write(&no_key, "Dear Ada,\n").unwrap();
    for wrong in [
        None,
        file(no_key),
        file(keys.path().join("gone")),
        passphrase(PASSPHRASE),
    ] {
        let refused = wait(restore(&app.state, id.clone(), wrong, nobody())).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::BackupKey);
        assert!(app.state.failure().is_some());
    }
    let restored = wait(restore(&app.state, id, file(right), nobody())).unwrap();
    assert!(is_ready(&restored.status));
    assert_eq!(app.names(), ["Tea"]);
    assert_eq!(files_with(&app, IDENTITY), Vec::<PathBuf>::new());
}

#[test]
fn an_encrypted_backup_is_proven_with_its_key() {
    let app = App::new();
    app.add("Tea", 3);
    let id = encrypted(&app, Lock::Passphrase(PASSPHRASE.to_owned().into()));
    let prove = |key| {
        wait(verify(
            &app.state,
            id.clone(),
            BackupLevel::Drill,
            key,
            nobody(),
        ))
    };
    assert_eq!(prove(None).unwrap_err().kind, ErrorKind::BackupKey);
    let refused = prove(passphrase("leaves")).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::BackupKey);
    let proven = prove(passphrase(PASSPHRASE)).unwrap();
    assert_eq!(proven.level, Some(BackupLevel::Drill));
}

/// The files of the data folder that a text is in.
fn files_with(app: &App, text: &str) -> Vec<PathBuf> {
    let mut folders = vec![app.path().to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && contains(&fs::read(&path).unwrap(), text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}
