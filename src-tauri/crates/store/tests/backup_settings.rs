//! How the app backs up by itself: apart from the other settings.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{BackupKeep, BackupSettings, Entity, Settings, backup_settings, settings};

use crate::support::{assert_invalid, changes, intruder, refused, touched};

fn get(store: &TestStore) -> BackupSettings {
    store.read(backup_settings::get).unwrap()
}

fn mine() -> BackupSettings {
    BackupSettings {
        automatic: false,
        interval_minutes: 60,
        point_minutes: 0,
        keep: BackupKeep {
            within_hours: 24,
            daily: 7,
            weekly: 0,
            monthly: 1000,
            max_bytes: None,
        },
    }
}

#[test]
fn what_was_never_set_is_at_its_default() {
    let expected = BackupSettings {
        automatic: true,
        interval_minutes: 30,
        point_minutes: 15,
        keep: BackupKeep {
            within_hours: 48,
            daily: 14,
            weekly: 8,
            monthly: 12,
            max_bytes: Some(5 * 1024 * 1024 * 1024),
        },
    };
    assert_eq!(get(&TestStore::new()), expected);
}

#[test]
fn they_are_read_back_and_the_other_settings_leave_them_alone() {
    let store = TestStore::new();
    let committed = store.write(|tx| backup_settings::update(tx, &mine()));
    assert_eq!(
        changes(&committed.unwrap()),
        [touched(Entity::Settings, "")]
    );
    store
        .write(|tx| settings::update(tx, &Settings::default()))
        .unwrap();
    assert_eq!(get(&store), mine());
    assert_eq!(store.read(settings::get).unwrap(), Settings::default());
    assert_eq!(get(&store.reopened()), mine());
}

#[test]
fn a_damaged_row_is_the_default() {
    let store = TestStore::new();
    store
        .write(|tx| backup_settings::update(tx, &mine()))
        .unwrap();
    intruder(store.file())
        .execute_batch("UPDATE settings SET value = '{\"automatic\":7}' WHERE name = 'backups'")
        .unwrap();
    assert_eq!(get(&store), BackupSettings::default());
}

#[test]
fn a_number_out_of_its_range_is_refused() {
    let store = TestStore::new();
    let keep = |within_hours, daily, max_bytes| BackupSettings {
        keep: BackupKeep {
            within_hours,
            daily,
            max_bytes,
            ..BackupKeep::default()
        },
        ..BackupSettings::default()
    };
    let times = |interval_minutes, point_minutes| BackupSettings {
        interval_minutes,
        point_minutes,
        ..BackupSettings::default()
    };
    for (settings, field, limit) in [
        (
            times(4, 15),
            "minutes between backups",
            "must be between 5 and 10080, not 4",
        ),
        (
            times(30, 1441),
            "minutes between points",
            "must be between 0 and 1440, not 1441",
        ),
        (
            keep(0, 1, None),
            "hours of backups kept",
            "must be between 1 and 8760, not 0",
        ),
        (
            keep(1, 1001, None),
            "daily backups kept",
            "must be between 0 and 1000, not 1001",
        ),
        (
            keep(1, 1, Some(1)),
            "size of all backups",
            "must be 100 MiB or more",
        ),
    ] {
        let error = refused(&store, |tx| backup_settings::update(tx, &settings));
        assert_invalid(&error, field, limit);
    }
}
