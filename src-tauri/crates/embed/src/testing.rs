//! What the tests of both models share.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::Model;
use crate::bert::Bert;
use crate::files::Files;
use crate::tokens::Tokens;

/// Prose, code and commands, which the texts are cut from.
const README: &str = include_str!("../../../../README.md");

/// Where `scripts/lib/fetch-models` laid a model.
pub(crate) fn files(model: Model) -> Files {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    let models = target.unwrap_or(workspace.join("target")).join("models");
    Files::find(model.name(), &[models]).expect("run scripts/lib/fetch-models --all first")
}

/// The texts of `tests/reference.json`, with what another implementation makes of each.
pub(crate) fn reference(model: Model) -> Vec<(String, Vec<f32>)> {
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        vector: Vec<f32>,
    }
    let reference = include_str!("../tests/reference.json");
    let mut cases: HashMap<String, Vec<Case>> = serde_json::from_str(reference).expect("cases");
    let cases = cases.remove(model.name()).expect("cases");
    let pairs = cases.into_iter().map(|case| (case.text, case.vector));
    pairs.collect()
}

/// The cosine of the two vectors that `one` and `other` make of a text, for `count` texts of 1 to
/// 40 words; the least and the mean.
pub(crate) fn agreement(one: &Bert, other: &Bert, tokens: &Tokens, count: usize) -> (f32, f32) {
    let text = |n: usize| {
        let words = README.split_whitespace().cycle();
        let words: Vec<_> = words.skip(n * 7).take(n % 40 + 1).collect();
        words.join(" ")
    };
    let cosines = (0..count).map(|n| {
        let ids = [tokens.encode(&text(n)).expect("tokens")];
        let [one, other] = [one, other].map(|bert| bert.embed(&ids).expect("a vector").remove(0));
        cosine(&one, &other)
    });
    let cosines: Vec<_> = cosines.collect();
    let least = cosines.iter().copied().fold(1.0, f32::min);
    (least, cosines.iter().sum::<f32>() / count as f32)
}

/// Of vectors of length 1.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
