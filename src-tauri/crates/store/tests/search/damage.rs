//! Bytes of the indexes that are not what was written: an answer is right, or it is a typed error, or
//! a check tells that the index is damaged; and making the index anew mends it.

use std::fs;
use std::path::Path;

use chatkeep_store::search::{SearchOrder, SearchRequest, index, repair, search};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    DATABASE_FILE, Error, NewMessage, OpenError, OpenOptions, Result, Store, Timestamp, messages,
};
use tempfile::tempdir;

use crate::support::{intruder, looker};

const PAGE: usize = 4096;
const QUERIES: [&str; 7] = [
    "tea",
    "kettle77",
    "ettle9",
    "te*",
    "\"kettle12 of\"",
    "kettle1490",
    "of -tea",
];

fn kitchen() -> TestStore {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    let text = |it: usize| format!("tea {} kettle{it} of {}", it % 7, it * 7919 % 1000);
    let new: Vec<_> = (0..1500)
        .map(|it| NewMessage::user(session, text(it)))
        .collect();
    store
        .write(|tx| messages::append_all(tx, session, &new))
        .unwrap();
    store.truncate_log().unwrap();
    store
}

fn found(store: &Store, text: &str) -> Result<Vec<i64>> {
    let request = SearchRequest {
        order: SearchOrder::Newest,
        limit: 100,
        ..SearchRequest::new(text)
    };
    let now = Timestamp::from_ms(1_795_219_200_000);
    let found = store.read(|tx| search(tx, &request, now))?;
    let ids = found.messages.iter().map(|it| it.message_id.get());
    Ok(ids.collect())
}

/// What the Check in the settings does.
fn is_sound(store: &Store) -> Result<bool> {
    let mut step = store.read(repair::check)?;
    while let Some(next) = store.read(|tx| repair::check_more(tx, step))? {
        step = next;
    }
    Ok(step.wrong == 0 && store.read(repair::is_sound)?)
}

/// What a backup's verification does: every text is read again and compared.
fn is_of_the_texts(file: &Path) -> bool {
    let raw = intruder(file);
    ["search_words", "search_parts"].iter().all(|index| {
        let check = format!("INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)");
        raw.execute_batch(&check).is_ok()
    })
}

/// The pages of the tables that the indexes are kept in.
fn pages_of_indexes(file: &Path) -> Vec<usize> {
    let raw = looker(file);
    let mut pages = raw
        .prepare(
            "SELECT pageno
             FROM dbstat
             WHERE name GLOB 'search_words_*' OR name GLOB 'search_parts_*'
             ORDER BY pageno",
        )
        .unwrap();
    let numbers = pages.query_map([], |row| row.get(0)).unwrap();
    numbers.map(|it| it.unwrap()).collect()
}

#[test]
fn a_damaged_page_gives_no_wrong_answer_in_silence_and_is_mended_where_it_can_be_emptied() {
    let kitchen = kitchen();
    let whole = fs::read(kitchen.file()).unwrap();
    let right: Vec<_> = QUERIES.map(|it| found(&kitchen, it).unwrap()).into();
    let pages = pages_of_indexes(kitchen.file());
    assert!(pages.len() > 30, "{}", pages.len());
    let folder = tempdir().unwrap();
    let file = folder.path().join(DATABASE_FILE);
    let (mut refused, mut mended, mut beyond_repair) = (0, 0, 0);
    for (at, page) in pages.iter().enumerate() {
        let mut bytes = whole.clone();
        // In the head of the page, in what it lists, in the middle and at the end, in turn.
        let start = (page - 1) * PAGE + [0, 700, 2048, 4000][at % 4] + at % 64;
        bytes[start..start + 8]
            .iter_mut()
            .for_each(|it| *it ^= 0x55);
        fs::write(&file, &bytes).unwrap();
        let store = match OpenOptions::new(folder.path()).open() {
            Ok(store) => store,
            Err(OpenError::Corrupt { .. }) => continue,
            Err(error) => panic!("page {page}: {error:?}"),
        };
        for (query, right) in QUERIES.iter().zip(&right) {
            match found(&store, query) {
                Ok(ids) if ids == *right => {}
                Ok(_) => assert!(
                    !matches!(is_sound(&store), Ok(true)) || !is_of_the_texts(&file),
                    "page {page}, {query}: wrong, and nothing tells"
                ),
                Err(Error::Corrupt(_) | Error::Sqlite(_)) => refused += 1,
                Err(error) => panic!("page {page}, {query}: {error:?}"),
            }
        }
        match store.write(repair::start_over) {
            Ok(_) => mended += 1,
            // The table that the index is kept in cannot be read: a salvage makes it anew.
            Err(Error::Corrupt(_)) => {
                beyond_repair += 1;
                continue;
            }
            Err(error) => panic!("page {page}: {error:?}"),
        }
        while *store.write(index::catch_up).unwrap() > 0 {}
        for (query, right) in QUERIES.iter().zip(&right) {
            assert_eq!(
                found(&store, query).unwrap(),
                *right,
                "page {page}, {query}"
            );
        }
        assert!(store.read(repair::looks_whole).unwrap(), "page {page}");
        assert!(is_sound(&store).unwrap(), "page {page}");
        drop(store);
        assert!(is_of_the_texts(&file), "page {page}");
    }
    assert!(
        refused > 0 && mended > 0 && beyond_repair > 0,
        "{refused} refused, {mended} mended, {beyond_repair} beyond repair"
    );
}

#[test]
fn an_index_that_cannot_be_asked_at_all_is_noticed_at_the_start() {
    for damage in [
        "DELETE FROM search_words_data WHERE id = 10",
        "DELETE FROM search_parts_data WHERE id = 10",
        "UPDATE search_words_config SET v = 77 WHERE k = 'version'",
        "DELETE FROM search_parts_config",
        "DELETE FROM search_words_docsize WHERE id = 7",
    ] {
        let store = kitchen();
        intruder(store.file()).execute_batch(damage).unwrap();
        let store = store.reopened();
        assert!(!store.read(repair::looks_whole).unwrap(), "{damage}");
        store.write(repair::start_over).unwrap();
        while *store.write(index::catch_up).unwrap() > 0 {}
        assert!(store.read(repair::looks_whole).unwrap(), "{damage}");
        assert_eq!(found(&store, "kettle1490").unwrap().len(), 1, "{damage}");
        assert!(is_of_the_texts(store.file()), "{damage}");
    }
}
