//! What is typed: every filter, and that nothing that can be typed is an error.

use chatkeep_store::search::{SearchRequest, palette, search};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{NewMessage, NewPin, PersonaId, PinType, messages, pins, sessions};
use proptest::prelude::*;

use super::{find, found, now};
use crate::support::say;

#[test]
fn each_filter_leaves_what_it_says() {
    let store = TestStore::new();
    let green = store.session("Green tea").id;
    let black = store.session("Black tea").id;
    store
        .write(|tx| sessions::set_persona(tx, black, Some(&PersonaId::new("default-local"))))
        .unwrap();
    let first = say(&store, green, "brew one");
    store.clock.advance_ms(86_400_000);
    let reply = NewMessage {
        model_id: Some("ollama/Qwen3:8b".to_owned()),
        ..NewMessage::assistant(black, "brew two:\n```rust\nfn main() {}\n```")
    };
    store.write(|tx| messages::append(tx, &reply)).unwrap();
    let pin = NewPin {
        session_id: green,
        content: "A pinned fact".to_owned(),
        source_message_id: Some(first.id),
        pin_type: PinType::User,
    };
    store.write(|tx| pins::insert(tx, &pin)).unwrap();

    let one = ["[brew] one".to_owned()];
    let two = ["[brew] two:\n```rust\nfn main() {}\n```".to_owned()];
    for filter in [
        "role:user",
        "ROLE:User",
        "session:green",
        "session:\"Green tea\"",
        "session:reen",
        "before:2026-11-22",
        "before:today",
        "is:pinned",
        "role:user role:tool",
    ] {
        assert_eq!(found(&store, &format!("brew {filter}")), one, "{filter}");
    }
    for filter in [
        "role:assistant",
        "persona:local",
        "model:qwen3",
        "model:ollama/",
        "after:2026-11-22",
        "after:today",
        "after:0d",
        "has:code",
    ] {
        assert_eq!(found(&store, &format!("{filter} brew")), two, "{filter}");
    }
    assert_eq!(found(&store, "session:tea brew").len(), 2);
    assert_eq!(found(&store, "has:code role:user"), [""; 0]);
    // Without words, all that fit.
    assert_eq!(found(&store, "is:pinned"), ["brew one"]);
}

#[test]
fn a_filter_that_is_not_understood_is_told_and_the_rest_is_looked_for() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    say(&store, session, "brew it at 10:30");
    for (filter, problem) in [
        ("role:cook", "A role is user, assistant, system or tool."),
        ("role:", "A role is user, assistant, system or tool."),
        (
            "after:whenever",
            "A date is 2026-11-21, 2026-11, 2026, today, yesterday, 7d, 2w, 3m or 1y.",
        ),
        ("has:tea", "What a message can have is code: has:code."),
        ("is:green", "What a message can be is pinned: is:pinned."),
        (
            "-role:user",
            "A filter cannot be turned round with a minus sign.",
        ),
    ] {
        let results = find(&store, &format!("brew {filter}"));
        assert_eq!(results.messages.len(), 1, "{filter}");
        assert_eq!(results.hints.len(), 1, "{filter}");
        assert_eq!(results.hints[0].problem, problem);
    }
    for (filter, problem) in [
        ("session:coffee", "No session is called that."),
        ("persona:coffee", "No persona is called that."),
    ] {
        let results = find(&store, &format!("brew {filter}"));
        assert_eq!(results.messages, []);
        assert_eq!(results.hints[0].problem, problem);
    }
    // A colon alone makes no filter.
    assert_eq!(found(&store, "10:30"), ["brew it at [10:30]"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_can_be_typed_is_an_error(
        pieces in prop::collection::vec(
            prop_oneof![
                "\\PC{0,6}",
                any::<char>().prop_map(String::from),
                prop::sample::select(vec![
                    "\"", "*", "-", "^", "(", ")", "{", "}", "+", ":", "AND", "OR", "NOT", "NEAR(",
                    "text:", "rowid", "--", "'", ";", "\0", " ", "\n", "role:", "after:", "is:",
                    "session:\"", "tea", "東", "🍵", "\u{301}", "\u{10ffff}", "\\", "%", "_",
                ]).prop_map(str::to_owned),
            ],
            0..12,
        ),
    ) {
        thread_local! {
            static STORE: TestStore = {
                let store = TestStore::new();
                let session = store.session("Tea").id;
                say(&store, session, "tea AND 東京 (or) \"not\" 🍵");
                store
            };
        }
        let typed = pieces.concat();
        STORE.with(|store| {
            let at = now(store);
            let results = store.read(|tx| search(tx, &SearchRequest::new(typed.as_str()), at));
            let results = results.unwrap_or_else(|error| panic!("{typed:?}: {error:?}"));
            for hit in results.messages {
                let text: String = hit.snippet.iter().map(|it| it.text.as_str()).collect();
                assert_eq!(text, "tea AND 東京 (or) \"not\" 🍵", "{typed:?}");
            }
            let quick = store.read(|tx| palette(tx, &typed, at));
            quick.unwrap_or_else(|error| panic!("{typed:?}: {error:?}"));
        });
    }
}
