//! Pages of results: each result once, in one order, whatever is said between two pages.

use chatkeep_store::search::{SearchCursor, SearchOrder, SearchRequest, SearchResults, search};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{Error, NewMessage, SessionId, messages, sessions};

use super::now;
use crate::support::{assert_invalid, say};

fn page(store: &TestStore, request: &SearchRequest) -> SearchResults {
    let now = now(store);
    store.read(|tx| search(tx, request, now)).unwrap()
}

/// The ids of all pages, one after the other; `between` happens before each but the first.
fn pages(store: &TestStore, request: &SearchRequest, mut between: impl FnMut()) -> Vec<i64> {
    let mut request = request.clone();
    let mut ids = Vec::new();
    loop {
        let found = page(store, &request);
        assert!(found.messages.len() <= request.limit);
        ids.extend(found.messages.iter().map(|it| it.message_id.get()));
        assert!(ids.len() < 20_000, "the pages come to no end");
        let Some(next) = found.next else { return ids };
        // As the window hands it back.
        request.after = Some(next.to_string().parse().unwrap());
        between();
    }
}

fn request(text: &str, order: SearchOrder, limit: usize) -> SearchRequest {
    SearchRequest {
        order,
        limit,
        ..SearchRequest::new(text)
    }
}

fn say_all(store: &TestStore, session: SessionId, texts: impl Iterator<Item = String>) {
    let new: Vec<_> = texts.map(|it| NewMessage::user(session, it)).collect();
    store
        .write(|tx| messages::append_all(tx, session, &new))
        .unwrap();
}

/// Messages of many lengths and words; of some there are several alike.
fn kitchen() -> (TestStore, SessionId) {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for number in 0..157_usize {
        let more = "and more of it ".repeat(number % 5);
        let words = ["green tea", "tea", "green kettle of tea", "teapot"][number % 4];
        say(&store, session, &format!("{words} {more}"));
        store.clock.advance_ms(3_600_000 * (number as i64 % 3));
    }
    (store, session)
}

#[test]
fn every_result_comes_once_and_in_the_order_of_one_long_page() {
    let (store, _) = kitchen();
    for order in [SearchOrder::Best, SearchOrder::Newest] {
        for (text, count) in [
            ("tea", 118),
            ("green tea", 79),
            ("tea -kettle", 79),
            ("eapo", 39),
            ("role:user", 157),
        ] {
            let mut all = pages(&store, &request(text, order, 100), || {});
            for limit in [1, 7, 39] {
                let paged = pages(&store, &request(text, order, limit), || {});
                assert_eq!(paged, all, "{text} by {limit}");
            }
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{text}");
        }
    }
}

#[test]
fn what_is_said_between_two_pages_moves_none_of_them() {
    for order in [SearchOrder::Best, SearchOrder::Newest] {
        for text in ["tea", "green tea", "eapo"] {
            let (store, session) = kitchen();
            let before = pages(&store, &request(text, order, 100), || {});
            let between = || {
                store.clock.advance_ms(40 * 86_400_000);
                say(
                    &store,
                    session,
                    "teapot, green tea, kettle of tea, green tea",
                );
                say_all(&store, session, (0..150).map(|it| format!("pot {it}")));
            };
            let after = pages(&store, &request(text, order, 9), between);
            assert_eq!(after, before, "{text}");
        }
    }
}

#[test]
fn of_equals_the_newer_comes_first_on_every_page() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    say_all(&store, session, (0..90).map(|_| "tea".to_owned()));
    for order in [SearchOrder::Best, SearchOrder::Newest] {
        for limit in [1, 8, 90] {
            let ids = pages(&store, &request("tea", order, limit), || {});
            assert_eq!(ids, (1..=90).rev().collect::<Vec<_>>());
        }
    }
}

/// The best of the newest 1,000 come first, then the older ones: each still once.
#[test]
fn more_than_are_ranked_at_once_come_on_later_pages() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    let texts = |from: usize| (from..from + 1500).map(|it| format!("tea {}", "x ".repeat(it % 7)));
    say_all(&store, session, texts(0));
    say_all(&store, session, texts(1500));
    say_all(&store, session, texts(3000));
    for order in [SearchOrder::Best, SearchOrder::Newest] {
        let between = || {
            say(&store, session, "tea again");
        };
        let newest = page(&store, &request("role:user", SearchOrder::Newest, 1)).messages[0]
            .message_id
            .get();
        let ids = pages(&store, &request("tea", order, 100), between);
        let is_newer = |it: &&i64| **it > newest - 2000;
        assert!(ids.iter().take(2000).all(|it| is_newer(&it)));
        let mut sorted = ids.clone();
        sorted.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
        sorted.dedup();
        assert_eq!(sorted, (1..=newest).rev().collect::<Vec<_>>());
        if order == SearchOrder::Newest {
            assert_eq!(ids, sorted);
        }
    }
}

#[test]
fn what_goes_to_the_trash_between_two_pages_is_not_on_the_next() {
    let store = TestStore::new();
    let (first, second) = (store.session("Ix").id, store.session("Ypsilon").id);
    for number in 0..10 {
        say(&store, if number < 5 { first } else { second }, "tea");
    }
    let trash = || {
        store.write(|tx| sessions::trash(tx, first)).unwrap();
    };
    let ids = pages(&store, &request("tea", SearchOrder::Newest, 4), trash);
    assert_eq!(ids, [10, 9, 8, 7, 6]);
}

#[test]
fn a_cursor_that_no_page_gave_is_refused_as_such() {
    let refusal = "is not one that a page of results gave";
    for wrong in [
        "",
        "x",
        "1",
        "1.2",
        "1.2.",
        "1.2.sounds",
        "1.2.words.3",
        "1.-2.words",
        "1.5.2.words",
        " 1.2.words",
        "99999999999999999999.0.words",
        "1.99999999999999999999.parts",
    ] {
        let error: Error = wrong.parse::<SearchCursor>().unwrap_err();
        assert_invalid(&error, "cursor", refusal);
        let json = serde_json::Value::from(wrong);
        let error = serde_json::from_value::<SearchCursor>(json).unwrap_err();
        assert_eq!(error.to_string(), format!("cursor: {refusal}"));
    }
}

#[test]
fn a_cursor_beyond_what_there_is_ends_the_pages() {
    let (store, _) = kitchen();
    for beyond in [
        "0.0.words",
        "-9223372036854775808.0.words",
        "9223372036854775807.18446744073709551615.words",
        "157.500.parts",
    ] {
        let request = SearchRequest {
            after: Some(beyond.parse().unwrap()),
            ..SearchRequest::new("tea")
        };
        let found = page(&store, &request);
        assert_eq!((found.messages, found.next), (vec![], None), "{beyond}");
    }
}

#[test]
fn a_page_has_one_to_a_hundred_messages() {
    let (store, _) = kitchen();
    let at = now(&store);
    for wrong in [0, 101, usize::MAX] {
        let request = request("tea", SearchOrder::Best, wrong);
        let error = store.read(|tx| search(tx, &request, at)).unwrap_err();
        let limit = format!("a page has 1 to 100 messages, not {wrong}");
        assert_invalid(&error, "limit", &limit);
    }
}
