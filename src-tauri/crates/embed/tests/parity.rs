//! The vectors are those of another implementation: see `reference.py`.

#![allow(clippy::expect_used)]

mod common;

use std::collections::HashMap;

use chatkeep_embed::Embedder;
use serde::Deserialize;

use common::{E5, MINILM, cosine};

/// Some products of MiniLM are in 8 bits where that is quicker; in 32 bits it is 0.9999, which
/// `src/minilm.rs` tests.
const MINILM_LEAST: f64 = 0.9995;

#[derive(Deserialize)]
struct Case {
    text: String,
    vector: Vec<f32>,
}

fn reference() -> HashMap<String, Vec<Case>> {
    serde_json::from_str(include_str!("reference.json")).expect("reference.json")
}

fn assert_parity(embedder: &dyn Embedder, least: f64) {
    let cases = reference().remove(embedder.name()).expect("cases");
    assert!(cases.len() >= 10);
    let texts: Vec<_> = cases.iter().map(|case| case.text.as_str()).collect();
    let together = embedder.embed_passages(&texts).expect("vectors");
    for (case, vector) in cases.iter().zip(&together) {
        let similarity = cosine(vector, &case.vector);
        assert!(similarity > least, "{similarity}: {:?}", case.text);
        let length = cosine(vector, vector);
        assert!((length - 1.0).abs() < 1e-6 && vector.len() == embedder.dimension());
    }
}

#[test]
fn minilm_agrees_with_the_reference() {
    assert_parity(&**MINILM, MINILM_LEAST);
}

#[test]
fn e5_agrees_with_the_reference() {
    // The reference rounds to 8 bits on its way.
    assert_parity(&**E5, 0.999);
}

#[test]
fn e5_finds_across_languages_what_minilm_does_not() {
    let passages = [
        "Das Wetter morgen wird sonnig und warm.",
        "Die Katze schläft auf dem Sofa.",
    ];
    let query = E5.embed_query("天気予報").expect("a vector");
    let vectors = E5.embed_passages(&passages).expect("vectors");
    assert!(cosine(&query, &vectors[0]) > cosine(&query, &vectors[1]));
}

#[test]
fn a_query_and_a_passage_are_one_to_minilm() {
    for case in &reference()[MINILM.name()] {
        let query = MINILM.embed_query(&case.text).expect("a vector");
        assert!(
            cosine(&query, &case.vector) > MINILM_LEAST,
            "{:?}",
            case.text
        );
    }
}

#[test]
fn the_same_text_gets_the_same_vector_whoever_is_embedded_beside_it() {
    let texts: Vec<String> = (1..60)
        .map(|n| "one more word ".repeat(n % 17 + 1))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = MINILM.embed_passages(&texts).expect("vectors");
    assert_eq!(together, MINILM.embed_passages(&texts).expect("vectors"));
    for (text, vector) in texts.iter().zip(&together) {
        let alone = MINILM.embed_passages(&[text]).expect("a vector").remove(0);
        assert!(cosine(&alone, vector) > 0.999_999, "{text}");
    }
}

#[test]
fn threads_that_ask_at_once_get_the_same_as_one() {
    let expected = MINILM.embed_query("What is asked?").expect("a vector");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let passages = MINILM.embed_passages(&["beside", "it"]).expect("vectors");
                assert_eq!(passages.len(), 2);
                assert_eq!(
                    MINILM.embed_query("What is asked?").expect("a vector"),
                    expected
                );
            });
        }
    });
}

#[test]
fn what_means_the_like_is_nearer_without_a_word_in_common() {
    let query = MINILM.embed_query("a pet that purrs").expect("a vector");
    let passages = ["Kittens slept on our sofa.", "Find a plan that works."];
    let vectors = MINILM.embed_passages(&passages).expect("vectors");
    assert!(cosine(&query, &vectors[0]) > cosine(&query, &vectors[1]));
}

#[test]
fn nothing_to_embed_is_no_vectors() {
    assert!(MINILM.embed_passages(&[]).expect("vectors").is_empty());
}
