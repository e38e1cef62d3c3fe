//! Settings: kept one by one, so that a damaged one costs no other.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{Entity, Settings, Theme, settings};
use serde_json::json;

use crate::support::{changes, column, intruder, looker, touched};

fn get(store: &TestStore) -> Settings {
    store.read(settings::get).unwrap()
}

#[test]
fn what_was_never_set_is_at_its_default() {
    let expected = Settings {
        theme: Theme::System,
        sidebar_open: true,
        memory_open: false,
        last_session_id: None,
    };
    assert_eq!(get(&TestStore::new()), expected);
}

#[test]
fn settings_are_read_back_across_restarts() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let mine = Settings {
        theme: Theme::Dark,
        sidebar_open: false,
        memory_open: true,
        last_session_id: Some(session),
    };
    let committed = store.write(|tx| settings::update(tx, &mine)).unwrap();
    assert_eq!(committed.value, mine);
    assert_eq!(changes(&committed), [touched(Entity::Settings, "")]);

    let store = store.reopened();
    assert_eq!(get(&store), mine);
    let back = store
        .write(|tx| settings::update(tx, &Settings::default()))
        .unwrap();
    assert_eq!(back.value, Settings::default());
}

#[test]
fn a_damaged_setting_costs_no_other_and_one_of_a_newer_version_is_kept() {
    let store = TestStore::new();
    let mine = Settings {
        theme: Theme::Light,
        memory_open: true,
        ..Settings::default()
    };
    store.write(|tx| settings::update(tx, &mine)).unwrap();
    intruder(store.file())
        .execute_batch(
            "UPDATE settings SET value = '\"sepia\"' WHERE name = 'theme';
             UPDATE settings SET value = '{}' WHERE name = 'lastSessionId';
             INSERT INTO settings VALUES ('fontSize', '14');",
        )
        .unwrap();
    let expected = Settings {
        theme: Theme::System,
        memory_open: true,
        ..Settings::default()
    };
    assert_eq!(get(&store), expected);

    store.write(|tx| settings::update(tx, &mine)).unwrap();
    assert_eq!(get(&store), mine);
    let newer = "SELECT value FROM settings WHERE name = 'fontSize'";
    assert_eq!(column(&looker(store.file()), newer), ["14"]);
}

#[test]
fn json_has_the_names_of_the_bindings_and_takes_no_other_words() {
    let value = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(
        value,
        json!({
            "theme": "system", "sidebarOpen": true, "memoryOpen": false, "lastSessionId": null,
        })
    );
    for theme in [Theme::System, Theme::Light, Theme::Dark] {
        let word = serde_json::to_value(theme).unwrap();
        assert_eq!(serde_json::from_value::<Theme>(word).unwrap(), theme);
    }
    assert!(serde_json::from_value::<Theme>(json!("sepia")).is_err());
}
