//! Search by meaning and by both: filters, pages, what is excluded, and more like a message.

use chatkeep_store::search::{
    SearchMode, SearchRequest, SearchResults, more_like, search_by_meaning, words_of,
};
use chatkeep_store::testing::TestStore;
use chatkeep_store::vectors::{self, Chunk};
use chatkeep_store::{Message, MessageId, SessionId, trash};

use crate::support::say;

const TEA: [f32; 2] = [1.0, 0.0];

/// A message whose vector is so many degrees away from tea.
fn said(store: &TestStore, session: SessionId, text: &str, degrees: f32) -> Message {
    let message = say(store, session, text);
    let angle = degrees.to_radians();
    let chunk = Chunk {
        start: 0,
        vector: vec![angle.cos(), angle.sin()],
    };
    store
        .write(|tx| {
            let model = vectors::use_model(tx, "small", 2)?;
            vectors::put(tx, model.id, message.id, text.len(), &[chunk])
        })
        .unwrap();
    message
}

fn find(store: &TestStore, request: &SearchRequest) -> SearchResults {
    let now = store.write(|tx| Ok(tx.now())).unwrap().value;
    store
        .read(|tx| search_by_meaning(tx, request, &TEA, now))
        .unwrap()
}

fn ids(results: &SearchResults) -> Vec<MessageId> {
    results.messages.iter().map(|it| it.message_id).collect()
}

fn request(mode: SearchMode, text: &str) -> SearchRequest {
    SearchRequest {
        mode,
        ..SearchRequest::new(text)
    }
}

/// By degrees: black 10, cup 20, rice 80, green (which is not embedded) none.
fn kitchen(store: &TestStore) -> [MessageId; 4] {
    let session = store.session("Kitchen").id;
    let other = store.session("Notes").id;
    let black = said(store, session, "Black leaves in hot water", 10.0).id;
    let cup = said(store, other, "A cup in the morning", 20.0).id;
    let rice = said(store, session, "Rice with green tea", 80.0).id;
    let green = say(store, session, "Green tea, two minutes").id;
    [black, cup, rice, green]
}

#[test]
fn meaning_finds_without_the_words_and_both_puts_what_has_them_too_first() {
    let store = TestStore::new();
    let [black, cup, rice, green] = kitchen(&store);
    let meaning = find(&store, &request(SearchMode::Meaning, "green tea"));
    assert_eq!(ids(&meaning), [black, cup, rice]);
    let both = find(&store, &request(SearchMode::Both, "green tea"));
    // Rice is in both lists, the others in one each.
    let found = ids(&both);
    assert_eq!(found[0], rice);
    assert_eq!(found.len(), 4);
    assert!(found.contains(&green) && found.contains(&black) && found.contains(&cup));
    assert!(both.messages[0].snippet.iter().any(|it| it.is_match));
    assert_eq!((both.total.count, both.total.is_exact), (4, false));
}

#[test]
fn where_no_message_has_all_the_words_those_with_the_rarest_count() {
    let store = TestStore::new();
    let [.., green] = kitchen(&store);
    let both = find(
        &store,
        &request(SearchMode::Both, "how many minutes for matcha"),
    );
    assert!(ids(&both).contains(&green));
}

#[test]
fn filters_and_what_is_excluded_hold_for_meaning_too() {
    let store = TestStore::new();
    let [black, cup, rice, green] = kitchen(&store);
    for (text, expected) in [
        ("tea session:notes", vec![cup]),
        ("tea session:kitchen -rice", vec![black]),
        ("tea role:assistant", vec![]),
        ("tea is:pinned", vec![]),
        ("tea after:2027", vec![]),
        ("tea before:2027 -leaves", vec![cup, rice]),
    ] {
        let found = find(&store, &request(SearchMode::Meaning, text));
        assert_eq!(ids(&found), expected, "{text}");
    }
    let both = find(
        &store,
        &request(SearchMode::Both, "tea session:kitchen -leaves"),
    );
    assert_eq!(ids(&both), [rice, green]);
    store.write(|tx| trash::trash_message(tx, cup)).unwrap();
    let found = find(&store, &request(SearchMode::Meaning, "tea"));
    assert_eq!(ids(&found), [black, rice]);
    assert_eq!(ids(&find(&store, &request(SearchMode::Both, ""))), []);
}

#[test]
fn pages_follow_each_other_without_a_gap_and_what_comes_meanwhile_does_not_move_them() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    let all: Vec<_> = (0..25)
        .map(|at| said(&store, session, &format!("tea {at}"), at as f32).id)
        .collect();
    for mode in [SearchMode::Meaning, SearchMode::Both] {
        let whole = SearchRequest {
            limit: 100,
            ..request(mode, "tea")
        };
        let whole = ids(&find(&store, &whole));
        assert_eq!(whole.iter().filter(|id| all.contains(id)).count(), 25);
        let mut paged = Vec::new();
        let mut next = SearchRequest {
            limit: 10,
            ..request(mode, "tea")
        };
        loop {
            let page = find(&store, &next);
            paged.extend(ids(&page));
            said(&store, session, "tea since", 0.0);
            match page.next {
                Some(after) => next.after = Some(after),
                None => break,
            }
        }
        assert_eq!(paged, whole, "{mode:?}");
        let since =
            store.read(|tx| vectors::nearest(tx, &TEA, &vectors::NearestOptions::first(100)));
        for message in since
            .unwrap()
            .iter()
            .filter(|it| !all.contains(&it.message_id))
        {
            store
                .write(|tx| trash::trash_message(tx, message.message_id))
                .unwrap();
        }
    }
}

#[test]
fn more_like_a_message_is_what_is_nearest_to_it_but_not_itself() {
    let store = TestStore::new();
    let [black, cup, rice, green] = kitchen(&store);
    let vector = store
        .read(|tx| vectors::of_message(tx, cup))
        .unwrap()
        .unwrap();
    let more = |limit| {
        let hits = store
            .read(|tx| more_like(tx, &vector, Some(cup), limit))
            .unwrap();
        hits.iter().map(|it| it.message_id).collect::<Vec<_>>()
    };
    assert_eq!(more(5), [black, rice]);
    assert_eq!(more(1), [black]);
    assert_eq!(
        store.read(|tx| vectors::of_message(tx, green)).unwrap(),
        None
    );
}

#[test]
fn what_is_embedded_are_the_words_without_filters_and_signs() {
    let store = TestStore::new();
    let now = store.write(|tx| Ok(tx.now())).unwrap().value;
    let text = "green \"tea leaves\" -rice role:user before:2026 stee* *min*";
    assert_eq!(words_of(text, now), "green tea leaves stee min");
}
