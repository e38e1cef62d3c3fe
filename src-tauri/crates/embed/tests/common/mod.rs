//! The real models, loaded once a test process.

// Every test file uses another part of it, and all of it is test.
#![allow(dead_code, unreachable_pub, clippy::panic)]

use std::path::PathBuf;
use std::sync::LazyLock;

use chatkeep_embed::{Embedder, Model};

pub static MINILM: LazyLock<Box<dyn Embedder>> = LazyLock::new(|| load(Model::MiniLm));
pub static E5: LazyLock<Box<dyn Embedder>> = LazyLock::new(|| load(Model::E5Small));

/// Where `scripts/lib/fetch-models` lays the models.
pub fn models() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    target.unwrap_or(workspace.join("target")).join("models")
}

fn load(model: Model) -> Box<dyn Embedder> {
    match model.load(&[models()]) {
        Ok(embedder) => embedder,
        Err(error) => panic!("{error}: run scripts/lib/fetch-models --all first"),
    }
}

pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
