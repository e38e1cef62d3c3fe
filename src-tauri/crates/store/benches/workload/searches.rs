//! The searches of the workload, and what the index costs: what only the store can do.

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use chatkeep_store::search::{self, SearchRequest, index};
use chatkeep_store::{Clock, MessageId, SystemClock, messages};
use serde_json::{Map, Value, json};

use crate::store::StoreSide;
use crate::{Random, Result, timed};

/// Times that each search is done.
const TIMES: usize = 300;

/// Letters of a word that are typed into the palette.
const KEYS: usize = 5;

/// What is looked for, made of the text of a random message.
type Draw = fn(&str) -> Option<String>;

/// As WORKLOAD.md draws it, and harder ones.
const DRAWN: [(&str, Draw); 5] = [
    ("search", |text| longest(text).map(str::to_owned)),
    ("search_two_words", |text| {
        let mut words = text.split(' ');
        Some(format!("{} {}", words.next()?, words.next_back()?))
    }),
    ("search_phrase", |text| {
        let mut words = text.split(' ').skip(2);
        Some(format!("\"{} {}\"", words.next()?, words.next()?))
    }),
    ("search_prefix", |text| {
        Some(format!("{}*", longest(text)?.get(..3)?))
    }),
    ("search_part", |text| {
        Some(format!("*{}*", longest(text)?.get(1..4)?))
    }),
];

/// Every search, over all that was imported.
pub(crate) fn measure(
    side: &mut StoreSide,
    rows: usize,
    random: &mut Random,
    ops: &mut Map<String, Value>,
) -> Result<()> {
    let mut draw = |side: &StoreSide, made: Draw| loop {
        let text = text_of(side, 1 + random.draw(rows))?;
        if let Some(query) = made(&text) {
            return Result::Ok(query);
        }
    };
    for (op, made) in DRAWN {
        let queries = (0..TIMES).map(|_| draw(side, made));
        let mut queries = queries.collect::<Result<Vec<_>>>()?.into_iter();
        let figure = timed(TIMES, || find(side, queries.next().unwrap_or_default()))?;
        ops.insert(op.to_owned(), figure);
    }
    let (first, second) = commonest(side, rows)?;
    for (op, query) in [
        ("search_commonest", first.clone()),
        ("search_two_commonest", format!("{first} {second}")),
        ("search_commonest_phrase", format!("\"{first} {second}\"")),
    ] {
        ops.insert(op.to_owned(), timed(TIMES, || find(side, query.clone()))?);
    }
    let mut typed = Vec::new();
    while typed.len() < TIMES {
        typed.extend(keys(&draw(side, |text| longest(text).map(str::to_owned))?));
    }
    let mut typed = typed.into_iter();
    let figure = timed(TIMES, || palette(side, &typed.next().unwrap_or_default()))?;
    ops.insert("palette".to_owned(), figure);
    Ok(())
}

fn longest(text: &str) -> Option<&str> {
    // The first of those, as the peer draws it.
    text.split(' ').rev().max_by_key(|word| word.len())
}

/// What stands in the palette after each key of a word that is typed.
fn keys(word: &str) -> impl Iterator<Item = String> {
    (1..=KEYS).filter_map(|letters| word.get(..letters).map(str::to_owned))
}

fn text_of(side: &StoreSide, number: usize) -> Result<String> {
    let id = MessageId::new(i64::try_from(number)?);
    Ok(side.store.read(|tx| messages::get(tx, id))?.text)
}

/// The two words that the most messages have, of every hundredth.
fn commonest(side: &StoreSide, rows: usize) -> Result<(String, String)> {
    let mut counts = HashMap::<String, usize>::new();
    for number in (1..=rows).step_by(100) {
        for word in text_of(side, number)?.split(' ') {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts
        .into_iter()
        .map(|(word, count)| (count, word))
        .collect();
    counts.sort_unstable();
    let mut next = || counts.pop().map(|(_, word)| word).unwrap_or_default();
    Ok((next(), next()))
}

fn find(side: &StoreSide, query: String) -> Result<()> {
    let request = SearchRequest::new(query);
    let now = SystemClock.now();
    black_box(side.store.read(|tx| search::search(tx, &request, now))?);
    Ok(())
}

fn palette(side: &StoreSide, text: &str) -> Result<()> {
    let now = SystemClock.now();
    black_box(side.store.read(|tx| search::palette(tx, text, now))?);
    Ok(())
}

/// The import once more, with the index left behind, and then the index.
pub(crate) fn import_deferred(
    corpus: &Path,
    folder: &Path,
    ops: &mut Map<String, Value>,
) -> Result<()> {
    let mut side = StoreSide::open(folder)?;
    side.is_deferred = true;
    let rows = crate::import(&mut side, corpus, "import_deferred", ops)?;
    let start = Instant::now();
    while *side.store.write_redoable(index::catch_up)? > 0 {}
    let rate = (rows as f64 / start.elapsed().as_secs_f64()).round();
    ops.insert(
        "index_behind".to_owned(),
        json!({ "rows": rows, "rows_per_s": rate }),
    );
    Ok(())
}
