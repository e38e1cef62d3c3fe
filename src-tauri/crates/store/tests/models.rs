//! Models: the ratio that is learned of one, and the window that the user sets.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{Entity, ModelProfile, models};
use serde_json::json;

use crate::support::{assert_invalid, changes, refused, touched};

const MODEL: &str = "ollama/qwen3:8b";

fn get(store: &TestStore, model: &str) -> ModelProfile {
    store.read(|tx| models::get(tx, model)).unwrap()
}

fn learn(store: &TestStore, counted: u32, reported: u32) -> f64 {
    let committed = store
        .write(|tx| models::learn(tx, MODEL, counted, reported))
        .unwrap();
    assert_eq!(changes(&committed), []);
    get(store, MODEL).token_ratio
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
}

#[test]
fn of_a_model_that_was_never_asked_nothing_is_known() {
    let unknown = ModelProfile {
        model: MODEL.to_owned(),
        token_ratio: 1.0,
        samples: 0,
        context_window: None,
    };
    assert_eq!(get(&TestStore::new(), MODEL), unknown);
}

#[test]
fn a_ratio_is_the_mean_of_the_calls_and_each_model_has_its_own() {
    let store = TestStore::new();
    assert_near(learn(&store, 100, 120), 1.2);
    assert_near(learn(&store, 1000, 1400), 1.3);
    assert_near(learn(&store, 10, 10), 1.2);
    assert_eq!(get(&store, MODEL).samples, 3);
    let other = get(&store, "ollama/other");
    assert_near(other.token_ratio, 1.0);
    let store = store.reopened();
    assert_near(get(&store, MODEL).token_ratio, 1.2);
}

#[test]
fn after_twenty_calls_a_new_one_counts_for_a_twentieth() {
    let store = TestStore::new();
    for _ in 0..30 {
        assert_near(learn(&store, 100, 100), 1.0);
    }
    assert_near(learn(&store, 100, 200), 1.05);
    assert_eq!(get(&store, MODEL).samples, 31);
    // A model that counts otherwise from now on is known soon.
    for _ in 0..100 {
        learn(&store, 100, 200);
    }
    assert!(get(&store, MODEL).token_ratio > 1.99);
}

#[test]
fn a_report_that_cannot_be_right_is_not_learned_from() {
    let store = TestStore::new();
    for (counted, reported) in [(100, 49), (100, 301), (100, 0), (0, 500), (1, u32::MAX)] {
        assert_near(learn(&store, counted, reported), 1.0);
    }
    assert_eq!(get(&store, MODEL).samples, 0);
    assert_near(learn(&store, 100, 50), 0.5);
    assert_near(learn(&store, 100, 300), 1.75);
}

#[test]
fn a_window_is_set_and_taken_back_and_leaves_the_ratio_alone() {
    let store = TestStore::new();
    let set = |tokens| {
        let committed = store
            .write(|tx| models::set_context_window(tx, MODEL, tokens))
            .unwrap();
        assert_eq!(changes(&committed), [touched(Entity::Settings, MODEL)]);
        assert_eq!(get(&store, MODEL), committed.value);
        committed.value
    };
    for tokens in [256, 8192, 100_000_000] {
        assert_eq!(set(Some(tokens)).context_window, Some(tokens));
    }
    assert_near(learn(&store, 100, 150), 1.5);
    let after = set(Some(4096));
    assert_eq!((after.context_window, after.samples), (Some(4096), 1));
    let after = set(None);
    assert_eq!((after.context_window, after.samples), (None, 1));
    assert_near(after.token_ratio, 1.5);
}

#[test]
fn a_window_out_of_range_or_a_model_without_an_endpoint_is_refused() {
    let store = TestStore::new();
    for tokens in [0, 255, 100_000_001, u32::MAX] {
        let error = refused(&store, |tx| {
            models::set_context_window(tx, MODEL, Some(tokens))
        });
        let limit = "must be between 256 and 100000000 tokens";
        assert_invalid(&error, "context window", limit);
    }
    let error = refused(&store, |tx| models::set_context_window(tx, "qwen3", None));
    assert_invalid(&error, "model", "must be \"provider/model\"");
}

#[test]
fn json_has_the_names_of_the_bindings() {
    let value = serde_json::to_value(get(&TestStore::new(), MODEL)).unwrap();
    let expected = json!({
        "model": MODEL, "tokenRatio": 1.0, "samples": 0, "contextWindow": null,
    });
    assert_eq!(value, expected);
}
