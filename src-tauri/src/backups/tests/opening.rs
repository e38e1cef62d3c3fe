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
