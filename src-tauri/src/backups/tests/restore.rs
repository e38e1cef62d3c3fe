//! Restoring and salvaging from within the app, with a database and without one.

use super::super::restore::{plan, restore, salvage, undo, use_salvaged};
use super::super::views::LiveDatabase;
use super::super::{create, delete, list, set_pinned};
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
    let plan = wait(plan(&app.state, id, nobody())).unwrap();
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
    let restored = wait(restore(&app.state, id, nobody())).unwrap();
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
    let error = wait(restore(&app.state, foreign, nobody())).unwrap_err();
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
    let restored = wait(restore(&app.state, id, nobody())).unwrap();
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
    let planned = wait(plan(&app.state, id.clone(), nobody())).unwrap();
    assert_eq!(planned.live, LiveDatabase::Damaged);
    assert!(app.state.failure().is_some(), "a plan changes nothing");

    let restored = wait(restore(&app.state, id, nobody())).unwrap();
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
