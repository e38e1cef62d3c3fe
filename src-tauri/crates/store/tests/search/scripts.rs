//! Scripts of all kinds: what is found however it is written, and what is not.

use chatkeep_store::testing::TestStore;

use super::find;
use crate::support::say;

/// Which of `texts` are found, by their places; each with what is marked in it.
fn found(texts: &[&str], query: &str) -> Vec<usize> {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for text in texts {
        say(&store, session, text);
    }
    let mut places: Vec<usize> = find(&store, query)
        .messages
        .iter()
        .map(|hit| {
            let is_marked = hit.snippet.iter().any(|it| it.is_match);
            assert!(is_marked, "{query:?} marks nothing in {:?}", hit.snippet);
            hit.message_id.get() as usize - 1
        })
        .collect();
    places.sort_unstable();
    places
}

#[test]
fn what_is_the_same_to_a_reader_is_found_however_it_is_written() {
    for alike in [
        &["café", "cafe\u{301}", "CAFÉ", "cafe"][..],
        &["Việt", "Vie\u{323}\u{302}t", "VIỆT", "viet"],
        &["naïve", "nai\u{308}ve"],
        &["ISTANBUL", "İstanbul", "istanbul"],
        &["kış", "Kış"],
        &["Straße", "STRAẞE", "straße"],
        &["ΣΙΣΥΦΟΣ", "σισυφος", "σισυφοσ"],
        &["ЁЛКА", "ёлка"],
        &["don't", "don’t"],
        &["שלום", "שלום!"],
        &["كتاب", "«كتاب»"],
    ] {
        let all: Vec<usize> = (0..alike.len()).collect();
        for query in alike {
            let mut texts = alike.to_vec();
            texts.push("nothing of it");
            assert_eq!(found(&texts, query), all, "{query:?} in {alike:?}");
        }
    }
}

#[test]
fn where_no_spaces_are_written_a_word_is_found_within_what_is_said() {
    for (query, text) in [
        ("ชาเขียว", "ดื่มชาเขียวทุกวัน"),
        ("中文", "讲中文吗"),
        ("京", "東京都"),
        ("カナ", "カタカナ"),
        ("ﾀｶ", "ｶﾀｶﾅ"),
        ("국어", "한국어로"),
        ("ဘာသာ", "မြန်မာဘာသာစကား"),
        ("हिन्दी", "हिन्दी में"),
        ("👩", "👩‍👩‍👧‍👦"),
        ("👩‍👩‍👧‍👦", "us 👩‍👩‍👧‍👦!"),
        ("🍳", "👩🏽‍🍳"),
        ("𝕏", "on 𝕏"),
    ] {
        assert_eq!(found(&[text, "nothing of it"], query), [0], "{query}");
    }
}

#[test]
fn letters_that_differ_to_a_reader_are_told_apart() {
    for (query, text) in [
        ("ชา", "ขา"),
        ("東京", "京東"),
        ("か", "が"),
        ("ハ", "パ"),
        ("שלום", "שלוש"),
        ("👧", "👦"),
    ] {
        assert_eq!(found(&[text], query), [0; 0], "{query} in {text}");
    }
}

/// The index knows the words as they are written but for case and Latin accents: what the README
/// tells, and what a later index may do better.
#[test]
fn what_the_index_does_not_equate_is_found_as_it_is_written() {
    for (query, text) in [
        ("كتاب", "كِتَاب"),
        ("كتاب", "كــتاب"),
        ("שלום", "שָׁלוֹם"),
        ("елка", "ёлка"),
        ("Σίσυφος", "ΣΙΣΥΦΟΣ"),
        ("strasse", "Straße"),
        ("ABC", "ＡＢＣ"),
        ("カタカナ", "ｶﾀｶﾅ"),
        ("が", "か\u{3099}"),
        ("台湾", "台灣"),
        ("lodz", "Łódź"),
        ("ısı", "ISI"),
    ] {
        assert_eq!(found(&[text, query], query), [1], "{query} in {text}");
    }
}
