//! Settings: kept one by one, so that a damaged one costs no other.

use chatkeep_store::context::RecallFrom;
use chatkeep_store::testing::TestStore;
use chatkeep_store::{AutoPins, Entity, NewSession, Settings, Theme, sessions, settings};
use serde_json::json;

use crate::support::{assert_invalid, changes, column, intruder, looker, refused, touched};

const HOURS: &str = "hours of a temporary session";
const DAYS: &str = "days in the trash";

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
        temporary_hours: 24,
        trash_days: 30,
        summarize: true,
        summary_after_messages: 8,
        summary_after_percent: 25,
        summary_model: None,
        recaps: true,
        auto_pins: AutoPins::Rules,
        recall_percent: 10,
        recall_from: RecallFrom::ThisSession,
        embedding_model: "all-MiniLM-L6-v2".to_owned(),
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
        temporary_hours: 720,
        trash_days: 1,
        summarize: false,
        summary_after_messages: 200,
        summary_after_percent: 5,
        summary_model: Some("ollama/qwen3:4b".to_owned()),
        recaps: false,
        auto_pins: AutoPins::Model,
        recall_percent: 50,
        recall_from: RecallFrom::EverySession,
        embedding_model: "ollama/nomic-embed-text".to_owned(),
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
fn a_number_out_of_its_range_is_refused() {
    let store = TestStore::new();
    for (hours, days, field, limit) in [
        (0, 30, HOURS, "must be between 1 and 720, not 0"),
        (721, 30, HOURS, "must be between 1 and 720, not 721"),
        (24, 0, DAYS, "must be between 1 and 365, not 0"),
        (24, 366, DAYS, "must be between 1 and 365, not 366"),
    ] {
        let settings = Settings {
            temporary_hours: hours,
            trash_days: days,
            ..Settings::default()
        };
        let error = refused(&store, |tx| settings::update(tx, &settings));
        assert_invalid(&error, field, limit);
    }
}

#[test]
fn json_has_the_names_of_the_bindings_and_takes_no_other_words() {
    let value = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(
        value,
        json!({
            "theme": "system", "sidebarOpen": true, "memoryOpen": false, "lastSessionId": null,
            "temporaryHours": 24, "trashDays": 30, "summarize": true, "summaryAfterMessages": 8,
            "summaryAfterPercent": 25, "summaryModel": null, "recaps": true, "autoPins": "rules",
            "recallPercent": 10, "recallFrom": "thisSession", "embeddingModel": "all-MiniLM-L6-v2",
        })
    );
    for theme in [Theme::System, Theme::Light, Theme::Dark] {
        let word = serde_json::to_value(theme).unwrap();
        assert_eq!(serde_json::from_value::<Theme>(word).unwrap(), theme);
    }
    assert!(serde_json::from_value::<Theme>(json!("sepia")).is_err());
}

#[test]
fn another_lifetime_of_temporary_sessions_is_that_of_those_there_are_at_once() {
    const HOUR_MS: i64 = 60 * 60 * 1000;
    let store = TestStore::new();
    let kept = store.session("Kept").id;
    let new = NewSession {
        saved: false,
        ..NewSession::named("Temporary")
    };
    let made = store.write(|tx| sessions::insert(tx, &new)).unwrap().value;
    store.clock.advance_ms(HOUR_MS);
    for (hours, lives) in [(1, 1), (720, 720), (24, 24), (24, 24)] {
        let mine = Settings {
            temporary_hours: hours,
            ..get(&store)
        };
        store.write(|tx| settings::update(tx, &mine)).unwrap();
        let now = store.read(|tx| sessions::get(tx, made.id)).unwrap();
        assert_eq!(
            now.expires_at,
            Some(made.created_at.plus_ms(lives * HOUR_MS))
        );
        let kept = store.read(|tx| sessions::get(tx, kept)).unwrap();
        assert_eq!(kept.expires_at, None);
    }
}

#[test]
fn numbers_and_models_of_summaries_out_of_their_limits_are_refused() {
    let store = TestStore::new();
    let wrong: [fn(&mut Settings); 5] = [
        |it| it.summary_after_messages = 1,
        |it| it.summary_after_messages = 201,
        |it| it.summary_after_percent = 4,
        |it| it.summary_after_percent = 101,
        |it| it.summary_model = Some("no endpoint".to_owned()),
    ];
    for change in wrong {
        let mut settings = Settings::default();
        change(&mut settings);
        refused(&store, |tx| settings::update(tx, &settings));
    }
}
