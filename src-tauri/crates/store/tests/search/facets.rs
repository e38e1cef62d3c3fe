//! How the matches are spread, beside a count of every message.

use std::collections::BTreeMap;

use chatkeep_store::search::{SearchFacets, SearchRequest, SearchTotal, search};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{NewMessage, Role, messages, sessions, trash};
use proptest::prelude::*;

use super::now;
use crate::support::{intruder, looker, say};

const SESSIONS: usize = 15;
/// Minutes east of Greenwich: none, whole and half hours, the easternmost, the westernmost, St John's.
const OFFSETS: [i32; 8] = [0, 60, 330, 345, 840, -720, -210, -570];

fn facets(store: &TestStore, text: &str, utc_offset_minutes: i32) -> (SearchFacets, SearchTotal) {
    let request = SearchRequest {
        utc_offset_minutes,
        ..SearchRequest::new(text)
    };
    let now = now(store);
    let found = store.read(|tx| search(tx, &request, now)).unwrap();
    (found.facets, found.total)
}

/// How often each value is there, as SQLite counts and reckons dates.
fn counted(store: &TestStore, value: &str, word: &str) -> BTreeMap<String, u32> {
    let raw = looker(store.file());
    let sql = format!(
        "SELECT {value}, count(*)
         FROM messages JOIN sessions ON sessions.id = session_id
         WHERE ' ' || text || ' ' LIKE '% ' || ?1 || ' %'
             AND messages.deleted_at IS NULL AND sessions.deleted_at IS NULL
         GROUP BY 1"
    );
    let mut statement = raw.prepare(&sql).unwrap();
    let rows = statement.query_map([word], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn is_most_first<T>(facets: &[T], count: impl Fn(&T) -> u32) -> bool {
    facets.windows(2).all(|it| count(&it[0]) >= count(&it[1]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn roles_months_and_sessions_are_counted_as_a_reading_of_all_counts_them(
        said in prop::collection::vec(
            (0..SESSIONS, 0..4_usize, 0..3_usize, -400 * 48..400 * 48_i64, 0..4_u8),
            1..80,
        ),
        offset in prop::sample::select(OFFSETS.to_vec()),
    ) {
        let store = TestStore::new();
        let ids: Vec<_> = (0..SESSIONS).map(|it| store.session(&format!("S{it}")).id).collect();
        let roles = [Role::User, Role::Assistant, Role::System, Role::Tool];
        for (session, role, text, _, fate) in &said {
            let text = ["green tea", "black tea", "coffee"][*text];
            let new = NewMessage::new(ids[*session], roles[*role], text);
            let id = store.write(|tx| messages::append(tx, &new)).unwrap().value.id;
            if *fate == 0 {
                store.write(|tx| trash::trash_message(tx, id)).unwrap();
            }
        }
        store.write(|tx| sessions::trash(tx, ids[0])).unwrap();
        // Months around the turn of each, to half an hour.
        let raw = intruder(store.file());
        for (row, (_, _, _, half_hours, _)) in said.iter().enumerate() {
            raw.execute(
                "UPDATE messages SET created_at = 1798761600000 + ?2 * 1800000 WHERE id = ?1",
                (row + 1, half_hours),
            )
            .unwrap();
        }
        for word in ["tea", "green", "coffee", "kettle"] {
            let (found, total) = facets(&store, word, offset);
            let all = counted(&store, "'all'", word);
            let all = all.get("all").copied().unwrap_or(0);
            prop_assert_eq!((total.count, total.is_exact), (all as usize, true));
            prop_assert!(found.is_complete);
            let month = format!("strftime('%Y-%m', messages.created_at / 1000 + {offset} * 60, 'unixepoch')");
            let months: Vec<_> = found.months.iter().map(|it| (it.value.clone(), it.count)).collect();
            let expected: Vec<_> = counted(&store, &month, word).into_iter().rev().collect();
            prop_assert_eq!(months, expected, "newest first, {} minutes", offset);
            let roles: BTreeMap<_, _> =
                found.roles.iter().map(|it| (it.value.clone(), it.count)).collect();
            prop_assert_eq!(roles, counted(&store, "role", word));
            prop_assert!(is_most_first(&found.roles, |it| it.count));
            let mut most: Vec<_> = counted(&store, "sessions.name", word).into_iter().collect();
            most.sort_by_key(|(name, count)| {
                let at: usize = name[1..].parse().unwrap();
                std::cmp::Reverse((*count, ids[at]))
            });
            most.truncate(12);
            let named: Vec<_> =
                found.sessions.iter().map(|it| (it.name.clone(), it.count)).collect();
            prop_assert_eq!(named, most);
        }
    }
}

#[test]
fn a_month_begins_where_the_user_is() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    say(&store, session, "tea");
    // 30 November 2026, 18:45 UTC.
    intruder(store.file())
        .execute_batch("UPDATE messages SET created_at = 1796064300000")
        .unwrap();
    for (offset, month) in [
        (0, "2026-11"),
        (-720, "2026-11"),
        (314, "2026-11"),
        (315, "2026-12"),
        (330, "2026-12"),
        (i32::MAX, "2026-11"),
        (i32::MIN, "2026-11"),
    ] {
        let (found, _) = facets(&store, "tea", offset);
        assert_eq!(found.months[0].value, month, "{offset}");
    }
}

#[test]
fn beyond_the_newest_thousand_the_counts_say_that_they_are_not_all() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    let say_many = |count: usize, text: &str| {
        let new = vec![NewMessage::user(session, text); count];
        store
            .write(|tx| messages::append_all(tx, session, &new))
            .unwrap();
    };
    say_many(999, "tea");
    say_many(500, "coffee");
    let (found, total) = facets(&store, "tea", 0);
    assert_eq!(
        (found.is_complete, total.count, total.is_exact),
        (true, 999, true)
    );
    say_many(2, "tea");
    let (found, total) = facets(&store, "tea", 0);
    assert_eq!((found.is_complete, total.is_exact), (false, false));
    assert_eq!((found.roles[0].count as usize, total.count), (1000, 1000));
    assert_eq!(found.sessions[0].count, 1000);
}

#[test]
fn counts_come_with_the_first_page_alone() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for _ in 0..3 {
        say(&store, session, "tea");
    }
    let at = now(&store);
    let first = SearchRequest {
        limit: 2,
        ..SearchRequest::new("tea")
    };
    let found = store.read(|tx| search(tx, &first, at)).unwrap();
    assert_eq!(found.facets.roles[0].count, 3, "of all, not of the page");
    let after = found.next;
    let second = SearchRequest { after, ..first };
    let found = store.read(|tx| search(tx, &second, at)).unwrap();
    assert_eq!(found.facets, SearchFacets::default());
}
