//! Opening a database that a former version wrote.

use chatkeep_backup::Level;
use chatkeep_store::testing::make_older_database;

use super::*;
use crate::opening::FailureKind;

const OLDER: u32 = 5;

#[test]
fn a_migration_is_preceded_by_a_backup_that_was_restored_for_a_trial() {
    let folder = tempfile::tempdir().unwrap();
    make_older_database(folder.path(), OLDER);
    let app = App::on(folder);
    assert!(app.state.failure().is_none());
    assert_eq!(app.reasons(), [Reason::PreMigration]);
    let backup = app.backups().remove(0);
    let manifest = backup.manifest().unwrap();
    assert_eq!(manifest.database.user_version, OLDER);
    assert_eq!(manifest.verification.as_ref().unwrap().level, Level::Drill);
    // The next start has nothing to migrate.
    let App { state, folder, .. } = app;
    drop(state);
    assert_eq!(App::on(folder).reasons(), [Reason::PreMigration]);
}

#[test]
fn without_that_backup_nothing_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    make_older_database(folder.path(), OLDER);
    let before = fs::read(database(&folder)).unwrap();
    fs::write(folder.path().join("backups"), "in the way").unwrap();
    let app = App::on(folder);
    let failure = app.state.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::Other);
    assert!(
        failure
            .message
            .contains("no backup could be made before the upgrade"),
        "{}",
        failure.message
    );
    assert_eq!(fs::read(database(&app.folder)).unwrap(), before);
}

#[test]
fn a_new_database_and_one_of_this_version_need_none() {
    assert!(App::new().backups().is_empty());
    assert!(App::on(used_folder()).backups().is_empty());
}

#[test]
fn a_restore_that_was_cut_off_is_finished_first() {
    let folder = used_folder();
    let incoming = folder.path().join("backups/.work/swap-1");
    fs::create_dir_all(&incoming).unwrap();
    fs::create_dir_all(folder.path().join("backups/quarantine/former")).unwrap();
    // Between its two moves: the live database is gone, the other one not yet there.
    fs::rename(database(&folder), incoming.join(DATABASE_FILE)).unwrap();
    fs::write(
        folder.path().join("restore.journal.json"),
        r#"{ "format_version": 1, "state": "in", "incoming": "backups/.work/swap-1",
             "outgoing": "backups/quarantine/former" }"#,
    )
    .unwrap();
    let app = App::on(folder);
    assert_eq!(app.names(), ["Tea"]);
    assert!(!app.path().join("restore.journal.json").exists());
}
