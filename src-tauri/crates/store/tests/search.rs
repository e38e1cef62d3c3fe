//! Search, through its public functions.

use chatkeep_store::Timestamp;
use chatkeep_store::search::{MatchedAs, SearchRequest, SearchResults, search};
use chatkeep_store::testing::TestStore;

use crate::support::say;

mod damage;
mod facets;
mod language;
mod oracle;
mod paging;
mod palette;
mod scripts;
mod upkeep;

fn now(store: &TestStore) -> Timestamp {
    store.write(|tx| Ok(tx.now())).unwrap().value
}

fn find(store: &TestStore, text: &str) -> SearchResults {
    let now = now(store);
    store
        .read(|tx| search(tx, &SearchRequest::new(text), now))
        .unwrap()
}

/// What the messages that were found say, marked where they match.
fn found(store: &TestStore, text: &str) -> Vec<String> {
    let results = find(store, text);
    let marked = results.messages.iter().map(|hit| {
        let parts = hit.snippet.iter();
        parts
            .map(|it| {
                if it.is_match {
                    format!("[{}]", it.text)
                } else {
                    it.text.clone()
                }
            })
            .collect()
    });
    marked.collect()
}

#[test]
fn words_phrases_beginnings_and_parts_are_found_and_what_is_excluded_is_not() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for text in [
        "Green tea steeps two minutes",
        "Black tea, three minutes",
        "No team today",
        "C++ and 東京 café",
    ] {
        say(&store, session, text);
    }
    assert_eq!(
        found(&store, "tea"),
        [
            "Black [tea], three minutes",
            "Green [tea] steeps two minutes"
        ]
    );
    assert_eq!(
        found(&store, "green TEA"),
        ["[Green] [tea] steeps two minutes"]
    );
    assert_eq!(
        found(&store, "\"tea steeps\""),
        ["Green [tea steeps] two minutes"]
    );
    assert_eq!(found(&store, "tea -green"), ["Black [tea], three minutes"]);
    assert_eq!(found(&store, "tea*").len(), 3);
    assert_eq!(found(&store, "*inut*").len(), 2);
    assert_eq!(found(&store, "inut"), found(&store, "*inut*"));
    assert_eq!(find(&store, "inut").matched, MatchedAs::Parts);
    for (query, marked) in [
        ("c++", "[C++] and 東京 café"),
        ("東京", "C++ and [東京] café"),
        ("京", "C++ and 東[京] café"),
        ("CAFE", "C++ and 東京 [café]"),
    ] {
        assert_eq!(found(&store, query), [marked], "{query}");
    }
}

#[test]
fn where_no_message_has_all_the_words_those_with_the_most_of_them_come_first() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for text in [
        "The oolong steeps two minutes",
        "Black tea in the pot",
        "Tea in the garden",
        "Salt",
    ] {
        say(&store, session, text);
    }
    let question = "how long does oolong tea take in the pot";
    let results = find(&store, question);
    assert_eq!(results.matched, MatchedAs::SomeWords);
    assert!(!results.total.is_exact && !results.facets.is_complete);
    assert_eq!(
        found(&store, question),
        [
            "Black [tea] [in] [the] [pot]",
            "[Tea] [in] [the] garden",
            "[The] [oolong] steeps two minutes",
        ]
    );
    assert_eq!(found(&store, "oolong -steeps coffee"), [] as [&str; 0]);
    assert_eq!(find(&store, "coffee").matched, MatchedAs::Words);
}
