//! What the app backs up by itself.

use chatkeep_backup::Kind;
use chatkeep_store::{BackupKeep, BackupSettings, backup_settings};

use super::super::automatic::{before_delete, on_exit, tick};
use super::super::views::{BackupLevel, BackupState, BackupTaskKind};
use super::super::{create, list, second, verify};
use super::*;

fn kinds(app: &App) -> Vec<Kind> {
    let backups = app.backups();
    let manifests = backups.iter().filter_map(Backup::manifest);
    manifests.map(|it| it.kind).collect()
}

fn look(app: &App, at: Timestamp) {
    wait(tick(&app.state, at));
}

#[test]
fn a_full_backup_comes_first_then_points_and_full_ones_as_something_changes() {
    let app = App::new();
    app.add("Tea", 60);
    let start = now();
    look(&app, start);
    assert_eq!(kinds(&app), [Kind::Full]);
    assert!(app.status().last_proven_at.is_some(), "it was drilled");
    assert!(app.has_heard(&News::Backups));

    look(&app, start.plus_ms(minutes(20)));
    assert_eq!(kinds(&app), [Kind::Full], "nothing changed");

    app.add("Coffee", 1);
    look(&app, start.plus_ms(minutes(21)));
    assert_eq!(kinds(&app), [Kind::Delta, Kind::Full]);
    app.add("Water", 1);
    look(&app, start.plus_ms(minutes(31)));
    assert_eq!(kinds(&app), [Kind::Full, Kind::Delta, Kind::Full]);
    assert_eq!(app.reasons(), [Reason::Scheduled; 3]);
}

#[test]
fn after_a_start_nothing_is_made_unless_something_changed_since() {
    let app = App::new();
    app.add("Tea", 60);
    look(&app, now());
    wait(app.state.close());
    let before = kinds(&app).len();

    let App { state, folder, .. } = app;
    drop(state);
    let app = App::on(folder);
    look(&app, now().plus_ms(minutes(600)));
    assert_eq!(kinds(&app).len(), before);
}

#[test]
fn an_older_backup_is_restored_for_a_trial_once_a_month() {
    let app = App::new();
    app.add("Tea", 3);
    let start = now();
    let month = start.plus_ms(minutes(31 * 24 * 60));
    let drilled = |app: &App| {
        let oldest = app.backups().pop().unwrap();
        let checked = oldest.manifest().unwrap().verification.clone().unwrap();
        checked.drilled_at_ms.map(Timestamp::from_ms)
    };
    for at in [start, start.plus_ms(minutes(60))] {
        app.add("Coffee", 1);
        look(&app, at);
    }
    assert_eq!(drilled(&app), Some(start));
    // All but the newest are candidates; let the oldest be the only one.
    fs::remove_file(&app.backups()[0].path).unwrap();
    app.add("Water", 1);
    look(&app, month);
    assert_eq!(drilled(&app), Some(month));
}

#[test]
fn turned_off_it_makes_none() {
    let app = App::new();
    let off = BackupSettings {
        automatic: false,
        ..BackupSettings::default()
    };
    wait(app.state.write(move |tx| backup_settings::update(tx, &off))).unwrap();
    look(&app, now());
    wait(before_delete(&app.state, now()));
    wait(app.state.close());
    assert!(app.backups().is_empty());
}

#[test]
fn what_is_no_longer_kept_goes_with_the_next_full_backup() {
    let app = App::new();
    let few = BackupSettings {
        keep: BackupKeep {
            within_hours: 1,
            daily: 0,
            weekly: 0,
            monthly: 0,
            max_bytes: None,
        },
        ..BackupSettings::default()
    };
    wait(app.state.write(move |tx| backup_settings::update(tx, &few))).unwrap();
    let start = now();
    for hours in 0..6 {
        app.add(&format!("Session {hours}"), 1);
        look(&app, start.plus_ms(minutes(60 * 2 * hours)));
    }
    assert_eq!(kinds(&app), [Kind::Full; 3], "three are kept in any case");
}

#[test]
fn a_point_precedes_what_is_deleted_for_good() {
    let app = App::new();
    app.add("Tea", 60);
    look(&app, now());
    let doomed = app.add("Coffee", 3);
    let at = now();
    wait(before_delete(&app.state, at));
    wait(app.state.write(move |tx| sessions::delete(tx, doomed))).unwrap();
    assert_eq!(app.reasons(), [Reason::PreDelete, Reason::Scheduled]);
    assert_eq!(list::all(&app.place()).unwrap()[0].sessions, Some(2));

    // The next one a moment later is a part of the same step; one an hour later is not.
    wait(before_delete(&app.state, at.plus_ms(1000)));
    assert_eq!(app.reasons().len(), 2);
    wait(before_delete(&app.state, at.plus_ms(minutes(60))));
    assert_eq!(app.reasons().len(), 3);
}

#[test]
fn the_end_of_the_app_leaves_a_backup_of_everything() {
    let app = App::new();
    app.add("Tea", 60);
    wait(app.state.close());
    assert_eq!(app.reasons(), [Reason::Exit]);
    assert_eq!(list::all(&app.place()).unwrap()[0].sessions, Some(1));
    drop(open(app.path())); // the folder is free
}

#[test]
fn a_backup_that_cannot_be_made_does_not_keep_the_app_from_ending() {
    let app = App::new();
    app.add("Tea", 3);
    fs::write(app.path().join("backups"), "in the way").unwrap();
    wait(app.state.close());
    drop(open(app.path()));
}

#[test]
fn a_failure_is_told_and_a_success_takes_it_back() {
    let app = App::new();
    app.add("Tea", 3);
    let in_the_way = app.path().join("backups");
    fs::write(&in_the_way, "in the way").unwrap();
    let start = now();
    look(&app, start);
    assert_eq!(
        app.notices(),
        [BackupNoticeKind::LastFailed, BackupNoticeKind::Never]
    );

    fs::remove_file(&in_the_way).unwrap();
    look(&app, start.plus_ms(minutes(1)));
    assert!(app.backups().is_empty(), "too soon after a failure");
    look(&app, start.plus_ms(minutes(15)));
    assert_eq!(app.notices(), [BackupNoticeKind::SameDisk]);
}

#[test]
fn a_damaged_database_is_told_and_kept_and_no_backup_goes() {
    let app = App::new();
    app.add("Tea", 60);
    look(&app, now());
    wait(app.state.close());
    let App { state, folder, .. } = app;
    drop(state);
    damage_rows(&folder);

    let app = App::on(folder);
    app.add("Coffee", 1);
    // A point holds the pages as they are; the full backup that follows checks them.
    look(&app, now().plus_ms(minutes(60)));
    let good = app.backups().len();
    look(&app, now().plus_ms(minutes(61)));
    assert!(app.notices().contains(&BackupNoticeKind::SourceDamaged));
    assert_eq!(app.backups().len(), good);
    let quarantine = app.place().backups.join("quarantine");
    assert_eq!(fs::read_dir(quarantine).unwrap().count(), 1);
}

#[test]
fn each_full_backup_is_copied_to_the_second_folder_and_read_back_there() {
    let app = App::new();
    let disk = tempfile::tempdir().unwrap();
    app.add("Tea", 60);
    second::choose(&app.place(), Some(disk.path())).unwrap();
    let own = disk.path().join("Chatkeep backups");
    assert_eq!(app.status().second_folder, Some(own.display().to_string()));

    let made = wait(create(&app.state, nobody())).unwrap();
    let items = list::all(&app.place()).unwrap();
    let copy = items.iter().find(|it| it.is_second).unwrap();
    assert_eq!(copy.state, BackupState::Good);
    assert_eq!(copy.id, format!("second/{}", made.id));
    assert_eq!(copy.folder, own.display().to_string());
    assert_eq!(items.len(), 2);
    let checked = verify(
        &app.state,
        copy.id.clone(),
        BackupLevel::Drill,
        None,
        nobody(),
    );
    assert!(wait(checked).unwrap().is_second);

    // Its disk is taken away: that is told, and is no failure.
    fs::remove_dir_all(&own).unwrap();
    wait(create(&app.state, nobody())).unwrap();
    assert!(!own.exists());
    assert_eq!(
        app.notices(),
        [
            BackupNoticeKind::SecondFolderMissing,
            BackupNoticeKind::SameDisk
        ]
    );
    second::choose(&app.place(), None).unwrap();
    assert_eq!(app.status().second_folder, None);
}

#[test]
fn a_second_folder_among_the_chats_is_refused() {
    let app = App::new();
    let inside = app.path().join("mine");
    fs::create_dir(&inside).unwrap();
    for folder in [
        inside.as_path(),
        Path::new("near/by"),
        Path::new("/no/such"),
    ] {
        assert!(second::choose(&app.place(), Some(folder)).is_err());
    }
}

#[test]
fn the_exit_makes_nothing_where_nothing_changed() {
    let app = App::new();
    app.add("Tea", 3);
    look(&app, now());
    wait(on_exit(&app.state, now()));
    assert_eq!(app.reasons(), [Reason::Scheduled]);
}

#[test]
fn a_second_long_task_is_refused_and_the_first_can_be_cancelled() {
    let app = App::new();
    app.add("Tea", 60);
    let (task, control) = app
        .state
        .backups
        .tasks
        .begin(BackupTaskKind::Verify, None)
        .unwrap();
    let refused = wait(create(&app.state, nobody())).unwrap_err();
    assert_eq!(refused.kind, crate::error::ErrorKind::Busy);
    assert!(app.status().task.is_some());
    app.state.backups.cancel();
    assert!(
        control
            .cancel_flag()
            .load(std::sync::atomic::Ordering::Relaxed)
    );
    drop(task);
    wait(create(&app.state, nobody())).unwrap();
}
