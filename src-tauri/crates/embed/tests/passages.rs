//! Long texts in overlapping passages.

#![allow(clippy::expect_used)]

mod common;

use chatkeep_embed::{Piece, cut};
use proptest::prelude::*;

use common::{E5, MINILM};

/// Tokens of three bytes; `words` says where words begin.
fn pieces(words: &[bool]) -> Vec<Piece> {
    let piece = |(at, begins_word): (usize, &bool)| Piece {
        bytes: at * 3..at * 3 + 3,
        begins_word: *begins_word,
    };
    words.iter().enumerate().map(piece).collect()
}

proptest! {
    #[test]
    fn passages_cover_the_text_and_overlap(
        words in prop::collection::vec(any::<bool>(), 0..600),
        limit in 1_usize..80,
        overlap in 0_usize..90,
    ) {
        let pieces = pieces(&words);
        let passages = cut(&pieces, limit, overlap);
        prop_assert_eq!(passages.is_empty(), pieces.is_empty());
        prop_assert_eq!(passages.first().map_or(0, |passage| passage.start), 0);
        prop_assert_eq!(passages.last().map_or(0, |passage| passage.end), words.len() * 3);
        for passage in &passages {
            prop_assert!(!passage.is_empty() && passage.len() <= limit * 3);
        }
        for pair in passages.windows(2) {
            prop_assert!(pair[0].start < pair[1].start && pair[0].end < pair[1].end);
            prop_assert!(pair[1].start <= pair[0].end, "nothing is left out");
            prop_assert!(pair[0].end - pair[1].start <= overlap * 3);
        }
    }

    #[test]
    fn words_are_cut_only_where_they_are_too_long(
        lengths in prop::collection::vec(1_usize..6, 1..200),
        limit in 12_usize..60,
    ) {
        let words: Vec<bool> = lengths
            .iter()
            .flat_map(|length| (0..*length).map(|at| at == 0))
            .collect();
        let pieces = pieces(&words);
        for passage in cut(&pieces, limit, 6) {
            prop_assert!(words[passage.start / 3]);
            prop_assert!(words.get(passage.end / 3).is_none_or(|begins| *begins));
        }
    }

    #[test]
    fn any_text_is_cut_between_characters(text in any::<String>()) {
        let passages = MINILM.passages(&text).expect("passages");
        let others = E5.passages(&text).expect("passages");
        for passage in passages.into_iter().chain(others) {
            prop_assert!(text.get(passage.clone()).is_some(), "{passage:?} of {text:?}");
        }
    }
}

#[test]
fn a_long_text_is_read_to_its_end() {
    let text = "Every sentence here is one of many, and the last one matters. ".repeat(200);
    let passages = MINILM.passages(&text).expect("passages");
    assert!(passages.len() > 10);
    for pair in passages.windows(2) {
        assert!(pair[1].start < pair[0].end, "they overlap");
    }
    assert_eq!(passages.last().expect("one").end, text.trim_end().len());
}

#[test]
fn a_passage_is_not_cut_when_it_is_embedded() {
    let text = "Zwölf Boxkämpfer jagen Viktor über den großen Sylter Deich. ".repeat(80);
    let passages = MINILM.passages(&text).expect("passages");
    for passage in &passages {
        let passage = &text[passage.clone()];
        // With other words at its end it is another vector: its end is read.
        let (start, _) = passage.rsplit_once(' ').expect("words");
        let others = [passage, &format!("{start} volcano!")];
        let vectors = MINILM.embed_passages(&others).expect("vectors");
        assert_ne!(vectors[0], vectors[1], "{passage:?}");
    }
}

#[test]
fn a_text_without_anything_to_read_has_no_passages() {
    for text in ["", " \n\t ", "\u{0}\u{1}", "\u{200b}\u{feff}"] {
        assert!(
            MINILM.passages(text).expect("passages").is_empty(),
            "{text:?}"
        );
    }
}

#[test]
fn scripts_without_spaces_are_cut_too() {
    for text in ["東京の天気はどうですか".repeat(100), "สวัสดีครับ".repeat(300)]
    {
        let passages = MINILM.passages(&text).expect("passages");
        assert_eq!(passages.last().expect("one").end, text.len());
        let passages = E5.passages(&text).expect("passages");
        assert!(passages.len() > 1);
        assert_eq!(passages.last().expect("one").end, text.len());
    }
}
