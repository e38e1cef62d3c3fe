//! The rules of importance, one by one and together, and the user's mark above them.

use chatkeep_store::context::importance;
use chatkeep_store::testing::TestStore;
use chatkeep_store::{Message, Role, Score};

use crate::support::say;

fn said(role: Role, text: &str) -> Message {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    Message {
        role,
        text: text.to_owned(),
        ..say(&store, session, "Hi")
    }
}

#[track_caller]
fn assert_score(message: &Message, expected: f64) {
    let found = importance(message);
    let text: String = message.text.chars().take(60).collect();
    assert!(
        (found - expected).abs() < 1e-9,
        "{text}: {found}, not {expected}"
    );
}

#[test]
fn each_rule_adds_what_the_table_says() {
    let plain = "The kettle is on the left shelf.";
    let long = "tea ".repeat(200);
    let just_below = "x".repeat(799);
    for (text, expected) in [
        (plain, 0.4),
        ("Remember that the kettle is on the shelf.", 0.65),
        ("I PREFER the kettle from the left shelf.", 0.65),
        ("Agreed, the kettle stays on the shelf.", 0.6),
        ("Here it is: ```tea.brew(80, 120)``` as code", 0.55),
        ("The kettle on the shelf failed again today.", 0.5),
        ("Is the kettle on the left shelf now?", 0.5),
        (just_below.as_str(), 0.4),
        (long.as_str(), 0.45),
        ("Short.", 0.2),
        ("", 0.2),
        ("Twenty-three bytes text", 0.2),
        ("Twenty-four bytes of tea", 0.4),
    ] {
        assert_score(&said(Role::Assistant, text), expected);
        assert_score(&said(Role::Tool, text), expected);
        assert_score(&said(Role::User, text), expected + 0.05);
    }
}

#[test]
fn a_rule_counts_once_and_all_of_them_stay_within_0_and_1() {
    let twice = "Remember, always remember the kettle there.";
    assert_score(&said(Role::Assistant, twice), 0.65);
    let all = "Remember: we will choose ```code``` after the error, agreed? ".repeat(20);
    assert_score(&said(Role::User, &all), 1.0);
    assert_score(&said(Role::Assistant, "Why?"), 0.3);
}

#[test]
fn the_mark_of_the_user_stands_above_the_rules() {
    for score in [0.0, 0.3, 1.0] {
        let marked = Message {
            importance_by_user: true,
            importance_score: Score::new(score).unwrap(),
            ..said(Role::User, "Remember: we will never do that?")
        };
        assert_score(&marked, score);
        let unmarked = Message {
            importance_by_user: false,
            ..marked
        };
        assert_score(&unmarked, 0.4 + 0.25 + 0.2 + 0.1 + 0.05);
    }
}
